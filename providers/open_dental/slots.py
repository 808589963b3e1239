"""Open Dental's API: openings of a practice. There is no OAuth: two keys go with each request.

The practice needs version 21.1 or newer, the eConnector running, and the customer key added under
Setup → Advanced Setup → API (https://www.opendental.com/site/apisetup.html).
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from providers.plain_http import ask, odd
from rules.integrations.opening_hours import Span
from runtime.settings import get_settings

NAME, TITLE = "open_dental", "Open Dental"


def find_slots(
    developer_key: str, customer_key: str, first: date, last: date, zone: ZoneInfo
) -> list[Span]:
    """The practice's openings on these days, whoever treats; its times are local. Raises
    ProviderError.
    """
    rows = ask(
        NAME,
        "GET",
        f"{get_settings().open_dental_api_base}/appointments/Slots",
        {"Authorization": f"ODFHIR {developer_key}/{customer_key}"},
        query={"dateStart": first.isoformat(), "dateEnd": last.isoformat()},
    )
    if not isinstance(rows, list):
        raise odd(NAME, "slots that are no list")
    try:
        return [
            (_local(row["DateTimeStart"], zone), _local(row["DateTimeEnd"], zone)) for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise odd(NAME, "slots of another shape") from None


def _local(text: str, zone: ZoneInfo) -> datetime:
    """A time such as 2026-11-30 09:00:00, of the practice."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)
