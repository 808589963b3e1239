"""The judge finds breaches about incoming calls and about cards that staff type in: each test
starts with books in order.
"""

import pytest

from tests.storm.judge import judge
from tests.storm.test_judge import NOON, SECOND, condemned, in_order, row_of

PHONE = "+12025550123"
CALLED = "call_0000000000000005"


@pytest.fixture
def evidence():
    """Books in order: a caller who was texted before said stop, and a card was typed into a
    form.
    """
    found = in_order()
    row_of(found, "contact_decision", id="dec_0000000000000001", account_id="ac_1")
    artifact = {"transcript": "User: Stop calling me."}
    told = {"id": "vapi_1", "status": "ended", "artifact": artifact}
    found.came_in = [told | {"analysis": {"structuredData": {}}}]
    found.rung = [{"id": "vapi_1", "account": "ac_1", "caller": PHONE}]
    call = {"id": CALLED, "vapi_id": "vapi_1", "direction": "inbound", "state": "ended"}
    call |= {"account_id": "ac_1", "transcript": "Stop.", "reported_at": NOON * SECOND}
    found.rows["call"] = [call]
    stop = {"id": "opt_0000000000000009", "account_id": "ac_1", "phone": PHONE, "wish": "stop"}
    found.rows["opt_out"] = [stop | {"reference": CALLED, "at": NOON * SECOND}]
    found.intents[0]["payment_method"] = "pm_1"
    body = {"paymentMethodId": "pm_1", "amount": 12_500}
    found.cards = [{"invoice": "inv_1", "body": body, "said": ["succeeded"]}]
    return found


def test_correct_calls_and_cards_are_no_breach(evidence):
    assert judge(evidence) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vapi_id": "vapi_2"}, ("vapi_1", "is lost")),
        ({"vapi_id": "vapi_2"}, ("vapi_2", "Vapi does not have")),
        ({"account_id": "ac_2"}, ("is ac_2's",)),
        ({"state": "in_progress"}, ("that came in is in_progress",)),
        ({"transcript": ""}, ("holds nothing of what was said",)),
    ],
)
def test_an_incoming_call_that_is_recorded_wrongly_is_a_breach(evidence, changes, words):
    row_of(evidence, "call", **changes)
    condemned(evidence, *words)


def test_a_lost_stop_in_a_call_is_a_breach(evidence):
    evidence.rows["opt_out"].clear()
    condemned(evidence, PHONE, CALLED, "is lost")


def test_a_text_after_a_stop_in_a_call_is_a_breach_unless_start_followed(evidence):
    row_of(evidence, "opt_out", id="opt_0000000000000000")
    condemned(evidence, "a sms to", "after their STOP in a call")
    evidence.starts = [{"phone": PHONE, "said_at": NOON + 1}]
    assert judge(evidence) == []


def test_a_card_typed_once_and_charged_twice_is_a_breach(evidence):
    evidence.intents.append(evidence.intents[0] | {"id": "pi_2"})
    condemned(evidence, "card pm_1", "paid 2 times")


@pytest.mark.parametrize("wrong", [{"invoice": "inv_2"}, {"body": 12_400}])
def test_a_card_that_paid_another_invoice_or_amount_is_a_breach(evidence, wrong):
    if "body" in wrong:
        wrong = {"body": evidence.cards[0]["body"] | {"amount": wrong["body"]}}
    evidence.cards[0] |= wrong
    condemned(evidence, "card pm_1 was typed for", "has paid")


@pytest.mark.parametrize("word", ["card_declined", "payment_refused"])
def test_a_form_that_reported_failure_of_a_paid_card_is_a_breach(evidence, word):
    evidence.cards[0]["said"] = ["processing", "", word]
    condemned(evidence, f"said '{word}' of card pm_1")


def test_a_form_that_reported_success_of_an_unpaid_card_is_a_breach(evidence):
    evidence.cards[0]["body"]["paymentMethodId"] = "pm_2"
    condemned(evidence, "said 'succeeded' of card pm_2")
