"""The notice that a customer gets before a card is taken, if their state requires one."""

from models.invoices.invoice import Invoice
from rules.contact.card_notice import CardNotice, card_notice
from runtime.clock import business_now


def notice_of(invoice: Invoice) -> CardNotice | None:
    """The notice for the invoice's customer; None if no state requires one."""
    customer, today = invoice.customer, invoice.account.local_date(business_now())
    phones = {phone for phone in (customer.phone, customer.preferred_phone) if phone}
    return card_notice(phones, customer.address, customer.language, today)
