"""Porting at Twilio: portability, documents, port requests and their progress.

A port request has no field for a tag: it is found by its number. Statuses are open-ended strings,
so callers must accept ones they do not know. The document upload is described on Twilio's pages but
is missing from its published API specification.
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
PAGE = 100  # Twilio's maximum
MOST_PAGES = 50
AT_ONCE = 8  # requests fetched concurrently
OVER = frozenset({"canceled", "cancelled", "expired"})
CLOSED = OVER | {"completed"}
RESEND = "Deploy again. If it happens again, scan the bill again and upload that."
SUCCESS = range(200, 300)
TOO_MANY = (
    f"more than {PAGE * MOST_PAGES} port requests: whether one is open already cannot be checked,"
    " so none is made. Ask Twilio to remove old ones from the account"
)


def portability(number: str) -> Json:
    """Check whether a number can be ported: {portable, needs_pin, code, reason, kind}."""
    found = _request("GET", f"/Portability/PhoneNumber/{number.replace('+', '%2B')}")
    with mapped_errors():
        return {
            "portable": bool(found["portable"]),
            "needs_pin": bool(found.get("pin_and_account_number_required")),
            "code": text(found.get("not_portable_reason_code")),
            "reason": text(found.get("not_portable_reason")),
            "kind": text(found.get("number_type")),
        }


def upload_document(name: str, content: bytes, content_type: str, tag: str) -> Json:
    """Upload a carrier's bill; a duplicate costs nothing and is never used. Raises ProviderError
    also if Twilio created a document without content.
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
    """Create a port request. `body` is in Twilio's format, without the account."""
    return _port(_request("POST", "/PortIn", body=_account() | body))


def get_port(sid: str) -> Json:
    """Fetch a request in its current state: {id, status, reason, representative, email,
    signature_url, numbers}.
    """
    return _port(_request("GET", f"/PortIn/{sid}"))


def find_port(number: str) -> Json | None:
    """Find the open request for a number. Raises ProviderError, rather than return None, if there
    are too many requests to search.
    """
    for port in open_ports():
        if any(each["number"] == number for each in port["numbers"]):
            return port
    return None


def open_ports() -> list[Json]:
    """Fetch every open request with `get_port`, because the list names no numbers."""
    ids = [row["id"] for row in list_ports() if row["status"].lower() not in CLOSED]
    with ThreadPoolExecutor(AT_ONCE) as readers:
        return list(readers.map(get_port, ids))


def list_ports() -> list[Json]:
    """List the id and status of every request. Raises ProviderError if there are too many."""
    query: dict[str, object] = {"Size": PAGE}
    rows: list[Json] = []
    for _ in range(MOST_PAGES):
        page = _request("GET", "/PortIn/PortInRequests", query=query)
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
    """Cancel a request, if it can still be cancelled."""
    _request("DELETE", f"/PortIn/{sid}")


def webhook() -> str:
    """The URL to which Twilio reports on ports, '' if none is set. There is one for the whole
    account.
    """
    return text(_request("GET", "/Configuration/Webhook").get("port_in_target_url"))


def set_webhook(url: str) -> None:
    """Set the URL to which Twilio reports on ports."""
    _request("POST", "/Configuration/Webhook", body={"port_in_target_url": url})


def _account() -> Json:
    return {"account_sid": get_settings().twilio_account_sid}


def _request(
    method: str, path: str, query: dict[str, object] | None = None, body: Json | None = None
) -> Json:
    url = f"{HOST}{path}"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    with mapped_errors():
        return _read(method, url, client().request(method, url, query, body, headers))


def _read(method: str, url: str, answer: Response) -> Json:
    """Parse the answer's object. Raises the SDK's exception if the answer is an error."""
    if answer.status_code not in SUCCESS:
        raise Version.exception(method, url, answer, "Unable to port")
    if method == "DELETE":
        return {}
    document: Any = json.loads(answer.text)
    if not isinstance(document, dict):
        raise TypeError("an answer that is not an object")
    return document


def _port(found: Json) -> Json:
    """Turn a request into plain values."""
    with mapped_errors():
        losing = found.get("losing_carrier_information") or {}
        return {
            "id": word(found.get("port_in_request_sid")),
            "status": text(found.get("port_in_request_status")),
            "reason": text(found.get("order_cancellation_reason")),
            "representative": text(losing.get("authorized_representative")),
            "email": text(losing.get("authorized_representative_email")),
            "signature_url": text(found.get("signature_request_url")),
            "numbers": [
                {
                    "id": text(each.get("port_in_phone_number_sid")),
                    "number": text(each.get("phone_number")),
                    "status": text(each.get("port_in_phone_number_status")),
                    "reason": text(each.get("rejection_reason")),
                    "code": text(each.get("rejection_reason_code")),
                    "port_date": text(each.get("port_date")),
                }
                for each in found.get("phone_numbers") or []
            ],
        }
