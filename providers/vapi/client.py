"""Vapi's API over httpx: one request, one answer, and how to classify a failure.

Vapi has no idempotency keys, so nothing is retried here and a lost answer is `unknown`. Only a
definite no is `refused`. Requests and answers are stored in our database, so this module strips
secrets from answers, and adds ours to a request only as it is sent (see `redaction.py`).
"""

import json
import os
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx

from providers.errors import ProviderError, ignoring
from providers.plain_http import NEVER_LEFT
from providers.vapi.redaction import masked_message, with_secret, without_secrets
from rules.storable import storable
from runtime.errors import Misconfigured
from runtime.settings import get_settings

TIMEOUT = (3.0, 8.0)  # connect, read
# Vapi shut workflows down in August 2026, but its published schema still has the field
GONE = "workflowId"

Json = dict[str, Any]
Query = dict[str, str | int]

_REQUEST_TIMEOUT, _CONFLICT, _TOO_LARGE, _TOO_MANY, _NOT_FOUND = 408, 409, 413, 429, 404
# these say nothing about the work: a person must correct the setting, or pay Vapi
_CONFIG_ERRORS = {
    401: ("unauthorized", "Check VAPI_API_KEY: it is the private key of the Vapi organization."),
    402: ("payment_required", "Vapi's organization needs a payment method or credits."),
    403: ("forbidden", "Check VAPI_API_KEY: it is the private key of the Vapi organization."),
}


