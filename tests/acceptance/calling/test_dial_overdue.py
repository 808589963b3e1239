"""Calling a customer about an invoice: requested, decided by the gate, and placed at most once."""

from datetime import timedelta

import pytest

from effects.settle import settle_refused
from jobs.dial_overdue import LEAVE_WITHIN, RINGS
from jobs.reconcile_call import reconcile_call
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.contact.contact_decision import ContactDecision
from models.contact.opt_out import OptOut
from models.delivery.stage import stage_again
from models.delivery.staged_job import StagedJob
from models.deployment.phone_line import PhoneLine
from models.effects.daily_limit import DailyCeiling
from models.effects.effect import Effect
from models.effects.pause_switch import PauseSwitch
from models.invoices.invoice import Invoice
from models.transactions import database_time, transaction
from rules.contact.hours import LAWFUL
from runtime.clock import real_now
from runtime.settings import get_settings
from tests import given
from tests.stories.calling import Calling


def opts_out(calling: Calling) -> None:
    words = {"words": "stop", "source": "test", "recorded_by": "test"}
    OptOut.record(calling.account.id, calling.phone, "stop", ["voice"], **words)


def test_requested_call_is_placed_once_and_names_no_debt(calling: Calling):
    """Given a customer who consented, when staff ask for a call, then Vapi places one from the
    clinic's number, and the request carries ids but nothing about the debt.
    """
    calling.habits(rings_after=3600)

    answer = calling.asks()
    calling.work_calls()

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/calls/{answer.json['id']}"
    (placed,) = calling.placed()
    call = calling.call(answer.json["id"])
    assert (call.state, call.vapi_id) == ("queued", placed["id"])
    effect = Effect.get_by_id(call.effect_id)
    assert placed["name"] == effect.id
    assert placed["phoneNumberId"] == calling.line.vapi_id
    assert placed["customer"] == {"number": calling.phone, "externalId": call.id}
    assert effect.state == "confirmed"
    words = str(effect.request).lower()
    for secret in ("120.00", "12000", calling.customer.name, "root canal", calling.invoice.number):
        assert secret.lower() not in words
    assert placed["squadOverrides"]["variableValues"] == {"callId": call.id}
    assert calling.slots() == 1


def test_repeated_request_returns_the_call_in_progress(calling: Calling):
    calling.habits(rings_after=3600)
    first = calling.dials()

    again = calling.asks()
    calling.work_calls()

    assert (again.status_code, again.json["id"]) == (202, first.id)
    assert len(calling.placed()) == 1
    (listed,) = calling.get(f"/api/invoices/{calling.invoice.id}/calls")["data"]
    assert listed["id"] == first.id


def a_second_person_there(calling: Calling) -> Call:
    """Return the requested call of a second customer, who has the same phone and consented to
    calls.
    """
    first = calling.customer, calling.invoice
    calling.customer = given.a_customer(calling.account, phone=calling.phone)
    calling.invoice = given.an_invoice(calling.account, customer=calling.customer)
    calling.consents(channels=("voice",))
    answer = calling.asks()
    assert answer.status_code == 202, answer.text
    calling.customer, calling.invoice = first
    return calling.call(answer.json["id"])


def test_household_gets_one_call_at_a_time(calling: Calling):
    """Given two customers to be called on one phone, then the second call is placed once the first
    is over.
    """
    calling.answers("hangs_up").habits(rings_after=3600)
    first, second = calling.dials(), a_second_person_there(calling)
    calling.work_calls()
    assert (calling.call(first.id).state, calling.call(second.id).state) == ("queued", "waiting")
    assert (len(calling.placed()), calling.slots()) == (1, 1)
    Call.update(state="ended", outcome="hung_up", ended_at=real_now()).where(
        Call.id == first.id
    ).execute()
    calling.work_calls()
    assert calling.call(second.id).state == "queued"
    assert len(calling.placed()) == 2


