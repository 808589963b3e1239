"""HTTP for providers without an SDK: one request, its JSON, and how to classify a failure.

Nothing is retried here. An error message holds the status and the provider's own code, never the
request or the response body: both hold keys and tokens.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from providers.errors import ProviderError
from rules.storable import storable
from runtime.settings import get_settings

TIMEOUT = (3.0, 6.0)  # connect, read; a caller may be waiting on the phone
UNAUTHORIZED, TOO_MANY = 401, 429
_REQUEST_TIMEOUT, _LONGEST_CODE, _LARGEST = 408, 60, 4_000_000
# No connection was established, so no byte of the request can have left.
NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def open_client() -> httpx.Client:
    """Open a client with our timeouts. It follows no redirects, so that keys reach only the host
    they are meant for.
    """
    settings = get_settings()
    connect, read = (
        settings.shortened(seconds, settings.payphone_provider_timeout) for seconds in TIMEOUT
    )
    return httpx.Client(timeout=httpx.Timeout(read, connect=connect))


def send_request(
    provider: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
) -> Any:
    """Send one request and return the JSON answer. Raises ProviderError."""
    try:
        with open_client() as http:
            response = http.request(
                method,
                url,
                params=query,
                json=body,
                headers={"Accept": "application/json"} | dict(headers),
            )
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise no_answer(provider, error) from None
    document = _parsed(response)
    if not response.is_success:
        raise status_error(provider, response.status_code, _error_code(document))
    if document is None:
        raise unexpected_answer(provider, f"HTTP {response.status_code} without JSON")
    return document


def no_answer(provider: str, error: Exception) -> ProviderError:
    """The error for an unanswered request. Only the cause's type is named: its message may quote
    the request.
    """
    name = type(error).__name__
    if isinstance(error, NEVER_LEFT):
        return ProviderError(provider, "retry_later", f"no connection: {name}", "no_connection")
    return ProviderError(provider, "unknown", f"no answer: {name}", name)


def unexpected_answer(provider: str, what: str) -> ProviderError:
    """The error for an answer of an unexpected shape."""
    return ProviderError(provider, "unknown", f"unexpected answer: {what}", "odd_answer", bug=True)


def status_error(provider: str, status: int, code: str) -> ProviderError:
    """Classify an answer with a status other than 2xx."""
    words = f"HTTP {status}: {code or 'no reason'}"
    if status == TOO_MANY:
        return ProviderError(provider, "retry_later", words, "rate_limit", answered=True)
    if status == UNAUTHORIZED:  # whatever code the provider gives: the credential is not valid
        return ProviderError(provider, "refused", words, "unauthorized", answered=True)
    if 400 <= status < 500 and status != _REQUEST_TIMEOUT:  # noqa: PLR2004
        return ProviderError(provider, "refused", words, code or f"http_{status}", answered=True)
    return ProviderError(provider, "unknown", words, code or f"http_{status}")


def _parsed(response: httpx.Response) -> Any:
    if len(response.content) > _LARGEST:
        return None
    try:
        return storable(response.json())
    except (ValueError, RecursionError):
        return None


def _error_code(document: Any) -> str:
    """The provider's own error code, if it is a single word: a sentence may quote what was sent."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        reasons = error.get("errors")  # Google's format
        first = reasons[0] if isinstance(reasons, list) and reasons else {}
        error = (first.get("reason") if isinstance(first, dict) else "") or error.get("status")
    return as_code(error)


def as_code(value: Any) -> str:
    """Return `value` if it is one short ASCII word, else ''."""
    is_word = isinstance(value, str) and value.isascii() and value.isidentifier()
    return str(value) if is_word and len(str(value)) <= _LONGEST_CODE else ""
