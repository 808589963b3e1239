"""A call in doubt, which may or may not have been placed or ended, is settled by staff or operators
once they have looked.
"""

import threading
from datetime import timedelta

import pytest

from actions.calling.end_by_hand import end_by_hand
from actions.calling.record_call_report import record_call_report
from jobs.dial_overdue import _record
from jobs.poll_calls import poll_calls
from jobs.reconcile_effects import reconcile_effects
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.contact.hold import Hold
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.feed.outgoing_event import OutgoingEvent
from models.invoices.invoice import Invoice
from models.transactions import release_connection, transaction
from providers.vapi.calls import VapiCall
from runtime.clock import real_now
from runtime.errors import Refused
from tests.stories.calling import Calling
from tests.stories.operators import run
from tests.stories.voice import SECRET


def given_up(calling: Calling) -> Call:
    """Return an abandoned call, which rings at Vapi for ever."""
    calling.habits(rings_for=10**6)
    call = calling.answers("busy").dials()
    calling.hears()
    Call.update(deadline=call.created_at).where(Call.id == call.id).execute()
    calling.quiet_for(call, 10)
    poll_calls.perform()
    calling.polls()
    call = calling.call(call.id)
    assert call.state == "unknown"
    return call


def never_answered(calling: Calling, rounds: int = 8) -> Call:
    """Return a call whose request was lost, and which no list of Vapi's contains."""
    calling.vapi_fault("bad_gateway")
    asked = calling.asks()
    calling.work_calls(rounds)
    call = calling.call(asked.json["id"])
    assert call.state == "unknown"
    return call


def doubt(calling: Calling) -> dict:
    """Return the one open doubt; the hourly reconciliation opens it for a lost request."""
    Effect.update(created_at=real_now() - timedelta(hours=1)).execute()
    Effect.update(last_sent_at=real_now() - timedelta(hours=1)).where(
        Effect.last_sent_at.is_null(False)
    ).execute()
    reconcile_effects.perform()
    (item,) = calling.get("/api/work-items?state=open&kind=doubt")["data"]
    return item


def resolved(calling: Calling, item: dict, action: str):
    return calling.post(f"/api/work-items/{item['id']}/resolve", action=action, note="looked")


@pytest.mark.parametrize("lost", [given_up, never_answered])
def test_resolving_a_call_in_doubt_as_ended_counts_it_as_a_call(calling: Calling, lost):
    """Given a call in doubt, when staff resolve it as ended, then it counts as a call, no doubt
    stays open, its end is published once, and resolving it again changes nothing.
    """
    call = lost(calling)
    assert calling.asks().json["code"] == "call_in_doubt"
    item = doubt(calling)
    assert [each["action"] for each in item["actions"]] == ["done", "ended", "never_placed"]

    answers = [resolved(calling, item, "ended") for _ in range(2)]

    assert [answer.json["resolution"] for answer in answers] == ["ended"] * 2
    assert resolved(calling, item, "never_placed").status_code == 409
    calling.work_calls(2)
    assert StagedJob.select().where(StagedJob.state == "dead").count() == 0
    call = calling.call(call.id)
    assert (call.state, call.outcome) == ("ended", "in_doubt")
    assert call.attempted_at is not None
    assert calling.slots() == 0
    assert Effect.get_by_id(call.effect_id).state == "confirmed"
    refused = calling.asks()
    assert (refused.status_code, refused.json["reasonCode"]) == (422, "recent_conversation")
    assert WorkItem.select().where(WorkItem.state == "open").count() == 0
    assert OutgoingEvent.select().where(OutgoingEvent.type == "call.ended").count() == 1
    assert (Invoice.get_by_id(calling.invoice.id).notes or "").count(call.id) == 1
    (entry,) = AuditEntry.select().where(AuditEntry.action == "call.settled")
    assert (entry.subject, entry.detail["outcome"]) == (f"call:{call.id}", "ended")
    assert entry.detail["why"] == "looked"


@pytest.mark.parametrize("lost", [given_up, never_answered])
def test_resolving_a_call_in_doubt_as_never_placed_does_not_count_it(calling: Calling, lost):
    """Given a call in doubt, when staff resolve it as never placed, then it does not count, and the
    customer can be called.
    """
    call = lost(calling)

    assert resolved(calling, doubt(calling), "never_placed").status_code == 200

    calling.work_calls(2)
    call = calling.call(call.id)
    assert (call.state, call.attempted_at) == ("refused", None)
    assert calling.slots() == 0
    assert OutgoingEvent.select().where(OutgoingEvent.type == "call.ended").count() == 0
    calling.habits(rings_for=1)
    assert calling.asks().status_code == 202
    assert AuditEntry.select().where(AuditEntry.action == "call.settled").count() == 1


