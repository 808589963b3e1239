"""An OAuth authorization in progress: the state that a provider's callback must return, once."""

from datetime import datetime
from hashlib import sha256
from typing import Self

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from runtime.ids import new_token


class OAuthState(Row):
    """A state, stored as a hash: the token itself is in the URL that the clinic's browser follows.

    `verifier` is PKCE's, sealed. `used_at` is set by the first callback, the only one that counts.
    """

    account_id: str
    hash = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    provider = TextField()
    verifier = TextField()
    asked_by = TextField()
    created_at = Instant()
    expires_at = Instant(index=True)
    used_at = Instant(null=True)

    class Meta:
        table_name = "oauth_state"

    @classmethod
    def begin(
        cls,
        account: Account,
        provider: str,
        verifier: str,
        asked_by: str,
        now: datetime,
        until: datetime,
    ) -> str:
        """Create a state and return its token, which is not stored."""
        token = new_token()
        cls.create(
            hash=_hash(token),
            account=account,
            provider=provider,
            verifier=verifier,
            asked_by=asked_by,
            created_at=now,
            expires_at=until,
        )
        return token

    @classmethod
    def usable(cls, token: str, now: datetime) -> Self | None:
        """The unused, unexpired state for this token, or None."""
        where = "hash = ? AND used_at IS NULL AND expires_at > ?"
        return cls.one(where, _hash(token), to_micros(now))

    @classmethod
    def is_used(cls, token: str) -> bool:
        """Whether the state for this token was used up."""
        return cls.has("hash = ? AND used_at IS NOT NULL", _hash(token))

    @classmethod
    def take(cls, token: str, now: datetime) -> Self | None:
        """Use up and return the state for this token; None if it is unknown, used or expired."""
        row = cls.one("hash = ?", _hash(token))
        return row if row is not None and row.record_used(now) else None

    def record_used(self, now: datetime) -> bool:
        """Use it up, and return whether it was still usable."""
        fresh = "used_at IS NULL AND expires_at > ?"
        return self._write(only_if=fresh, given=(to_micros(now),), used_at=now)


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
