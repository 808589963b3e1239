"""A deployment: what a clinic's Deploy requested, how far it is, and how it ended."""

from datetime import datetime, timedelta
from typing import Self

from peewee import SQL, BigIntegerField, BooleanField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row

# what a failed deployment keeps costs money, and the account cannot start another until then
KEPT_FOR = timedelta(days=7)
# final states
OVER = frozenset({"live", "rolled_back", "taken_down"})


class Deployment(Recorded, Row):
    """`queued → running → live`, possibly via `payment_action_required` and `awaiting_port`.

    If a step fails for good: `rolling_back → rolled_back`, or `failed` if its progress is kept. A
    live one can be taken down: `rolling_back → taken_down`.

    `holds_slot`: an account has at most one deployment that runs, waits or can be resumed.
    `wanted`: what was requested, {phoneNumber?, areaCode?}. `fee` is in minor units of
    `fee_currency`, `fee_intent_id` is its PaymentIntent. `on_failure`: rollback, keep. `message` is
    for the clinic; `error_code` and `error` say what ended it. `goal`: live, or taken_down once a
    take-down is requested.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    status = TextField(default="queued")
    goal = TextField(default="live")
    holds_slot = BooleanField(default=True)
    method = TextField()
    wanted = JSONField(default=dict)
    fee = BigIntegerField(default=0)
    fee_currency = TextField(default="usd")
    fee_intent_id = TextField(null=True, unique=True)
    on_failure = TextField(default="rollback")
    message = TextField(default="")
    error_code = TextField(default="")
    error = TextField(default="")
    asked_by = TextField()
    created_at = Instant()
    updated_at = Instant()
    finished_at = Instant(null=True)

    class Meta:
        indexes = ((("account", "id"), False), (("status", "updated_at"), False))

    @classmethod
    def newest(cls, account_id: str) -> Self | None:
        """The account's last deployment, or None."""
        return cls.one("account_id = ? ORDER BY id DESC LIMIT 1", account_id)

    @classmethod
    def under_way(cls, account_id: str) -> Self | None:
        """The deployment that holds the account's slot, or None."""
        return cls.one("account_id = ? AND holds_slot", account_id)

    @classmethod
    def record_earlier_taken_down(cls, deployment: Self, now: datetime) -> None:
        """Record that the account's earlier live deployments were taken down with this one. They
        get its message.
        """
        values = {"status": "taken_down", "goal": "taken_down", "message": deployment.message}
        earlier = (cls.account == deployment.account_id) & (cls.id < deployment.id)
        cls.update(**values, updated_at=now).where(earlier, cls.status == "live").execute()

    @property
    def has_kept_resources(self) -> bool:
        """Whether it failed but keeps what it had created."""
        return self.status == "failed" and self.holds_slot

    @property
    def kept_until(self) -> datetime | None:
        """When what a failed deployment keeps is released; None if it keeps nothing."""
        return self.finished_at + KEPT_FOR if self.has_kept_resources and self.finished_at else None

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether a person can abandon it: it waits for a person or a port, or has failed and keeps
        its progress.
        """
        return self.has_kept_resources or self.status in {
            "payment_action_required",
            "awaiting_port",
        }


# one per account, however many are requested at the same time
Deployment.add_index(
    Deployment.index(
        Deployment.account, unique=True, where=SQL("holds_slot"), name="deployment_slot"
    )
)
