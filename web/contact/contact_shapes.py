"""Rows about contact, as the API shows them."""

from datetime import datetime
from typing import Any

from models.contact.consent import Consent
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.opt_out import OptOut
from models.contact.phone_suppression import PhoneSuppression
from rules.delivery_failures import ADVICE, advice_for
from rules.text_status import FAILED
from runtime.clock import rfc3339


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def show_message(message: Message) -> dict[str, Any]:
    """A text; one that failed or is in doubt carries advice."""
    told = message.status in FAILED or message.status == "unknown"
    advice = (
        advice_for(message.error_code) if told and _is_delivery_code(message.error_code) else None
    )
    return {
        "id": message.id,
        "invoice": message.invoice_id,
        "kind": message.kind,
        "channel": "sms",
        "to": message.to,
        "body": message.body,
        "segments": message.segments,
        "status": message.status,
        "code": message.error_code,
        "error": message.error,
        "advice": {"then": advice.then, "text": advice.text} if advice else None,
        "createdAt": rfc3339(message.created_at),
        "updatedAt": rfc3339(message.updated_at),
    }


def _is_delivery_code(code: str | None) -> bool:
    return bool(code) and (str(code).isdigit() or code in ADVICE)


def show_consent(consent: Consent) -> dict[str, Any]:
    """A consent."""
    return {
        "id": consent.id,
        "customer": consent.customer_id,
        "phone": consent.phone,
        "channels": consent.channels,
        "source": consent.source,
        "text": consent.text,
        "textVersion": consent.text_version,
        "givenAt": rfc3339(consent.given_at),
        "revokedAt": _time(consent.revoked_at),
        "revokedWhy": consent.revoked_why,
        "createdAt": rfc3339(consent.created_at),
    }


def show_opt_out(statement: OptOut) -> dict[str, Any]:
    """A statement to stop or start."""
    return {
        "id": statement.id,
        "phone": statement.phone,
        "wish": statement.wish,
        "channels": statement.channels,
        "words": statement.words,
        "source": statement.source,
        "at": rfc3339(statement.at),
    }


def show_decision(decision: ContactDecision) -> dict[str, Any]:
    """A decision of the gate."""
    return {
        "id": decision.id,
        "invoice": decision.invoice_id,
        "channel": decision.channel,
        "phone": decision.phone,
        "allowed": decision.allowed,
        "code": decision.code,
        "reason": decision.reason,
        "until": _time(decision.until),
        "nextAllowedAt": _time(decision.next_at),
        "effect": decision.effect_id,
        "at": rfc3339(decision.at),
    }


def show_suppression(closed: PhoneSuppression | None) -> dict[str, Any] | None:
    """Why a number is suppressed for a channel."""
    return (
        None
        if closed is None
        else {"code": closed.code, "reason": closed.reason, "at": rfc3339(closed.at)}
    )
