"""A daily ceiling holds however many charges are requested at once (B14): it counts where a charge
is reserved, not where it is planned.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.effects.daily_limit import DailyCeiling, DailyTally
from models.effects.effect import Effect
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import database
from runtime.clock import move_business_time, real_now
from tests import given
from tests.running.processes import reset_process


@pytest.fixture
def account(client, stripe_stand_in, monkeypatch):
    monkeypatch.setenv("PAYPHONE_SETTLING", "0.001")
    reset_process()
    now = real_now()
    move_business_time(now.replace(hour=16) - now)  # midnight is far, in UTC and at the clinic
    return given.an_account()


def test_concurrent_charges_do_not_exceed_the_daily_ceiling(
    account, client, valkey, stripe_stand_in
):
    """Given a ceiling of two, when six customers pay by phone at once, then two cards are charged,
    and the other answers say why not.
    """
    DailyCeiling.change(account.id, "charges", 2, "cli:ann")
    invoices, headers, begin = (
        [given.an_invoice(account) for _ in range(6)],
        given.a_key(account),
        threading.Barrier(6),
    )
    for invoice in invoices:
        assert (
            client.simulate_post(
                "/api/payments/create-payment-intent",
                json={"invoiceId": invoice.id},
                headers=headers,
            ).status_code
            == 201
        )

    def pay(invoice):
        begin.wait(120)
        try:
            return client.simulate_post(
                "/api/payments/phone",
                json={"invoiceId": invoice.id, "paymentMethodId": "pm_card_visa"},
                headers=headers | {"Idempotency-Key": invoice.id},
            )
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(pay, invoices))
    given.retried(valkey.client())
    assert sum(stripe_stand_in.received(invoice.id) == 12_500 for invoice in invoices) == 2
    assert (
        Effect.select().where(Effect.kind == "intent_confirm").count(),
        DailyTally.get().count,
    ) == (2, 2)
    refused = [answer.json for answer in answers if answer.status_code == 409]
    assert {answer["code"] for answer in refused} == {"ceiling_reached"}
    assert all("daily ceiling of charges" in answer["detail"] for answer in refused)
    assert len(refused) == 4
    assert not PaymentConfirmation.select().where(PaymentConfirmation.state == "requested").exists()
