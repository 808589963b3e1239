"""Outcomes of calls: statuses and reports in any order, and the consequences of a call's end."""

import json
import re
from datetime import datetime, timedelta
from functools import partial

import pytest

from actions.calling.tools.dispatch import answer_tool
from actions.contact.consents import record_consent
from actions.contact.postpone import postpone_contact
from jobs.delete_expired_rows import delete_expired_rows
from jobs.poll_calls import poll_calls
from jobs.reconcile_effects import reconcile_effects
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.contact.consent import Consent
from models.contact.hold import Hold
from models.contact.opt_out import OptOut
from models.contact.phone_suppression import PhoneSuppression
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.feed.outgoing_event import OutgoingEvent
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import database, transaction
from providers.vapi.calls import read_call
from rules.calling.tool_payloads import ToolInvocation
from runtime.clock import business_now, real_now, rfc3339
from tests.stories.calling import Calling
from tests.stories.voice import SECRET

WEBHOOK = "/api/webhooks/vapi"
BY_CHANCE = r"\b[a-z]+_[0-9a-z]{26}\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z"  # ids and times


def ended(calling: Calling) -> list[OutgoingEvent]:
    return list(OutgoingEvent.select().where(OutgoingEvent.type == "call.ended"))


def message(calling: Calling, call: Call, kind: str, **more: object) -> dict:
    (placed,) = [row for row in calling.placed() if row["id"] == call.vapi_id] or [{}]
    shown = {"id": call.vapi_id, "name": call.effect_id, "type": "outboundPhoneCall"}
    return {"message": {"type": kind, "call": shown | {"status": placed.get("status")}} | more}


def tells(calling: Calling, document: dict, **headers: str):
    return calling.client.simulate_post(
        WEBHOOK, body=json.dumps(document).encode(), headers=headers or {"X-Vapi-Secret": SECRET}
    )


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("busy", "busy"),
        ("no_answer", "no_answer"),
        ("voicemail", "voicemail"),
        ("dead_line", "dead_line"),
        ("silent", "silent"),
        ("hangs_up", "hung_up"),
        ("fails", "broke_off"),
        ("wrong_person", "somebody_else"),
        ("odd_end", "in_doubt"),
    ],
)
def test_call_outcome_is_recorded_noted_and_published_once(
    calling: Calling, script: str, outcome: str
):
    """Given a script for the person who answers, then the call's outcome is recorded, its slot
    released, the invoice gets a note, and the clinic's software gets one event.
    """
    call = calling.answers(script).dials()
    assert set(calling.hears()) == {200}

    shown = calling.shown(call)
    assert (shown["state"], shown["outcome"]) == ("ended", outcome)
    assert calling.slots() == 0
    assert call.id in (Invoice.get_by_id(calling.invoice.id).notes or "")
    (event,) = ended(calling)
    assert event.payload["outcome"] == outcome
    assert event.payload["invoiceIds"] == [calling.invoice.id]
    suppressed = {
        row.channel for row in PhoneSuppression.select().where(PhoneSuppression.phone == call.to)
    }
    wrong = {"wrong_person": {"voice", "sms"}, "dead_line": {"voice"}}
    assert suppressed == wrong.get(script, set())
    doubts = WorkItem.select().where(WorkItem.kind == "escalation").count()
    assert doubts == (1 if script == "odd_end" else 0)


def test_note_attributes_an_unconfirmed_payment_to_the_assistant(calling: Calling):
    """Given a report that the customer paid, which Stripe does not confirm, then the note on the
    unpaid invoice attributes the claim to the assistant.
    """
    call = calling.answers("hangs_up").dials()
    report = {"endedReason": "customer-ended-call", "artifact": {}}
    report["analysis"] = {"structuredData": {"outcome": "paid"}}
    tells(calling, message(calling, call, "end-of-call-report", **report))
    invoice = Invoice.get_by_id(calling.invoice.id)
    assert (invoice.amount_received, call.id in invoice.notes) == (0, True)
    assert "The assistant says that the person paid." in invoice.notes
    assert "person paid during" not in invoice.notes


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("script", "hold", "reason"),
    [
        ("disputes", "dispute", "dispute"),
        ("is_upset", "", "anger"),
        ("confused", "", "confusion"),
        ("bankrupt", "bankruptcy", "bankruptcy"),
        ("has_a_lawyer", "attorney", "attorney"),
        ("in_hardship", "hardship", "hardship"),
        ("deceased", "deceased", "deceased"),
        ("asks_for_a_human", "", "asked_for_person"),
    ],
)
def test_statement_in_a_call_sets_its_hold_and_opens_an_escalation(
    calling: Calling, script: str, hold: str, reason: str
):
    calling.answers(script).dials()
    calling.hears()

    holds = [row.kind for row in Hold.select()]
    assert holds == ([hold] if hold else [])
    items = [
        row.context["reason"] for row in WorkItem.select().where(WorkItem.kind == "escalation")
    ]
    assert items == [reason]


