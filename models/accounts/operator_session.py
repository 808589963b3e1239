"""A signed-in browser: a session of one operator, identified by the hash of its cookie."""

import hashlib
from datetime import datetime, timedelta

from peewee import TextField

from models.accounts.api_key import hash_key
from models.accounts.operator import BUILT_IN, EVERYTHING, Operator
from models.base import ForeignKey, Instant, Row
from rules.operator_rights import Rights
from runtime.ids import new_token

LIFETIME = timedelta(hours=12)
IDLE = timedelta(hours=2)
SEEN_STEP = timedelta(minutes=1)  # `last_seen_at` is written at most this often


class OperatorSession(Row):
    """A session. `credential` binds it to the password it was opened with, so that changing the
    password ends it.
    """

    operator_id: str | None
    hash = TextField(primary_key=True)
    operator = ForeignKey(Operator, null=True, on_delete="CASCADE")
    name = TextField()
    csrf_token = TextField()
    credential = TextField()
    created_at = Instant()
    last_seen_at = Instant()
    expires_at = Instant()

    class Meta:
        indexes = ((("expires_at",), False),)

    @classmethod
    def open(
        cls, operator: Operator | None, secret: str, now: datetime
    ) -> tuple["OperatorSession", str]:
        """Open a session; returns its row and token.

        Without an operator it belongs to the built-in one, whose password is `secret`.
        """
        token = new_token()
        held = operator.password_hash if operator else secret
        row = cls.create(
            hash=hash_key(token),
            operator=operator,
            name=operator.name if operator else BUILT_IN,
            csrf_token=new_token(),
            credential=_bound(token, held),
            created_at=now,
            last_seen_at=now,
            expires_at=now + LIFETIME,
        )
        cls.delete().where(cls.expires_at < now).execute()
        return row, token

    @classmethod
    def find(cls, token: str, built_in_password: str, now: datetime) -> "OperatorSession | None":
        """The live session for a cookie's token, or None if it has expired or its operator was
        disabled or changed the password.
        """
        row = cls.get_or_none(cls.hash == hash_key(token))
        if row is None or now >= row.expires_at or now - row.last_seen_at > IDLE:
            return None
        operator = row.operator
        held = operator.password_hash if operator else built_in_password
        if not held or (operator and operator.disabled_at) or row.credential != _bound(token, held):
            return None
        if now - row.last_seen_at > SEEN_STEP:
            cls.update(last_seen_at=now).where(cls.hash == row.hash).execute()
        return row

    @property
    def rights(self) -> Rights:
        """What its operator can do; the built-in operator can do everything."""
        return self.operator.rights if self.operator else EVERYTHING

    @classmethod
    def end_of(cls, operator: Operator) -> None:
        """End every session of an operator."""
        cls.delete().where(cls.operator == operator).execute()

    def revoke(self) -> None:
        """End the session; its cookie is no longer valid."""
        OperatorSession.delete().where(OperatorSession.hash == self.hash).execute()


def _bound(token: str, credential: str) -> str:
    # Salted with the token, which is not stored: the row reveals nothing about the password.
    return hashlib.sha256(f"{token}:{credential}".encode()).hexdigest()