def test_call_in_doubt_holds_a_household_only_while_it_may_still_ring(calling: Calling):
    calling.habits(rings_after=3600)
    first, second = calling.dials(), a_second_person_there(calling)
    Call.update(state="unknown").where(Call.id == first.id).execute()
    calling.work_calls()
    assert calling.call(second.id).state == "waiting"
    Call.update(deadline=real_now()).where(Call.id == first.id).execute()
    calling.work_calls()
    assert calling.call(second.id).state == "queued"


def test_customers_with_one_phone_share_the_daily_contact_cap(calling: Calling):
    """Given two customers with one phone, then their calls count together (house policy, three)."""
    calling.answers("no_answer")
    for ask in (calling.asks, lambda: a_second_person_there(calling), calling.asks):
        ask()
        calling.work_calls()
        calling.hears()
    assert len(calling.placed()) == 3
    assert calling.asks().json["reasonCode"] == "person_cap"


def test_account_without_a_live_number_cannot_place_calls(calling: Calling):
    PhoneLine.update(voice_live=False).where(PhoneLine.id == calling.line.id).execute()

    refused = calling.asks()

    assert (refused.status_code, refused.json["code"]) == (409, "no_caller_number")
    assert Call.select().count() == 0


def test_gate_refusal_is_answered_and_recorded_with_its_reason(calling: Calling):
    opts_out(calling)

    refused = calling.asks()

    assert (refused.status_code, refused.json["reasonCode"]) == (422, "opted_out")
    (decision,) = ContactDecision.select()
    assert (decision.channel, decision.allowed, decision.code) == ("voice", False, "opted_out")
    assert calling.posts() == []


@pytest.mark.parametrize("comes_between", ["a payment", "a stop", "a pause", "the day's limit"])
def test_payment_opt_out_pause_or_ceiling_before_dialling_stops_the_call(
    calling: Calling, comes_between: str
):
    """Given a requested call, when the invoice is paid, the customer opts out, calls are paused or
    the account's daily ceiling is reached before it is placed, then it is refused.
    """
    asked = calling.asks()
    if comes_between == "a payment":
        Invoice.update(status="paid", outstanding=0).where(
            Invoice.id == calling.invoice.id
        ).execute()
    elif comes_between == "a stop":
        opts_out(calling)
    elif comes_between == "a pause":
        PauseSwitch.set(calling.account.id, "calls", True, "test", "a test")
    else:
        DailyCeiling.change(calling.account.id, "calls", 0, "test")
    calling.work_calls()

    call = calling.call(asked.json["id"])
    codes = {"a payment": "invoice_paid", "a stop": "opted_out", "a pause": "paused"}
    codes["the day's limit"] = "account_ceiling"
    assert (call.state, call.error_code) == ("refused", codes[comes_between])
    assert calling.shown(call)["decision"]["code"] == codes[comes_between]
    assert calling.posts() == []
    assert calling.slots() == 0


@pytest.mark.parametrize("fault", ["timeout_after", "error_500_after"])
def test_call_with_a_lost_response_is_looked_up_and_not_repeated(calling: Calling, fault: str):
    """Given an answer that was lost after the call was placed, then the call is found in Vapi's
    list, and no second one is placed.
    """
    calling.habits(rings_after=3600)
    calling.vapi_fault(fault, seconds=2.0)

    answer = calling.asks()
    given.worked(calling.redis, "calls")
    calling.stand_in.be_patient()
    at_first = calling.call(answer.json["id"]).state
    calling.work_calls(4)

    assert at_first == "unknown"
    call = calling.call(answer.json["id"])
    (placed,) = calling.placed()
    assert (call.state, call.vapi_id) == ("queued", placed["id"])
    assert len(calling.posts()) == 1


@pytest.mark.parametrize("off", [-50, -10, 10], ids="{} minutes".format)
def test_call_with_a_lost_response_is_found_despite_clock_skew(calling: Calling, off: int):
    """Given a lost answer and a send time that is off by up to fifty minutes, because of our clock
    or a frozen process, then the call is found all the same.
    """
    calling.habits(rings_after=3600)
    calling.vapi_fault("error_500_after")
    answer = calling.asks()
    given.worked(calling.redis, "calls")
    sent_at = real_now() + timedelta(minutes=off)
    Effect.update(sent_at=sent_at, last_sent_at=sent_at).execute()
    calling.work_calls(4)

    call = calling.call(answer.json["id"])
    assert (call.state, call.vapi_id) == ("queued", calling.placed()[0]["id"])
    assert len(calling.posts()) == 1


