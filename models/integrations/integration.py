"""A calendar or practice software that a clinic has connected, with its sealed credential."""

from datetime import datetime
from typing import Self

from peewee import SQL, BooleanField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row, to_micros


class Integration(Recorded, Row):
    """`connected → expired | revoked`, and `expired → connected` when it is reconnected.

    One row per account and provider is `current`. A revoked one is not, and keeps `sealed` until
    the credential is revoked at the provider.

    `kind`: oauth, key_pair, token · `sealed`: the credential as JSON, encrypted under
    PAYPHONE_SECRET_KEY · `found`: what its check found, for people · `error`: why it expired, in
    words · `renew_at`: when the scan checks it next · `renewing_until`: the lease of the process
    that renews it · `version` grows with each new credential.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    provider = TextField()
    kind = TextField()
    state = TextField(default="connected")
    current = BooleanField(default=True)
    sealed = TextField(default="")
    found = TextField(default="")
    error = TextField(default="")
    version = IntegerField(default=1)
    expires_at = Instant(null=True)
    renew_at = Instant()
    renewing_until = Instant(null=True)
    verified_at = Instant()
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "provider", "id"), False),)

    @classmethod
    def of(cls, account_id: str, provider: str) -> Self | None:
        """The account's newest integration with this provider, in whatever state, or None."""
        where = "account_id = ? AND provider = ? ORDER BY id DESC LIMIT 1"
        return cls.one(where, account_id, provider)

    @classmethod
    def used_by(cls, account_id: str) -> list[Self]:
        """The account's current integrations, oldest first."""
        return cls.all("account_id = ? AND current ORDER BY id", account_id)

    @classmethod
    def due(cls, now: datetime, batch: int) -> list[Self]:
        """Connected integrations that are due to be renewed or checked."""
        where = "state = 'connected' AND renew_at <= ? ORDER BY renew_at LIMIT ?"
        return cls.all(where, to_micros(now), batch)

    @classmethod
    def unrevoked(cls, batch: int) -> list[Self]:
        """Disconnected integrations to be revoked at their provider for which no job is waiting or
        running, oldest first.
        """
        queued = (
            "SELECT 1 FROM staged_job AS j WHERE j.name = 'revoke_integration'"
            " AND j.key = integration.id AND j.state IN ('waiting', 'running')"
        )
        left = f"state = 'revoked' AND sealed <> '' AND NOT EXISTS ({queued})"
        return cls.all(f"{left} ORDER BY id LIMIT ?", batch)

    @classmethod
    def with_secrets(cls) -> list[Self]:
        """All integrations that keep a credential."""
        return cls.all("sealed <> '' ORDER BY id")

    @property
    def to_be_revoked(self) -> bool:
        """Whether its credential must still be revoked at the provider."""
        return self.state == "revoked" and bool(self.sealed)

    def claim(self, now: datetime, until: datetime) -> bool:
        """Lease the renewal to this process until `until`, and return whether it got it."""
        return self._write(
            now,
            only_if="state = 'connected' AND version = ?"
            " AND (renewing_until IS NULL OR renewing_until < ?)",
            given=(self.version, to_micros(now)),
            renewing_until=until,
        )


# one current credential per account and provider
Integration.add_index(
    Integration.index(
        Integration.account,
        Integration.provider,
        unique=True,
        where=SQL("current"),
        name="integration_current",
    )
)
Integration.add_index(
    Integration.index(
        Integration.renew_at, where=SQL("state = 'connected'"), name="integration_due"
    )
)
Integration.add_index(
    Integration.index(
        Integration.id,
        where=SQL("state = 'revoked' AND sealed <> ''"),
        name="integration_left_behind",
    )
)
