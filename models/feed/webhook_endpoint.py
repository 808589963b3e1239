"""Webhook endpoints of clinics' software: a URL, event types, and a signing secret."""

from datetime import datetime, timedelta
from typing import Any

from peewee import BigIntegerField, IntegerField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from runtime.ids import new_id

GIVEN_UP_AFTER = timedelta(days=3)  # of failures only, after which the endpoint is disabled
# consecutive failures; fewer may be the fault of single events or the network, and hold nothing up
HELD_AFTER = 3
# seconds until a held endpoint is tested again: after the failure that holds its deliveries, after
# the next one, …; the last value repeats
QUIET = 5, 60, 300


class WebhookEndpoint(Row):
    """An endpoint: `active ⇄ disabled`, `→ deleted`.

    `secret` is encrypted. `failures` counts consecutive failures of any of its deliveries.
    `quiet_until` is when an endpoint whose deliveries are held is tested again.

    `missed_after` is the feed's cursor before the first event it missed when it was last disabled.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    url = TextField()
    events = JSONField(default=list)
    secret = TextField()
    state = TextField(default="active")
    failures = IntegerField(default=0)
    failing_since = Instant(null=True)
    quiet_until = Instant(null=True)
    last_error = TextField(null=True)
    created_at = Instant()
    disabled_at = Instant(null=True)
    missed_after = BigIntegerField(null=True)

    class Meta:
        indexes = ((("account", "state"), False),)

    @classmethod
    def register(
        cls, account: Account, url: str, events: list[str], sealed_secret: str, now: datetime
    ) -> "WebhookEndpoint":
        """Create an endpoint; empty `events` means all of them."""
        row: WebhookEndpoint = cls.create(
            id=new_id("whe"),
            account=account,
            url=url,
            events=events,
            secret=sealed_secret,
            created_at=now,
        )
        return row

    @classmethod
    def sealed(cls) -> list["WebhookEndpoint"]:
        """All endpoints that have a secret, including disabled ones."""
        return list(cls.select().where(cls.secret != "").order_by(cls.id))

    @classmethod
    def held(cls) -> list["WebhookEndpoint"]:
        """All active endpoints whose deliveries are held because they fail."""
        active = cls.select().where(cls.state == "active", cls.failures >= HELD_AFTER)
        return list(active.order_by(cls.id))

    @property
    def turn(self) -> str:
        """The `fair_to` of its delivery jobs: `account/endpoint`."""
        return f"{self.account_id}/{self.id}"

    def subscribes_to(self, type: str) -> bool:
        """Whether it subscribes to events of this type."""
        subject, _, _ = type.partition(".")
        return not self.events or not {"*", f"{subject}.*", type}.isdisjoint(self.events)

    def record_answered(self) -> None:
        """Record that it accepted a delivery: its failures are reset."""
        if self.failures:
            self._write(failures=0, failing_since=None, quiet_until=None, last_error=None)

    @property
    def is_held(self) -> bool:
        """Whether all its deliveries but the one that tests it are held.

        (An older release held them after one failure.)
        """
        return self.failures >= HELD_AFTER or self.quiet_until is not None

    def record_failed(self, error: str, now: datetime) -> bool:
        """Record a failed delivery; after HELD_AFTER in a row its deliveries are held for a while.

        Returns whether it has been failing for too long.
        """
        since, failures = self.failing_since or now, self.failures + 1
        is_held = failures >= HELD_AFTER or self.is_held
        quiet = QUIET[min(max(0, failures - HELD_AFTER), len(QUIET) - 1)]
        self._write(
            failures=failures,
            failing_since=since,
            quiet_until=now + timedelta(seconds=quiet) if is_held else None,
            last_error=error[:200],
        )
        return now - since >= GIVEN_UP_AFTER

    def record_disabled(self, missed_after: int, now: datetime) -> None:
        """Disable it: no more deliveries are sent."""
        self._write(state="disabled", disabled_at=now, missed_after=missed_after)

    def record_enabled(self) -> None:
        """Enable it again and reset its failures."""
        self._write(
            state="active",
            disabled_at=None,
            failures=0,
            failing_since=None,
            quiet_until=None,
            last_error=None,
        )

    def record_changed(self, **values: Any) -> None:
        """Record its owner's changes to `url` or `events`."""
        self._write(**values)

    def record_resealed(self, sealed_secret: str) -> bool:
        """Store the same secret sealed under another key.

        Returns False if the secret has been changed or deleted since it was read.
        """
        same = (WebhookEndpoint.id == self.id) & (WebhookEndpoint.secret == self.secret)
        return bool(WebhookEndpoint.update(secret=sealed_secret).where(same).execute())

    def record_deleted(self, now: datetime) -> None:
        """Delete it for its owner. The row stays for its deliveries, without the secret."""
        self._write(state="deleted", secret="", disabled_at=now)