def test_tool_call_and_report_of_the_same_claim_make_one_work_item(calling: Calling):
    """Given a tool call and a report that both say the customer has paid already, then one work
    item says so in a sentence.
    """
    call = calling.answers("hangs_up").dials()
    at_vapi = {"id": call.vapi_id, "type": "outboundPhoneCall"}
    asked = ToolInvocation("t-1", "requestHuman", {"reason": "already_paid"})
    answer_tool(at_vapi, asked, lambda: ())
    report = {"endedReason": "customer-ended-call", "artifact": {}}
    report["analysis"] = {"structuredData": {"outcome": "already_paid"}}
    tells(calling, message(calling, call, "end-of-call-report", **report))
    (item,) = WorkItem.select().where(WorkItem.kind == "escalation")
    assert item.words == "The person says that it is paid. Look for the payment."


def tells_of_a_stop(calling: Calling, call: Call, ended_at: datetime) -> None:
    """Deliver the report of a call in which the caller said stop."""
    report = {"endedReason": "customer-ended-call", "artifact": {}, "endedAt": rfc3339(ended_at)}
    report["analysis"] = {"structuredData": {"outcome": "stop"}}
    tells(calling, message(calling, call, "end-of-call-report", **report))


@pytest.mark.parametrize(
    ("start_after", "may_be_texted"),
    [(timedelta(hours=1), True), (timedelta(hours=-3), False)],
    ids=["after the call", "before it"],
)
def test_stop_reported_late_counts_from_the_end_of_its_call(
    calling: Calling, start_after: timedelta, may_be_texted: bool
):
    """Given a stop said in a call that is reported two hours later, and a START text, then the
    later of the two counts for texts, and calls stay stopped.
    """
    ended_at = real_now() - timedelta(hours=2)
    call = Call.receive(calling.account.id, "vapi-1", caller=calling.phone, to="", now=real_now())
    words = {"words": "START", "source": "inbound_sms", "recorded_by": "twilio"}
    OptOut.record(
        calling.account.id, calling.phone, "start", ["sms"], at=ended_at + start_after, **words
    )
    tells_of_a_stop(calling, call, ended_at)

    stopped = [
        OptOut.holds(calling.account.id, (), calling.phone, channel) for channel in ("sms", "voice")
    ]
    assert stopped == [not may_be_texted, True]


@pytest.mark.parametrize(
    ("given_after", "may_be_called"),
    [(timedelta(hours=1), True), (timedelta(days=-1), False)],
    ids=["after the call", "before it"],
)
def test_consent_does_not_end_a_later_stop_that_is_reported_late(
    calling: Calling, given_after: timedelta, may_be_called: bool
):
    """Given a consent that ends an older opt-out, and then the late report of a call with a new
    stop, then the call's stop counts unless the consent was given after that call.
    """
    ended_at = real_now() - timedelta(hours=2)
    call = Call.receive(calling.account.id, "vapi-1", caller=calling.phone, to="", now=real_now())
    long_ago = {"words": "", "source": "desk", "recorded_by": "test"}
    OptOut.record(
        calling.account.id,
        calling.phone,
        "stop",
        ["voice"],
        at=ended_at - timedelta(days=9),
        **long_ago,
    )
    words = {"source": "form", "text": "Call me.", "text_version": "1"}
    record_consent(
        calling.customer,
        None,
        ["voice"],
        ended_at + given_after,
        "test",
        ends_opt_out=True,
        **words,
    )
    tells_of_a_stop(calling, call, ended_at)
    assert OptOut.holds(calling.account.id, (), calling.phone, "voice") == (not may_be_called)


