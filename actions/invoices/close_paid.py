"""Close invoices that are open here but that a later export shows as paid elsewhere, voided or
written off.

By default they are only listed. If staff choose to close them here too, the outstanding balance is
recorded as paid elsewhere, and a voided or written-off invoice gets that mark. An invoice with a
payment under way is left alone, because that payment decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from actions.contact.gate_facts import books_of
from actions.invoices.import_invoices import is_anothers
from actions.payments.recompute import recompute
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.invoices_with_money import invoices_with_payment_under_way
from models.payments.payment import Payment
from rules.imports.invoice_csv import Passed
from rules.imports.invoice_states import CLOSED, State
from rules.invoice_fold import CLOSING_MARKS
from runtime.clock import real_now

ELSEWHERE = "elsewhere"  # a payment's method: only the clinic's books know how it was paid
MARK_OF = {State.VOID: "cancelled", State.WRITTEN_OFF: "written_off"}


@dataclass(frozen=True, slots=True)
class Closing:
    """An invoice that is open here, and the file's row for it. `is_busy`: a payment of it is under
    way here. `is_anothers`: the file's invoice belongs to another customer, which happens when two
    programs both number from 1.
    """

    invoice: Invoice
    row: Passed
    is_busy: bool
    is_anothers: bool

    @property
    def state(self) -> State:
        """The state that the file gives the invoice."""
        return self.row.state or State.HELD

    @property
    def is_closable(self) -> bool:
        """Whether it can be closed here too."""
        return self.state in CLOSED and not self.is_busy and not self.is_anothers


def closings_of(account: Account, rows: Iterable[Passed]) -> list[Closing]:
    """Return the rows whose invoices are still open here. Writes nothing."""
    by_number = {row.number: row for row in rows if row.state and row.number}
    if not by_number:
        return []
    same = Invoice.number.in_(list(by_number))
    known = [
        invoice
        for invoice in Invoice.select(Invoice, Customer)
        .join(Customer)
        .where(Invoice.account == account, same)
        if _is_open(invoice)
    ]
    busy = invoices_with_payment_under_way([invoice.id for invoice in known]) if known else set()
    return [
        Closing(
            invoice,
            by_number[invoice.number],
            invoice.id in busy or not _books_are_current(invoice),
            is_anothers(invoice.customer, by_number[invoice.number]),
        )
        for invoice in known
    ]


def _is_open(invoice: Invoice) -> bool:
    return invoice.outstanding > 0 and invoice.mark not in CLOSING_MARKS


def _books_are_current(invoice: Invoice) -> bool:
    """Whether all Stripe events are read: an unread one could be the payment in the file."""
    return books_of(invoice, real_now()) == "current"


def close_invoices(closings: Sequence[Closing], actor: str, now: datetime) -> list[Closing]:
    """Close these invoices in the caller's transaction, and return those that were closed."""
    return [one for one in closings if one.is_closable and _close_one(one, actor, now)]


def _close_one(one: Closing, actor: str, now: datetime) -> bool:
    invoice = Invoice.locked(one.invoice.id)
    if (
        not _is_open(invoice)
        or invoices_with_payment_under_way([invoice.id])
        or not _books_are_current(invoice)
    ):
        return False  # closed, or payment begun, since the file was read
    before = invoice.status
    owed = invoice.outstanding
    mark = MARK_OF.get(one.state)
    if mark:
        # a draft was never sent, so there is nothing to write off
        invoice.change(now, mark="cancelled" if invoice.mark == "draft" else mark)
        what = f"invoice.{invoice.mark}"
    else:
        Payment.record_taken(invoice, ELSEWHERE, f"import {now:%Y-%m-%dT%H:%M:%S.%fZ}", owed, now)
        what = "payment.taken"
    recompute(invoice)
    about = {
        "invoice_id": invoice.id,
        "method": ELSEWHERE,
        "amount": owed,
        "currency": invoice.currency,
        "because": f"an import says {one.state}",
        "before": before,
        "after": invoice.status,
    }
    AuditEntry.record(actor, what, f"invoice:{invoice.id}", invoice.account_id, **about)
    return True
