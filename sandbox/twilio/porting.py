"""Porting: a number moves to Twilio over days of the stand-in's clock, unless its carrier refuses.

In review, awaiting a signature, submitted to the carrier, accepted with a date, moved: one step a
day. Twilio does not publish the codes of carriers' rejections, so tests choose them.
"""

from typing import Any

from sandbox.twilio import purchases, webhooks
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid, missing
from sandbox.twilio.parameters import Form
from sandbox.twilio.trunks import iso

MOVES = "twilio port moves"
HOST = "https://numbers.twilio.com/v1/Porting/PortIn"
LOSING = ("customer_name", "authorized_representative", "authorized_representative_email")
ADDRESS = ("street", "city", "state", "zip", "country")
OVER = frozenset({"Completed", "Canceled", "Expired"})
# the status of the request and of its numbers, step by step
COURSE = (
    ("In Review", "In Review"),
    ("Waiting for Signature", "Waiting for Signature"),
    ("In Progress", "Submitted"),
    ("In Progress", "Pending"),
    ("Completed", "Completed"),
)
EVENTS = {
    "Waiting for Signature": ("PortInWaitingForSignature", "PortInPhoneNumberWaitingForSignature"),
    "Submitted": ("PortInInProgress", "PortInPhoneNumberSubmitted"),
    "Pending": ("PortInPhoneNumberPending",),
    "Completed": ("PortInPhoneNumberCompleted", "PortInCompleted"),
    "Rejected": ("PortInPhoneNumberRejected", "PortInActionRequired"),
    "Canceled": ("PortInPhoneNumberCanceled", "PortInCanceled"),
}
LARGEST_DOCUMENT = 10 * 1024 * 1024
MIME_TYPES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)


def upload(books: Books, account: str, fields: dict[str, Any]) -> Json:
    """``POST https://numbers-upload.twilio.com/v1/Documents``. An empty file makes a document too,
    but without a ``mime_type``.
    """
    file = fields.get("File")
    if fields.get("document_type") != "utility_bill" or file is None:
        raise invalid(20001, "document_type must be utility_bill, with a File")
    if books.lost_uploads:
        books.lost_uploads -= 1
        file = b""
    if len(file) > LARGEST_DOCUMENT:
        raise invalid(20001, "File must be at most 10 MB")
    sid = books.sid("RD")
    books.documents[sid] = {
        "account_sid": account,
        "friendly_name": fields.get("friendly_name", ""),
        "size": len(file),
        "mime_type": next((kind for begins, kind in MIME_TYPES if file.startswith(begins)), ""),
    }
    return {"sid": sid, "document_type": "utility_bill", "status": "pending"} | books.documents[sid]


def portability(books: Books, account: str, form: Form, number: str) -> Json:
    """``GET /v1/Porting/Portability/PhoneNumber/{PhoneNumber}``."""
    code, reason = books.unportable.get(number, (0, ""))
    if books.incoming_by_number(number) is not None or _open_port(books, number) is not None:
        code, reason = 22131, "The number is in the target account already"
    return {
        "phone_number": number,
        "account_sid": account if code == 22131 else None,  # noqa: PLR2004
        "portable": not code,
        "pin_and_account_number_required": number in books.wants_pin,
        "not_portable_reason": reason or None,
        "not_portable_reason_code": code or None,
        "number_type": "MOBILE" if number in books.wants_pin else "LOCAL",
        "country": "US",
        "url": f"https://numbers.twilio.com/v1/Porting/Portability/PhoneNumber/{number}",
    }


def create(books: Books, account: str, body: Json) -> Json:
    """``POST /v1/Porting/PortIn``. Nothing prevents a second request for the same number."""
    losing = body.get("losing_carrier_information") or {}
    address = losing.get("address") or {}
    lacking = [name for name in LOSING if not losing.get(name)]
    lacking += [f"address.{name}" for name in ADDRESS if not address.get(name)]
    if body.get("account_sid") != account or lacking:
        raise invalid(20001, f"missing or wrong: account_sid, {', '.join(lacking)}")
    documents = body.get("documents") or []
    if not documents or any(each not in books.documents for each in documents):
        raise invalid(20001, "documents must name a utility bill that was uploaded")
    sid, date = books.sid("KW"), iso(books.date())
    made: Json = {
        "port_in_request_sid": sid,
        "url": f"{HOST}/{sid}",
        "account_sid": account,
        "notification_emails": body.get("notification_emails"),
        "target_port_in_date": body.get("target_port_in_date"),
        "target_port_in_time_range_start": body.get("target_port_in_time_range_start"),
        "target_port_in_time_range_end": body.get("target_port_in_time_range_end"),
        "port_in_request_status": "In Review",
        "order_cancellation_reason": None,
        "losing_carrier_information": losing,
        "phone_numbers": [_number(books, each) for each in body.get("phone_numbers") or []],
        "bundle_sid": None,
        "portability_advance_carrier": None,
        "auto_cancel_approval_numbers": None,
        "documents": documents,
        "date_created": date,
        "support_ticket_id": len(books.ports) + 1,
        "signature_request_url": None,
    }
    books.ports[sid] = made
    books.private[sid] = {"step": 0, "updated": date}
    _schedule(books, account, sid)
    return made


