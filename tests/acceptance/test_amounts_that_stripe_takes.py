"""Amounts that the currency or Stripe cannot take are refused at every endpoint, with the step or
the minimum, so that no customer gets an address that cannot be paid.

docs.stripe.com/currencies: "Special cases", "Three-decimal currencies", "Minimum and maximum charge
amounts".
"""

import pytest

from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_link import PaymentLink
from rules.money import to_major
from tests import given

UNCHARGEABLE = [
    (1_050, "ugx", "10.50 UGX cannot be charged: Stripe takes UGX in steps of 1"),
    (80_050, "isk", "800.50 ISK cannot be charged: Stripe takes ISK in steps of 1"),
    (5_125, "kwd", "5.125 KWD cannot be charged: Stripe takes KWD in steps of 0.01"),
    (5_121, "tnd", "5.121 TND cannot be charged: Stripe takes TND in steps of 0.01"),
    (30, "usd", "0.30 USD is less than 0.50 USD, the least that Stripe charges"),
    (49, "jpy", "49 JPY is less than 50 JPY, the least that Stripe charges"),
    (17_499, "huf", "174.99 HUF is less than 175.00 HUF, the least that Stripe charges"),
]
MOST = [
    (99_999_999, "usd", "999999.99 USD"),
    (99_999_999, "jpy", "99999999 JPY"),
    (999_999_999, "inr", "9999999.99 INR"),
    (9_999_999_999, "cop", "99999999.99 COP"),
    (999_999_999_999, "idr", "9999999999.99 IDR"),
]
CHARGEABLE = [(1_000, "ugx"), (80_000, "isk"), (5_120, "kwd"), (50, "usd"), (50, "jpy"), (1, "kes")]


class Doors:
    """Requests of a clinic's software that have amounts."""

    def __init__(self, client):
        self.client = client
        self.account = given.an_account()
        self.headers = given.a_key(self.account)

    def ask(self, verb, path, **body):
        headers = self.headers | {"Idempotency-Key": given.new_id("key")}
        return self.client.simulate_request(verb, f"/api/{path}", json=body, headers=headers)

    def creates(self, amount, currency, **more):
        about = {"customerId": given.a_customer(self.account).id, "number": given.new_id("n")}
        due = {"amountDue": amount, "currency": currency, "dueDate": "2099-01-31"}
        return self.ask("POST", "invoices", **about, **due, **more)


@pytest.fixture
def doors(client):
    return Doors(client)


def refused(answer, field, why, code="invalid"):
    """Assert a 422 that names the field, the step or the minimum, and what to do."""
    assert (answer.status_code, answer.json["code"]) == (422, code), answer.text
    [error] = answer.json["errors"]
    assert (error["field"], error["message"]) == (field, f"{why}; correct the amount")


@pytest.mark.parametrize("status", ["draft", "sent"])
@pytest.mark.parametrize(("amount", "currency", "why"), UNCHARGEABLE)
def test_an_invoice_with_an_unchargeable_amount_is_not_created(
    doors, amount, currency, why, status
):
    refused(doors.creates(amount, currency, status=status), "amountDue", why)
    assert Invoice.select().count() == 0


@pytest.mark.parametrize(("amount", "currency"), CHARGEABLE)
def test_the_minimum_and_whole_steps_are_accepted(doors, amount, currency):
    assert doors.creates(amount, currency).status_code == 201


@pytest.mark.parametrize(("most", "currency", "shown"), MOST)
def test_the_most_is_taken_and_no_more(doors, stripe_stand_in, most, currency, shown):
    """Given the largest amount that Stripe charges in a currency, then an invoice of it gets an
    intent, and an invoice of more is refused.
    """
    answer = doors.creates(most, currency)
    assert answer.status_code == 201, answer.text
    intent = doors.ask("POST", "payments/create-payment-intent", invoiceId=answer.json["id"])
    assert (intent.status_code, intent.json["amount"]) == (201, most)
    code, too_much = currency.upper(), to_major(most + 1, currency)
    why = f"{too_much:f} {code} is more than {shown}, the most that is taken here"
    if most < 10**12 - 1:
        refused(doors.creates(most + 1, currency), "amountDue", why)
    else:
        assert doors.creates(most + 1, currency).status_code == 422


