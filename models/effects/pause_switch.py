"""Switches that stop texts, calls and charges, of one account or of all.

Check them inside the transaction that decides, before the effect is reserved:

    if paused(account_id, "texts") or over_ceiling(account_id, "texts", business_now()): …

Deciding transactions share a lock on the switches, and a change waits for them: once `pause` has
committed, no decision made before it is still open.
"""

from typing import Literal, get_args

from peewee import BigAutoField, BooleanField, TextField

from models.accounts.audit_entry import AuditEntry
from models.base import Instant, Row
from models.transactions import Shared, serialize_on, transaction
from runtime.clock import real_now

# the other kinds with a daily ceiling cost only the platform, so no pause stops them
Pausable = Literal["texts", "charges", "calls"]
PAUSABLE: tuple[Pausable, ...] = get_args(Pausable)
ALL = ""  # the `account_id` of a switch for all accounts
_KEY = "brake"
SWITCHES = Shared(_KEY)  # held by readers


class PauseSwitch(Row):
    """A switch; the audit log has its history. `account_id` is empty if it is for all accounts."""

    id = BigAutoField()
    account_id = TextField(default=ALL)
    what = TextField()
    paused = BooleanField(default=False)
    by = TextField()
    why = TextField(default="")
    at = Instant()

    class Meta:
        table_name = "brake"  # as the first release named it
        indexes = ((("account_id", "what"), True),)

    @classmethod
    def set(cls, account_id: str, what: Pausable, paused: bool, by: str, why: str) -> bool:
        """Pause or resume, audited in the same transaction.

        Returns False, and writes nothing, if it is already so.
        """
        with transaction():
            serialize_on(_KEY)
            known = cls.get_or_none((cls.account_id == account_id) & (cls.what == what))
            if (known is not None and known.paused) == paused:
                return False
            values = {"paused": paused, "by": by, "why": why[:500], "at": real_now()}
            target = [cls.account_id, cls.what]
            cls.insert(account_id=account_id, what=what, **values).on_conflict(
                conflict_target=target, update=values
            ).execute()
            action = f"{what}.{'paused' if paused else 'resumed'}"
            AuditEntry.record(
                by,
                action,
                f"account:{account_id}" if account_id else "accounts:all",
                account_id or None,
                why=why[:500],
            )
            return True


def share_switches() -> None:
    """Hold the readers' shared lock on the switches until the transaction ends."""
    serialize_on(SWITCHES)


def paused(account_id: str | None, what: Pausable) -> bool:
    """Whether `what` is paused for this account or for all.

    Holds a shared lock on the switches until the transaction ends.
    """
    share_switches()
    where = "account_id IN (?, ?) AND what = ? AND paused"
    return PauseSwitch.has(where, ALL, account_id or ALL, what)
