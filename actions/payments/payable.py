"""Whether an invoice can be paid now, and whether a card may be charged for it."""

from models.books.stripe_watermark import StripeWatermark
from models.effects.daily_limit import over_ceiling
from models.effects.pause_switch import paused
from models.invoices.invoice import Invoice
from models.transactions import execute
from rules.invoice_fold import UNPAID
from runtime.clock import business_now, real_now
from runtime.errors import Refused

CEILING_REACHED = (
    "This account has reached its daily ceiling of charges; nothing was charged. It resets at the"
    " account's midnight; an operator can raise it."
)


def check_payable(invoice: Invoice) -> None:
    """Raises Refused when the invoice cannot be paid now."""
    if invoice.status == "paid":
        raise Refused("invoice_already_paid", f"Invoice {invoice.number} is paid.")
    if invoice.status not in UNPAID:
        raise Refused(
            "invoice_not_payable",
            f"Invoice {invoice.number} is {invoice.status.replace('_', ' ')}; only a sent or"
            " overdue invoice can be paid.",
        )
    if invoice.disputed:
        raise Refused(
            "invoice_not_payable",
            f"A payment of invoice {invoice.number} is disputed; it cannot be collected until the"
            " dispute is over.",
        )
    if payment_is_under_way(invoice):
        raise Refused(
            "payment_in_progress",
            f"A payment of invoice {invoice.number} is on its way; try again once it has arrived or"
            " failed.",
        )


def payment_is_under_way(invoice: Invoice) -> bool:
    """Whether money is on its way: a payment that its bank is still processing, or a card that is
    being charged right now.
    """
    return execute(_UNDER_WAY, (invoice.id, invoice.id)).fetchone() is not None


_UNDER_WAY = (
    "SELECT 1 FROM payment WHERE invoice_id = ? AND status = 'processing' UNION ALL SELECT 1 FROM"
    " payment_confirmation AS c JOIN payment_attempt AS a ON a.id = c.attempt_id"
    " WHERE a.invoice_id = ? AND c.state = 'requested' LIMIT 1"
)


def check_charges_run(account_id: str) -> None:
    """Raises Refused while charges are paused, or when the account has reached its daily ceiling of
    charges.
    """
    if paused(account_id, "charges"):
        raise Refused(
            "charges_paused",
            "An operator has paused charges; nothing was charged. Payment links still work.",
        )
    if over_ceiling(account_id, "charges", business_now()):
        raise Refused("ceiling_reached", CEILING_REACHED)


def check_books_are_read(invoice: Invoice) -> None:
    """Raises Refused while the account's list of Stripe events has not been read for hours: the
    invoice may already have been paid.
    """
    if StripeWatermark.is_stale(invoice.account.stripe_account or "", real_now()):
        raise Refused(
            "books_stale",
            "Stripe's events have not been read for hours, so a payment may be missing here;"
            " nothing was charged. Ask the operator of this installation.",
        )
