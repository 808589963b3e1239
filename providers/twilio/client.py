"""Twilio's official SDK: the client, its transport and its errors.

Twilio's API has no idempotency keys, so nothing is retried here and a lost answer is `unknown`.
Only a definite no is `refused`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.base.version import Version
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from providers.errors import ProviderError
from providers.twilio import refusals
from rules.storable import storable_text
from runtime.errors import Misconfigured
from runtime.settings import get_settings

TIMEOUT = (3.0, 8.0)  # connect, read
CLIENT_ERRORS = range(400, 500)
NO_CONTENT = 204
TOO_MANY = 429
REQUEST_TIMEOUT = 408
CREDENTIALS = frozenset({401, 403})
AUTHENTICATION = 20003

# what the SDK, or our code that reads its result, raises for an answer of an unexpected shape
_PARSE_ERRORS = (AttributeError, LookupError, TypeError, ValueError, RecursionError)

Json = dict[str, Any]


class _Transport(TwilioHttpClient):
    """The SDK's transport with our timeouts; under another base URL, the path begins with the first
    label of the original host.
    """

    def __init__(self, base: str) -> None:
        # A new connection per request: one that died while idle would leave a text in doubt.
        super().__init__(pool_connections=False)
        settings = get_settings()
        both: Any = tuple(
            settings.shortened(seconds, settings.payphone_provider_timeout) for seconds in TIMEOUT
        )
        self.timeout = both  # set after init: the SDK accepts one number only
        self._base = base.rstrip("/")

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request, to the base URL if one is set."""
        return super().request(
            method, rebased(url, self._base), params, data, headers, auth, timeout, allow_redirects
        )


def rebased(url: str, base: str) -> str:
    """Move `https://api.twilio.com/2010-04-01/…` under `base`: `{base}/api/2010-04-01/…`; without a
    base the URL is unchanged.
    """
    if not base or url.startswith(f"{base}/"):
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{base}/{(parts.hostname or '').split('.')[0]}{parts.path}{query}"


@lru_cache(maxsize=1)
def client() -> Client:
    """The SDK's client, with our timeouts and no retries of its own."""
    settings = get_settings()
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        raise Misconfigured(
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set; take them from the Twilio"
            " console."
        )
    return Client(
        settings.twilio_account_sid,
        settings.twilio_auth_tokens[0],
        http_client=_Transport(settings.twilio_api_base),
    )


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn whatever the SDK raises into ProviderError. No answer, or one we do not understand, is
    `unknown`.

    Wrong credentials say nothing about the work, so the work waits (`retry_later`) until a person
    has corrected the setting.
    """
    try:
        yield
    except TwilioException as error:
        raise _translated(error) from error
    except requests.exceptions.ConnectionError as error:
        if _never_connected(error):
            raise ProviderError(
                "twilio", "retry_later", f"no connection: {type(error).__name__}", "no_connection"
            ) from error
        raise _no_answer(error) from error
    except (requests.exceptions.RequestException, OSError, *_PARSE_ERRORS) as error:
        raise _no_answer(error) from error


def _translated(error: TwilioException) -> ProviderError:
    """Translate an SDK error. For a list the SDK raises an error that only carries Twilio's
    response, which is parsed here.
    """
    answer = next((each for each in error.args if isinstance(each, Response)), None)
    if answer is not None:
        error = Version.exception("GET", "", answer, "Unable to fetch page")
    if isinstance(error, TwilioRestException | TwilioServiceException):
        return _classified(_number(error.status), _number(error.code), error)
    return _no_answer(error)


def _no_answer(error: Exception) -> ProviderError:
    """The error for an answer that is missing or cannot be understood."""
    name = type(error).__name__
    return ProviderError("twilio", "unknown", f"no answer: {name}", name)


def _number(value: object) -> int:
    """A status or code of Twilio's as an integer; 0 if it is not a number."""
    return int(str(value)) if str(value).isdecimal() else 0


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether no connection was established, so that no byte of the request can have left."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _classified(status: int, code: int, error: Exception) -> ProviderError:
    """Classify an error answer. Twilio's own message is kept, never the SDK's, which may contain
    the URL.
    """
    text = f"HTTP {status}, error {code or status}: {_message_of(error)}"
    if status == TOO_MANY:
        return ProviderError("twilio", "retry_later", text, "20429", answered=True)
    if status in CREDENTIALS or code == AUTHENTICATION:
        return ProviderError(
            "twilio",
            "retry_later",
            text,
            str(code or status),
            "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
            answered=True,
        )
    known = refusals.code_of(str(code or status), text)
    refused = status in CLIENT_ERRORS and status != REQUEST_TIMEOUT
    return ProviderError(
        "twilio",
        # a missing bundle is a definite no, whatever the status
        "refused" if refused or known == refusals.BUNDLE_REQUIRED else "unknown",
        text,
        known,
        refusals.advice_for(known),
        answered=True,
    )


def _message_of(error: Exception) -> str:
    found = (getattr(error, name, "") for name in ("msg", "detail", "title"))
    return next((str(each) for each in found if each), type(error).__name__)


def word(value: Any) -> str:
    """A required string of Twilio's. Raises ValueError if it is missing: then the answer is not
    Twilio's.
    """
    word = getattr(value, "value", value)
    if not isinstance(word, str) or not word:
        raise ValueError("an answer without a required value")
    return storable_text(word)


def check_deleted(answer: Any) -> None:
    """Raise ValueError unless Twilio confirmed the deletion with 204. The SDK also accepts a 200,
    which may come from a gateway.
    """
    if answer.status_code != NO_CONTENT:
        raise ValueError("an answer to a deletion that is not Twilio's")


def text(value: Any) -> str:
    """An optional string of Twilio's; empty if it is missing."""
    return storable_text(str(getattr(value, "value", value) or ""))


def iso(moment: datetime | None) -> str:
    """A time of Twilio's as ISO 8601 in UTC; empty if there is none."""
    return moment.astimezone(UTC).isoformat() if moment else ""