@pytest.mark.parametrize("note", [None, "", "  "])
def test_resolving_as_never_placed_needs_a_note(calling, note):
    """Given a call in doubt, when staff say without a reason that it was never placed, then it
    stays in doubt and the error asks for a note; `ended` needs none.
    """
    call = given_up(calling)
    path = f"/api/work-items/{doubt(calling)['id']}/resolve"
    said = {} if note is None else {"note": note}

    refused = calling.post(path, action="never_placed", **said)

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "note")
    assert "how do you know" in refused.json["detail"]
    assert calling.call(call.id).state == "unknown"
    assert WorkItem.get(WorkItem.kind == "doubt").is_open
    assert calling.post(path, action="ended", **said).status_code == 200


@pytest.mark.parametrize("said", ["ended", "never_placed"])
def test_later_report_overrides_a_call_settled_by_hand(calling: Calling, said: str):
    """Given a call that staff settled by hand, when Vapi's end-of-call report arrives after all,
    then its outcome counts, and the clinic gets one event.
    """
    call = given_up(calling)
    assert resolved(calling, doubt(calling), said).status_code == 200

    calling.ends(call, "customer-ended-call")
    calling.hears()

    call = calling.call(call.id)
    assert (call.state, call.outcome) == ("ended", "hung_up")
    assert call.attempted_at is not None
    assert OutgoingEvent.select().where(OutgoingEvent.type == "call.ended").count() == 1
    assert calling.asks().json["reasonCode"] == "recent_conversation"


def is_told(calling: Calling, call: Call, status: str) -> None:
    """Deliver a status webhook from Vapi."""
    about = {"id": call.vapi_id, "name": call.effect_id, "type": "outboundPhoneCall"}
    body = {"message": {"type": "status-update", "status": status, "call": about}}
    got = calling.client.simulate_post(
        "/api/webhooks/vapi", json=body, headers={"X-Vapi-Secret": SECRET}
    )
    assert got.status_code in {200, 204}


@pytest.mark.one_database
@pytest.mark.parametrize("said", ["ended", "never_placed", None])
def test_abandoned_call_that_still_rings_holds_one_slot_until_its_end(calling: Calling, said):
    """Given an abandoned call, perhaps settled by hand, when Vapi reports that it is still ringing,
    then it holds exactly one slot, polls leave it so, and its end releases the slot.
    """
    call = given_up(calling)
    if said:
        assert resolved(calling, doubt(calling), said).status_code == 200
    assert calling.slots() == 0

    for _ in range(2):
        is_told(calling, call, "ringing")
        assert [slot.call_id for slot in CallSlot.select()] == [call.id]
    calling.quiet_for(call, 10)
    StagedJob.delete().where(StagedJob.name == "poll_call").execute()
    poll_calls.perform()
    calling.polls()
    assert calling.call(call.id).state == ("ended" if said == "ended" else "ringing")
    assert [slot.call_id for slot in CallSlot.select()] == [call.id]

    calling.ends(call, "customer-ended-call")
    calling.hears()
    is_told(calling, call, "in-progress")  # a status that is long out of date
    assert (calling.call(call.id).state, calling.slots()) == ("ended", 0)


@pytest.mark.one_database
@pytest.mark.parametrize("first", ["queued", "scheduled", "queued, without room"])
def test_abandoned_call_reported_as_queued_holds_one_slot_until_its_end(calling: Calling, first):
    """Given an abandoned call, when Vapi reports that it is queued, with room or without, and then
    that it rings, then it holds one slot throughout and has a deadline from the first report on.
    """
    call = given_up(calling)
    if first == "queued, without room":
        told = VapiCall(call.vapi_id, status="queued", name=call.effect_id, blocked=True)
        with transaction():
            record_call_report(Call.locked(call.id), told, real_now())
    else:
        is_told(calling, call, first)
    assert [slot.call_id for slot in CallSlot.select()] == [call.id]
    waits = calling.call(call.id)
    assert (waits.state, waits.deadline > real_now()) == ("queued", True)

    is_told(calling, call, "ringing")
    assert [slot.call_id for slot in CallSlot.select()] == [call.id]
    calling.ends(call, "customer-ended-call")
    calling.hears()
    assert (calling.call(call.id).state, calling.slots()) == ("ended", 0)


def test_transcript_of_a_call_ended_by_hand_is_still_fetched(calling: Calling):
    """Given a call whose reports are lost, when an operator ends it by hand, then Vapi is still
    polled for the transcript, and the customer's bankruptcy puts a hold on them.
    """
    calling.habits(silent="status-update,end-of-call-report,tool-calls")
    call = calling.answers("bankrupt").dials()
    calling.hears()
    Call.update(state="unknown", error_code="no_report", deadline=call.created_at).where(
        Call.id == call.id
    ).execute()
    end_by_hand(calling.call(call.id), "ended", "test", "looked")
    assert calling.call(call.id).outcome == "in_doubt"
    assert Hold.select().count() == 0

    for _ in range(2):
        calling.polls()

    assert [row.kind for row in Hold.select()] == ["bankruptcy"]
    assert calling.call(call.id).ended_reason != "ended-by-hand"
    assert OutgoingEvent.select().where(OutgoingEvent.type == "call.ended").count() == 1


