"""Translate Stripe events about money into our own dataclasses.

`rules/stripe_event_types.py` lists which event types are read, and as what.

An event is rendered in its endpoint's API version, whatever that is, so it may lack a field, hold
null in it, or hold a value we do not know. We take what it states beyond doubt and fetch the rest
from Stripe (`FetchObject`), whose answer comes in the SDK's version. Nothing is guessed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from rules.invoice_fold import is_known_refund_status
from rules.payment_merge import UNNAMED_CHARGE, Charge, PaymentReport
from rules.stripe_event_types import event_type, id_in, object_of
from runtime.errors import PayphoneError

Json = dict[str, Any]
Found = TypeVar("Found")

TERMINAL = frozenset({"succeeded", "canceled"})
OPEN = frozenset(
    {
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "requires_capture",
        "processing",
    }
)
# of a Checkout Session
PAYMENT_STATUSES = frozenset({"paid", "unpaid", "no_payment_required"})
OTHER_MODES = frozenset({"setup", "subscription"})
MOST = 10**15  # minor units; Stripe takes far less in any currency
LONGEST = 100  # characters of a word or a code
_CURRENCY = re.compile(r"[a-z]{3}")
_REFUND_ID = re.compile(r"(?:re|pyr)_")


class Unreadable(PayphoneError):
    """A Stripe object lacks a field that we must know; the message names it."""


@dataclass(frozen=True, slots=True)
class ClaimedOwner:
    """The owner that an object's metadata claims; an empty string for each part without an id."""

    account_id: str = ""
    invoice_id: str = ""
    attempt_id: str = ""


@dataclass(frozen=True, slots=True)
class PaymentFinding:
    """What is known of a PaymentIntent. `doubt`, if any, says what must be fetched from Stripe.
    `used_link` is the payment link whose one session it completed, paid or not.
    """

    intent_id: str
    report: PaymentReport
    belonging: ClaimedOwner
    doubt: str = ""
    used_link: str = ""


@dataclass(frozen=True, slots=True)
class RefundFinding:
    """What is known of a refund, as Stripe's refund object. `doubt` as in PaymentFinding."""

    intent_id: str
    refund: Json
    belonging: ClaimedOwner
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class FetchRefunds:
    """Refunds of this intent changed: fetch them from Stripe."""

    intent_id: str


@dataclass(frozen=True, slots=True)
class FetchDispute:
    """A dispute of this intent changed: fetch it from Stripe, because its events arrive in no
    order.
    """

    intent_id: str
    dispute_id: str


@dataclass(frozen=True, slots=True)
class FetchObject:
    """An event about money that cannot be read on its own (`why`): fetch `id` from Stripe."""

    tells: str
    id: str
    why: str
    intent_id: str = ""  # if the event names it


Finding = FetchDispute | PaymentFinding | RefundFinding | FetchRefunds


def read_event(event: Json) -> Finding | FetchObject | None:
    """Return what the event says, or None if it is not about our money. Raises Unreadable if it
    does not even say which object it is about.
    """
    known = event_type(str(event.get("type", "")))
    if known is None:
        return None
    return _READERS[known.tells](object_of(event))


def read_intent(intent: Json) -> PaymentFinding:
    """Read a PaymentIntent into a finding. Raises Unreadable."""
    intent_id = _intent_of(intent)
    status = _enum_value(intent.get("status"))
    is_paid = status == "succeeded"
    charges, doubt = _charges(intent, status)
    if status not in OPEN | TERMINAL:
        doubt = f"its status is {status or 'missing'}"
    report = PaymentReport(
        terminal=status if status in TERMINAL else "",
        amount=_amount(intent, "amount"),
        amount_received=_amount(intent, "amount_received") if is_paid else 0,
        currency=_currency(intent),
        charges=charges,
        by_intent=True,
    )
    return PaymentFinding(intent_id, report, _belonging(intent), doubt)


