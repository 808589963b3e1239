"""NexHealth's API: an API key is exchanged for a bearer token, which lasts an hour
(https://docs.nexhealth.com/reference/authentication-1).
"""

from datetime import date, datetime, timedelta
from typing import Any

from providers.plain_http import send_request, unexpected_answer
from rules.integrations.opening_hours import Span
from runtime.settings import get_settings

NAME, TITLE = "nexhealth", "NexHealth"
LASTS = timedelta(hours=1)  # in production; a day in NexHealth's own sandbox
SLOT_MINUTES = 30
VERSION = {"Nex-Api-Version": "v20240412"}


def exchange_key(api_key: str) -> str:
    """Exchange an API key for a bearer token. Raises ProviderError."""
    answer = _request("POST", "/authenticates", api_key)
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise unexpected_answer(NAME, "no token")
    return token


def find_slots(token: str, subdomain: str, location_id: str, first: date, last: date) -> list[Span]:
    """Return the open slots of one location on these days, for any practitioner. Raises
    ProviderError.
    """
    query = {
        "subdomain": subdomain,
        "start_date": first.isoformat(),
        "days": (last - first).days + 1,
        "lids[]": location_id,
        "slot_length": SLOT_MINUTES,
    }
    rows = _request("GET", "/available_slots", f"Bearer {token}", query)
    if not isinstance(rows, list):
        raise unexpected_answer(NAME, "slots that are not a list")
    length = timedelta(minutes=SLOT_MINUTES)
    try:
        begins = [datetime.fromisoformat(slot["time"]) for row in rows for slot in row["slots"]]
        slots = [(moment, moment + length) for moment in begins]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise unexpected_answer(NAME, "slots of an unexpected shape") from None
    if any(moment.tzinfo is None for moment in begins):
        raise unexpected_answer(NAME, "a slot without a UTC offset")
    return slots


def _request(method: str, path: str, secret: str, query: dict[str, Any] | None = None) -> Any:
    """Send a request and return the `data` member of NexHealth's answer."""
    base = get_settings().nexhealth_api_base
    headers = VERSION | {
        "Authorization": secret,
        "Accept": "application/vnd.Nexhealth+json;version=2",
    }
    answer = send_request(NAME, method, base + path, headers, query=query)
    return answer.get("data") if isinstance(answer, dict) else None
