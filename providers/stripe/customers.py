"""Stripe's customers: who has a card on file."""

from providers.errors import ProviderError
from providers.stripe.client import Json, client, mapped_errors, options, plain


def get_customer(customer_id: str, stripe_account: str = "") -> Json | None:
    """A customer in its present state; None when there is none, or it was deleted."""
    try:
        with mapped_errors():
            found = plain(
                client().v1.customers.retrieve(customer_id, None, options(stripe_account))
            )
    except ProviderError as error:
        if error.code != "resource_missing":
            raise
        return None
    return None if found.get("deleted") else found


def saved_card(customer: Json, stripe_account: str = "") -> str | None:
    """The payment method to charge for a customer that was just read: their default one, else their
    newest card.
    """
    default = (customer.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        return str(default)
    with mapped_errors():
        cards = (
            client()
            .v1.payment_methods.list(
                {"customer": customer["id"], "type": "card", "limit": 1}, options(stripe_account)
            )
            .data
        )
    return str(cards[0].id) if cards else None
