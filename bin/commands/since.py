"""`--since`: how far back a command looks."""

import re
from datetime import UTC, datetime, timedelta

import click

from rules.dates import BadDate, read_day_or_moment
from runtime.clock import real_now

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since_when(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Parse `36h`, `2d`, a day or an RFC 3339 time; UTC unless the text says otherwise. Raises
    BadParameter, also for the future: a mistyped year would find nothing, as if all were well.
    """
    if value is None:
        return None
    span = re.fullmatch(r"(\d{1,4})([mhdw])", value)
    if span:
        return real_now() - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        when = read_day_or_moment(value)
    except BadDate as error:
        raise click.BadParameter(
            f"{value[:40]!r} is neither a duration such as 36h or 2d nor a time: it {error}."
        ) from None
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)  # noqa: DTZ001 - UTC, as below
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    if when > real_now():
        raise click.BadParameter(f"{value[:40]!r} is in the future.")
    return when