@pytest.mark.parametrize("fault", ["bad_gateway", "timeout_before", "error_500_stored"])
def test_call_not_found_at_vapi_stays_in_doubt_and_blocks_the_next(calling: Calling, fault: str):
    """Given a request that may have arrived but is not in Vapi's list, then the call stays in
    doubt, and a new one is refused.
    """
    calling.vapi_fault(fault, seconds=1.0)
    asked = calling.asks()
    calling.work_calls(8)

    call = calling.call(asked.json["id"])
    assert call.state == "unknown"
    again = calling.asks()
    assert (again.status_code, again.json["code"]) == (409, "call_in_doubt")
    assert len(calling.posts()) == 1
    assert calling.job("reconcile_call").state == "dead"


def test_call_refused_by_vapi_is_refused_with_advice(calling: Calling):
    calling.vapi_fault("refused_400")

    call = calling.dials()

    assert call.state == "refused"
    assert "this is not possible just now" in (call.error or "")
    assert calling.slots() == 0


def test_unplaced_attempts_share_one_budget_across_all_reasons(calling: Calling):
    """Given attempts that certainly never rang, for different reasons, then five are made in all,
    not five for each reason.
    """
    calling.habits(concurrency=0)
    calling.vapi_fault("rate_limit_429", times=2)

    asked = calling.asks()
    for _ in range(12):
        calling.work_calls(1)
        calling.hears()

    call = calling.call(asked.json["id"])
    assert (call.state, call.error_code) == ("refused", "not_placed")
    assert len(calling.posts()) == 5
    assert calling.slots() == 0
    assert call.attempted_at is None


def test_call_blocked_by_vapis_concurrency_limit_is_not_an_attempt(calling: Calling):
    """Given a call that Vapi accepts and reports as blocked, then it is not counted as an attempt,
    and it is placed once there is room.
    """
    calling.habits(concurrency=0, silent="status-update,end-of-call-report")
    call = calling.dials(0)
    assert (call.state, call.is_blocked, call.attempted_at) == ("queued", True, None)

    calling.habits(concurrency=10, rings_after=3600)
    calling.polls()
    calling.work_calls()

    call = calling.call(call.id)
    assert (call.state, call.is_blocked, call.tries) == ("queued", False, 2)
    assert call.attempted_at is not None
    assert call.vapi_id == calling.placed()[-1]["id"]


def test_call_held_back_by_vapi_is_polled_again_after_a_delay(calling: Calling):
    """Given a call that Vapi holds back for lack of room, when a poll shows that, then the next
    poll is due after a delay.
    """
    calling.habits(concurrency=0, rings_after=3600)
    call = calling.dials(0)
    with calling.vapi.shared.lock:
        (row,) = calling.vapi.books.each("call")
        row["subscriptionLimits"] = {"concurrencyBlocked": True}
    calling.polls()
    look = StagedJob.one("name = 'poll_call' AND key = ?", f"{call.id}:blocked")
    assert look is not None
    assert (look.claim, look.state) == (1, "waiting")
    assert look.due_at > database_time() + 10_000_000


def test_blocked_call_with_a_lost_response_is_placed_once(calling: Calling):
    """Given a call that Vapi had no room for and whose answer was lost, then the report that it
    never rang settles the doubt, and one call is placed.
    """
    calling.habits(concurrency=0)
    calling.vapi_fault("error_500_after")
    asked = calling.asks()
    given.worked(calling.redis, "calls")
    at_first = calling.call(asked.json["id"]).state

    calling.habits(concurrency=10, rings_after=3600)
    calling.hears()
    calling.work_calls(4)

    call = calling.call(asked.json["id"])
    assert at_first == "unknown"
    assert (call.state, call.tries, call.vapi_id) == ("queued", 2, calling.placed()[-1]["id"])
    assert [row["status"] for row in calling.placed()] == ["ended", "queued"]
    assert calling.slots() == 1