@pytest.mark.parametrize("has_named", [False, True], ids=["later", "named"])
def test_callback_request_holds_contact_until_tomorrow_or_the_named_time(
    calling: Calling, has_named: bool
):
    """Given a report that the customer asked for a call at another time, then a hold lasts until
    tomorrow, or until the time they named in the call.
    """
    call = Call.receive(calling.account.id, "vapi-1", caller=calling.phone, to="", now=real_now())
    call.record_verified(real_now(), calling.customer.id)
    if has_named:
        with transaction():
            postpone_contact(calling.customer, "in two weeks", calling.phone, call.actor)
    report = {"endedReason": "customer-ended-call", "artifact": {}}
    report["analysis"] = {"structuredData": {"outcome": "callback"}}
    tells(calling, message(calling, call, "end-of-call-report", **report))

    (hold,) = Hold.select()
    assert hold.kind == "later"
    days = (hold.until - business_now()).days
    assert days > 10 if has_named else days <= 1
    (item,) = WorkItem.select()
    assert item.context["reason"] == "asked_for_person"
    assert calling.asks().json["reasonCode"] == "asked_for_later"


def test_stop_in_a_call_opts_out_of_every_channel(calling: Calling):
    call = calling.answers("says_stop").dials()
    calling.hears()

    for channel in ("voice", "sms"):
        assert OptOut.holds(calling.account.id, (), call.to, channel)
    again = calling.asks()
    assert (again.status_code, again.json["reasonCode"]) == (422, "opted_out")


@pytest.mark.parametrize("heard", ["by the model", "by nobody"])
@pytest.mark.parametrize("line", ["anonymous", "+12025550177"])
def test_stop_from_another_phone_also_opts_out_the_verified_customers_own_number(
    calling: Calling, line: str, heard: str
):
    """Given callers who say stop, then a verified customer is opted out at their own number and the
    line they called from; for an unknown caller, the line is opted out or, if it is withheld, staff
    get a work item.
    """
    known, unknown = (
        Call.receive(calling.account.id, f"vapi-{place}", caller=line, to="", now=real_now())
        for place in (1, 2)
    )
    known.record_verified(real_now(), calling.customer.id)
    report = {"endedReason": "customer-ended-call", "artifact": {}}
    if heard == "by nobody":
        report["artifact"] = {"transcript": "AI: Hello.\nUser: Please stop calling me."}
    else:
        report["analysis"] = {"structuredData": {"outcome": "stop"}}
    for call in (known, unknown):
        tells(calling, message(calling, call, "end-of-call-report", **report))

    shown = {line} - {"anonymous"}
    assert {row.phone for row in OptOut.select()} == shown | {calling.phone}
    asked = [row.context["callId"] for row in WorkItem.select().where(WorkItem.kind == "call")]
    assert asked == ([] if shown else [unknown.id])


@pytest.mark.parametrize("known_by", ["the tool", "the analysis"])
def test_a_stranger_who_says_stop_opts_out_their_own_number_only(calling: Calling, known_by: str):
    """Given a stranger at a number on file who says that it is the wrong number and to stop calling
    them, then their number is opted out, and the customer's other number is not.
    """
    other = "+12025550166"
    calling.consents(other)
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("hangs_up").dials()
    calling.hears()
    call = calling.call(call.id)
    outcome = {}
    if known_by == "the tool":
        asked = ToolInvocation("t-1", "stopContact", {"why": "wrong_number"})
        answer_tool({"id": call.vapi_id}, asked, lambda: ())
    else:
        outcome = {"structuredData": {"outcome": "wrong_person"}}
    report = {"endedReason": "customer-ended-call", "analysis": outcome}
    report["artifact"] = {"transcript": "AI: Hello.\nUser: Wrong number. Stop calling me.\n"}
    tells(calling, message(calling, call, "end-of-call-report", **report))
    assert {row.phone for row in OptOut.select()} == {call.to}
    assert not OptOut.holds(calling.account.id, (), other, "sms")


