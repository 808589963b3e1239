"""Which payment belongs to which call: a card charged in it, or a link given in it."""

import json
from datetime import timedelta

import pytest

from models.calling.call import Call
from models.calling.tool_call import ToolCall
from models.feed.outgoing_event import OutgoingEvent
from models.payments.payment import Payment
from models.payments.payment_link import PaymentLink
from runtime.clock import real_now
from tests import given
from tests.stories.on_the_line import OnTheLine
from tests.stories.voice import SECRET
from tests.watching.counting import counted

AGREED = (
    ("assistant", "Do you agree that Harbor Dental charges 120.00 USD to your card on file?"),
    ("user", "Yes, please do."),
)


@pytest.fixture
def talking(line: OnTheLine) -> OnTheLine:
    """A verified customer who can be texted, at a clinic that takes cards in calls."""
    line.takes_cards()
    line.has_a_saved_card()
    return line.consents().verified()


def ends(line: OnTheLine) -> None:
    """Deliver the call's end-of-call report."""
    told = {
        "type": "end-of-call-report",
        "call": {"id": line.call.vapi_id, "type": "outboundPhoneCall"},
        "endedReason": "assistant-ended-call",
        "artifact": {},
        "analysis": {"structuredData": {"outcome": "link_sent"}},
    }
    body, proof = json.dumps({"message": told}).encode(), {"X-Vapi-Secret": SECRET}
    got = line.client.simulate_post("/api/webhooks/vapi", body=body, headers=proof)
    assert got.status_code == 200


def pays_by_link(line: OnTheLine) -> None:
    """Let the customer pay at the link, and deliver Stripe's events."""
    given.worked(line.redis, "messages")
    given.retried(line.redis, "messages", 2)
    line.stand_in.follow_and_pay(PaymentLink.get().url)
    line.stand_in.deliver(line.client, line.redis)
    assert given.fresh(line.invoice).status == "paid"


def outcomes(line: OnTheLine) -> set[str]:
    """Return the call's outcome from every place that shows it."""
    (listed,) = line.get(f"/api/invoices/{line.invoice.id}/calls")["data"]
    return {line.get(f"/api/calls/{line.call.id}")["outcome"], listed["outcome"]}


def call_ids(line: OnTheLine) -> set[str | None]:
    """Return the call of the one payment from every place that shows it."""
    (listed,) = line.get("/api/payments")["data"]
    return {listed["callId"], line.get(f"/api/payments/{listed['id']}")["callId"]}


def test_a_payment_names_the_call_in_which_it_was_made(talking: OnTheLine):
    talking.tool("processPhonePayment")
    assert "succeeded" in talking.tool("processPhonePayment", heard=AGREED)
    ends(talking)

    assert call_ids(talking) == {talking.call.id}
    assert outcomes(talking) == {"paid"}
    attempt = talking.get("/api/payments")["data"][0]
    assert attempt["method"] == "stripe"


def test_payment_taken_by_staff_names_the_call_id_they_gave(talking: OnTheLine):
    about = {"invoiceId": talking.invoice.id, "useSavedCard": True, "callId": "their-own-1"}
    assert talking.post("/api/payments/phone", **about).status_code in {200, 202}
    given.retried(talking.redis, "interactive", 2)
    assert call_ids(talking) == {"their-own-1"}
    talking.stand_in.deliver(talking.client, talking.redis)
    assert told_of_calls("payment.succeeded") == ["their-own-1"]


def test_payment_by_staff_after_a_decline_in_a_call_names_no_call(line: OnTheLine):
    """Given a card declined in a call, when staff charge another one afterwards, then the payment
    belongs to no call.
    """
    line.takes_cards()
    line.has_a_saved_card("pm_card_chargeCustomerFail")
    line.verified()
    line.tool("processPhonePayment")
    assert "declined" in line.tool("processPhonePayment", heard=AGREED)
    assert call_ids(line) == {None}

    about = {"invoiceId": line.invoice.id, "paymentMethodId": "pm_card_visa"}
    assert line.post("/api/payments/phone", **about).status_code in {200, 202}
    given.retried(line.redis, "interactive", 2)
    assert given.fresh(line.invoice).status == "paid"
    assert call_ids(line) == {None}
    assert told_of_calls("payment.succeeded") == [None]