@lru_cache(maxsize=1)
def client() -> httpx.Client:
    """The process's one HTTP client, opened on first use."""
    settings = get_settings()
    key = settings.vapi_api_key
    if not key:
        raise Misconfigured(
            "VAPI_API_KEY is not set; take the private key from the Vapi dashboard, Organization"
            " → API Keys."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise Misconfigured("VAPI_API_KEY contains characters that no key has; copy it again.")
    connect, read = (
        settings.shortened(seconds, settings.payphone_provider_timeout) for seconds in TIMEOUT
    )
    return httpx.Client(
        base_url=settings.vapi_api_base,
        headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
        timeout=httpx.Timeout(read, connect=connect),
        # A new connection per request: one that died while idle would leave the request in doubt.
        limits=httpx.Limits(max_keepalive_connections=0),
    )


os.register_at_fork(after_in_child=client.cache_clear)


def object_path(kind: str, id: str) -> str:
    """The path of one object. Raises ValueError without an id, because the path would mean the
    whole list.
    """
    if not id:
        raise ValueError(f"no id of a {kind}")
    return f"/{kind}/{quote(id, safe='')}"


def get(path: str, query: Query | None = None) -> Any:
    """GET `path` and return the answer."""
    return _request("GET", path, query=query)


def location(path: str) -> str:
    """Return the URL to which Vapi redirects for a file. It is short-lived: it is not followed, and
    must not be stored.
    """
    try:
        response = client().get(path)
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise _no_answer(error) from error
    if response.has_redirect_location:
        return str(response.headers["Location"])
    _read("GET", response, {})
    raise unexpected_answer("no address of a file")


def post(path: str, body: Json) -> Json:
    """POST JSON and return the created object."""
    return checked_object(_request("POST", path, body=body))


def post_control(url: str, body: Json, public_key: str) -> None:
    """POST JSON to a URL that Vapi named, authenticated with our public key. The answer's body is
    not read if it is a success.
    """
    try:
        response = client().post(url, json=body, headers={"Authorization": f"Bearer {public_key}"})
    except NEVER_LEFT as error:
        raise _no_connection(error) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise _no_answer(error) from error
    if not response.is_success:
        _read("POST", response, {})


def post_form(path: str, fields: dict[str, str], file: tuple[str, bytes, str]) -> Json:
    """POST a multipart form and return the created object; `file` is name, content and content
    type.
    """
    return checked_object(_request("POST", path, fields=fields, file=file))


def patch(path: str, body: Json) -> Json:
    """PATCH an object and return it; each member of `body` replaces the former one as a whole."""
    return checked_object(_request("PATCH", path, body=body))


def delete(path: str) -> None:
    """Delete an object; one that does not exist counts as deleted.

    Raises ProviderError with code `dependant_left` (retry later) while something refers to it.
    """
    with ignoring("not_found"):
        _request("DELETE", path)


def checked_object(answer: Any) -> Json:
    """Return the answer if it is one object with an id, else raise ProviderError."""
    if isinstance(answer, dict) and isinstance(answer.get("id"), str) and answer["id"]:
        return answer
    raise unexpected_answer(f"an object without an id ({type(answer).__name__})")


def unexpected_answer(what: str) -> ProviderError:
    """The error for an answer of an unexpected shape: the outcome is unknown, and our parsing must
    be fixed.
    """
    return ProviderError("vapi", "unknown", f"unexpected answer: {what}", "odd_answer", bug=True)


def _request(
    method: str,
    path: str,
    query: Query | None = None,
    body: Json | None = None,
    fields: dict[str, str] | None = None,
    file: tuple[str, bytes, str] | None = None,
) -> Any:
    """Send one request and return the answer without secrets. Raises ProviderError."""
    _check_names_no_workflow(body)
    content = None if body is None else json.dumps(with_secret(body), allow_nan=False)
    http = client()
    try:
        response = http.request(
            method,
            path,
            params=query,
            content=content,
            data=fields,
            files={"file": file} if file else None,
            headers={"Content-Type": "application/json"} if content else None,
        )
    except NEVER_LEFT as error:
        raise _no_connection(error) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
        raise _no_answer(error) from error
    return _read(method, response, body or {})


def _no_connection(error: Exception) -> ProviderError:
    kind = type(error).__name__
    return ProviderError("vapi", "retry_later", f"no connection: {kind}", "no_connection")


def _no_answer(error: Exception) -> ProviderError:
    kind = type(error).__name__
    return ProviderError("vapi", "unknown", f"no answer: {kind}", kind)


def _read(method: str, response: httpx.Response, sent: Json) -> Any:
    """Return the answer's JSON if the status is a success, else raise ProviderError; `sent` may
    hold secrets that the message must not repeat.
    """
    status = response.status_code
    try:
        document: Any = storable(without_secrets(json.loads(response.content)))
    except (ValueError, RecursionError):
        document = None
    if not response.is_success:
        raise _classified(
            method, status, masked_message(_message_of(document), sent), _code(status, document)
        )
    if document is None and not (method == "DELETE" and not response.content):
        raise ProviderError("vapi", "unknown", f"HTTP {status} without an object", "odd_answer")
    return document


def _classified(method: str, status: int, words: str, code: str) -> ProviderError:
    """Classify an answer with a status other than 2xx; `words` is Vapi's message, empty if the
    answer is not Vapi's.
    """
    answered = bool(words)  # a gateway's page has no message, and says nothing about the outcome
    text = f"HTTP {status}: {words or 'no answer of Vapi’s'}"
    if status == _TOO_MANY:
        return ProviderError("vapi", "retry_later", text, "rate_limit", answered=answered)
    if status in _CONFIG_ERRORS:
        word, advice = _CONFIG_ERRORS[status]
        return ProviderError("vapi", "retry_later", text, word, advice, answered=answered)
    if status == _CONFLICT and method == "DELETE" and answered:
        advice = "It is still in use: delete number, squad, assistant, tool and file in this order."
        return ProviderError("vapi", "retry_later", text, "dependant_left", advice, answered=True)
    if status == _TOO_LARGE or (answered and _is_definite(status)):
        return ProviderError("vapi", "refused", text, code, answered=answered)
    return ProviderError("vapi", "unknown", text, code, answered=answered)


def _is_definite(status: int) -> bool:
    return 400 <= status < 500 and status != _REQUEST_TIMEOUT  # noqa: PLR2004


def _message_of(document: Any) -> str:
    """Vapi's error message, from a string or a list of strings; empty if the document is not
    Vapi's.
    """
    if not isinstance(document, dict):
        return ""
    message = document.get("message") or document.get("error") or ""
    lines = message if isinstance(message, list) else [message]
    return "; ".join(line for line in lines if isinstance(line, str))


def _code(status: int, document: Any) -> str:
    """Vapi's own error code (`assistant_pinned`), else one for the status. A gateway's 404 does not
    mean that the object is missing.
    """
    own = document.get("error") if isinstance(document, dict) else None
    if isinstance(own, str) and own.isascii() and own.isidentifier() and own.islower():
        return own
    return "not_found" if status == _NOT_FOUND and _message_of(document) else f"http_{status}"


def _check_names_no_workflow(value: Any) -> None:
    """Raise ValueError if a body would attach something to a workflow."""
    if isinstance(value, dict):
        if GONE in value:
            raise ValueError(f"{GONE} is never sent: Vapi has shut workflows down")
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _check_names_no_workflow(each)
