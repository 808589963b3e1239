"""Open Dental's API: a practice's open slots. It has no OAuth: every request carries two keys.

The practice needs version 21.1 or newer, the eConnector running, and the customer key added under
Setup → Advanced Setup → API (https://www.opendental.com/site/apisetup.html).
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from providers.plain_http import send_request, unexpected_answer
from rules.integrations.opening_hours import Span
from runtime.settings import get_settings

NAME, TITLE = "open_dental", "Open Dental"


def find_slots(
    developer_key: str, customer_key: str, first: date, last: date, zone: ZoneInfo
) -> list[Span]:
    """Return the practice's open slots on these days, for any provider; the API reports them in the
    practice's local time, `zone`. Raises ProviderError.
    """
    rows = send_request(
        NAME,
        "GET",
        f"{get_settings().open_dental_api_base}/appointments/Slots",
        {"Authorization": f"ODFHIR {developer_key}/{customer_key}"},
        query={"dateStart": first.isoformat(), "dateEnd": last.isoformat()},
    )
    if not isinstance(rows, list):
        raise unexpected_answer(NAME, "slots that are not a list")
    try:
        return [
            (_local(row["DateTimeStart"], zone), _local(row["DateTimeEnd"], zone)) for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise unexpected_answer(NAME, "slots of an unexpected shape") from None


def _local(text: str, zone: ZoneInfo) -> datetime:
    """Parse a local time of the practice, such as 2026-11-30 09:00:00."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)
