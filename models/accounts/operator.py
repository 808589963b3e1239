"""An operator: a named person who may look, act or administer, in every account or in some."""

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

BUILT_IN = "operator"  # whoever knows the setting OPERATOR_PASSWORD; it has no row
MIN_PASSWORD = 12
EVERYTHING = Rights()

_hasher = PasswordHasher()  # Argon2id with RFC 9106's second recommended profile: 64 MiB, 3 passes
_at_once = threading.BoundedSemaphore(2)  # 64 MiB each: a burst of logins must not eat the machine
# Of no password anybody has; made with the same parameters, so that it takes as long to refuse.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$uG+iNoyO9MSqOMuyYu3PLA"
    "$+IQZpWnG8igDImoemm1SYscoiceOX9CN5F3+815fCaI"
)


class Operator(Row):
    """One person. The password is stored as an Argon2id hash; a disabled operator's row stays, for
    the audit log.
    """

    id = TextField(primary_key=True)
    name = TextField(unique=True)
    password_hash = TextField()
    created_at = Instant()
    disabled_at = Instant(null=True)
    # the database knows it too: an older release does not name the column
    scope = TextField(default="admin", constraints=[SQL("DEFAULT 'admin'")])
    accounts = JSONField(null=True)  # ids; null: all

    @classmethod
    def add(
        cls, name: str, password: str, now: datetime, rights: Rights = EVERYTHING
    ) -> "Operator":
        """A new operator. Raises Refused for a name that is taken or cannot be used, and for a
        short password.
        """
        clean = normal_name(name)
        if not clean.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise Refused(
                "invalid",
                f"The name {name!r} will not do: use letters, digits, '.', '-' and '_'.",
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
        """What the operator may do, and where."""
        return Rights(
            cast(Scope, self.scope), None if self.accounts is None else frozenset(self.accounts)
        )

    def reset(self, password: str) -> None:
        """A new password, and nothing keeps the operator out any more. Sessions opened with the old
        one are worth nothing.
        """
        _check_length(password)
        Operator.update(password_hash=_hasher.hash(password), disabled_at=None).where(
            Operator.id == self.id
        ).execute()

    def record_disabled(self, now: datetime) -> None:
        """The operator may not sign in any more."""
        Operator.update(disabled_at=now).where(Operator.id == self.id).execute()

    @classmethod
    def live(cls, name: str) -> "Operator | None":
        """The operator of this name who is not disabled."""
        return cls.get_or_none((cls.name == normal_name(name)) & cls.disabled_at.is_null())


def _check_length(password: str) -> None:
    if len(password) < MIN_PASSWORD:
        raise Refused(
            "invalid",
            f"The password has {len(password)} characters; use at least {MIN_PASSWORD}.",
        )


def normal_name(name: str) -> str:
    """A name without outer spaces and case, as names are compared."""
    return name.strip().lower()


def password_holds(operator: Operator | None, password: str) -> bool:
    """Whether this is the operator's password; False for no operator, after the same time."""
    with _at_once:
        try:
            _hasher.verify(operator.password_hash if operator else _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return operator is not None
