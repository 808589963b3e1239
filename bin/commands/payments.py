"""`payments`: void payments that were recorded by hand."""

import click

from actions.payments.returns.void_payment import void_payment
from bin.commands.output import acting, say
from bin.commands.reason import reason_given
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from rules.money import in_words


@click.group()
def payments() -> None:
    """Payments of invoices."""


@payments.command()
@click.argument("payment_id")
@click.option(
    "--reason",
    required=True,
    callback=reason_given,
    help="Such as a typing error or a bounced check; stored with the payment.",
)
def void(payment_id: str, reason: str) -> None:
    """Void PAYMENT_ID, taken by cash, check or bank transfer: it no longer counts. Refund a card
    payment instead.
    """
    if Payment.get_or_none(Payment.id == payment_id) is None:
        raise click.BadParameter(
            f"there is no payment {payment_id[:40]!r}.", param_hint="PAYMENT_ID"
        )
    payment = void_payment(payment_id, reason, acting())
    invoice = Invoice.get_by_id(payment.invoice_id)
    owed = in_words(invoice.outstanding, invoice.currency, "en_US")
    say(
        f"{payment.id}: {payment.status}. Invoice {invoice.number} is"
        f" {invoice.status.replace('_', ' ')}, {owed} is owed."
    )
