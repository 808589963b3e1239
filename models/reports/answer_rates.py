"""How often calls from a number are answered, by hour of the day.

A number that carriers label as spam shows up here first.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from models.accounts.account import Account
from models.base import to_micros
from models.transactions import execute

HOUR_MICROS = 3_600_000_000
ANSWERED = "started_at IS NOT NULL AND outcome NOT IN ('voicemail', 'no_answer', 'busy')"


@dataclass(frozen=True, slots=True)
class AnswerRate:
    """How many calls rang from one number in one hour of the account's day, and how many of them a
    person answered. Busy and dead lines say nothing about the number, and are left out.
    """

    number: str
    hour: int
    calls: int
    answered: int

    @property
    def rate(self) -> float:
        """The share of answered calls, from 0 to 1."""
        return round(self.answered / self.calls, 4)


def answer_rates(account: Account, since: datetime) -> list[AnswerRate]:
    """The account's answer rates since `since` (business time), by number and hour.

    The database groups by hours of the epoch, so that few rows are fetched however many calls there
    were. In a time zone that is off by half an hour, an epoch hour counts as the local hour in
    which it begins.
    """
    sql = (
        f"SELECT from_number, attempted_at / {HOUR_MICROS}, COUNT(*),"
        f" SUM(CASE WHEN {ANSWERED} THEN 1 ELSE 0 END) FROM call"
        " WHERE account_id = ? AND attempted_at > ? AND direction = 'outbound' AND state = 'ended'"
        " AND from_number <> '' AND outcome NOT IN ('busy', 'dead_line', 'not_placed')"
        " GROUP BY 1, 2"
    )
    zone, counted = ZoneInfo(account.time_zone), dict[tuple[str, int], tuple[int, int]]()
    for number, hours, calls, answered in execute(sql, (account.id, to_micros(since))).fetchall():
        local = datetime.fromtimestamp(hours * 3600, UTC).astimezone(zone)
        before = counted.get((number, local.hour), (0, 0))
        counted[number, local.hour] = before[0] + int(calls), before[1] + int(answered)
    return [
        AnswerRate(number, hour, calls, answered)
        for (number, hour), (calls, answered) in sorted(counted.items())
    ]
