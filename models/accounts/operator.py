"""An operator: a named person who can view, act or administer, in all accounts or in some."""

import threading
from datetime import datetime
from typing import cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from peewee import SQL, JSONField, TextField

from models.base import Instant, Row
from rules.operator_rights import Rights, Scope
from runtime.errors import Refused
from runtime.ids import new_id

BUILT_IN = "operator"  # name of the operator who signs in with OPERATOR_PASSWORD; it has no row
MIN_PASSWORD = 12
EVERYTHING = Rights()

_hasher = PasswordHasher()  # Argon2id with RFC 9106's second recommended profile: 64 MiB, 3 passes
_at_once = threading.BoundedSemaphore(2)  # 64 MiB each: a burst of logins must not exhaust memory
# The hash of no real password, with the same parameters, so that refusing takes equally long.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$uG+iNoyO9MSqOMuyYu3PLA"
    "$+IQZpWnG8igDImoemm1SYscoiceOX9CN5F3+815fCaI"
)


class Operator(Row):
    """An operator. The password is stored as an Argon2id hash. A disabled operator's row is kept
    for the audit log.
    """

    id = TextField(primary_key=True)
    name = TextField(unique=True)
    password_hash = TextField()
    created_at = Instant()
    disabled_at = Instant(null=True)
    # a default in the database as well, because an older release does not set the column
    scope = TextField(default="admin", constraints=[SQL("DEFAULT 'admin'")])
    accounts = JSONField(null=True)  # ids; null: all

    @classmethod
    def add(
        cls, name: str, password: str, now: datetime, rights: Rights = EVERYTHING
    ) -> "Operator":
        """Create an operator. Raises Refused for a taken or unusable name, or a short password."""
        clean = normal_name(name)
        if not clean.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise Refused(
                "invalid",
                f"The name {name!r} is not allowed: use letters, digits, '.', '-' and '_'.",
            )
        _check_length(password)
        if clean == BUILT_IN or cls.get_or_none(cls.name == clean):
            raise Refused(
                "already_exists", f"There is an operator {clean} already. Choose another name."
            )
        return cls.create(
            id=new_id("op"),
            name=clean,
            password_hash=_hasher.hash(password),
            created_at=now,
            scope=rights.scope,
            accounts=None if rights.accounts is None else sorted(rights.accounts),
        )

    @property
    def rights(self) -> Rights:
        """What the operator can do, and in which accounts."""
        return Rights(
            cast(Scope, self.scope), None if self.accounts is None else frozenset(self.accounts)
        )

    def reset(self, password: str) -> None:
        """Set a new password and re-enable the operator.

        Sessions opened with the old password become invalid.
        """
        _check_length(password)
        Operator.update(password_hash=_hasher.hash(password), disabled_at=None).where(
            Operator.id == self.id
        ).execute()

    def record_disabled(self, now: datetime) -> None:
        """Disable the operator, who can no longer sign in."""
        Operator.update(disabled_at=now).where(Operator.id == self.id).execute()

    @classmethod
    def live(cls, name: str) -> "Operator | None":
        """The enabled operator with this name, or None."""
        return cls.get_or_none((cls.name == normal_name(name)) & cls.disabled_at.is_null())


def _check_length(password: str) -> None:
    if len(password) < MIN_PASSWORD:
        raise Refused(
            "invalid",
            f"The password has {len(password)} characters; use at least {MIN_PASSWORD}.",
        )


def normal_name(name: str) -> str:
    """Normalise a name for comparison: no outer spaces, lower case."""
    return name.strip().lower()


def password_holds(operator: Operator | None, password: str) -> bool:
    """Whether this is the operator's password; without an operator, False after the same time."""
    with _at_once:
        try:
            _hasher.verify(operator.password_hash if operator else _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return operator is not None