@pytest.mark.parametrize("words", ["Stop.", "User's Keypad Entry: 9"])
def test_who_stops_as_the_opening_says_and_hangs_up_is_opted_out(calling: Calling, words: str):
    """Given somebody who says stop or presses nine and hangs up, so that the assistant calls no
    tool and Vapi's analysis says nothing, then they are opted out.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("hangs_up").dials()
    calling.hears()
    report = {"endedReason": "customer-ended-call", "analysis": {}}
    report["artifact"] = {"transcript": f"AI: This is Harbor Dental's\nUser: {words}\n"}
    tells(calling, message(calling, calling.call(call.id), "end-of-call-report", **report))
    (said,) = OptOut.select()
    assert (said.phone, said.channels) == (call.to, ["sms", "voice"])


@pytest.mark.parametrize("first", ["nothing", "a word"])
def test_stop_in_a_late_transcript_counts(calling: Calling, first: str):
    """Given a first report without a transcript, with or without an outcome, and then one with it,
    twice, then the transcript is stored, its stop counts, and no work item or event is added.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("hangs_up").dials()
    calling.hears()
    call = calling.call(call.id)
    word = {"analysis": {"structuredData": {"outcome": "dispute"}}} if first == "a word" else {}
    transcript = "AI: Hello.\nUser: Please stop calling me."
    end = partial(message, calling, call, "end-of-call-report", endedReason="customer-ended-call")
    tells(calling, end(artifact={}, **word))
    kept = calling.call(call.id)
    assert (kept.transcript, OptOut.select().count()) == ("", 0)
    for item in WorkItem.select():
        item.record_resolved("done", "anna")
    asked = WorkItem.select().count()

    for _ in range(2):
        tells(calling, end(artifact={"transcript": transcript}, analysis={}))

    assert calling.shown(call)["transcript"] == transcript
    for channel in ("voice", "sms"):
        assert OptOut.holds(calling.account.id, (), call.to, channel)
    heard = calling.call(call.id)
    assert (heard.said, heard.outcome) == (kept.said, kept.outcome)
    assert (WorkItem.select().count(), len(ended(calling))) == (asked, 1)
    assert not any(item.is_open for item in WorkItem.select())
    assert (Invoice.get_by_id(calling.invoice.id).notes or "").count(call.id) == 1


@pytest.mark.parametrize("late", ["another end", "a transcript"])
def test_later_report_does_not_record_a_stop_again(calling: Calling, late: str):
    """Given somebody who said stop in a call, and changed their mind since, when the call's end or
    its transcript comes after that, then no opt-out is recorded or announced once more.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("hangs_up").dials()
    calling.hears()
    call = calling.call(call.id)
    end = partial(message, calling, call, "end-of-call-report")
    word = {"structuredData": {"outcome": "stop"}}
    tells(calling, end(endedReason="manually-canceled", artifact={}, analysis=word))
    assert calling.call(call.id).outcome == "in_doubt"
    with transaction():
        said = {"source": "desk", "recorded_by": "anna"}
        OptOut.record(calling.account.id, call.to, "start", ("sms", "voice"), **said)
    rows = OptOut.select().count()
    more = {"transcript": "User: Not today."} if late == "a transcript" else {}
    tells(calling, end(endedReason="customer-ended-call", artifact=more, analysis={}))
    assert (calling.call(call.id).outcome, OptOut.select().count()) == ("hung_up", rows)


def test_ledger_shows_opt_outs_from_phones_not_on_file(calling: Calling):
    """Given a customer who says stop in our call and again from another phone, and whose number
    then changes, then their ledger shows both opt-outs.
    """
    called = calling.answers("says_stop").dials()
    calling.hears()
    caller = "+12025550177"
    shown = "(202) 555-0177"  # as a carrier may show it
    came_in = Call.receive(calling.account.id, "vapi-1", caller=shown, to="", now=real_now())
    came_in.record_verified(real_now(), calling.customer.id)
    stop = {"transcript": "User: Please stop calling me."}
    tells(calling, message(calling, came_in, "end-of-call-report", artifact=stop))
    Consent.delete().execute()
    Customer.update(phone="+12025550188").execute()

    entries = calling.ledger()["data"]

    phones = {entry["optOut"]["phone"] for entry in entries if entry["type"] == "optOut"}
    assert {called.to, caller} <= phones


def test_card_number_read_out_in_a_call_is_masked(calling: Calling):
    call = calling.answers("reads_out_a_card").dials()
    calling.hears()

    shown = calling.shown(call)
    assert "My card is" in shown["transcript"]
    words = re.sub(BY_CHANCE, "", json.dumps(shown))
    assert "My card is" in words
    assert "4242" not in words


def test_duplicate_late_or_out_of_order_reports_change_nothing(calling: Calling):
    """Given a report, when earlier statuses and the same report follow, then the call stays as it
    was, and the clinic's software gets one event.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("hangs_up").dials()
    calling.hears()
    call = calling.call(call.id)
    report = message(
        calling,
        call,
        "end-of-call-report",
        endedReason="customer-ended-call",
        cost=0.1234,
        artifact={"transcript": "AI: Hello."},
        analysis={},
    )

    answers = [
        tells(calling, report),
        tells(calling, message(calling, call, "status-update", status="in-progress")),
        tells(calling, message(calling, call, "status-update", status="ringing")),
        tells(calling, report),
        tells(
            calling,
            message(
                calling, call, "status-update", status="ended", endedReason="customer-ended-call"
            ),
        ),
    ]

    assert {answer.status_code for answer in answers} == {200}
    shown = calling.shown(call)
    assert (shown["state"], shown["outcome"]) == ("ended", "hung_up")
    assert (shown["cost"], shown["costCurrency"]) == ("0.1234", "usd")
    assert shown["transcript"] == "AI: Hello."
    assert len(ended(calling)) == 1
    assert (Invoice.get_by_id(calling.invoice.id).notes or "").count(call.id) == 1