def read_refund(refund: Json) -> RefundFinding:
    """Read a refund into a finding. Stripe's own status is kept; a refund without one is pending.
    Raises Unreadable.
    """
    intent_id = _intent_in(refund.get("payment_intent"))
    if not intent_id:
        raise Unreadable(f"Refund {_named('refund', refund)} names no payment intent.")
    status = _enum_value(refund.get("status")) or "pending"
    fields = {
        "object": "refund",
        "id": _named("refund", refund),
        "payment_intent": intent_id,
        "amount": _amount(refund, "amount"),
        "currency": _currency(refund),
        "status": status,
        "failure_reason": _enum_value(refund.get("failure_reason")) or None,
    }
    doubt = "" if is_known_refund_status(status) else f"its status is {status}"
    return RefundFinding(intent_id, refund | fields, _belonging(refund), doubt)


def read_dispute(dispute: Json) -> Json:
    """Check a dispute fetched from Stripe and normalise the fields we need. Raises Unreadable."""
    moved = dispute.get("balance_transactions") or []
    if not isinstance(moved, list):
        raise Unreadable("The dispute's balance_transactions are not a list.")
    fields = {
        "object": "dispute",
        "id": _named("dispute", dispute),
        "payment_intent": _intent_in(dispute.get("payment_intent")),
        "amount": _amount(dispute, "amount"),
        "currency": _currency(dispute),
        "status": _enum_value(dispute.get("status")),
        "reason": _enum_value(dispute.get("reason")),
        "balance_transactions": [_balance_transaction(each) for each in moved],
    }
    if not fields["payment_intent"]:
        raise Unreadable(f"Dispute {fields['id']} names no payment intent.")
    return dispute | fields


def _balance_transaction(movement: Any) -> Json:
    fields = _dict(movement)
    amount = fields.get("amount")
    if type(amount) is not int or abs(amount) > MOST:
        raise Unreadable("A balance transaction of the dispute has no amount.")
    return {
        "id": _named("balance transaction", fields),
        "amount": amount,
        "currency": _currency(fields),
    }


def _payment(subject: Json) -> PaymentFinding | FetchObject:
    intent_id = _intent_of(subject)
    return _or_ask(FetchObject("payment", intent_id, "", intent_id), read_intent, subject)


def _session(session: Json) -> PaymentFinding | FetchObject | None:
    """Read a Checkout Session that takes one payment. A completed session is not necessarily paid:
    only `payment_status` says so.
    """
    intent_id = _intent_in(session.get("payment_intent"))
    if _text(session.get("mode")) in OTHER_MODES or not session.get("payment_intent"):
        return None
    if not intent_id:
        raise Unreadable("The session's payment_intent is not an id.")
    return _or_ask(FetchObject("payment", intent_id, "", intent_id), _read_session, session)


def _read_session(session: Json) -> PaymentFinding:
    # older API versions report the converted amount the payer saw; the original is in here
    converted = session.get("currency_conversion")
    money = _dict(converted) or session
    is_paid = session.get("payment_status") == "paid"
    amount = _amount(money, "amount_total")
    report = PaymentReport(
        terminal="succeeded" if is_paid else "",
        amount=amount,
        amount_received=amount if is_paid else 0,
        currency=_currency(money, "source_currency" if converted else "currency"),
    )
    status = _enum_value(session.get("payment_status"))
    doubt = "" if status in PAYMENT_STATUSES else f"payment_status is {status or 'missing'}"
    is_complete = session.get("status") == "complete"
    return PaymentFinding(
        _intent_in(session.get("payment_intent")),
        report,
        _belonging(session),
        doubt,
        used_link=id_in(session.get("payment_link")) if is_complete else "",
    )


def _refund(refund: Json) -> RefundFinding | FetchRefunds | FetchObject | None:
    # a charge without a PaymentIntent is not ours
    if "payment_intent" in refund and refund["payment_intent"] is None:
        return None
    intent_id = _intent_in(refund.get("payment_intent"))
    if intent_id and not _REFUND_ID.match(id_in(refund.get("id"))):
        # under an id that is not a refund's it would be counted twice
        return FetchRefunds(intent_id)
    ask = FetchObject("refund", _named("refund", refund), "", intent_id)
    found = _or_ask(ask, read_refund, refund)
    if isinstance(found, RefundFinding) and not refund.get("status"):
        # it may have gone further than pending
        return replace(found, doubt="its status is missing")
    return found


