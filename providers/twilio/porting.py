"""Porting at Twilio: whether a number can move, its papers, the request, and how far it is.

A request carries no tag of ours: it is found by its number. Statuses are open words, which whoever
reads them takes as they come. Where documents are uploaded is shown on Twilio's pages and is not in
what it publishes for machines.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from twilio.base.version import Version
from twilio.http.response import Response

from providers.errors import ProviderError
from providers.twilio.client import TIMEOUT, Json, client, mapped_errors, rebased, text, word
from runtime.settings import get_settings

HOST = "https://numbers.twilio.com/v1/Porting"
DOCUMENTS = "https://numbers-upload.twilio.com/v1/Documents"
PAGE = 100  # the most that Twilio takes
MOST_PAGES = 50
AT_ONCE = 8  # requests that are read at a time
OVER = frozenset({"canceled", "cancelled", "expired"})
CLOSED = OVER | {"completed"}
RESEND = "Deploy again. If it comes again, scan the bill anew and upload that."
SUCCESS = range(200, 300)
TOO_MANY = (
    f"more than {PAGE * MOST_PAGES} port requests: whether one is out already cannot be told, so"
    " none is made. Ask Twilio to take old ones off the account"
)


def portability(number: str) -> Json:
    """Whether a number can be ported: {portable, needs_pin, code, reason, kind}."""
    told = _asked("GET", f"/Portability/PhoneNumber/{number.replace('+', '%2B')}")
    with mapped_errors():
        return {
            "portable": bool(told["portable"]),
            "needs_pin": bool(told.get("pin_and_account_number_required")),
            "code": text(told.get("not_portable_reason_code")),
            "reason": text(told.get("not_portable_reason")),
            "kind": text(told.get("number_type")),
        }


def upload_document(name: str, content: bytes, content_type: str, tag: str) -> Json:
    """Give Twilio a carrier's bill; a second one of the same costs nothing and is never used.
    Raises ProviderError, too, where Twilio made a document of it that has no content.
    """
    settings = get_settings()
    connect, read = (
        settings.shortened(seconds, settings.payphone_provider_timeout) for seconds in TIMEOUT
    )
    fields = {"document_type": "utility_bill", "friendly_name": tag}
    signed_in = (settings.twilio_account_sid, settings.twilio_auth_tokens[0])
    with mapped_errors():
        answer = requests.post(
            rebased(DOCUMENTS, settings.twilio_api_base),
            data=fields,
            files={"File": (name, content, content_type)},
            auth=signed_in,
            timeout=(connect, read),
        )
        made = _read("POST", DOCUMENTS, Response(answer.status_code, answer.text))
        sid = word(made.get("sid"))
    if not made.get("mime_type"):
        message = f"nothing of the bill arrived: {sid} is empty. {RESEND}"
        raise ProviderError("twilio", "refused", message, "document_empty", answered=True)
    return {"id": sid}


def create_port(body: Json) -> Json:
    """Ask for a number to be ported. `body` is as Twilio wants it, but for the account."""
    return _port(_asked("POST", "/PortIn", body=_account() | body))


def get_port(sid: str) -> Json:
    """A request in its present state: {id, status, reason, representative, email, signature_url,
    numbers}.
    """
    return _port(_asked("GET", f"/PortIn/{sid}"))


def find_port(number: str) -> Json | None:
    """The request for a number that is not over. Raises ProviderError, rather than say that there
    is none, where there are more requests than can be looked through.
    """
    for port in open_ports():
        if any(each["number"] == number for each in port["numbers"]):
            return port
    return None


def open_ports() -> list[Json]:
    """Every request that is not over, as `get_port` reads it: the list names no numbers."""
    ids = [row["id"] for row in list_ports() if row["status"].lower() not in CLOSED]
    with ThreadPoolExecutor(AT_ONCE) as readers:
        return list(readers.map(get_port, ids))


def list_ports() -> list[Json]:
    """Every request, each with its id and status. Raises ProviderError where there are too many."""
    query: dict[str, object] = {"Size": PAGE}
    rows: list[Json] = []
    for _ in range(MOST_PAGES):
        page = _asked("GET", "/PortIn/PortInRequests", query=query)
        with mapped_errors():
            rows += [
                {
                    "id": word(each.get("port_in_request_sid")),
                    "status": text(each.get("port_in_request_status")),
                }
                for each in page["port_in_requests"]
            ]
            token = page.get("meta", {}).get("next_token")
        if not token:
            return rows
        query["Token"] = token
    raise ProviderError("twilio", "retry_later", TOO_MANY, "too_many_ports", answered=True)


def cancel_port(sid: str) -> None:
    """Cancel a request, while it can be."""
    _asked("DELETE", f"/PortIn/{sid}")


def webhook() -> str:
    """Where Twilio reports on ports; '' while that is nowhere. There is one for all."""
    return text(_asked("GET", "/Configuration/Webhook").get("port_in_target_url"))


def set_webhook(url: str) -> None:
    """Have Twilio report on ports to `url`."""
    _asked("POST", "/Configuration/Webhook", body={"port_in_target_url": url})


def _account() -> Json:
    return {"account_sid": get_settings().twilio_account_sid}


def _asked(
    method: str, path: str, query: dict[str, object] | None = None, body: Json | None = None
) -> Json:
    url = f"{HOST}{path}"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    with mapped_errors():
        return _read(method, url, client().request(method, url, query, body, headers))


def _read(method: str, url: str, answer: Response) -> Json:
    """The answer's object. Raises what the SDK raises for an answer that is an error."""
    if answer.status_code not in SUCCESS:
        raise Version.exception(method, url, answer, "Unable to port")
    if method == "DELETE":
        return {}
    document: Any = json.loads(answer.text)
    if not isinstance(document, dict):
        raise TypeError("an answer that is no object")
    return document


def _port(told: Json) -> Json:
    """A request as plain values."""
    with mapped_errors():
        losing = told.get("losing_carrier_information") or {}
        return {
            "id": word(told.get("port_in_request_sid")),
            "status": text(told.get("port_in_request_status")),
            "reason": text(told.get("order_cancellation_reason")),
            "representative": text(losing.get("authorized_representative")),
            "email": text(losing.get("authorized_representative_email")),
            "signature_url": text(told.get("signature_request_url")),
            "numbers": [
                {
                    "id": text(each.get("port_in_phone_number_sid")),
                    "number": text(each.get("phone_number")),
                    "status": text(each.get("port_in_phone_number_status")),
                    "reason": text(each.get("rejection_reason")),
                    "code": text(each.get("rejection_reason_code")),
                    "port_date": text(each.get("port_date")),
                }
                for each in told.get("phone_numbers") or []
            ],
        }