def test_a_report_settles_a_call_in_doubt(calling: Calling):
    """Given a lost answer and a call list that fails, when Vapi reports the call, then the doubt is
    settled, and another call can be requested.
    """
    calling.vapi_fault("bad_gateway", method="GET", times=99)
    calling.vapi_fault("error_500_after")
    asked = calling.answers("busy").asks()
    calling.work_calls(3)
    assert calling.call(asked.json["id"]).state == "unknown"

    calling.hears()

    call = calling.call(asked.json["id"])
    assert (call.state, call.outcome) == ("ended", "busy")
    assert Effect.get_by_id(call.effect_id).state == "confirmed"
    assert calling.asks().status_code == 202
    assert len(calling.placed()) == 1


def test_call_with_lost_reports_is_polled_at_vapi(calling: Calling):
    """Given that none of Vapi's messages arrive, then the call is polled at Vapi, report
    included.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("hangs_up").dials()
    calling.hears()
    assert calling.call(call.id).state == "queued"

    calling.ended_ago(call, 16)
    calling.quiet_for(call, 10)
    looked_for(calling)

    shown = calling.shown(call)
    assert (shown["state"], shown["outcome"]) == ("ended", "hung_up")
    assert shown["transcript"]
    assert len(ended(calling)) == 1


@pytest.mark.parametrize("other", [{}, {"so-1": {"result": {"outcome": "success"}}}])
def test_poll_before_the_analysis_does_not_replace_the_report(calling: Calling, other: dict):
    """Given a poll that finds the call ended but not yet analysed, though perhaps with another
    output of the organization's, then the report is still awaited; one that arrives after we
    stopped waiting still puts a hold on the customer, and adds no event.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("bankrupt").dials()
    calling.hears()
    later = calling.has_not_worked_out(call, other)
    calling.quiet_for(call, 10)
    looked_for(calling)
    call = calling.call(call.id)
    assert (call.state, call.reported_at) == ("ended", None)
    assert calling.slots() == 0

    calling.ended_ago(call, 16)
    calling.quiet_for(call, 10)
    looked_for(calling)
    assert calling.call(call.id).reported_at is not None
    assert (Hold.select().count(), len(ended(calling))) == (0, 1)

    report = message(
        calling, call, "end-of-call-report", endedReason="assistant-ended-call", **later
    )
    for _ in range(2):
        assert tells(calling, report).status_code == 200
    assert [row.kind for row in Hold.select()] == ["bankruptcy"]
    shown = calling.shown(call)
    assert "I have filed for bankruptcy." in shown["transcript"]
    assert (Invoice.get_by_id(calling.invoice.id).notes or "").count(call.id) == 1
    assert len(ended(calling)) == 1


