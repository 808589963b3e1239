"""Answer the receptionist when it requests free times: one line, whatever happens."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from actions.integrations.free_times import NoCalendar, free_times
from models.accounts.account import Account
from providers.errors import ProviderError
from rules.dates import BadDate, read_day
from rules.integrations.free_times import MOST_DAYS, in_words
from runtime.clock import business_now
from runtime.errors import NotYet
from runtime.log import get_log

CANNOT = "The calendar cannot be read right now. Say so, and offer that the clinic calls back."
NOT_A_DAY = "{name} is not a date. Write it as {today}, and ask again."
PAST = "That day has passed: today is {today}."
USUAL_DAYS = 7

log = get_log("integrations")


def answer_free_times(account: Account, arguments: dict[str, Any]) -> str:
    """Return the free times from `dayFrom` to `dayTo` (YYYY-MM-DD; a week from today if both are
    left out), in the clinic's hours and time zone. Call it outside a transaction.
    """
    zone = ZoneInfo(account.time_zone)
    today = business_now().astimezone(zone).date()
    days: dict[str, date] = {}
    for name in ("dayFrom", "dayTo"):
        given = arguments.get(name)
        try:
            days |= {name: read_day(given)} if given else {}
        except BadDate:
            return NOT_A_DAY.format(name=name, today=today)
    first = days.get("dayFrom", today)
    last = days.get("dayTo", first if days else today + timedelta(days=USUAL_DAYS - 1))
    if last < today:
        return PAST.format(today=today)
    first = max(first, today)
    last = min(max(first, last), first + timedelta(days=MOST_DAYS - 1))
    try:
        return in_words(free_times(account, first, last), first, last, zone)
    except (NoCalendar, ProviderError, NotYet) as error:
        code = getattr(error, "code", type(error).__name__)
        log.warning("free times not read", account_id=account.id, code=code)
        return CANNOT
