"""The types of Stripe's events that Payphone takes in: what each tells, and what it holds back.

Stripe's list of types: docs.stripe.com/api/events/types. Everything else is kept and says nothing
about money.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

Tells = Literal["payment", "session", "refund", "refunds changed", "dispute changed"]


@dataclass(frozen=True, slots=True)
class EventType:
    """The types that begin with `prefix`.

    `tells` is what such an event says, and so what `process_stripe_event` makes of it: a payment or
    a refund is in it; that refunds or a dispute changed is only a hint to look, because the amount
    of `charge.refunded` is cumulative and the events of a dispute have no order.

    `names_invoice`: its metadata name the invoice, so that one that waits holds back contact about
    this invoice only. Others hold back contact about every invoice of their Stripe account.

    `subscribed` are the types that the webhook endpoint at Stripe must be sent.
    """

    prefix: str
    tells: Tells
    names_invoice: bool
    subscribed: tuple[str, ...]


EVENT_TYPES = (
    EventType(
        "payment_intent.",
        tells="payment",
        names_invoice=True,
        subscribed=(
            "payment_intent.succeeded",
            "payment_intent.processing",
            "payment_intent.payment_failed",
            "payment_intent.canceled",
        ),
    ),
    EventType(
        "checkout.session.",
        tells="session",
        names_invoice=True,
        subscribed=(
            "checkout.session.completed",
            "checkout.session.async_payment_succeeded",
            "checkout.session.async_payment_failed",
        ),
    ),
    EventType(
        "refund.",
        tells="refund",
        names_invoice=False,
        subscribed=("refund.created", "refund.updated", "refund.failed"),
    ),
    EventType(
        "charge.refund.updated",
        tells="refund",
        names_invoice=False,
        subscribed=("charge.refund.updated",),
    ),
    EventType(
        "charge.refunded",
        tells="refunds changed",
        names_invoice=False,
        subscribed=("charge.refunded",),
    ),
    EventType(
        "charge.dispute.",
        tells="dispute changed",
        names_invoice=False,
        subscribed=(
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
        ),
    ),
)
# money that went back, whose events name an intent and often no invoice
UNNAMED = tuple(known.prefix for known in EVENT_TYPES if not known.names_invoice)
_ID = re.compile(r"\w{1,255}", re.ASCII)  # no other text can be an id of Stripe's or ours
SUBSCRIBED = tuple(name for known in EVENT_TYPES for name in known.subscribed)

# a clinic's own card at the platform, of which each of these is only a hint to look at Stripe
CARD_EVENTS = (
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "setup_intent.canceled",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "customer.deleted",
)
# what `payment_method.automatically_updated` was called; no new endpoint can subscribe to it
FORMER_CARD_EVENTS = ("payment_method.card_automatically_updated",)


def is_card_event(name: str) -> bool:
    """Whether an event of type `name` is about a clinic's own card."""
    return name in CARD_EVENTS or name in FORMER_CARD_EVENTS


def event_type(name: str) -> EventType | None:
    """What is known of events of type `name`; None when they say nothing about money."""
    return next((known for known in EVENT_TYPES if name.startswith(known.prefix)), None)


def names_of(event: dict[str, Any]) -> tuple[str, str]:
    """The PaymentIntent that an event is about and the invoice that its metadata name; each empty
    when there is none.

    Both are only what the event claims: an invoice of another account may be named. Never raises,
    whatever the event looks like: it has been accepted, and must be kept.
    """
    subject = object_of(event)
    is_intent = subject.get("object") == "payment_intent" or str(event.get("type", "")).startswith(
        "payment_intent."
    )
    intent = subject if is_intent else subject.get("payment_intent")
    return id_in(intent), id_in(_object(subject.get("metadata")).get("invoice_id"))


def id_in(value: object) -> str:
    """The id that a field of Stripe's holds, also where the object itself stands in its place;
    empty when there is none.
    """
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and _ID.fullmatch(found) else ""


def account_of(event: dict[str, Any]) -> str:
    """The account of ours that an event of the platform names in its metadata; empty when none.
    Only what the event claims: good for taking turns, and for nothing else. Never raises.
    """
    return id_in(_object(object_of(event).get("metadata")).get("account_id"))


def object_of(event: dict[str, Any]) -> dict[str, Any]:
    """The object that an event is about; empty where it has none. Never raises."""
    return _object(_object(event.get("data")).get("object"))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
