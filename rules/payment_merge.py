"""Merge reports of one payment or refund, in any order and any number of times.

Each merge is a join: commutative, associative, idempotent. So Stripe's events may be lost,
duplicated and reordered, and the rows end up the same.
"""

from dataclasses import dataclass, field, replace

# A refund that succeeded may still fail later (the customer's bank sends it back).
_REFUND_RANK = {"pending": 0, "requires_action": 1, "succeeded": 3, "failed": 4, "canceled": 5}
# A status new to us ranks above pending, and below those that are settled.
_UNKNOWN_RANK = 2
_TERMINAL_RANK = {"": 0, "canceled": 1, "succeeded": 2}
_CHARGE_RANK = {"processing": 0, "failed": 1}
# The charge of a report that says "processing" but names none (intents rendered by an API version
# before 2022-11-15 have no `latest_charge`): it is fetched from Stripe.
UNNAMED_CHARGE = ""
CHANGEABLE = frozenset({"pending", "failed"})  # statuses in which Stripe may change the amount


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt to charge an intent's card: processing, then possibly failed with a
    decline code.
    """

    state: str
    decline_code: str = ""

    def merged(self, other: "Charge") -> "Charge":
        """The later of two states; a tie is broken by the code, so that order does not matter."""
        return max(
            self, other, key=lambda charge: (_CHARGE_RANK[charge.state], charge.decline_code)
        )


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """What one event says about one PaymentIntent. Amounts are in minor units of `currency`.

    `by_intent`: the report is from the intent itself, not from its Checkout Session, whose amount
    may be in the currency shown to the payer.
    """

    terminal: str = ""
    amount: int = 0
    amount_received: int = 0
    currency: str = ""
    charges: dict[str, Charge] = field(default_factory=dict)
    by_intent: bool = False

    def merged(self, other: "PaymentReport") -> "PaymentReport":
        """Merge two reports: `succeeded` beats `canceled`, and both beat anything open.

        The amounts and the currency come from the same report: an amount from one and a currency
        from the other would be money that nobody paid.
        """
        charges = dict(self.charges)
        for charge_id, charge in other.charges.items():
            charges[charge_id] = (
                charges[charge_id].merged(charge) if charge_id in charges else charge
            )
        return replace(max(self, other, key=_sort_key), charges=charges)

    def before_a_read(self) -> "PaymentReport":
        """The report without what a read at Stripe tells afresh: which one the unnamed charge was,
        and, while the payment is open, its amount, which may have been lowered.
        """
        charges = {name: each for name, each in self.charges.items() if name != UNNAMED_CHARGE}
        return replace(self, charges=charges, amount=self.amount if self.terminal else 0)

    @property
    def status(self) -> str:
        """succeeded, canceled, processing, failed or pending; the first that applies."""
        if self.terminal:
            return self.terminal
        states = {charge.state for charge in self.charges.values()}
        if "processing" in states:
            return "processing"
        return "failed" if states else "pending"


def _sort_key(report: PaymentReport) -> tuple[int, bool, int, int, str]:
    """The sort key that decides between two reports; no two different ones are equal."""
    return (
        _TERMINAL_RANK[report.terminal],
        report.by_intent,
        report.amount,
        report.amount_received,
        report.currency,
    )


def merge_refund_status(known: str, reported: str) -> str:
    """The later of two statuses of one refund. Unknown statuses have a fixed order, too."""
    return max(known, reported, key=lambda word: (_REFUND_RANK.get(word, _UNKNOWN_RANK), word))
