"""What a person is told before a card is taken, where their state wants that."""

from models.invoices.invoice import Invoice
from rules.contact.card_notice import CardNotice, card_notice
from runtime.clock import business_now


def notice_of(invoice: Invoice) -> CardNotice | None:
    """The notice for whoever owes the invoice; None where no state wants one."""
    customer, today = invoice.customer, invoice.account.local_date(business_now())
    phones = {phone for phone in (customer.phone, customer.preferred_phone) if phone}
    return card_notice(phones, customer.address, customer.language, today)
