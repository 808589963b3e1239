"""Stripe's events in the shapes of four API versions, and odd values for each of their fields.

Shapes follow Stripe's changelog (docs.stripe.com/changelog): before 2022-11-15 an intent lists its
`charges` and a charge its `refunds`; since then an intent has `latest_charge`. Before 2025-03-31 a
session has `currency_conversion`, since then `presentment_details`.
"""

import copy
from collections.abc import Iterator
from typing import Any

from rules.stripe_event_types import SUBSCRIBED, event_type
from tests import given

Json = dict[str, Any]
Path = tuple[str | int, ...]

VERSIONS = ("2019-12-03", "2022-08-01", "2024-06-20", "2026-10-28.endive")
CHARGES_LISTED, CONVERSION_TOLD = VERSIONS[:2], VERSIONS[:3]
MISSING = object()
ODD = (
    MISSING,
    None,
    "",
    "a_new_word",
    "\x00",
    7,
    -1,
    10**30,
    0.5,
    True,
    [],
    [None],
    {},
    {"id": None},
)
STATUS = {
    "payment_intent.succeeded": "succeeded",
    "payment_intent.processing": "processing",
    "payment_intent.payment_failed": "requires_payment_method",
    "payment_intent.canceled": "canceled",
    "charge.dispute.closed": "lost",
    "refund.failed": "failed",
    "checkout.session.completed": "paid",
    "checkout.session.async_payment_succeeded": "paid",
    "checkout.session.async_payment_failed": "unpaid",
}


def an_event(kind: str, version: str, metadata: Json, amount: int, name: str = "1") -> Json:
    """Build an event of a subscribed type about the invoice in `metadata`; the ids in it end with
    `name`.
    """
    known = event_type(kind)
    assert known is not None
    subject = _SHAPES[known.tells](kind, version, metadata, amount, name)
    return given.an_event(kind, subject, api_version=version, id=f"evt_{name}")


def every_event(metadata: Json, amount: int) -> Iterator[Json]:
    """Yield one event of each subscribed type in each version."""
    for kind in SUBSCRIBED:
        for version in VERSIONS:
            yield an_event(kind, version, metadata, amount)


def paths_in(document: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each field and member of a document, including nested ones."""
    members = document.items() if isinstance(document, dict) else enumerate(document)
    for name, member in members:
        yield (*path, name)
        if isinstance(member, dict | list):
            yield from paths_in(member, (*path, name))


def at(document: Any, path: Path) -> Any:
    """Return the value at a path."""
    for name in path:
        document = document[name]
    return document


def made_odd(document: Any, path: Path, odd: Any) -> Any:
    """Return a copy of the document with an odd value, or nothing, at a path."""
    changed = copy.copy(document)
    name, *rest = path
    if rest:
        changed[name] = made_odd(document[name], tuple(rest), odd)
    elif odd is MISSING:
        del changed[name]
    else:
        changed[name] = odd
    return changed


def is_odd(usual: Any, odd: Any) -> bool:
    """Whether the value cannot be mistaken for a usual one: 7 can be an amount, and -1 a
    movement's.
    """
    both = type(usual) is int and type(odd) is int and abs(odd) < 10**15
    return not (both and (odd >= 0 or usual < 0))


def _charge(name: str, amount: int) -> Json:
    return {
        "id": f"ch_{name}",
        "object": "charge",
        "amount": amount,
        "payment_intent": f"pi_{name}",
    }


def _intent(kind: str, version: str, metadata: Json, amount: int, name: str) -> Json:
    status = STATUS[kind]
    failed = {"code": "card_declined", "decline_code": "expired_card", "charge": f"ch_{name}"}
    said: Json = {
        "id": f"pi_{name}",
        "object": "payment_intent",
        "amount": amount,
        "amount_received": amount if status == "succeeded" else 0,
        "currency": "usd",
        "status": status,
        "livemode": False,
        "last_payment_error": failed if kind.endswith("payment_failed") else None,
        "metadata": metadata,
        "client_secret": f"pi_{name}_secret_{'x' * 24}",
    }
    if version in CHARGES_LISTED:
        charge = _charge(name, amount)
        return said | {"charges": {"object": "list", "data": [charge], "has_more": False}}
    return said | {"latest_charge": f"ch_{name}"}


def _session(kind: str, version: str, metadata: Json, amount: int, name: str) -> Json:
    converted = "currency_conversion" if version in CONVERSION_TOLD else "presentment_details"
    return {
        "id": f"cs_{name}",
        "object": "checkout.session",
        "mode": "payment",
        "status": "complete",
        "payment_status": STATUS[kind],
        "payment_intent": f"pi_{name}",
        "amount_total": amount,
        "currency": "usd",
        "livemode": False,
        "metadata": metadata,
        converted: None,
    }


def _refund(kind: str, version: str, metadata: Json, amount: int, name: str) -> Json:
    return {
        "id": f"re_{name}",
        "object": "refund",
        "amount": amount,
        "charge": f"ch_{name}",
        "currency": "usd",
        "payment_intent": f"pi_{name}",
        "status": STATUS.get(kind, "succeeded"),
        "failure_reason": "expired_or_canceled_card" if kind == "refund.failed" else None,
        "metadata": metadata,
    }


def _refunded_charge(kind: str, version: str, metadata: Json, amount: int, name: str) -> Json:
    said = _charge(name, amount) | {
        "amount_refunded": amount,
        "currency": "usd",
        "refunded": True,
        "livemode": False,
        "metadata": metadata,
    }
    if version in CHARGES_LISTED:
        refund = _refund(kind, version, metadata, amount, name)
        said["refunds"] = {"object": "list", "data": [refund], "has_more": False}
    return said


def a_dispute(kind: str, version: str, metadata: Json, amount: int, name: str) -> Json:
    """Build a dispute as in Stripe's events and answers."""
    moved = {"id": f"txn_{name}", "object": "balance_transaction"}
    return {
        "id": f"dp_{name}",
        "object": "dispute",
        "amount": amount,
        "charge": f"ch_{name}",
        "currency": "usd",
        "payment_intent": f"pi_{name}",
        "reason": "fraudulent",
        "status": STATUS.get(kind, "needs_response"),
        "livemode": False,
        "evidence_details": {"due_by": 1_900_000_000, "has_evidence": False},
        "balance_transactions": [moved | {"amount": -amount, "currency": "usd"}],
        "metadata": {},
    }


_SHAPES = {
    "payment": _intent,
    "session": _session,
    "refund": _refund,
    "refunds changed": _refunded_charge,
    "dispute changed": a_dispute,
}
