"""The two effects under test, requested as through the API, and what must be true of each in the
end.
"""

from dataclasses import dataclass
from typing import Any

from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_link import PaymentLink
from models.payments.refund import Refund
from models.payments.refund_request import RefundRequest
from models.transactions import transaction
from runtime.clock import real_now
from tests import given
from tests.stand_ins.stand_in import LINKS, REFUNDS, StandIn

BOTH = ["payment link", "refund"]


@dataclass
class Asked:
    """One requested effect: what it is, and which row waits for it."""

    stand_in: StandIn
    what: str
    subject: str
    invoice: Invoice

    @property
    def path(self) -> str:
        return LINKS if self.what == "payment link" else REFUNDS

    @property
    def queue(self) -> str:
        return "messages" if self.what == "payment link" else "webhooks"

    @property
    def row(self) -> Any:
        return (PaymentLink if self.what == "payment link" else RefundRequest).get_by_id(
            self.subject
        )

    @property
    def effect(self) -> Effect:
        row: Effect = Effect.get(Effect.key.endswith(self.subject))
        return row

    @property
    def job(self) -> StagedJob:
        row: StagedJob = StagedJob.get(StagedJob.key == self.subject)
        return row

    def made(self) -> list[dict[str, Any]]:
        """The objects of this effect at the stand-in."""
        return self.stand_in.made(
            "payment_link" if self.what == "payment link" else "refund", self.subject
        )

    def age(self, seconds: float) -> None:
        """Move the first and the last sending into the past."""
        effect = self.effect
        values = {
            name: getattr(effect, name).timestamp() - seconds
            for name in ("sent_at", "last_sent_at")
            if getattr(effect, name)
        }
        Effect.update({name: int(value * 1_000_000) for name, value in values.items()}).where(
            Effect.id == effect.id
        ).execute()

    def assert_done_once(self) -> None:
        """Assert exactly one object at the provider, and that all our rows agree."""
        made, effect, row = self.made(), self.effect, self.row
        assert len(made) == 1, f"{len(made)} at the stand-in"
        assert (effect.state, effect.provider_id) == ("confirmed", made[0]["id"])
        assert self.job.state == "done"
        invoice = given.fresh(self.invoice)
        if self.what == "payment link":
            assert (row.state, row.stripe_link_id, row.url) == (
                "active",
                made[0]["id"],
                made[0]["url"],
            )
            assert (invoice.amount_paid, invoice.balance_revision) == (0, 0)
        else:
            assert (row.state, row.refund_id, row.amount) == (
                "confirmed",
                made[0]["id"],
                made[0]["amount"],
            )
            assert [refund.amount for refund in Refund.select()] == [4_000]
            assert (
                invoice.amount_received,
                invoice.amount_returned,
                invoice.amount_paid,
                invoice.outstanding,
            ) == (10_000, 4_000, 6_000, 4_000)

    def assert_not_done(self, state: str) -> None:
        """Assert no object at the provider, and that the row says why."""
        assert self.made() == []
        assert (self.effect.state, self.row.state) == (state, "refused")
        assert self.row.error
        assert self.job.state == "done"
        invoice = given.fresh(self.invoice)
        assert invoice.amount_returned == 0


def ask(what: str, stand_in: StandIn, redis: Any) -> Asked:
    """Request an effect on an invoice of 100.00: a planned link, or a refund of 40.00 after
    payment.
    """
    invoice = given.an_invoice(amount=10_000)
    if what == "payment link":
        with transaction():
            link = PaymentLink.plan(Invoice.locked(invoice.id), real_now())
            stage("create_payment_link", link.id, link.id)
        return Asked(stand_in, what, link.id, invoice)
    payment = stand_in.paid(invoice, redis=redis)
    with transaction():
        Invoice.locked(invoice.id)
        request = RefundRequest.request(
            payment, 4_000, "requested_by_customer", "key:test", real_now()
        )
        stage("refund_payment", request.id, request.id)
    return Asked(stand_in, what, request.id, invoice)
