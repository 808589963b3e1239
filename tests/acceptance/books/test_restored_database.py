"""After a restore from a backup, jobs repeat requests that Stripe has already fulfilled: the
existing object is found, and no second one is made.
"""

from datetime import timedelta

import pytest

from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.payments.payment_attempt import PaymentAttempt
from models.payments.refund import Refund
from models.payments.refund_request import RefundRequest
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given
from tests.clinic import Clinic


@pytest.fixture
def clinic(client, valkey, stand_in):
    return Restored(client, stand_in, valkey.client(), amount=10_000)


class Restored(Clinic):
    def post(self, path, **body):
        headers = self.headers | {"Idempotency-Key": new_id("key")}
        answer = self.client.simulate_post(path, json=body, headers=headers)
        assert answer.status_code in {201, 202}, answer.text
        return answer.json

    def work(self):
        given.worked(self.redis)

    def restored(self, row, effect_kept=False, hours=1, **as_it_was):
        """Put the rows back as in a backup: the request made `hours` ago, its job waiting, and its
        effect missing or never sent.
        """
        mine = Effect.key.endswith(f":{row.id}")
        if effect_kept:
            blank = {
                "provider_id": None,
                "answer": None,
                "sent_at": None,
                "last_sent_at": None,
                "settled_at": None,
            }
            Effect.update(
                state="sending", deadline=real_now() + timedelta(hours=24 - hours), **blank
            ).where(mine).execute()
            self.stripe.forget_keys()
        else:
            Effect.delete().where(mine).execute()
        kind = type(row)
        kind.update(created_at=real_now() - timedelta(hours=hours), **as_it_was).where(
            kind.id == row.id
        ).execute()
        blank = {"attempts": 0, "claim": 0, "finished_at": None}
        assert (
            StagedJob.update(state="waiting", due_at=0, **blank)
            .where(StagedJob.key == row.id)
            .execute()
            == 1
        )
        given.relayed(self.redis)


@pytest.mark.parametrize(("effect_kept", "hours"), [(False, 1), (True, 1), (True, 48)])
def test_refund_is_not_repeated_after_a_restore(clinic, effect_kept, hours):
    payment = clinic.stripe.paid(clinic.invoice, redis=clinic.redis)
    asked = RefundRequest.get_by_id(
        clinic.post(f"/api/payments/{payment.id}/refunds", amount=2_500)["id"]
    )
    clinic.work()
    [made] = clinic.stripe.refunds(asked.id)
    Refund.delete().execute()
    clinic.restored(asked, effect_kept, hours, state="requested", refund_id=None)
    clinic.work()
    assert [row["id"] for row in clinic.stripe.refunds(asked.id)] == [made["id"]]
    again = RefundRequest.get_by_id(asked.id)
    assert (again.state, again.refund_id, Effect.get(Effect.kind == "refund").state) == (
        "confirmed",
        made["id"],
        "confirmed",
    )


def test_new_refund_is_requested_without_searching_stripe_first(clinic):
    payment = clinic.stripe.paid(clinic.invoice, redis=clinic.redis)
    before = len(clinic.stripe.requests("/v1/refunds", "GET"))
    clinic.post(f"/api/payments/{payment.id}/refunds")
    clinic.work()
    assert len(clinic.stripe.requests("/v1/refunds", "GET")) == before


def test_payment_intent_is_not_repeated_after_a_restore(clinic):
    intent = clinic.post("/api/payments/create-payment-intent", invoiceId=clinic.invoice.id)[
        "paymentIntentId"
    ]
    clinic.restored(PaymentAttempt.get(), state="planned", intent_id=None)
    clinic.work()
    assert [row["id"] for row in clinic.stripe.made("payment_intent", PaymentAttempt.get().id)] == [
        intent
    ]
    assert (PaymentAttempt.get().state, PaymentAttempt.get().intent_id) == ("open", intent)
