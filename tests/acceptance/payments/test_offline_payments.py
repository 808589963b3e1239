"""Payments taken elsewhere (F6, F9): recorded on their day, voided if they were wrong; Stripe's own
payments are read at Stripe.
"""

from datetime import UTC, datetime, timedelta

import pytest

from models.accounts.audit_entry import AuditEntry
from models.payments.payment import Payment
from runtime.clock import real_now
from tests import given
from tests.stories.operators import run


def test_voiding_a_bounced_check_reopens_the_balance_and_shows_why(clinic):
    """Given an invoice paid by check, when the check bounces, then it is owed again, and the
    payment, the feed, the audit log and the timeline show why.
    """
    payment = clinic.takes().json["payment"]["id"]
    assert clinic.books() == ("paid", 12_500, 0)
    answer = clinic.voids(payment)
    assert answer.status_code == 200, answer.text
    shown = answer.json["payment"]
    assert (shown["status"], shown["amount"], shown["amountReceived"], shown["voidReason"]) == (
        "voided",
        12_500,
        0,
        "the check bounced",
    )
    assert (answer.json["invoice"]["status"], clinic.books()) == ("sent", ("sent", 0, 12_500))
    assert clinic.told() == ["payment.succeeded", "invoice.paid", "payment.voided"]
    entry = AuditEntry.get(AuditEntry.action == "payment.voided")
    assert (entry.subject, entry.actor[:4], entry.detail["amount"]) == (
        f"payment:{payment}",
        "key:",
        12_500,
    )
    lines = clinic.client.simulate_get(
        f"/api/invoices/{clinic.invoice.id}/timeline?limit=100", headers=clinic.headers
    ).json["data"]
    assert (
        "The payment of 125.00 USD (check) was voided and no longer counts: the check bounced."
        in [line["reason"] for line in lines]
    )


def test_voiding_twice_has_one_effect(clinic):
    payment = clinic.takes().json["payment"]["id"]
    answers = [clinic.voids(payment), clinic.voids(payment, reason="another")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json["payment"] == answers[1].json["payment"]
    assert (
        clinic.told().count("payment.voided"),
        AuditEntry.select().where(AuditEntry.action == "payment.voided").count(),
    ) == (1, 1)


def test_voiding_a_check_cancels_the_open_intent_for_the_rest(clinic, valkey):
    """Given 50 of 125 paid by check and an open intent for the rest, when the check is voided, then
    that intent is cancelled.
    """
    payment = clinic.takes(5_000).json["payment"]["id"]
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.voids(payment)
    given.worked(valkey.client())
    assert clinic.stripe.sdk.payment_intents.retrieve(intent_id).status == "canceled"
    assert clinic.intent().json["amount"] == 12_500


def test_voided_reference_cannot_be_recorded_again(clinic):
    """Given a voided check, when its old record is sent again, as a nightly copy of the books
    would, then it is refused; a new reference counts.
    """
    clinic.voids(clinic.takes(1_250).json["payment"]["id"], reason="typed wrong")
    for amount in (1_250, 12_500):
        again = clinic.takes(amount)
        assert (again.status_code, again.json["code"]) == (409, "payment_voided")
    assert clinic.books() == ("sent", 0, 12_500)
    assert clinic.takes(reference="no. 1, as it was").status_code == 201
    assert clinic.books() == ("paid", 12_500, 0)


def test_card_payment_cannot_be_voided(clinic):
    clinic.phone()
    answer = clinic.voids(Payment.get().id)
    assert (answer.status_code, answer.json["code"]) == (409, "payment_not_voidable")
    assert "/refunds" in answer.json["detail"]
    assert clinic.now.status == "paid"


def test_void_needs_a_reason_and_a_payment_of_the_same_account(clinic):
    payment = clinic.takes().json["payment"]["id"]
    assert clinic.voids(payment, headers=given.a_key(given.an_account())).status_code == 404
    assert clinic.voids(payment, reason=" ").status_code == 422
    assert clinic.now.status == "paid"


def test_operator_can_void_a_payment_from_the_command_line(clinic):
    payment = clinic.takes().json["payment"]["id"]
    answer = run("payments", "void", payment, "--reason", "typed for the wrong invoice")
    assert answer.exit_code == 0, answer.output
    assert "$125.00 is owed" in answer.output
    assert (clinic.now.status, AuditEntry.get(AuditEntry.action == "payment.voided").actor[:4]) == (
        "sent",
        "cli:",
    )
    assert run("payments", "void", "pay_none", "--reason", "x").exit_code == 2
    assert run("payments", "void", payment, "--reason", " ").exit_code == 2


def test_card_payment_cannot_be_voided_from_the_command_line(clinic):
    clinic.phone()
    answer = run("payments", "void", Payment.get().id, "--reason", "x")
    assert (answer.exit_code, "refund" in answer.output) == (1, True)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        # midnight in New York, the account's zone
        ("2026-01-31", datetime(2026, 1, 31, 5, tzinfo=UTC)),
        ("2026-07-31", datetime(2026, 7, 31, 4, tzinfo=UTC)),
        ("2026-01-31T09:30:00", datetime(2026, 1, 31, 14, 30, tzinfo=UTC)),
        ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31T09:30:00+02:00", datetime(2026, 1, 31, 7, 30, tzinfo=UTC)),
    ],
)
def test_received_at_without_an_offset_is_in_the_accounts_time_zone(clinic, said, kept):
    answer = clinic.takes(receivedAt=said)
    assert answer.status_code == 201, answer.text
    assert Payment.get().created_at == kept


