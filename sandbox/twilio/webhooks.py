"""Twilio's webhooks: forms, signed over the whole URL and every field; reports on ports
are JSON.
"""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

from sandbox.deliveries import Delivery
from sandbox.twilio.account import Books, Sender
from sandbox.twilio.errors import Json

ATTEMPTS = 2  # by default Twilio retries once, if nothing answered
VAPI = "api.vapi.ai"  # Vapi's stand-in handles this host's calls itself
PLACE = ("City", "State", "Zip", "Country")


def post_status(books: Books, message: Json) -> None:
    """Report a message's status to the callback URL given with it, if any."""
    url = books.private[message["sid"]]["callback"]
    if not url:
        return
    sid, status = message["sid"], message["status"]
    fields = {
        "MessageSid": sid,
        "SmsSid": sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "To": message["to"],
        "From": message["from"] or "",
    }
    fields |= {
        "AccountSid": message["account_sid"],
        "ApiVersion": "2010-04-01",
        "MessagingServiceSid": message["messaging_service_sid"] or "",
    }
    if message["error_code"]:
        fields["ErrorCode"] = str(message["error_code"])
    _post(books, url, fields, f"{sid}:{status}", f"message.{status}")


def post_inbound(
    books: Books, message: Json, sender: Sender, opt_out_type: str, is_lost: bool = False
) -> None:
    """Post an incoming text to its number's URL, if it has one; ``is_lost`` drops the webhook.

    The fields of places are blank, but signed.
    """
    if not sender.sms_url:
        return
    sid = message["sid"]
    fields = {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": message["account_sid"],
        "From": message["from"],
        "To": message["to"],
    }
    fields |= {
        "Body": message["body"],
        "NumMedia": "0",
        "NumSegments": message["num_segments"],
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }
    fields |= {f"{who}{part}": "" for who in ("From", "To") for part in PLACE}
    if sender.service:
        fields["MessagingServiceSid"] = sender.service
        fields |= {"OptOutType": opt_out_type} if opt_out_type else {}
    kind, fallback = "message.received", sender.fallback_url
    _post(books, sender.sms_url, fields, sid, kind, fallback, is_lost)


def post_call(books: Books, url: str, call: Json) -> None:
    """Report an incoming call, or the end of a call, to a URL."""
    if not url:
        return
    sid, status = call["sid"], call["status"]
    fields = {
        "CallSid": sid,
        "AccountSid": call["account_sid"],
        "From": call["from"],
        "To": call["to"],
        "Caller": call["from"],
        "Called": call["to"],
        "CallStatus": status,
        "Direction": call["direction"],
        "ApiVersion": "2010-04-01",
    }
    fields |= {f"{who}{part}": "" for who in ("From", "To", "Caller", "Called") for part in PLACE}
    if call["forwarded_from"]:
        fields["ForwardedFrom"] = call["forwarded_from"]
    if call["end_time"]:
        fields |= {"CallDuration": call["duration"], "Timestamp": call["end_time"]}
    _post(books, url, fields, f"{sid}:{status}", f"call.{status}")


def post_keypad(books: Books, url: str, fields: dict[str, str], event_id: str) -> None:
    """Report a piece typed during a call, or the result."""
    _post(books, url, fields, event_id, "payment.report")


def post_port(books: Books, event: str, port: Json, number: Json) -> None:
    """Report a port's progress as JSON; the signed URL contains the body's digest."""
    if not books.port_webhook:
        return
    is_number = event.startswith("PortInPhoneNumber")
    status = number["port_in_phone_number_status"] if is_number else port["port_in_request_status"]
    fields: Json = {
        "port_in_request_sid": port["port_in_request_sid"],
        "port_in_phone_number_sid": number["port_in_phone_number_sid"] if is_number else None,
        "phone_number": number["phone_number"] if is_number else None,
        "status": status,
        "portable": number["portable"],
        "not_portable_reason": None,
        "not_portable_reason_code": None,
        "rejection_reason": number["rejection_reason"],
        "rejection_reason_code": number["rejection_reason_code"],
    }
    body = json.dumps(fields)
    joint = "&" if "?" in books.port_webhook else "?"
    digest = hashlib.sha256(body.encode()).hexdigest()
    url = f"{books.port_webhook}{joint}bodySHA256={digest}"
    shared = books.shared
    shared.outbox.post(
        shared.wall(),
        provider="twilio",
        event_id=f"{port['port_in_request_sid']}:{event}",
        event_type=event,
        endpoint_id=url,
        url=url,
        secret=books.tokens[port["account_sid"]],
        body=body,
        most_attempts=ATTEMPTS,
    )
    shared.changed.notify_all()


def _post(
    books: Books,
    url: str,
    fields: dict[str, str],
    event_id: str,
    event_type: str,
    fallback: str = "",
    is_lost: bool = False,
) -> None:
    """Queue one form, unless its host is another stand-in here."""
    if urlsplit(url).hostname == VAPI:
        return
    shared, secret = books.shared, books.tokens[fields["AccountSid"]]
    shared.outbox.post(
        shared.wall(),
        is_lost,
        provider="twilio",
        event_id=event_id,
        event_type=event_type,
        endpoint_id=url,
        url=url,
        secret=secret,
        body=urlencode(fields),
        most_attempts=ATTEMPTS,
        any_answer_ends=True,
        fallback=fallback,
    )
    shared.changed.notify_all()


def sign(delivery: Delivery, now: float) -> dict[str, str]:
    """Return the signed headers of one attempt."""
    is_json = delivery.body.startswith("{")
    fields = {} if is_json else dict(parse_qsl(delivery.body, keep_blank_values=True))
    return {
        "X-Twilio-Signature": signature(delivery.secret, delivery.url, fields),
        "I-Twilio-Idempotency-Token": delivery.id,
        "Content-Type": "application/json" if is_json else "application/x-www-form-urlencoded",
        "User-Agent": "TwilioProxy/1.1",
    }


def signature(token: str, url: str, fields: dict[str, str]) -> str:
    """Return the base64 HMAC-SHA1 over the URL and each field's name and value, sorted by name."""
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(
        hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    ).decode()
