"""How two reports of one payment or one refund become one: in any order, any number of times.

Each merge is a join: commutative, associative, idempotent. So Stripe's events may be lost, doubled
and shuffled, and the rows end the same.
"""

from dataclasses import dataclass, field, replace

# A refund that succeeded may still fail later (the customer's bank sends it back).
_REFUND_RANK = {"pending": 0, "requires_action": 1, "succeeded": 3, "failed": 4, "canceled": 5}
# A word that Stripe did not use before: more than pending, and less than what is settled.
_UNHEARD_OF = 2
_TERMINAL_RANK = {"": 0, "canceled": 1, "succeeded": 2}
_CHARGE_RANK = {"processing": 0, "failed": 1}
# The charge of a report that says "processing" and names none (intents rendered by an API version
# before 2022-11-15 have no `latest_charge`): which one it is, Stripe is asked.
UNNAMED_CHARGE = ""


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
    """What one event says of one PaymentIntent. Amounts in minor units of `currency`.

    `by_intent`: the intent itself said so, not a Checkout Session about it, whose amount may be in
    the currency that the payer was shown.
    """

    terminal: str = ""
    amount: int = 0
    amount_received: int = 0
    currency: str = ""
    charges: dict[str, Charge] = field(default_factory=dict)
    by_intent: bool = False

    def merged(self, other: "PaymentReport") -> "PaymentReport":
        """Both reports as one: `succeeded` wins over `canceled`, and both over anything open.

        With it go the amounts and their currency, always of one report: a number of one beside the
        currency of the other is money that nobody paid.
        """
        charges = dict(self.charges)
        for charge_id, charge in other.charges.items():
            charges[charge_id] = (
                charges[charge_id].merged(charge) if charge_id in charges else charge
            )
        return replace(max(self, other, key=_weight), charges=charges)

    def without_unnamed_charge(self) -> "PaymentReport":
        """The report, when Stripe has been asked which charge it was."""
        charges = {name: each for name, each in self.charges.items() if name != UNNAMED_CHARGE}
        return replace(self, charges=charges)

    @property
    def status(self) -> str:
        """succeeded, canceled, processing, failed or pending, in that order of weight."""
        if self.terminal:
            return self.terminal
        states = {charge.state for charge in self.charges.values()}
        if "processing" in states:
            return "processing"
        return "failed" if states else "pending"


def _weight(report: PaymentReport) -> tuple[int, bool, int, int, str]:
    """Which of two reports counts; no two different ones weigh the same."""
    return (
        _TERMINAL_RANK[report.terminal],
        report.by_intent,
        report.amount,
        report.amount_received,
        report.currency,
    )


def merge_refund_status(known: str, reported: str) -> str:
    """The later of two states of one refund. Of two words that are not known, always the same."""
    return max(known, reported, key=lambda word: (_REFUND_RANK.get(word, _UNHEARD_OF), word))
