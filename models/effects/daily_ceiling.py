"""How many texts, charges and calls an account may have in a day: a setting, or the account's own
number.
"""

from peewee import BigAutoField, IntegerField, TextField

from models.accounts.audit_entry import AuditEntry
from models.base import Instant, Row, transaction
from runtime.clock import real_now
from runtime.settings import get_settings


class DailyCeiling(Row):
    """An account's own ceiling of one kind; without a row the setting `DAILY_CEILINGS` applies."""

    id = BigAutoField()
    account_id = TextField()
    what = TextField()
    ceiling = IntegerField()
    by = TextField()
    at = Instant()

    class Meta:
        indexes = ((("account_id", "what"), True),)

    @classmethod
    def change(cls, account_id: str, what: str, ceiling: int | None, by: str) -> None:
        """Set the account's own ceiling; None removes it. Audited in the same transaction."""
        with transaction():
            if ceiling is None:
                cls.delete().where(cls.account_id == account_id, cls.what == what).execute()
            else:
                values = {"ceiling": ceiling, "by": by, "at": real_now()}
                target = [cls.account_id, cls.what]
                cls.insert(account_id=account_id, what=what, **values).on_conflict(
                    conflict_target=target, update=values
                ).execute()
            AuditEntry.record(
                by,
                "ceiling.changed",
                f"account:{account_id}",
                account_id,
                what=what,
                ceiling=ceiling,
            )


def ceiling_of(account_id: str, what: str) -> int:
    """The ceiling that applies to this account."""
    own = DailyCeiling.get_or_none(
        (DailyCeiling.account_id == account_id) & (DailyCeiling.what == what)
    )
    return own.ceiling if own is not None else get_settings().ceilings[what]