def test_the_feed_names_the_call_in_which_a_card_was_declined(line: OnTheLine):
    """Given a card declined in a call, and another that staff charge afterwards for the same
    attempt and that is declined too, then only the first failure names the call.
    """
    line.takes_cards()
    line.has_a_saved_card("pm_card_chargeCustomerFail")
    line.verified()
    line.tool("processPhonePayment")
    assert "declined" in line.tool("processPhonePayment", heard=AGREED)
    by_hand = {"invoiceId": line.invoice.id, "paymentMethodId": "pm_card_chargeDeclined"}
    assert line.post("/api/payments/phone", **by_hand).status_code == 402
    line.stand_in.deliver(line.client, line.redis)

    assert told_of_calls("payment.failed") == [line.call.id, None]


def test_feed_names_the_call_of_an_unexpected_payment(talking: OnTheLine):
    """Given a charge in a call whose answer is lost, when the bill is paid in cash before Stripe
    reports the charge, then the event about the excess names the call.
    """
    talking.stand_in.fault("refuse_after", "POST", "/v1/payment_intents/*/confirm")
    about = {"invoiceId": talking.invoice.id, "useSavedCard": True, "callId": "their-own-1"}
    assert talking.post("/api/payments/phone", **about).status_code == 202
    cash = {"invoiceId": talking.invoice.id, "method": "cash", "reference": "till-7"}
    cash |= {"amount": talking.invoice.outstanding, "currency": "usd"}
    assert talking.post("/api/payments/upsert", **cash).status_code == 201
    talking.stand_in.deliver(talking.client, talking.redis)

    assert told_of_calls("payment.unexpected") == ["their-own-1"]


def told_of_calls(event: str) -> list[str | None]:
    """Return the call ids in the feed's events of this type."""
    rows = OutgoingEvent.select().where(OutgoingEvent.type == event).order_by(OutgoingEvent.id)
    return [row.payload["callId"] for row in rows]


def test_payment_list_reads_calls_in_a_fixed_number_of_statements(talking: OnTheLine):
    costs = []
    for _ in range(2):
        talking.stand_in.paid(given.an_invoice(talking.account), redis=talking.redis)
        talking.stand_in.paid(given.an_invoice(talking.account), redis=talking.redis)
        with counted() as cost:
            talking.get("/api/payments")
        costs.append(len(cost.statements))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("ended_first", [True, False])
def test_paying_a_link_from_a_call_sets_the_calls_outcome(talking: OnTheLine, ended_first: bool):
    """Given a link texted in a call, when it is paid, before the report or after it, then the
    call's outcome says so; the payment itself names no call.
    """
    assert "on its way" in talking.tool("createPaymentLink")
    if ended_first:
        ends(talking)
        assert outcomes(talking) == {"spoke"}
    pays_by_link(talking)
    if not ended_first:
        ends(talking)

    assert outcomes(talking) == {"paid_by_link"}
    assert call_ids(talking) == {None}
    stored = Call.get_by_id(talking.call.id).outcome
    assert stored == ("spoke" if ended_first else "paid_by_link")
    entries = talking.get(f"/api/invoices/{talking.invoice.id}/timeline?limit=100")["data"]
    assert any("paid by the link" in entry["reason"] for entry in entries)


def test_paying_at_an_address_read_out_sets_the_calls_outcome(line: OnTheLine):
    """Given a customer without consent to texts, when the payment address is read out and used,
    then the call's outcome says so.
    """
    line.verified()
    for _ in range(2):
        assert "No text may be sent" in line.tool("createPaymentLink")
    ends(line)
    pays_by_link(line)
    assert outcomes(line) == {"paid_by_link"}


def test_payment_before_or_long_after_a_calls_link_is_not_counted_for_it(talking: OnTheLine):
    """Given a link from a call, then a payment made before it or a month later, or one in cash,
    does not count as paid by that link.
    """
    talking.tool("createPaymentLink")
    ends(talking)
    pays_by_link(talking)
    given_at = ToolCall.get(ToolCall.tool == "createPaymentLink").created_at
    for moved in (-timedelta(minutes=1), timedelta(days=30)):
        Payment.update(created_at=given_at + moved).execute()
        assert outcomes(talking) == {"spoke"}
    Payment.update(created_at=real_now(), method="cash").execute()
    assert outcomes(talking) == {"spoke"}