def test_call_without_an_end_frees_its_slot_and_opens_a_doubt(calling: Calling):
    """Given a call that Vapi shows as in progress for ever, when its deadline passes, then its slot
    is released and staff get a doubt to settle; a later report still counts.
    """
    calling.habits(rings_for=10**6)
    call = calling.answers("hangs_up").dials()
    calling.hears()
    assert calling.slots() == 1
    Call.update(deadline=call.created_at).where(Call.id == call.id).execute()
    calling.quiet_for(call, 10)

    looked_for(calling)

    assert calling.call(call.id).state == "unknown"
    assert calling.slots() == 0
    reconcile_effects.perform()
    assert [(row.kind, row.state) for row in WorkItem.select()] == [("doubt", "open")]
    calling.ends(calling.call(call.id), "customer-ended-call")
    calling.hears()
    assert calling.call(call.id).state == "ended"
    assert [row.state for row in WorkItem.select()] == ["resolved"]


def test_live_call_is_polled_before_calls_in_doubt(calling: Calling):
    """Given older calls in doubt, then the live call is polled first, so that no batch leaves it
    out; a call without a Vapi id is not polled.
    """
    calling.habits(rings_after=3600)
    live = calling.dials()
    invoices, customer = [calling.invoice], calling.customer
    about = {"from_number": "", "phone_number_id": "", "reason": "test", "asked_by": "test"}
    lost, given_up = (Call.request(invoices, customer, now=real_now(), **about) for _ in range(2))
    lost.record_unknown("test", real_now())
    given_up._write(real_now(), state="unknown", vapi_id="vapi-x")
    calling.quiet_for(lost, 90)
    calling.quiet_for(given_up, 60)
    calling.quiet_for(live, 10)
    StagedJob.delete().execute()

    poll_calls.perform()

    rows = StagedJob.select().where(StagedJob.name == "poll_call").order_by(StagedJob.id)
    looked_at = [json.loads(row.args)[0] for row in rows]
    assert looked_at == [live.id, given_up.id]


