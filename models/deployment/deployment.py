"""A deployment: what a clinic's Deploy asked for, how far it is, and how it ended."""

from datetime import datetime, timedelta
from typing import Self

from peewee import SQL, BigIntegerField, BooleanField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row

# what a failed one has kept costs; nobody may begin another meanwhile
KEPT_FOR = timedelta(days=7)
# how one ends for good
OVER = frozenset({"live", "rolled_back", "taken_down"})


class Deployment(Recorded, Row):
    """`queued → running → live`, by way of `payment_action_required` and `awaiting_port`; when a
    step fails for good `rolling_back → rolled_back`, or `failed` where its progress is kept. A live
    one may be taken down: `rolling_back → taken_down`.

    `holds_slot`: an account has one deployment at a time that runs, waits or may be resumed.
    `wanted`: what was asked for, {phoneNumber?, areaCode?}. `fee` in minor units of `fee_currency`,
    `fee_intent_id` its PaymentIntent; `on_failure`: rollback, keep. `message` is for the clinic;
    `error_code` and `error` say what
    ended it. `goal`: live, or taken_down once it is to be taken down.
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
        """The account's last deployment."""
        return cls.one("account_id = ? ORDER BY id DESC LIMIT 1", account_id)

    @classmethod
    def under_way(cls, account_id: str) -> Self | None:
        """The account's deployment that holds its slot, if one does."""
        return cls.one("account_id = ? AND holds_slot", account_id)

    @classmethod
    def record_earlier_taken_down(cls, deployment: Self, now: datetime) -> None:
        """The account's earlier live deployments went down with this one, whose words they get."""
        values = {"status": "taken_down", "goal": "taken_down", "message": deployment.message}
        earlier = (cls.account == deployment.account_id) & (cls.id < deployment.id)
        cls.update(**values, updated_at=now).where(earlier, cls.status == "live").execute()

    @property
    def keeps(self) -> bool:
        """Whether it has failed, and keeps what it had done."""
        return self.status == "failed" and self.holds_slot

    @property
    def kept_until(self) -> datetime | None:
        """When what it has kept, as it failed, is given back; None if it keeps nothing."""
        return self.finished_at + KEPT_FOR if self.keeps and self.finished_at else None

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether a person may give up what it has done, while it waits for one or has failed."""
        return self.keeps or self.status in {"payment_action_required", "awaiting_port"}


# however many ask for one at the same time, an account has one
Deployment.add_index(
    Deployment.index(
        Deployment.account, unique=True, where=SQL("holds_slot"), name="deployment_slot"
    )
)
