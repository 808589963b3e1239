"""Whole calls against Vapi's stand-in: the assistant calls our tools, and a report follows at the
end.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.decide_promises import decide_promises
from models.accounts.account_settings import AccountSettings
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.calling.tool_call import ToolCall
from models.contact.opt_out import OptOut
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.payments.payment_confirmation import PaymentConfirmation
from rules.contact.person_time_zones import zones_of_number
from runtime.clock import move_business_time, real_now
from sandbox.vapi.control import answers
from tests import given
from tests.stories.calling import Calling


def is_called(calling: Calling, script: str) -> Call:
    """Call the customer, who identifies themselves when asked and then follows a script."""
    who = {"fullName": "Ada Payer", "postalCode": "", "invoiceNumber": calling.invoice.number}
    answers(calling.vapi, calling.phone, script, who)
    return calling.dials()


def test_caller_who_promises_is_verified_and_the_promise_is_recorded(calling: Calling):
    """Given a customer who identifies themselves and names a day to pay, then they are verified,
    the promise is stored, and the outcome says so.
    """
    call = is_called(calling, "promises")

    assert set(calling.hears()) == {200}

    shown = calling.shown(call)
    assert shown["verifiedAt"]
    assert (shown["state"], shown["outcome"]) == ("ended", "promised")
    (promise,) = Promise.select()
    assert promise.recorded_by == call.actor


def test_request_for_a_person_opens_one_escalation(calling: Calling):
    """Given the assistant's tool and its report, both of which ask for a person, then one
    escalation is open.
    """
    calling.answers("asks_for_a_human")
    calling.dials()

    calling.hears()

    assert WorkItem.select().where(WorkItem.kind == "escalation").count() == 1


def test_card_typed_in_a_call_is_charged_once_within_it(calling: Calling):
    """Given a customer who agrees to the amount, when they type their card, then it is charged
    once, and the call's outcome is `paid`.
    """
    chosen = {"payment_collection": "in_call", "keypad_payments": True}
    AccountSettings.change(calling.account, chosen, real_now())
    call = is_called(calling, "pays_by_keypad")

    assert set(calling.talks_on(12)) <= {200, 204}

    shown = calling.shown(call)
    assert (shown["state"], shown["outcome"]) == ("ended", "paid")
    assert given.fresh(calling.invoice).status == "paid"
    (confirmation,) = PaymentConfirmation.select()
    assert (confirmation.call_id, confirmation.amount) == (call.id, 12_000)
    assert [row.state for row in KeypadSession.select()] == ["over"]


def test_caller_who_does_not_agree_to_the_amount_is_not_charged(calling: Calling):
    """Given a customer who never agrees to the amount, then no card entry begins."""
    chosen = {"payment_collection": "in_call", "keypad_payments": True}
    AccountSettings.change(calling.account, chosen, real_now())
    call = is_called(calling, "asks_what_for")

    assert set(calling.talks_on(6)) <= {200, 204}

    assert calling.shown(call)["state"] == "ended"
    assert PaymentConfirmation.select().count() == KeypadSession.select().count() == 0


def test_customer_can_be_called_again_after_a_broken_promise(calling: Calling):
    """Given a promise for tomorrow, then no call is allowed until it is decided; once it is broken,
    the next call records a new one.
    """
    call = is_called(calling, "promises_and_breaks")
    calling.hears()
    (promise,) = Promise.select()
    assert promise.recorded_by == call.actor
    assert calling.asks().json["reasonCode"] == "promised"

    # far enough ahead that the first call counts towards no cap
    there = ZoneInfo(zones_of_number(calling.phone)[0])
    noon = (real_now() + timedelta(days=9)).astimezone(there).replace(hour=12)
    ahead = noon - real_now()
    move_business_time(ahead)
    calling.habits(days_ahead=ahead / timedelta(days=1))
    decide_promises.perform()
    assert Promise.get_by_id(promise.id).state == "broken"
    again = is_called(calling, "promises_and_breaks")
    calling.hears()

    assert again.id != call.id
    assert sorted(row.state for row in Promise.select()) == ["broken", "open"]


@pytest.mark.parametrize(
    ("script", "tools"),
    [
        ("pays_by_link", {"createPaymentLink"}),
        ("speaks_spanish", {"createPaymentLink"}),
        ("disputes", set()),
        ("reads_out_a_card", set()),
    ],
)
def test_tools_that_change_something_for_a_verified_caller_are_recorded(
    calling: Calling, script: str, tools: set[str]
):
    """Given a verified customer, then each tool that changes something leaves its row, and reading
    out a card number leaves none.
    """
    call = is_called(calling, script)

    assert set(calling.hears()) == {200}

    assert calling.shown(call)["verifiedAt"]
    done = {row.tool for row in ToolCall.select()} - {"verifyCaller"}
    assert done == tools
    calling.work()
    texts = [row for row in calling.sent() if row["to"] == calling.phone]
    assert len(texts) == len(tools)
    assert PaymentConfirmation.select().count() == 0
    assert not OptOut.select().exists()