@pytest.mark.parametrize("before", ["another output", "other data"])
def test_outcome_is_found_among_the_organizations_other_outputs(calling: Calling, before: str):
    """Given an organization at Vapi with structured outputs of its own, then the outcome counts
    wherever it stands among them.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("hangs_up").dials()
    calling.hears()
    ours, other = {"result": {"outcome": "dispute"}}, {"result": {"outcome": "success"}}
    outputs = {"so-1": other, "so-2": ours} if before == "another output" else {"so-2": ours}
    data = {"structuredData": {"outcome": 5}} if before == "other data" else {}
    report = {"endedReason": "customer-ended-call", "analysis": data}
    report["artifact"] = {"structuredOutputs": outputs}
    tells(calling, message(calling, calling.call(call.id), "end-of-call-report", **report))
    assert [row.kind for row in Hold.select()] == ["dispute"]


def test_report_with_unstorable_text_still_counts(calling: Calling):
    """Given half of an emoji, as in a truncated transcript, then the delivered report and a tool
    call still count, and a polled report holds only storable text.
    """
    half = "Goodbye \ud83d\0"
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("says_stop").dials()
    calling.hears()
    said = {"summary": half, "structuredData": {"outcome": "stop", half: half}}
    report = message(
        calling,
        calling.call(call.id),
        "end-of-call-report",
        endedReason="customer-ended-call",
        artifact={"transcript": half, "messages": [{"role": "user", "message": half}]},
        analysis=said,
    )
    wish = {"id": half, "name": "requestHuman", "arguments": {half: half}}
    asked = {"message": report["message"] | {"type": "tool-calls", "toolCallList": [wish]}}
    Call.update(state="in_progress").where(Call.id == call.id).execute()
    body, proof = json.dumps(asked).encode(), {"X-Vapi-Secret": SECRET}
    answer = calling.client.simulate_post("/api/vapi/tools", body=body, headers=proof)
    assert "result" in answer.json["results"][0], answer.text

    assert tells(calling, report).status_code == 200

    shown = calling.shown(call)
    assert (shown["state"], shown["transcript"][:8]) == ("ended", "Goodbye ")
    assert OptOut.holds(calling.account.id, (), call.to, "voice")
    told = read_call({"id": "x", "artifact": {"transcript": half}, "analysis": said})
    assert (told.transcript + told.summary).encode()


def test_vapi_webhook_needs_the_secret(calling: Calling):
    call = calling.answers("hangs_up").dials(0)
    report = message(calling, calling.call(call.id), "status-update", status="ended")

    assert tells(calling, report, **{"X-Vapi-Secret": "another"}).status_code == 401
    assert tells(calling, report, Accept="*/*").status_code == 401
    assert calling.call(call.id).state == "queued"
    bearer = {"Authorization": f"Bearer {SECRET}"}
    assert tells(calling, report, **bearer).status_code == 200
    assert calling.call(call.id).state == "ended"


def test_report_about_an_unknown_call_is_accepted_and_ignored(calling: Calling):
    for document in ({}, {"message": 1}, {"message": {"type": "status-update", "call": None}}):
        assert tells(calling, document).status_code == 200
    stranger = {"type": "status-update", "status": "ended", "call": {"id": "x", "name": "eff_x"}}
    assert tells(calling, {"message": stranger}).status_code == 200
    assert Call.select().count() == 0


def test_conversation_blocks_the_next_call_but_a_busy_line_does_not(calling: Calling):
    """Given a busy line, then another call may follow; after a conversation, the gate says when the
    next one may.
    """
    calling.answers("busy").dials()
    calling.hears()
    calling.answers("hangs_up").dials()
    calling.hears()

    refused = calling.asks()

    assert (refused.status_code, refused.json["reasonCode"]) == (422, "recent_conversation")
    assert refused.json["nextAllowedAt"]


def test_timeline_shows_a_calls_cost_and_its_recording_can_be_opened(calling: Calling):
    """Given a recorded call, then the invoice's timeline shows its cost, and opening the recording
    redirects to Vapi's storage, whose URL is stored nowhere, and is audited; another clinic gets a
    404, and after 90 days recording, transcript and summary are gone.
    """
    call = calling.answers("pays_by_link").dials()
    calling.hears()

    entries = calling.get(f"/api/invoices/{calling.invoice.id}/timeline?limit=100")["data"]
    (told,) = [entry for entry in entries if entry["type"] == "call.ended" and "fact" in str(entry)]
    assert "cost 0.05 USD" in told["reason"]
    recording = f"/api/calls/{call.id}/recording"
    answer = calling.client.simulate_get(recording, headers=calling.headers)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("https://storage.vapi.ai/")
    assert AuditEntry.select().where(AuditEntry.action == "call.recording_opened").count() == 1
    everything = " ".join(
        str(database.execute_sql(f'SELECT * FROM "{table}"').fetchall())
        for table in database.get_tables()
    )
    assert call.vapi_id in everything
    assert "storage.vapi.ai" not in everything
    stranger = calling.another_clinic()
    assert calling.client.simulate_get(recording, headers=stranger.headers).status_code == 404

    Call.update(created_at=call.created_at - timedelta(days=91)).where(Call.id == call.id).execute()
    delete_expired_rows.perform()

    assert calling.client.simulate_get(recording, headers=calling.headers).status_code == 404
    shown = calling.shown(call)
    assert (shown["transcript"], shown["summary"], shown["outcome"] != "") == ("", "", True)


def test_answer_rate_counts_answered_calls_among_those_that_rang(calling: Calling):
    """Given an unanswered call, a busy line and an answered call, then the rate is one answered of
    two that rang.
    """
    for script in ("no_answer", "busy", "hangs_up"):
        calling.answers(script).dials()
        calling.hears()

    told = calling.get(f"/api/accounts/{calling.account.id}/answer-rates")

    rates = told["rates"]
    assert {rate["number"] for rate in rates} == {calling.line.e164}
    assert (sum(rate["calls"] for rate in rates), sum(rate["answered"] for rate in rates)) == (2, 1)


def looked_for(calling: Calling) -> None:
    """Run the scan that polls calls whose reports are missing."""
    poll_calls.perform()
    calling.polls()


def test_recurring_trouble_at_vapi_reopens_the_same_work_item(calling: Calling):
    """Given an organization without credits at Vapi, then one work item covers every call that this
    stops; when it has been resolved and the trouble returns, the same item opens again.
    """

    def is_stopped() -> WorkItem:
        call = calling.dials()
        calling.ends(call, "call.start.error-subscription-insufficient-credits")
        calling.hears()
        (item,) = WorkItem.select().where(WorkItem.kind == "call")
        return item

    assert is_stopped().is_open
    item = is_stopped()
    answer = calling.post(f"/api/work-items/{item.id}/resolve", action=item.suggested)
    assert answer.status_code == 200
    again = is_stopped()
    assert (again.id, again.is_open, again.resolution) == (item.id, True, None)
