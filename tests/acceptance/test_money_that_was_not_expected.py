"""Money that arrives after its invoice was closed, or twice, counts, and the clinic is told at
once, with the URL that refunds it.
"""

import re

import pytest

from models.feed.outgoing_event import OutgoingEvent
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.reports.figures import count_to_refund
from tests import given
from tests.stories.operators import an_operator, run, signed_in


class Clinic:
    """An invoice of 100.00, whose customer pays at Stripe."""

    def __init__(self, client, redis, stand_in):
        self.client, self.redis, self.stand_in = client, redis, stand_in
        self.account = given.an_account()
        self.headers = given.a_key(self.account)
        self.invoice = given.an_invoice(self.account, amount=10_000)

    def post(self, path, **body):
        headers = self.headers | {"Idempotency-Key": given.new_id("key")}
        return self.client.simulate_post(path, json=body, headers=headers)

    def is_paid(self, amount=10_000):
        self.stand_in.charge(self.invoice, amount)
        self.stand_in.deliver(self.client, self.redis)

    def hears_all_again(self):
        for event in self.stand_in.events():
            given.received(event | {"id": f"{event['id']}_again"})
        given.worked(self.redis)

    def told(self):
        rows = OutgoingEvent.select().where(OutgoingEvent.type == "payment.unexpected")
        return [row.payload for row in rows.order_by(OutgoingEvent.id)]

    def timeline(self):
        path = f"/api/invoices/{self.invoice.id}/timeline?limit=100"
        lines = self.client.simulate_get(path, headers=self.headers).json["data"]
        kind = ("fact", "payment.unexpected")
        return [line["reason"] for line in lines if (line["kind"], line["type"]) == kind]


@pytest.fixture
def clinic(client, valkey, stand_in):
    return Clinic(client, valkey.client(), stand_in)


@pytest.mark.parametrize(
    ("deed", "mark", "to_refund"), [("cancel", "cancelled", 1), ("write-off", "written_off", 0)]
)
def test_a_payment_on_a_closed_invoice_is_announced_with_its_refund_url(
    clinic, deed, mark, to_refund
):
    """Given an invoice closed while its customer was paying, when the payment arrives, then it is
    paid, the feed and the timeline say so, and the URL in the event refunds it.
    """
    assert clinic.post(f"/api/invoices/{clinic.invoice.id}/{deed}").status_code == 200
    clinic.is_paid()
    clinic.hears_all_again()
    assert given.fresh(clinic.invoice).status == "paid"
    [told] = clinic.told()
    payment = Payment.get()
    assert told == {
        "invoiceId": clinic.invoice.id,
        "paymentId": payment.id,
        "callId": None,
        "number": clinic.invoice.number,
        "because": mark,
        "amount": 10_000,
        "currency": "usd",
        "overpaid": 0,
        "refundable": 10_000,
        "refundUrl": f"/api/payments/{payment.id}/refunds",
    }
    [said] = clinic.timeline()
    assert said.startswith(f"100.00 USD was received, and the invoice is {mark.replace('_', ' ')}.")
    assert told["refundUrl"] in said
    assert count_to_refund() == to_refund
    assert clinic.post(told["refundUrl"]).status_code == 202
    given.worked(clinic.redis)
    clinic.stand_in.deliver(clinic.client, clinic.redis)
    assert (given.fresh(clinic.invoice).status, count_to_refund()) == (mark, 0)
    assert (len(clinic.told()), clinic.timeline()) == (1, [])


def test_a_partial_payment_on_a_cancelled_invoice_is_announced_too(clinic):
    clinic.post(f"/api/invoices/{clinic.invoice.id}/cancel")
    clinic.is_paid(4_000)
    [told] = clinic.told()
    assert (told["because"], told["amount"], told["overpaid"]) == ("cancelled", 4_000, 4_000)
    assert (given.fresh(clinic.invoice).status, count_to_refund()) == ("cancelled", 1)


def test_only_a_payment_beyond_the_balance_is_announced_as_unexpected(clinic):
    clinic.is_paid(4_000)
    clinic.is_paid(6_000)
    assert clinic.told() == []
    clinic.is_paid(10_000)
    [told] = clinic.told()
    assert (told["because"], told["overpaid"], told["refundable"]) == ("overpaid", 10_000, 10_000)
    assert count_to_refund() == 1


def test_a_payment_in_another_currency_is_announced(clinic):
    paid = given.an_intent(clinic.invoice, currency="eur")
    given.received(given.an_event("payment_intent.succeeded", paid))
    given.worked(clinic.redis)
    clinic.hears_all_again()
    [told] = clinic.told()
    assert (told["because"], told["amount"], told["currency"]) == ("currency", 10_000, "eur")
    assert Invoice.get().mismatched


def test_each_payment_in_another_currency_is_announced_once(clinic):
    """Given payments in euros, euros and pesos, when Stripe reports each twice, then each is told
    once.
    """
    intents = [given.an_intent(clinic.invoice, currency=name) for name in ("eur", "eur", "mxn")]
    for _ in range(2):
        for intent in intents:
            given.received(given.an_event("payment_intent.succeeded", intent))
        given.worked(clinic.redis)
    told = [(each["because"], each["currency"], each["amount"]) for each in clinic.told()]
    assert told == [("currency", name, 10_000) for name in ("eur", "eur", "mxn")]
    assert len({each["paymentId"] for each in clinic.told()}) == 3


def test_a_payment_in_another_currency_opens_a_work_item_and_stops_texts(texting):
    """Given a customer who can be texted and has paid in euros what is owed in dollars, when Stripe
    reports it twice, then the customer is not asked again, and one work item is opened.
    """
    texting.consents()
    paid = given.an_intent(texting.invoice, currency="eur")
    for number in ("1", "2"):
        given.received(given.an_event("payment_intent.succeeded", paid, id=f"evt_{number}"))
        given.worked(texting.redis)
    refused = texting.ask()
    assert (refused.status_code, refused.json["code"]) == (422, "contact_refused")
    (item,) = texting.get("/api/work-items?state=open")["data"]
    assert (item["kind"], item["context"]) == (
        "escalation",
        {
            "reason": "another_currency",
            "paymentId": Payment.get().id,
            "amount": 12_000,
            "currency": "eur",
        },
    )
    assert texting.sent() == []


def test_unexpected_money_is_shown_on_the_front_page_and_by_doctor(clinic):
    clinic.post(f"/api/invoices/{clinic.invoice.id}/cancel")
    assert "money to give back" in run("doctor").output
    browser = signed_in(clinic.client, an_operator().name)
    assert "to refund" not in clinic.client.simulate_get("/", headers=browser).text
    clinic.is_paid()
    assert "payment.unexpected" in run("doctor").output
    page = clinic.client.simulate_get("/", headers=browser).text
    assert re.search(r"<dt>to refund</dt>\s*<dd>1<span class=\"unseen\"> needs attention", page)
