"""How two reports of one payment or one refund become one: in any order, any number of times.

Each merge is a join: commutative, associative, idempotent. So Stripe's events may be lost, doubled
and shuffled, and the rows end the same.
"""

from dataclasses import dataclass, field, replace

# A refund that succeeded may still fail later (the customer's bank sends it back).
_REFUND_RANK = {"pending": 0, "requires_action": 1, "succeeded": 2, "failed": 3, "canceled": 4}
_TERMINAL_RANK = {"": 0, "canceled": 1, "succeeded": 2}
_CHARGE_RANK = {"processing": 0, "failed": 1}


@dataclass(frozen=True, slots=True)
class Charge:
    """One try at an intent's card: processing, then perhaps failed with a decline code."""

    state: str
    decline_code: str = ""

    def merged(self, other: "Charge") -> "Charge":
        """The later of the two states; a tie is broken by the code,
        so that order does not matter.
        """
        return max(
            self, other, key=lambda charge: (_CHARGE_RANK[charge.state], charge.decline_code)
        )


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """What one event says of one PaymentIntent. Amounts in minor units."""

    terminal: str = ""
    amount: int = 0
    amount_received: int = 0
    currency: str = ""
    charges: dict[str, Charge] = field(default_factory=dict)

    def merged(self, other: "PaymentReport") -> "PaymentReport":
        """Both reports as one: `succeeded` wins over `canceled`, and both over anything open; with
        it goes the amount, which may have been changed before.
        """
        charges = dict(self.charges)
        for charge_id, charge in other.charges.items():
            charges[charge_id] = (
                charges[charge_id].merged(charge) if charge_id in charges else charge
            )
        last = max(self, other, key=lambda report: (_TERMINAL_RANK[report.terminal], report.amount))
        return replace(
            last,
            amount_received=max(self.amount_received, other.amount_received),
            currency=max(self.currency, other.currency),
            charges=charges,
        )

    @property
    def status(self) -> str:
        """succeeded, canceled, processing, failed or pending, in that order of weight."""
        if self.terminal:
            return self.terminal
        states = {charge.state for charge in self.charges.values()}
        if "processing" in states:
            return "processing"
        return "failed" if states else "pending"


def merge_refund_status(known: str, reported: str) -> str:
    """The later of two states of one refund."""
    return max(known, reported, key=_REFUND_RANK.__getitem__)