def _refunds(charge: Json) -> FetchRefunds | None:
    intent_id = _intent_in(charge.get("payment_intent"))
    if not intent_id and charge.get("payment_intent"):
        raise Unreadable("The charge's payment_intent is not an id.")
    return FetchRefunds(intent_id) if intent_id else None


def _dispute(dispute: Json) -> FetchDispute | FetchObject | None:
    dispute_id = _named("dispute", dispute)
    if "payment_intent" in dispute and dispute["payment_intent"] is None:
        return None
    intent_id = _intent_in(dispute.get("payment_intent"))
    if not intent_id:
        return FetchObject("dispute", dispute_id, "it names no payment intent")
    return FetchDispute(intent_id, dispute_id)


_READERS: dict[str, Callable[[Json], Finding | FetchObject | None]] = {
    "payment": _payment,
    "session": _session,
    "refund": _refund,
    "refunds changed": _refunds,
    "dispute changed": _dispute,
}


def _or_ask(ask: FetchObject, read: Callable[[Json], Found], subject: Json) -> Found | FetchObject:
    try:
        return read(subject)
    except Unreadable as error:
        return replace(ask, why=str(error))


def _charges(intent: Json, status: str) -> tuple[dict[str, Charge], str]:
    """Return the intent's latest charge, if it names one, and what is in doubt about it."""
    error = _dict(intent.get("last_payment_error"))
    charge_id = _latest_charge(intent)
    if status == "processing":
        doubt = "" if charge_id else "it is processing, and names no charge"
        return {charge_id or UNNAMED_CHARGE: Charge("processing")}, doubt
    code = _enum_value(error.get("decline_code")) or _enum_value(error.get("code"))
    named = id_in(error.get("charge"))
    if named or (code and charge_id):
        return {named or charge_id: Charge("failed", code)}, ""
    return {}, ""


def _latest_charge(intent: Json) -> str:
    """The id of the latest charge. Before API version 2022-11-15 an intent lists its charges,
    newest first.
    """
    listed = _dict(intent.get("charges")).get("data")
    newest = listed[0] if isinstance(listed, list) and listed else None
    return id_in(intent.get("latest_charge")) or id_in(newest)


def _belonging(subject: Json) -> ClaimedOwner:
    metadata = _dict(subject.get("metadata"))
    return ClaimedOwner(
        *(id_in(metadata.get(name)) for name in ("account_id", "invoice_id", "attempt_id"))
    )


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _enum_value(value: object) -> str:
    """A Stripe enum value that can be stored and shown: empty for null, `unknown` for anything else
    that is not a short printable string.
    """
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) and _is_short_text(value) else "unknown"


def _is_short_text(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable()


def _named(noun: str, subject: Json) -> str:
    found = id_in(subject.get("id"))
    if not found:
        raise Unreadable(f"The {noun} has no id.")
    return found


def _intent_in(value: object) -> str:
    """Return the PaymentIntent id that a field holds, or an empty string."""
    found = id_in(value)
    return found if found.startswith("pi_") else ""


def _intent_of(intent: Json) -> str:
    intent_id = _intent_in(intent)
    if not intent_id:
        raise Unreadable("The payment intent has no id.")
    return intent_id


def _amount(subject: Json, name: str) -> int:
    value = subject.get(name)
    if type(value) is not int or not 0 <= value <= MOST:  # bool is an int too: reject true
        raise Unreadable(f"Its {name} is not an amount in minor units.")
    return value


def _currency(subject: Json, name: str = "currency") -> str:
    code = _text(subject.get(name)).lower()
    if not _CURRENCY.fullmatch(code):
        raise Unreadable(f"Its {name} is not a currency.")
    return code