@pytest.mark.parametrize("silent", ["", "status-update,end-of-call-report"])
def test_blocked_call_is_placed_again_after_a_report_or_reconciliation(
    calling: Calling, silent: str
):
    """Given a call that Vapi had no room for and whose answer was lost, when a report or the
    reconciliation shows that it never rang, then it waits and is placed again.
    """
    calling.habits(concurrency=0, silent=silent)
    calling.vapi_fault("error_500_after")
    asked = calling.asks()
    given.worked(calling.redis, "calls")
    call = calling.call(asked.json["id"])
    assert call.state == "unknown"

    calling.habits(concurrency=10, rings_after=3600)
    calling.hears()
    reconcile_call.perform(call.effect_id)
    call = calling.call(call.id)
    assert (call.state, call.attempted_at, calling.slots()) == ("waiting", None, 0)

    calling.work_calls(4)
    call = calling.call(call.id)
    assert (call.state, call.tries, call.vapi_id) == ("queued", 2, calling.placed()[-1]["id"])


def test_call_waits_while_every_slot_is_leased(calling: Calling, monkeypatch: pytest.MonkeyPatch):
    """Given all slots taken, then a call waits; a slot whose lease has expired is free again."""
    monkeypatch.setenv("CALL_SLOTS", "1")
    get_settings.cache_clear()
    now = real_now()
    CallSlot.create(number=1, call_id="call_other", leased_until=now + timedelta(hours=1))
    asked = calling.asks()
    calling.work_calls(1)
    assert calling.call(asked.json["id"]).state == "waiting"
    assert calling.posts() == []

    CallSlot.update(leased_until=now - timedelta(seconds=1)).execute()
    calling.habits(rings_after=3600)
    calling.work_calls(1)

    assert calling.call(asked.json["id"]).state == "queued"
    assert [row.call_id for row in CallSlot.select()] == [asked.json["id"]]


def test_call_that_waited_too_long_is_refused_as_expired(calling: Calling):
    asked = calling.asks()
    old = real_now() - timedelta(hours=2)
    Call.update(created_at=old).where(Call.id == asked.json["id"]).execute()

    calling.work_calls()

    call = calling.call(asked.json["id"])
    assert (call.state, call.error_code) == ("refused", "expired")
    assert calling.posts() == []


def test_crash_after_dialling_does_not_call_the_customer_twice(calling: Calling):
    """Given a worker killed after the call was placed and before that was recorded, then the next
    worker places none, and the call is found in Vapi's list.
    """
    calling.habits(rings_after=3600)
    call = calling.dials(0)
    Call.update(state="sending", vapi_id=None).where(Call.id == call.id).execute()
    Effect.update(state="sending", provider_id=None, answer=None, settled_at=None).where(
        Effect.id == call.effect_id
    ).execute()
    with transaction():
        stage_again("dial_overdue", call.id, call.id, fair_to=call.account_id)

    calling.work_calls(4)

    call = calling.call(call.id)
    assert (call.state, call.vapi_id) == ("queued", calling.placed()[0]["id"])
    assert len(calling.posts()) == 1


def test_operator_settling_a_call_as_never_placed_frees_its_slot(calling: Calling):
    """Given a call in doubt, when an operator settles it as never placed, then its slot is free and
    another call can be requested.
    """
    calling.vapi_fault("bad_gateway")
    asked = calling.asks()
    calling.work_calls(8)
    call = calling.call(asked.json["id"])
    assert call.state == "unknown"

    settle_refused(call.effect_id or "", "not in the list an hour later", "test")
    calling.work_calls(2)

    assert calling.call(call.id).state == "refused"
    assert calling.slots() == 0
    assert calling.asks().status_code == 202


def test_last_allowed_call_stops_ringing_before_calling_hours_end():
    """Given the last call that the gate allows, placed as late and ringing as long as it may, then
    it is over before the calling hours end.
    """
    assert timedelta(seconds=LEAVE_WITHIN + RINGS) <= LAWFUL.margin
