"""A call that Vapi queued for lack of room rings late, when its customer may no longer be called:
the call is ended as soon as it is answered.
"""

from datetime import timedelta

import pytest

from jobs.end_late_call import end_late_call
from models.calling.call import Call
from models.contact.opt_out import OptOut
from models.contact.work_item import WorkItem
from models.effects.effect import Effect
from rules.contact.person_time_zones import zones_of_number
from runtime.clock import move_business_time, real_now
from runtime.killpoint import Unwound
from runtime.settings import get_settings
from sandbox.vapi.books import PUBLIC_KEY
from tests.stories.calling import Calling
from tests.stories.texting import local_hour


@pytest.fixture
def late(calling: Calling, monkeypatch):
    """A call that Vapi holds for twenty minutes before it rings."""
    monkeypatch.setenv("VAPI_PUBLIC_KEY", PUBLIC_KEY)
    get_settings.cache_clear()
    calling.answers("promises").habits(rings_after=1_200, talks_for=600)
    call = calling.dials()
    assert call.state == "queued"
    yield calling, call
    move_business_time(None)
    get_settings.cache_clear()


def is_answered(calling: Calling, call: Call) -> Call:
    """Let the call ring and be answered, and process Vapi's messages and the jobs they stage."""
    with calling.vapi.shared.lock:
        calling.vapi.shared.moved_by += 1_201
    calling.hears()
    assert calling.call(call.id).state == "in_progress"
    calling.work_calls()
    calling.hears()
    return calling.call(call.id)


def ended_by_us(calling: Calling) -> list[str]:
    return [told["call"] for told in calling.vapi.books.told if told["type"] == "end-call"]


def night(calling: Calling) -> None:
    local_hour(sorted(zones_of_number(calling.phone))[0], 22)


def says_stop(calling: Calling) -> None:
    words = {"words": "stop", "source": "test", "recorded_by": "test"}
    OptOut.record(calling.account.id, calling.phone, "stop", ["voice"], **words)


def pays(calling: Calling) -> None:
    body = {"invoiceId": calling.invoice.id, "amount": 12_000, "currency": "usd"}
    calling.post("/api/payments/upsert", **body, method="cash", reference="till 7")


def is_called_by_hand(calling: Calling) -> None:
    about = {"customer_id": calling.customer.id, "context": {"phone": calling.phone}}
    item = WorkItem.open(calling.account.id, "reply", "SM1", "They ask for a call.", **about)
    calling.post(f"/api/work-items/{item.id}/resolve", action="called")


@pytest.mark.parametrize("happens", [night, says_stop, pays, is_called_by_hand])
def test_late_call_is_ended_on_answer_if_no_longer_allowed(late, happens):
    calling, call = late
    happens(calling)
    ended = is_answered(calling, call)
    assert ended_by_us(calling) == [call.vapi_id]
    assert (ended.state, ended.ended_reason) == ("ended", "manually-canceled")
    effect = Effect.get(Effect.kind == "call_end")
    assert (effect.state, effect.invoice_id) == ("confirmed", calling.invoice.id)


def test_crash_after_ending_a_late_call_leaves_no_doubt(late, monkeypatch):
    """Given a worker that dies right after asking Vapi to end the call, then the report of the
    call's end confirms the effect, and Vapi is asked once.
    """
    calling, call = late
    night(calling)
    with calling.vapi.shared.lock:
        calling.vapi.shared.moved_by += 1_201
    calling.hears()
    monkeypatch.setenv("PAYPHONE_ENV", "test")
    monkeypatch.setenv("PAYPHONE_KILL_AT", "raise:effect.after_call")
    get_settings.cache_clear()
    with pytest.raises(Unwound):
        end_late_call.perform(call.id)
    monkeypatch.delenv("PAYPHONE_KILL_AT")
    get_settings.cache_clear()
    calling.hears()
    calling.work_calls()
    assert ended_by_us(calling) == [call.vapi_id]
    assert Effect.get(Effect.kind == "call_end").state == "confirmed"


def test_late_call_goes_on_if_the_customer_may_still_be_called(late):
    calling, call = late
    assert is_answered(calling, call).state == "in_progress"
    assert ended_by_us(calling) == []


def test_call_placed_at_once_may_go_on_past_calling_hours(calling: Calling):
    """Given a call placed just before the calling hours end, then it may go on into the night."""
    calling.answers("promises").habits(talks_for=600)
    call = calling.dials()
    calling.hears()
    night(calling)
    calling.work_calls()
    assert calling.call(call.id).state == "in_progress"
    assert ended_by_us(calling) == []


def test_late_call_answered_minutes_ago_is_not_cut_off(late):
    """Given a call answered three minutes ago while no worker was running, then it goes on."""
    calling, call = late
    night(calling)
    with calling.vapi.shared.lock:
        calling.vapi.shared.moved_by += 1_201
    calling.hears()
    Call.update(started_at=real_now() - timedelta(minutes=3)).execute()
    calling.work_calls()
    assert calling.call(call.id).state == "in_progress"
    assert ended_by_us(calling) == []


def test_late_call_without_the_public_key_goes_on_and_leaves_no_effect(late, monkeypatch):
    """Given no public key, then the call cannot be ended: it goes on, and no effect is left to
    fail.
    """
    calling, call = late
    monkeypatch.delenv("VAPI_PUBLIC_KEY")
    get_settings.cache_clear()
    night(calling)
    assert is_answered(calling, call).state == "in_progress"
    assert calling.job("end_late_call").state == "done"
    assert not Effect.has("kind = 'call_end'")
