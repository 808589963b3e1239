"""Google Calendar: the busy times of a calendar. Event details are never read.

`access_type=offline` with `prompt=consent`: only then does Google issue a refresh token every time
(https://developers.google.com/identity/protocols/oauth2/web-server).
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from providers.errors import ProviderError
from providers.plain_http import send_request, unexpected_answer
from rules.integrations.oauth_providers import OAuthProvider
from rules.integrations.opening_hours import Span
from runtime.errors import Misconfigured
from runtime.settings import get_settings

NAME, TITLE = "google", "Google Calendar"
AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
REVOKE = "https://oauth2.googleapis.com/revoke"
API = "https://www.googleapis.com/calendar/v3"
SCOPES = (
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
    "https://www.googleapis.com/auth/calendar.freebusy",
)
PRIMARY = "primary"
# a 403 with one of these reasons is a rate limit, not a revoked consent
LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})


def google() -> OAuthProvider:
    """Google's OAuth configuration. Raises Misconfigured if our client id or secret is not set."""
    settings = get_settings()
    if not settings.google_client_id or not settings.google_client_secret:
        raise Misconfigured(
            "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are not set; take them from Google Cloud,"
            " APIs & Services → Credentials."
        )
    return OAuthProvider(
        name=NAME,
        title=TITLE,
        authorize=_rebased(AUTHORIZE),
        token=_rebased(TOKEN),
        revoke=_rebased(REVOKE),
        verify=_rebased(f"{API}/users/me/calendarList"),
        scopes=SCOPES,
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret,
        client_auth="post",
        parameters=(
            ("access_type", "offline"),
            ("include_granted_scopes", "false"),
            ("prompt", "consent"),
        ),
        needs_refresh_token=True,
        revoke_as_client=False,
    )


def find_calendar(access_token: str) -> str:
    """Return the name of the clinic's own calendar; reading it proves that the token works. Raises
    ProviderError.
    """
    answer = _request("GET", "/users/me/calendarList", access_token, query={"maxResults": 250})
    rows = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise unexpected_answer(NAME, "a list of calendars without items")
    own = next((row for row in rows if isinstance(row, dict) and row.get("primary")), {})
    return str(own.get("summaryOverride") or own.get("summary") or own.get("id") or "")


def busy(access_token: str, begins: datetime, ends: datetime) -> list[Span]:
    """Return the busy times of the clinic's own calendar. Raises ProviderError."""
    window = {
        "timeMin": begins.isoformat(),
        "timeMax": ends.isoformat(),
        "items": [{"id": PRIMARY}],
    }
    answer = _request("POST", "/freeBusy", access_token, body=window)
    calendars = answer.get("calendars") if isinstance(answer, dict) else None
    if not isinstance(calendars, dict) or len(calendars) != 1:
        raise unexpected_answer(NAME, "free and busy times of an unexpected number of calendars")
    (calendar,) = calendars.values()
    if not isinstance(calendar, dict):
        raise unexpected_answer(NAME, "a calendar that is not an object")
    if calendar.get("errors"):  # such a calendar lists no busy times, but is not free
        raise ProviderError(NAME, "refused", "the calendar cannot be read", "calendar_unreadable")
    try:
        return [(_parse_time(each["start"]), _parse_time(each["end"])) for each in calendar["busy"]]
    except (KeyError, TypeError, ValueError):
        raise unexpected_answer(NAME, "busy times of an unexpected shape") from None


def _parse_time(text: str) -> datetime:
    """Parse a time that has a UTC offset. Raises ValueError for one without."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a UTC offset")
    return moment


def _request(method: str, path: str, access_token: str, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {access_token}"}
    try:
        return send_request(NAME, method, _rebased(API + path), headers, **more)
    except ProviderError as error:
        if error.code in LIMITS:
            raise ProviderError(NAME, "retry_later", error.code, "rate_limit") from None
        raise


def _rebased(url: str) -> str:
    """Return `url`, or its equivalent under GOOGLE_API_BASE, where the path begins with the first
    label of the original host.
    """
    base = get_settings().google_api_base
    parts = urlsplit(url)
    return f"{base}/{(parts.hostname or '').split('.')[0]}{parts.path}" if base else url