@pytest.mark.parametrize(("most", "currency", "shown"), MOST)
def test_no_more_is_recorded_as_taken_in_cash(doors, most, currency, shown):
    invoice = given.an_invoice(doors.account, 100_000, currency)
    for amount, status in ((most, 201), (most + 1, 422)):
        answer = doors.ask(
            "POST",
            "payments/upsert",
            invoiceId=invoice.id,
            amount=amount,
            currency=currency,
            method="cash",
            reference=str(amount),
        )
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("amount", "currency", "why"), UNCHARGEABLE)
def test_an_invoice_cannot_be_changed_to_an_unchargeable_amount(doors, amount, currency, why):
    """An invoice that already has such an amount keeps it, and its other fields can change."""
    invoice = given.an_invoice(doors.account, 100_000, currency)
    path = f"invoices/{invoice.id}"
    refused(doors.ask("PATCH", path, amountDue=amount), "amountDue", why)
    assert given.fresh(invoice).amount_due == 100_000
    Invoice.update(amount_due=amount, outstanding=amount).execute()
    assert doors.ask("PATCH", path, amountDue=amount, notes="late").status_code == 200


PARTS = [("create-payment-intent", {}), ("phone", {"paymentMethodId": "pm_card_visa"})]


@pytest.mark.parametrize(("path", "more"), PARTS)
@pytest.mark.parametrize(("amount", "currency", "why"), UNCHARGEABLE)
def test_a_partial_payment_of_an_unchargeable_amount_is_refused(
    doors, path, more, amount, currency, why
):
    invoice = given.an_invoice(doors.account, 100_000, currency)
    asked = {"invoiceId": invoice.id, "amount": amount} | more
    answer = doors.ask("POST", f"payments/{path}", **asked)
    refused(answer, "amount", why, "payment_refused")
    assert PaymentAttempt.select().count() == 0


@pytest.mark.parametrize(("amount", "currency", "why"), UNCHARGEABLE)
def test_an_unchargeable_balance_gets_no_link_form_or_intent(doors, amount, currency, why):
    """Given a balance from an earlier release, or left by a payment in cash, then the clinic gets
    the refusal, before a customer gets an address.
    """
    invoice = given.an_invoice(doors.account, amount, currency)
    for answer in (
        doors.ask("POST", f"invoices/{invoice.id}/payment-links"),
        doors.ask("POST", f"invoices/{invoice.id}/card-forms"),
        *(
            doors.ask("POST", f"payments/{path}", invoiceId=invoice.id, **more)
            for path, more in PARTS
        ),
    ):
        assert (answer.status_code, answer.json["code"]) == (422, "payment_refused"), answer.text
        assert f"cannot be paid by card: {why}." in answer.json["detail"]
    assert (PaymentLink.select().count(), PaymentAttempt.select().count()) == (0, 0)


@pytest.mark.parametrize(("amount", "status"), [(1_050, 422), (1_000, 202), (100, 202)])
def test_a_refund_must_be_whole_steps_but_has_no_minimum(doors, amount, status):
    """A refund has no minimum, but must be a whole step."""
    invoice = given.an_invoice(doors.account, 100_000, "ugx")
    paid = given.an_intent(invoice)
    Payment.create(
        id="pay_1",
        account=invoice.account_id,
        invoice=invoice,
        intent_id=paid["id"],
        terminal="succeeded",
        status="succeeded",
        amount=100_000,
        amount_received=100_000,
        currency="ugx",
        created_at=invoice.created_at,
        updated_at=invoice.created_at,
    )
    answer = doors.ask("POST", "payments/pay_1/refunds", amount=amount)
    assert answer.status_code == status
    if status == 422:
        refused(answer, "amount", "10.50 UGX cannot be charged: Stripe takes UGX in steps of 1")


@pytest.mark.parametrize(
    ("amount", "currency", "status"),
    [
        (1_050, "ugx", 422),  # there is no half shilling
        (80_050, "isk", 422),
        (5_125, "kwd", 201),  # fils exist, though Stripe does not take them
        (30, "usd", 201),  # and so do cents
    ],
)
def test_a_cash_amount_must_exist_in_its_currency(doors, amount, currency, status):
    invoice = given.an_invoice(doors.account, 100_000, currency)
    cash = {"method": "cash", "reference": "r1", "currency": currency}
    answer = doors.ask("POST", "payments/upsert", invoiceId=invoice.id, amount=amount, **cash)
    assert answer.status_code == status, answer.text
