"""Consistent Stripe histories for property tests: a ledger, and the events that it would have sent.

The ledger moves step by step as Stripe moves its objects (docs.stripe.com: "The PaymentIntents
lifecycle", "Refunds", "Disputes"); each step appends the events that announce it. The final ledger
is the truth to which the events must lead, in any order.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests import given

Json = dict[str, Any]

REFUND_PATHS = (
    ("succeeded",),
    ("pending", "succeeded"),
    ("pending", "requires_action", "succeeded"),
    ("pending", "failed"),
    ("succeeded", "failed"),
    ("pending", "succeeded", "failed"),
    ("requires_action", "canceled"),
    ("pending",),
)
HAS_LEFT = {"pending", "requires_action", "succeeded"}
TRIES = ("declined", "processing then declined")
ENDS = (
    "open",
    "processing",
    "canceled",
    "succeeded",
    "processing then succeeded",
    "succeeded",
    "succeeded",
)


@dataclass
class Intent:
    """One PaymentIntent of the ledger. `charges` holds how each attempt ended."""

    object: Json
    charges: dict[str, tuple[str, str]] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    disputes: dict[str, Json] = field(default_factory=dict)


@dataclass
class History:
    """What happened to the payments of one invoice, and the events that Stripe sent."""

    metadata: Json
    due: int
    currency: str
    intents: list[Intent] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)

    def say(self, kind: str, subject: Json) -> None:
        self.events.append(given.an_event(kind, dict(subject)))

    def refunds_of(self, intent_id: str) -> list[Json]:
        """The refunds that Stripe would list now."""
        return [
            refund
            for intent in self.intents
            if intent.object["id"] == intent_id
            for refund in intent.refunds.values()
        ]

    def dispute(self, dispute_id: str) -> Json:
        """A dispute as Stripe would return it now."""
        return next(
            intent.disputes[dispute_id] for intent in self.intents if dispute_id in intent.disputes
        )

    @property
    def received(self) -> int:
        return sum(intent.object["amount_received"] for intent in self._own())

    @property
    def returned(self) -> int:
        return sum(
            min(intent.object["amount_received"], max(0, _back(intent))) for intent in self._own()
        )

    @property
    def mismatched(self) -> bool:
        return any(
            intent.object["amount_received"] and intent.object["currency"] != self.currency
            for intent in self.intents
        )

    @property
    def disputed(self) -> bool:
        return any(
            dispute["status"] == "needs_response"
            for intent in self.intents
            for dispute in intent.disputes.values()
        )

    def _own(self) -> list[Intent]:
        return [intent for intent in self.intents if intent.object["currency"] == self.currency]


def _back(intent: Intent) -> int:
    refunds = sum(
        refund["amount"] for refund in intent.refunds.values() if refund["status"] in HAS_LEFT
    )
    return refunds - sum(
        movement["amount"]
        for dispute in intent.disputes.values()
        for movement in dispute["balance_transactions"]
    )


@st.composite
def histories(draw: st.DrawFn, metadata: Json, due: int, currency: str = "usd") -> History:
    """A history of one to three intents for an invoice with this metadata."""
    history = History(metadata, due, currency)
    for _ in range(draw(st.integers(1, 3))):
        _pay(draw, history)
    return history


def _pay(draw: st.DrawFn, history: History) -> None:
    currency = draw(st.sampled_from([history.currency] * 4 + ["jpy"]))
    amount = draw(st.integers(1, history.due * 2))
    bare = {
        "metadata": history.metadata,
        "currency": currency,
        "amount": amount,
        "amount_received": 0,
        "latest_charge": None,
        "last_payment_error": None,
    }
    intent = Intent(
        {"id": given.new_id("pi"), "object": "payment_intent", "status": "requires_payment_method"}
        | bare
    )
    history.intents.append(intent)
    history.say("payment_intent.created", intent.object)
    for how in draw(st.lists(st.sampled_from(TRIES), max_size=2)):
        _decline(draw, history, intent, how)
    end = draw(st.sampled_from(ENDS))
    if end.startswith("processing"):
        _process(history, intent)
        if draw(st.booleans()):
            _session(history, intent, "checkout.session.completed", "unpaid")
    if end == "canceled":
        intent.object |= {"status": "canceled"}
        history.say("payment_intent.canceled", intent.object)
    if end.endswith("succeeded"):
        _succeed(draw, history, intent)


def _process(history: History, intent: Intent) -> None:
    charge = given.new_id("ch")
    intent.charges[charge] = ("processing", "")
    intent.object |= {"status": "processing", "latest_charge": charge, "last_payment_error": None}
    history.say("payment_intent.processing", intent.object)


def _decline(draw: st.DrawFn, history: History, intent: Intent, how: str) -> None:
    if how.startswith("processing"):
        _process(history, intent)
    charge = intent.object["latest_charge"] if how.startswith("processing") else given.new_id("ch")
    code = draw(st.sampled_from(["insufficient_funds", "expired_card", "generic_decline"]))
    intent.charges[charge] = ("failed", code)
    error = {"charge": charge, "decline_code": code, "code": "card_declined"}
    intent.object |= {
        "status": "requires_payment_method",
        "latest_charge": charge,
        "last_payment_error": error,
    }
    history.say("payment_intent.payment_failed", intent.object)


def _succeed(draw: st.DrawFn, history: History, intent: Intent) -> None:
    charge = (
        intent.object["latest_charge"]
        if intent.object["status"] == "processing"
        else given.new_id("ch")
    )
    intent.object |= {
        "status": "succeeded",
        "amount_received": intent.object["amount"],
        "latest_charge": charge,
        "last_payment_error": None,
    }
    history.say("payment_intent.succeeded", intent.object)
    if draw(st.booleans()):
        _session(history, intent, "checkout.session.completed", "paid")
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        _refund(draw, history, intent)
    if draw(st.integers(0, 4)) == 0:
        _dispute(draw, history, intent)


def _session(history: History, intent: Intent, kind: str, payment_status: str) -> None:
    said = {
        "payment_intent": intent.object["id"],
        "payment_status": payment_status,
        "amount_total": intent.object["amount"],
    }
    said |= {"currency": intent.object["currency"], "metadata": history.metadata}
    history.say(
        kind, {"id": given.new_id("cs"), "object": "checkout.session", "mode": "payment"} | said
    )


def _refund(draw: st.DrawFn, history: History, intent: Intent) -> None:
    room = intent.object["amount_received"] - _back(intent)
    if room <= 0:
        return
    path, told = (
        draw(st.sampled_from(REFUND_PATHS)),
        draw(st.sampled_from(["by both", "by refund events", "by the charge alone"])),
    )
    refund = given.a_refund(intent.object, draw(st.integers(1, room)), path[0])
    intent.refunds[refund["id"]] = refund
    for step, status in enumerate(path):
        refund |= {
            "status": status,
            "failure_reason": "expired_or_canceled_card" if status == "failed" else None,
        }
        if told != "by the charge alone":
            history.say(
                (
                    "refund.created"
                    if step == 0
                    else "refund.failed"
                    if status == "failed"
                    else "refund.updated"
                ),
                refund,
            )
    if told != "by refund events":
        back = sum(each["amount"] for each in intent.refunds.values())
        charge = {
            "id": intent.object["latest_charge"],
            "object": "charge",
            "payment_intent": intent.object["id"],
        }
        history.say("charge.refunded", charge | {"amount_refunded": back})


def _dispute(draw: st.DrawFn, history: History, intent: Intent) -> None:
    amount = intent.object["amount_received"] - _back(intent)
    if amount <= 0:
        return

    def moved(sign: int) -> Json:
        return {
            "id": given.new_id("txn"),
            "object": "balance_transaction",
            "amount": sign * amount,
            "currency": intent.object["currency"],
        }

    dispute = {
        "id": given.new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "currency": intent.object["currency"],
        "reason": "fraudulent",
    }
    dispute |= {
        "payment_intent": intent.object["id"],
        "status": "needs_response",
        "balance_transactions": [moved(-1)],
    }
    intent.disputes[dispute["id"]] = dispute
    history.say("charge.dispute.created", dispute)
    end = draw(st.sampled_from(["open", "won", "lost"]))
    if end != "open":
        dispute["status"] = end
        dispute["balance_transactions"] = [
            *dispute["balance_transactions"],
            *([moved(1)] if end == "won" else []),
        ]
        history.say("charge.dispute.closed", dispute)


@st.composite
def shuffled(draw: st.DrawFn, history: History) -> list[Json]:
    """Return the history's events in any order, some of them repeated, with the same id
    or another.
    """
    again = draw(st.lists(st.sampled_from(history.events), max_size=6))
    renamed = [
        event | {"id": given.new_id("evt")} if draw(st.booleans()) else event for event in again
    ]
    return draw(st.permutations([*history.events, *renamed]))