@pytest.mark.parametrize(
    "said",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31",
        "2999-01-01",
        "0001-01-01T00:00:00+05:00",
        "1926-11-22",
        "yesterday",
    ],
)
def test_implausible_received_at_is_refused(clinic, said):
    answer = clinic.takes(receivedAt=said)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert answer.json["errors"][0]["field"].startswith("receivedAt")
    assert Payment.select().count() == 0


def test_received_at_may_be_at_most_a_day_ahead(clinic):
    """Clocks differ, and a day begins earlier elsewhere; but more than a day ahead is a mistake."""
    assert (
        clinic.takes(receivedAt=(real_now() + timedelta(hours=23)).isoformat()).status_code == 201
    )
    assert (
        clinic.takes(
            reference="no. 2", receivedAt=(real_now() + timedelta(hours=25)).isoformat()
        ).status_code
        == 422
    )


@pytest.mark.parametrize("wrong", [{"amount": 1}, {"currency": "eur"}])
def test_wrong_amount_or_currency_of_a_stripe_payment_is_a_conflict(clinic, wrong):
    intent_id = clinic.opens()
    body = {
        "invoiceId": clinic.invoice.id,
        "amount": 12_500,
        "currency": "usd",
        "method": "stripe",
        "reference": intent_id,
    }
    answer = clinic.post("upsert", **body | wrong)
    assert (answer.status_code, answer.json["code"]) == (409, "payment_conflict")
    assert "12500 usd" in answer.json["detail"]
    assert (
        f"{(body | wrong)['amount']} {(body | wrong)['currency']}"
        in answer.json["detail"].split("not ")[1]
    )


def test_stripe_payment_unknown_here_is_recorded_with_its_intent(clinic):
    intent_id = clinic.opens()
    body = {
        "invoiceId": clinic.invoice.id,
        "amount": 12_500,
        "currency": "usd",
        "method": "stripe",
        "reference": intent_id,
    }
    first, repeated, again = (
        clinic.post("upsert", key="k1", **body),
        clinic.post("upsert", key="k1", **body),
        clinic.post("upsert", **body),
    )
    assert [answer.status_code for answer in (first, repeated, again)] == [201, 201, 200]
    assert (first.json["payment"]["reference"], first.json["payment"]["paymentIntentId"]) == (
        intent_id,
        intent_id,
    )
    assert clinic.now.status == "paid"
