"""Vapi's API over httpx: one request, one answer, and what is known when there is none.

Vapi knows no idempotency keys, so nothing here is sent twice by itself, and a lost answer is
`unknown`. Only a definite no is `refused`. Its answers are kept in our database, so secrets are
taken out at this door, both ways: what we keep of a request never held one (see `redaction.py`).
"""

import json
import os
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx

from providers.errors import ProviderError, passing_over
from providers.plain_http import NEVER_LEFT
from providers.vapi.redaction import reworded, with_secret, without_secrets
from rules.storable import storable
from runtime.errors import Misconfigured
from runtime.settings import get_settings

TIMEOUT = (3.0, 8.0)  # connect, read
GONE = "workflowId"  # workflows stopped in August 2026, but the published shapes still have it

Json = dict[str, Any]
Query = dict[str, str | int]

_REQUEST_TIMEOUT, _CONFLICT, _TOO_LARGE, _TOO_MANY, _NOT_FOUND = 408, 409, 413, 429, 404
# no verdict on the work: a person has to mend the setting, or to pay Vapi
_OURS_TO_MEND = {
    401: ("unauthorized", "Check VAPI_API_KEY: it is the private key of the Vapi organization."),
    402: ("payment_required", "Vapi's organization needs a payment method or credits."),
    403: ("forbidden", "Check VAPI_API_KEY: it is the private key of the Vapi organization."),
}


@lru_cache(maxsize=1)
def client() -> httpx.Client:
    """The one HTTP client of this process, opened when it is first needed."""
    settings = get_settings()
    key = settings.vapi_api_key
    if not key:
        raise Misconfigured(
            "VAPI_API_KEY is not set; take the private key from the Vapi dashboard, Organization"
            " → API Keys."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise Misconfigured("VAPI_API_KEY holds characters that no key has; copy it anew.")
    connect, read = (
        settings.shortened(seconds, settings.payphone_provider_timeout) for seconds in TIMEOUT
    )
    return httpx.Client(
        base_url=settings.vapi_api_base,
        headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
        timeout=httpx.Timeout(read, connect=connect),
        # A fresh connection for each request: one that died while idle would leave it in doubt.
        limits=httpx.Limits(max_keepalive_connections=0),
    )


os.register_at_fork(after_in_child=client.cache_clear)


def place(kind: str, id: str) -> str:
    """The address of one object. Raises ValueError without an id, which would mean all of them."""
    if not id:
        raise ValueError(f"no id of a {kind}")
    return f"/{kind}/{quote(id, safe='')}"


def get(path: str, query: Query | None = None) -> Any:
    """What is there, read."""
    return _asked("GET", path, query=query)


def location(path: str) -> str:
    """Where Vapi sends whoever asks for a file: a short-lived address, not followed and not to be
    kept.
    """
    try:
        response = client().get(path)
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise _no_answer(error) from error
    if response.has_redirect_location:
        return str(response.headers["Location"])
    _read("GET", response, {})
    raise odd("no address of a file")


def post(path: str, body: Json) -> Json:
    """The object that a POST of JSON made."""
    return an_object(_asked("POST", path, body=body))


def tell(url: str, body: Json, public_key: str) -> None:
    """POST JSON to an address that Vapi named, with a key that is no secret; what it answers is not
    read.
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
    """The object that a POST of a multipart form made; `file` is name, content and type."""
    return an_object(_asked("POST", path, fields=fields, file=file))


def patch(path: str, body: Json) -> Json:
    """The object after a change; each member of `body` replaces the former one as a whole."""
    return an_object(_asked("PATCH", path, body=body))


def delete(path: str) -> None:
    """Take an object away; one that is not there counts as taken away.

    Raises ProviderError with code `dependant_left` (retry later) while something refers to it.
    """
    with passing_over("not_found"):
        _asked("DELETE", path)


def an_object(answer: Any) -> Json:
    """An answer that is one object of Vapi's; without an id it is none."""
    if isinstance(answer, dict) and isinstance(answer.get("id"), str) and answer["id"]:
        return answer
    raise odd(f"an object without an id ({type(answer).__name__})")


def odd(what: str) -> ProviderError:
    """The error for an answer that is not of the shape we know: what was done is unknown, and our
    reading of it has to be mended.
    """
    return ProviderError("vapi", "unknown", f"an odd answer: {what}", "odd_answer", bug=True)


def _asked(
    method: str,
    path: str,
    query: Query | None = None,
    body: Json | None = None,
    fields: dict[str, str] | None = None,
    file: tuple[str, bytes, str] | None = None,
) -> Any:
    """The answer to one request, without secrets. Raises ProviderError."""
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
    """The answer's JSON, if it is one of success; `sent` may hold what must not be repeated."""
    status = response.status_code
    try:
        document: Any = storable(without_secrets(json.loads(response.content)))
    except (ValueError, RecursionError):
        document = None
    if not response.is_success:
        raise _judged(method, status, reworded(_words(document), sent), _code(status, document))
    if document is None and not (method == "DELETE" and not response.content):
        raise ProviderError("vapi", "unknown", f"HTTP {status} without an object", "odd_answer")
    return document


def _judged(method: str, status: int, words: str, code: str) -> ProviderError:
    """What an answer other than success means; `words` are Vapi's, if it is Vapi's answer."""
    answered = bool(words)  # a gateway's page has none, and tells nothing
    text = f"HTTP {status}: {words or 'no answer of Vapi’s'}"
    if status == _TOO_MANY:
        return ProviderError("vapi", "retry_later", text, "rate_limit", answered=answered)
    if status in _OURS_TO_MEND:
        word, advice = _OURS_TO_MEND[status]
        return ProviderError("vapi", "retry_later", text, word, advice, answered=answered)
    if status == _CONFLICT and method == "DELETE" and answered:
        advice = "Something still refers to it: number, squad, assistant, tool, file go in turn."
        return ProviderError("vapi", "retry_later", text, "dependant_left", advice, answered=True)
    if status == _TOO_LARGE or (answered and _is_definite(status)):
        return ProviderError("vapi", "refused", text, code, answered=answered)
    return ProviderError("vapi", "unknown", text, code, answered=answered)


def _is_definite(status: int) -> bool:
    return 400 <= status < 500 and status != _REQUEST_TIMEOUT  # noqa: PLR2004


def _words(document: Any) -> str:
    """What Vapi says of an error: a text or a list of texts; nothing where it is not Vapi's."""
    if not isinstance(document, dict):
        return ""
    said = document.get("message") or document.get("error") or ""
    lines = said if isinstance(said, list) else [said]
    return "; ".join(line for line in lines if isinstance(line, str))


def _code(status: int, document: Any) -> str:
    """Vapi's own word for an error (`assistant_pinned`), else one for the status. A gateway's 404
    does not say that something is not there.
    """
    own = document.get("error") if isinstance(document, dict) else None
    if isinstance(own, str) and own.isascii() and own.isidentifier() and own.islower():
        return own
    return "not_found" if status == _NOT_FOUND and _words(document) else f"http_{status}"


def _check_names_no_workflow(value: Any) -> None:
    """Raise ValueError for a body that would tie something to a workflow."""
    if isinstance(value, dict):
        if GONE in value:
            raise ValueError(f"{GONE} is never sent: Vapi's workflows are gone")
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _check_names_no_workflow(each)
