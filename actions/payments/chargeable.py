"""Whether Stripe would charge an amount. Checked before an invoice, charge or link is created, so
that no payer gets a URL that cannot be paid.
"""

from models.invoices.invoice import Invoice
from rules.money import unchargeable
from runtime.errors import Refused


def check_chargeable(amount: int, currency: str, field: str, code: str = "invalid") -> None:
    """Raises Refused `code`, naming `field`, when Stripe does not charge `amount` (minor units)."""
    refuse_amount(unchargeable(amount, currency), field, code)


def check_balance_chargeable(invoice: Invoice) -> None:
    """Raises Refused when Stripe does not charge the invoice's outstanding balance."""
    why = unchargeable(invoice.outstanding, invoice.currency)
    if why:
        raise Refused(
            "payment_refused",
            f"The balance of invoice {invoice.number} cannot be paid by card: {why}. Take the money"
            " another way and record it, or change the invoice's amount.",
        )


def refuse_amount(why: str, field: str, code: str = "invalid") -> None:
    """Raises Refused `code` about `field`, unless `why` is empty."""
    if why:
        raise Refused(
            code,
            f"{why}.",
            [{"field": field, "message": f"{why}; correct the amount"}],
        )
