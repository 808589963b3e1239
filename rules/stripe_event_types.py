"""The Stripe event types that Payphone processes: what each says, and which contacts it holds back.

Stripe's list of types: docs.stripe.com/api/events/types. Events of all other types are stored but
say nothing about money.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

Tells = Literal["payment", "session", "refund", "refunds changed", "dispute changed"]


@dataclass(frozen=True, slots=True)
class EventType:
    """The types that begin with `prefix`.

    `tells` is what such an event says, and so how `process_stripe_event` handles it. A payment or a
    refund is contained in the event; that refunds or a dispute changed is only a hint to fetch,
    because the amount of `charge.refunded` is cumulative and the events of a dispute have no order.

    `names_invoice`: its metadata names the invoice, so while it is unprocessed it holds back
    contact about that invoice only. Other events hold back contact about every invoice of their
    Stripe account.

    `subscribed` are the types that the webhook endpoint at Stripe must receive.
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
# events about returned money name an intent, and often no invoice
UNNAMED = tuple(known.prefix for known in EVENT_TYPES if not known.names_invoice)
_ID = re.compile(r"\w{1,255}", re.ASCII)  # matches every id of Stripe's and of ours
SUBSCRIBED = tuple(name for known in EVENT_TYPES for name in known.subscribed)

# about a clinic's own card at the platform; each is only a hint to fetch the card from Stripe
CARD_EVENTS = (
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "setup_intent.canceled",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "customer.deleted",
)
# the old name of `payment_method.automatically_updated`; new endpoints cannot subscribe to it
FORMER_CARD_EVENTS = ("payment_method.card_automatically_updated",)


def is_card_event(name: str) -> bool:
    """Whether an event of type `name` is about a clinic's own card."""
    return name in CARD_EVENTS or name in FORMER_CARD_EVENTS


def event_type(name: str) -> EventType | None:
    """The entry for events of type `name`; None if they say nothing about money."""
    return next((known for known in EVENT_TYPES if name.startswith(known.prefix)), None)


def names_of(event: dict[str, Any]) -> tuple[str, str]:
    """The PaymentIntent that an event is about and the invoice that its metadata names; each empty
    if there is none.

    Both are only claims: the invoice may be another account's. Never raises, whatever the event
    looks like: it has been accepted, and must be stored.
    """
    subject = object_of(event)
    is_intent = subject.get("object") == "payment_intent" or str(event.get("type", "")).startswith(
        "payment_intent."
    )
    intent = subject if is_intent else subject.get("payment_intent")
    return id_in(intent), id_in(_object(subject.get("metadata")).get("invoice_id"))


def id_in(value: object) -> str:
    """The id in a field of Stripe's, whether it holds an id or an expanded object; empty if
    none.
    """
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and _ID.fullmatch(found) else ""


def account_of(event: dict[str, Any]) -> str:
    """Our account that an event of the platform names in its metadata; empty if none. It is only a
    claim, to be used for fair scheduling and nothing else. Never raises.
    """
    return id_in(_object(object_of(event).get("metadata")).get("account_id"))


def object_of(event: dict[str, Any]) -> dict[str, Any]:
    """The object that an event is about; empty if it has none. Never raises."""
    return _object(_object(event.get("data")).get("object"))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
