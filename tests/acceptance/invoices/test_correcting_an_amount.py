"""An invoice's amount can be corrected until money comes in; requests for the old amount end."""

import pytest

from models.payments.payment import Payment
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from rules.payment_merge import Charge, PaymentReport
from runtime.clock import real_now
from tests import given
from tests.stories.operators import run


def corrected(clinic, amount=10_000):
    return clinic.client.simulate_patch(
        f"/api/invoices/{clinic.invoice.id}", json={"amountDue": amount}, headers=clinic.headers
    )


def reported(clinic, **said):
    """Record a report from Stripe about an intent for the invoice."""
    Payment.record_report(
        clinic.invoice, "", "pi_1", PaymentReport(amount=12_500, currency="usd", **said), real_now()
    )


def test_an_opened_payment_form_does_not_freeze_the_amount(clinic, valkey):
    """Given a customer who has opened the payment form, when the amount is corrected, then that
    form's intent is cancelled, and a new one asks for the right amount.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=12_500,
        currency="usd",
        method="stripe",
        reference=intent_id,
    )
    assert Payment.get().status == "pending"
    answer = corrected(clinic)
    assert (answer.status_code, answer.json["outstandingBalance"]) == (200, 10_000)
    given.worked(valkey.client())
    assert clinic.stripe.sdk.payment_intents.retrieve(intent_id).status == "canceled"
    assert clinic.intent().json["amount"] == 10_000


def test_a_declined_card_does_not_freeze_the_amount(clinic, valkey):
    assert clinic.phone("pm_card_chargeDeclined").status_code == 402
    assert corrected(clinic).status_code == 200
    given.worked(valkey.client())
    assert clinic.phone().json["success"]
    assert (clinic.now.status, clinic.stripe.received(clinic.invoice.id)) == ("paid", 10_000)


def test_a_link_for_the_old_amount_is_retired(clinic, valkey):
    clinic.client.simulate_post(
        f"/api/invoices/{clinic.invoice.id}/payment-links", json={}, headers=clinic.headers
    )
    given.worked(valkey.client(), "messages")
    page = clinic.stripe.visit(PaymentLink.get().url)
    assert corrected(clinic).status_code == 200
    given.retried(valkey.client())
    assert clinic.stripe.pay(page) == 410


@pytest.mark.parametrize(
    "said",
    [
        {"terminal": "succeeded", "amount_received": 100},
        {"charges": {"ch_1": Charge("processing")}},
    ],
    ids=["received", "processing"],
)
def test_money_received_or_processing_freezes_the_amount(clinic, said):
    reported(clinic, **said)
    answer = corrected(clinic)
    assert (answer.status_code, answer.json["code"]) == (409, "invoice_has_payments")
    assert corrected(clinic, amount=12_500).status_code == 200, "the same amount is no correction"


def test_a_charge_in_progress_freezes_the_amount(clinic):
    clinic.stripe.fault("refuse", "POST", "/v1/payment_intents/*/confirm", times=5)
    assert clinic.phone().status_code == 202
    assert PaymentConfirmation.get().state == "requested"
    assert corrected(clinic).json["code"] == "invoice_has_payments"


def test_a_voided_payment_does_not_freeze_the_amount(clinic):
    payment = clinic.takes(5_000).json["payment"]["id"]
    assert corrected(clinic).status_code == 409
    clinic.voids(payment)
    assert corrected(clinic).status_code == 200


def test_an_import_corrects_only_amounts_of_invoices_without_payments(clinic, tmp_path):
    """Given an invoice whose form was opened and one that is partly paid, when the books are
    imported with other amounts, then only the first is corrected.
    """
    reported(clinic)
    paid = given.an_invoice(clinic.account, amount=12_500)
    Payment.record_taken(paid, "cash", "till", 100, real_now())
    path = tmp_path / "books.csv"
    rows = [
        f"{invoice.number},Ada Payer,2099-01-31,100.00,USD\n" for invoice in (clinic.invoice, paid)
    ]
    path.write_text("number,customer,dueDate,amount,currency\n" + "".join(rows))
    assert run("invoices", "import", str(path), "--account", clinic.account.id).exit_code == 0
    assert (clinic.now.amount_due, given.fresh(paid).amount_due) == (10_000, 12_500)
