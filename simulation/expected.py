"""What the sandbox's records imply for invoices, clinics and customers: the referee of the story.

Deliberately in plain arithmetic, not with the fold that Payphone uses: two independent calculations
that agree prove more than one.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invoice, as Stripe's stand-in and as Payphone has it. Minor units."""

    number: str
    currency: str
    due: int
    stripe_kept: int
    payphone_kept: int
    stripe_status: str
    payphone_status: str
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether both agree, to the minor unit."""
        return (self.stripe_kept, self.stripe_status) == (self.payphone_kept, self.payphone_status)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one clinic's deployment ended, here and at the providers. Minor units; `numbers` is how
    many it has at Twilio once it is live.
    """

    name: str
    what: str
    status: str
    expected: str
    charged: int
    refunded: int
    bought: int
    released: int
    at_vapi: int
    numbers: int = 1

    @property
    def holds(self) -> bool:
        """Whether the deployment ended as expected, and kept only what a live clinic has."""
        live = self.status == "live"
        number = (self.numbers, 0) if live else (self.bought, self.bought)
        return (
            self.status == self.expected
            and (self.charged - self.refunded > 0) == live
            and (self.bought, self.released) == number
            and (self.at_vapi > 0) == live
        )


@dataclass(frozen=True, slots=True)
class Contacted:
    """One text or call: when, in the customer's zone, its outcome, and the rules that it breaks
    according to the checker.
    """

    at: datetime
    by: str
    outcome: str
    wrong: frozenset[str]


@dataclass(frozen=True, slots=True)
class Course:
    """One customer's month. `paid_at` is None until they have paid everything; `refusals` is why
    they were not contacted, by the gate's codes.
    """

    clinic: str
    name: str
    home: str
    contacts: list[Contacted]
    refusals: dict[str, str]
    promises: list[str]
    paid_at: datetime | None
    owed: int
    pays: bool

    @property
    def holds(self) -> bool:
        """Whether no contact breaks a rule, and exactly the customers meant to pay have paid."""
        return not any(one.wrong for one in self.contacts) and self.pays == (self.owed == 0)


def judge(invoice: Json, ledger: Json, today: date, note: str = "") -> Verdict:
    """Compare an invoice from the API with the sandbox's ledger."""
    total = ledger["invoices"].get(
        invoice["id"], {"received": 0, "refunded": 0, "refunds_pending": 0, "disputed": 0}
    )
    kept = total["received"] - total["refunded"] - total["refunds_pending"] - total["disputed"]
    overdue = date.fromisoformat(invoice["dueDate"]) < today
    status = (
        "paid"
        if total["received"] and kept >= invoice["amountDue"]
        else "overdue"
        if overdue
        else "sent"
    )
    return Verdict(
        invoice["number"],
        invoice["currency"],
        invoice["amountDue"],
        kept,
        invoice["amountPaid"],
        status,
        invoice["status"],
        note,
    )