def _number(books: Books, asked: Json) -> Json:
    number = asked.get("phone_number", "")
    if number in books.wants_pin and not asked.get("pin"):
        raise invalid(22171, f"{number} needs the PIN of its carrier")
    return {
        "not_portability_reason": None,
        "not_portability_reason_code": None,
        "number_type": "LOCAL",
        "phone_number": number,
        "port_date": None,
        "port_in_phone_number_sid": books.sid("PU"),
        "port_in_phone_number_status": "In Review",
        "portable": True,
        "external_porting_vendor_phone_number_id": None,
        "status_last_time_updated_timestamp": iso(books.date()),
        "rejection_reason": None,
        "rejection_reason_code": None,
    }


def retrieve(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET /v1/Porting/PortIn/{PortInRequestSid}``."""
    found = books.ports.get(sid)
    if found is None or found["account_sid"] != account:
        raise missing(f"/v1/Porting/PortIn/{sid}")
    return found


def index(books: Books, account: str, form: Form) -> Json:
    """``GET /v1/Porting/PortIn/PortInRequests``."""
    rows = [row for row in books.ports.values() if row["account_sid"] == account]
    start, size = int(form.get("Token") or 0), int(form.get("Size") or 20)
    more = len(rows) > start + size
    return {
        "port_in_requests": [
            _listed(books, row)
            for row in rows[start : start + size]
            if row["date_created"][:10] >= form.get("CreatedAfter", "")[:10]
        ],
        "meta": {
            "previous_token": str(max(0, start - size)) if start else None,
            "next_token": str(start + size) if more else None,
        },
    }


def _listed(books: Books, row: Json) -> Json:
    numbers = row["phone_numbers"]
    return {
        "port_in_request_sid": row["port_in_request_sid"],
        "port_in_request_status": row["port_in_request_status"],
        "status_last_updated_timestamp": books.private[row["port_in_request_sid"]]["updated"],
        "phone_numbers_requested": len(numbers),
        "phone_numbers_ported": sum(
            each["port_in_phone_number_status"] == "Completed" for each in numbers
        ),
        "suggested_action": None,
    }


def cancel(books: Books, account: str, form: Form, sid: str) -> None:
    """``DELETE /v1/Porting/PortIn/{PortInRequestSid}``; refused once the request is over."""
    port = retrieve(books, account, form, sid)
    if port["port_in_request_status"] in OVER:
        raise invalid(20001, f"A request that is {port['port_in_request_status']} stays so")
    port["order_cancellation_reason"] = "Canceled by the customer"
    _set_status(books, sid, "Canceled", "Canceled")


def webhook(books: Books, account: str, form: Form) -> Json:
    """``GET /v1/Porting/Configuration/Webhook``."""
    return {
        "url": "https://numbers.twilio.com/v1/Porting/Configuration/Webhook",
        "port_in_target_url": books.port_webhook or None,
        "port_out_target_url": None,
        "notifications_of": [],
        "port_in_target_date_created": None,
        "port_out_target_date_created": None,
    }


def set_webhook(books: Books, account: str, body: Json) -> Json:
    """``POST /v1/Porting/Configuration/Webhook``: one URL for all ports."""
    books.port_webhook = body.get("port_in_target_url") or ""
    shown = webhook(books, account, {})
    return {name: shown[name] for name in list(shown)[:4]}


def move(books: Books, sid: str) -> None:
    """Advance a port by one step."""
    port = books.ports.get(sid)
    if port is None or port["port_in_request_status"] in (*OVER, "Action Required"):
        return
    state = books.private[sid]
    state["step"] += 1
    whole, each = COURSE[state["step"]]
    for number in port["phone_numbers"]:
        if each == "Pending" and number["phone_number"] in books.rejections:
            code, reason = books.rejections[number["phone_number"]]
            number.update(rejection_reason_code=code, rejection_reason=reason)
            _set_status(books, sid, "Action Required", "Rejected")
            return
        if each == "Pending":
            number["port_date"] = iso(books.date())
        if each == "Completed":
            purchases.arrive(books, port["account_sid"], number["phone_number"])
    if each == "Waiting for Signature":
        port["signature_request_url"] = f"https://sign.example/{sid}"
    _set_status(books, sid, whole, each)
    if whole not in OVER:
        _schedule(books, port["account_sid"], sid)


def put(books: Books, sid: str, whole: str, each: str, reason: str = "") -> None:
    """Put an open port into any status, in whatever order, with the carrier's reason; one that was
    rejected and is not any more moves on.
    """
    port = books.ports.get(sid)
    if port is None or port["port_in_request_status"] in OVER:
        return
    was_rejected = port["port_in_request_status"] == "Action Required"
    for number in port["phone_numbers"]:
        number["rejection_reason"] = reason or None
        if each == "Completed":
            purchases.arrive(books, port["account_sid"], number["phone_number"])
    _set_status(books, sid, whole, each)
    if was_rejected and whole not in (*OVER, "Action Required"):
        _schedule(books, port["account_sid"], sid)


def _set_status(books: Books, sid: str, whole: str, each: str) -> None:
    """Set the status of a port and of its numbers, and report it."""
    port = books.ports[sid]
    port["port_in_request_status"] = whole
    books.private[sid]["updated"] = iso(books.date())
    for number in port["phone_numbers"]:
        number["port_in_phone_number_status"] = each
    for event in EVENTS.get(each, ()):
        for number in port["phone_numbers"]:
            webhooks.post_port(books, event, port, number)


def _schedule(books: Books, account: str, sid: str) -> None:
    books.shared.timers.at(books.shared.now() + books.port_step, MOVES, account, sid)


def _open_port(books: Books, number: str) -> Json | None:
    rows = (row for row in books.ports.values() if row["port_in_request_status"] not in OVER)
    return next(
        (row for row in rows if any(n["phone_number"] == number for n in row["phone_numbers"])),
        None,
    )