def test_polling_an_abandoned_call_does_not_touch_its_row(calling: Calling):
    """Given a call that Vapi shows as ringing for ever, then polls leave the row untouched, so that
    they become rarer as it ages.
    """
    call = given_up(calling)
    for _ in range(2):
        calling.quiet_for(call, 10)
        poll_calls.perform()
        calling.polls()
        calling.quiet_for(call, 10)
        before = calling.call(call.id)
        assert (before.state, before.error_code) == ("unknown", "no_report")
        StagedJob.delete().where(StagedJob.name == "poll_call").execute()
        poll_calls.perform()
        calling.polls()
        assert calling.call(call.id).updated_at == before.updated_at


def test_report_that_arrives_before_the_loss_is_recorded_leaves_no_doubt(calling: Calling):
    """Given a request whose answer was lost, when the report of the call's end arrives before the
    loss is recorded, then the call has ended.
    """
    call = calling.answers("busy").dials(0)
    Call.update(state="sending", vapi_id=None).where(Call.id == call.id).execute()
    Effect.update(state="unknown", provider_id=None, answer=None, settled_at=None).where(
        Effect.id == call.effect_id
    ).execute()
    stale = Effect.get_by_id(call.effect_id)
    calling.hears()

    with transaction():
        _record(Call.locked(call.id), stale, None, real_now())

    call = calling.call(call.id)
    assert (call.state, call.outcome) == ("ended", "busy")
    assert calling.asks().status_code == 202


def test_call_reported_by_vapi_cannot_be_resolved_as_never_placed(calling: Calling):
    """Given a call that Vapi reported as answered, then staff cannot resolve it as never placed;
    while it is in progress, they cannot resolve it at all.
    """
    call = given_up(calling)
    Call.update(started_at=real_now()).where(Call.id == call.id).execute()
    item = doubt(calling)
    refused = resolved(calling, item, "never_placed")
    assert (refused.status_code, "Say ended once" in refused.json["detail"]) == (409, True)
    Call.update(state="in_progress").where(Call.id == call.id).execute()
    assert resolved(calling, item, "ended").status_code == 409
    assert calling.call(call.id).state == "in_progress"


def test_call_still_being_looked_up_cannot_be_settled(calling: Calling):
    call = never_answered(calling, rounds=1)
    with pytest.raises(Refused, match="still being looked up"):
        end_by_hand(call, "never_placed", "test", "a guess")
    assert calling.asks().json["code"] == "call_in_doubt"


def test_doubt_about_a_text_can_only_be_closed(calling: Calling):
    """Given a doubt about a text, then it can only be closed."""
    item = WorkItem.open(
        calling.account.id, "doubt", "eff_1", "x", context={"effectId": "eff_1", "kind": "text"}
    )
    shown = calling.get(f"/api/work-items/{item.id}")
    assert [each["action"] for each in shown["actions"]] == ["done"]
    assert resolved(calling, shown, "ended").status_code == 422


def test_operators_can_settle_calls_from_the_command_line(calling: Calling):
    call = given_up(calling)
    assert call.id in run("calls", "list").output
    for wrong in ((), ("--ended", "--never-placed"), ("--never-placed",)):
        assert run("calls", "settle", call.id, *wrong).exit_code == 2
    assert run("calls", "settle", "call_none", "--ended").exit_code == 2

    for _ in range(2):
        said = run("calls", "settle", call.id, "--ended", "--why", "gone from the list")
        assert (said.exit_code, "ended" in said.output) == (0, True), said.output

    assert run("calls", "settle", call.id, "--never-placed", "--why", "x").exit_code == 1
    assert "No call is in doubt." in run("calls", "list").output
    (entry,) = AuditEntry.select().where(AuditEntry.action == "call.settled")
    assert entry.actor.startswith("cli:")
    assert WorkItem.get(WorkItem.kind == "doubt").resolution == "ended"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("said", ["ended", "never_placed"])
def test_report_wins_over_a_concurrent_resolution_by_staff(calling: Calling, said: str):
    """Given Vapi's report and a staff decision at the same moment, then in either order the report
    decides how the call ended, and one event is published.
    """
    call = given_up(calling)
    item, barrier = doubt(calling), threading.Barrier(2)
    calling.ends(call, "customer-ended-call")
    codes: list[int] = []

    def at_once(act):
        try:
            barrier.wait(120)
            codes.append(act())
        finally:
            release_connection()

    acts = (
        lambda: resolved(calling, item, said).status_code,
        lambda: max(calling.hears()),
    )
    threads = [threading.Thread(target=at_once, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert sorted(codes) in ([200, 200], [200, 409])
    call = calling.call(call.id)
    assert (call.state, call.outcome) == ("ended", "hung_up")
    assert call.attempted_at is not None
    assert OutgoingEvent.select().where(OutgoingEvent.type == "call.ended").count() == 1
    item = WorkItem.get_by_id(item["id"])
    assert (item.state, item.resolution) in (("resolved", said), ("resolved", "settled"))
