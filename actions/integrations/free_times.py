"""When a clinic is free: its opening hours, less what its connected calendars say."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from actions.integrations.connector import Connector, Period
from actions.integrations.connectors import BUILT_IN
from actions.integrations.credentials import opened, record_expired
from actions.integrations.renew import OVER, renew_credential
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.integrations.integration import Integration
from models.transactions import transaction
from providers.errors import ProviderError
from providers.google import calendar
from providers.nexhealth import slots as nexhealth
from providers.open_dental import slots as open_dental
from rules.integrations.free_times import days_from, within, without
from rules.integrations.free_times import opened as opened_hours
from rules.integrations.opening_hours import Span
from runtime.clock import business_now, real_now
from runtime.errors import NotAllowed

# the providers with calendars
WITH_TIMES = frozenset({calendar.NAME, open_dental.NAME, nexhealth.NAME})
AGAIN = "A calendar must be connected again: its appointments are unknown."
MARGIN = timedelta(seconds=30)  # renew an access token first if it expires sooner


class NoCalendar(NotAllowed):
    """The account has no calendar connected, or one that cannot be read."""


def free_times(account: Account, day_from: date, day_to: date) -> list[Span]:
    """Return the spans in which the clinic is open and free from `day_from` to `day_to`, days in
    its zone, at most a fortnight; in order, in UTC, and nothing in the past. Call it outside a
    transaction.

    Raises NoCalendar, ProviderError or NotYet if any calendar cannot be read: an unknown time is
    not free.
    """
    zone = ZoneInfo(account.time_zone)
    days = days_from(day_from, day_to)
    hours = AccountSettings.of_account(account.id).opening_hours
    free = opened_hours(hours, days, zone, business_now())
    used = Integration.used_by(account.id)
    connected = with_calendars(used)
    if not connected:
        raise NoCalendar("No calendar is connected.")
    if any(row.state == "expired" and row.provider in WITH_TIMES for row in used):
        raise NoCalendar(AGAIN)
    if not free:
        return []
    period = Period(days[0], days[-1], zone, free[0][0], free[-1][1])
    for row, connector in connected:
        spans = _read(row, connector, period)
        if spans is None:
            raise NoCalendar(AGAIN)
        free = without(free, spans) if connector.busy is not None else within(free, spans)
    return free


def with_calendars(used: list[Integration]) -> list[tuple[Integration, Connector]]:
    """Return the connected integrations that can report free times, with their connectors."""
    found = [(row, BUILT_IN.get(row.provider)) for row in used if row.state == "connected"]
    return [
        (row, connector)
        for row, connector in found
        if connector is not None and connector.has_times
    ]


def has_calendar(account_id: str) -> bool:
    """Whether the account has a calendar connected, even one that must be connected again. Its
    receptionist then gets the tool, which says so while the calendar cannot be read.
    """
    return any(row.provider in WITH_TIMES for row in Integration.used_by(account_id))


def _read(row: Integration, connector: Connector, period: Period) -> list[Span] | None:
    """Read the calendar; None if its credential turns out to have expired."""
    if row.expires_at is not None and row.expires_at <= real_now() + MARGIN:
        renew_credential(row.id, early=True)
    for may_renew in (connector.renew is not None, False):
        row = Integration.get_by_id(row.id)
        if row.state != "connected":
            return None
        try:
            read = connector.busy or connector.slots
            return read(opened(row), period) if read is not None else None
        except ProviderError as error:
            if error.code not in OVER:
                raise
            if may_renew:
                renew_credential(row.id, early=True)
                continue
            with transaction():
                record_expired(row, connector, error.code)
    return None
