"""How many texts, charges and calls an account has had on its own day, counted as each effect is
reserved.
"""

from datetime import datetime

from peewee import BigAutoField, DateField, IntegerField, TextField

from models.accounts.account import Account
from models.base import Row, execute
from models.effects.daily_ceiling import ceiling_of
from models.feed.emit import emit
from runtime.log import get_log

# Which brake an effect falls under. Effects of other kinds (refunds, links, cancels) are never
# braked.
BRAKED = {"intent_confirm": "charges", "text": "texts", "call": "calls"}

log = get_log("brakes")


class DailyTally(Row):
    """One account's count of one kind on one day of its own time zone (business time)."""

    id = BigAutoField()
    account_id = TextField()
    what = TextField()
    day = DateField()
    count = IntegerField(default=0)

    class Meta:
        indexes = ((("account_id", "what", "day"), True),)


def tally_of(account: Account, what: str, now: datetime) -> int:
    """How many there were on the account's day that `now` (business time) lies in."""
    same = (
        (DailyTally.account_id == account.id)
        & (DailyTally.what == what)
        & (DailyTally.day == account.local_date(now))
    )
    row = DailyTally.get_or_none(same)
    return row.count if row is not None else 0


def record_braked(kind: str, account_id: str | None, now: datetime) -> None:
    """Count an effect that has just been reserved; the one that reaches the ceiling emits
    `ceiling.reached`, once.

    Refused ones count too: a ceiling limits what is out of control, such as many declined cards in
    a row.
    """
    what = BRAKED.get(kind)
    if what is None or account_id is None:
        return
    day = Account.get_by_id(account_id).local_date(now)
    sql = (
        "INSERT INTO daily_tally (account_id, what, day, count) VALUES (?, ?, ?, 1) ON CONFLICT"
        " (account_id, what, day) DO UPDATE SET count = daily_tally.count + 1 RETURNING count"
    )
    count, ceiling = (
        int(execute(sql, (account_id, what, day.isoformat())).fetchone()[0]),
        ceiling_of(account_id, what),
    )
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
