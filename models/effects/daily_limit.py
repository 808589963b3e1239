"""Daily ceilings: how many texts, charges, calls, files, trial chats and number lookups an account
may have per day of its time zone, and how many it has had.

The ceiling comes from a setting, unless the account has its own. Each kind of effect declares what
it counts towards, and is counted when it is reserved.
"""

from datetime import datetime
from typing import Literal, get_args

from peewee import BigAutoField, DateField, IntegerField, TextField

from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.base import Instant, Row
from models.feed.emit import emit
from models.transactions import execute, serialize_on, transaction
from runtime.clock import real_now
from runtime.log import get_log
from runtime.settings import get_settings

Limited = Literal["texts", "charges", "calls", "files", "chats", "lookups"]
LIMITED: tuple[Limited, ...] = get_args(Limited)

log = get_log("limits")


class DailyCeiling(Row):
    """An account's own ceiling for one kind; without a row the setting `DAILY_CEILINGS` applies."""

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


class DailyTally(Row):
    """An account's count for one kind on one day of its time zone (business time)."""

    id = BigAutoField()
    account_id = TextField()
    what = TextField()
    day = DateField()
    count = IntegerField(default=0)

    class Meta:
        indexes = ((("account_id", "what", "day"), True),)


def ceiling_of(account_id: str, what: str) -> int:
    """The ceiling that applies to this account."""
    own = DailyCeiling.one("account_id = ? AND what = ?", account_id, what)
    return own.ceiling if own is not None else get_settings().ceilings[what]


def tally_of(account: Account, what: str, now: datetime) -> int:
    """The count for the account's day that contains `now` (business time)."""
    day = account.local_date(now).isoformat()
    row = DailyTally.one("account_id = ? AND what = ? AND day = ?", account.id, what, day)
    return row.count if row is not None else 0


def count_reserved(account: Account, what: Limited, now: datetime) -> None:
    """Count an effect that has just been reserved.

    Reaching the ceiling emits `ceiling.reached`, once. Refused effects count too: a ceiling limits
    runaway behaviour, such as many declined cards in a row.
    """
    account_id, day = account.id, account.local_date(now)
    sql = (
        "INSERT INTO daily_tally (account_id, what, day, count) VALUES (?, ?, ?, 1) ON CONFLICT"
        " (account_id, what, day) DO UPDATE SET count = daily_tally.count + 1 RETURNING count,"
        " (SELECT ceiling FROM daily_ceiling AS c WHERE c.account_id = daily_tally.account_id AND"
        " c.what = daily_tally.what)"
    )
    count, own = execute(sql, (account_id, what, day.isoformat())).fetchone()
    ceiling = own if own is not None else get_settings().ceilings[what]
    if count == ceiling:
        log.warning(
            "daily ceiling reached",
            account_id=account_id,
            what=what,
            ceiling=ceiling,
            day=day.isoformat(),
        )
        emit(
            account_id,
            "ceiling.reached",
            {"what": what, "ceiling": ceiling, "day": day.isoformat()},
            f"ceiling:{what}",
        )


def uncount(account: Account, what: Limited, counted_at: datetime) -> None:
    """Decrement the count for the day of `counted_at`, because the effect counted then has
    certainly not happened.

    A count that has reached the ceiling is not decremented, because `ceiling.reached` has been
    emitted.
    """
    ceiling, day = ceiling_of(account.id, what), account.local_date(counted_at).isoformat()
    execute(
        "UPDATE daily_tally SET count = count - 1"
        " WHERE account_id = ? AND what = ? AND day = ? AND count > 0 AND count < ?",
        (account.id, what, day, ceiling),
    )


def ceiling_key(account_id: str, what: Limited) -> str:
    """The key to lock while deciding whether the account has reached its ceiling."""
    return f"ceiling:{account_id}:{what}"


def over_ceiling(account_id: str, what: Limited, now: datetime) -> bool:
    """Whether the account has reached its ceiling of `what` for its current day; `now` is business
    time.

    Call it inside the deciding transaction: it locks the account and kind until the commit, so that
    two decisions cannot both use the last one.
    """
    serialize_on(ceiling_key(account_id, what))
    account = Account.get_by_id(account_id)
    return tally_of(account, what, now) >= ceiling_of(account_id, what)
