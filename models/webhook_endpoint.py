"""Where a clinic's software wants to be told: an address, the types it wants, and a secret to sign with."""

from datetime import datetime, timedelta

from peewee import ForeignKeyField, IntegerField, JSONField, TextField, fn

from models.account import Account
from models.base import Instant, Row, to_micros
from runtime.ids import new_id

PATIENCE = timedelta(days=3)  # of nothing but failures, then the endpoint is disabled


class WebhookEndpoint(Row):
    """One endpoint: `active → disabled | deleted`. `secret` is encrypted; `quiet_until` spares one that does not answer."""

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
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

    class Meta:
        indexes = ((("account", "state"), False),)

    @classmethod
    def register(cls, account: Account, url: str, events: list[str], sealed_secret: str, now: datetime) -> "WebhookEndpoint":
        """A new endpoint; no `events` means all of them."""
        row: WebhookEndpoint = cls.create(id=new_id("whe"), account=account, url=url, events=events, secret=sealed_secret, created_at=now)
        return row

    def wants(self, type: str) -> bool:
        """Whether it is to be told events of this type."""
        return not self.events or type in self.events

    def record_answered(self) -> None:
        """It took a delivery: whatever went wrong before is forgiven."""
        if self.failures:
            self._write(failures=0, failing_since=None, quiet_until=None, last_error=None)

    def record_failed(self, error: str, quiet_until: datetime, now: datetime) -> bool:
        """It did not take a delivery; it is left alone until `quiet_until`. Answers whether its patience is used up."""
        since = fn.COALESCE(WebhookEndpoint.failing_since, to_micros(now))
        values = {"failures": WebhookEndpoint.failures + 1, "failing_since": since, "quiet_until": quiet_until, "last_error": error[:200]}
        WebhookEndpoint.update(values).where(WebhookEndpoint.id == self.id).execute()
        fresh = WebhookEndpoint.get_by_id(self.id)
        return bool(now - fresh.failing_since >= PATIENCE)

    def record_disabled(self, now: datetime) -> bool:
        """Nothing more is sent to it; False when another writer has said so already."""
        changed = WebhookEndpoint.update(state="disabled", disabled_at=now).where(WebhookEndpoint.id == self.id, WebhookEndpoint.state == "active")
        return bool(changed.execute())

    def record_deleted(self, now: datetime) -> None:
        """Its owner wants it no longer; the row stays for the record of its deliveries, without the secret."""
        self._write(state="deleted", secret="", disabled_at=now)

    def _write(self, **values: object) -> None:
        WebhookEndpoint.update(**values).where(WebhookEndpoint.id == self.id).execute()
        for name, value in values.items():
            setattr(self, name, value)
