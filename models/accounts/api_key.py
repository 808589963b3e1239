"""API keys: shown once, stored as a hash."""

import hashlib
from datetime import datetime

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from runtime.ids import new_id, new_token


class ApiKey(Row):
    """A key of an account, or of an operator (no account), who can act for any account."""

    account_id: str | None
    id = TextField(primary_key=True)
    account = ForeignKey(Account, null=True, on_delete="CASCADE")
    hash = TextField(unique=True)
    name = TextField()
    created_at = Instant()
    revoked_at = Instant(null=True)

    @classmethod
    def issue(cls, account: Account | None, name: str, now: datetime) -> tuple["ApiKey", str]:
        """Create a key. Returns its row and its secret, which is not stored."""
        secret = new_token("pp_" if account else "ppop_")
        row = cls.create(
            id=new_id("key"), account=account, hash=hash_key(secret), name=name, created_at=now
        )
        return row, secret

    @classmethod
    def find(cls, secret: str) -> "ApiKey | None":
        """The unrevoked key with this secret, or None."""
        return cls.get_or_none((cls.hash == hash_key(secret)) & cls.revoked_at.is_null())

    def revoke(self, now: datetime) -> bool:
        """Revoke the key, and return whether it was valid until now."""
        live = (ApiKey.id == self.id) & ApiKey.revoked_at.is_null()
        return bool(ApiKey.update(revoked_at=now).where(live).execute())


def hash_key(secret: str) -> str:
    """SHA-256 as hex: sufficient for 215 random bits, and quick to look up."""
    return hashlib.sha256(secret.encode()).hexdigest()
