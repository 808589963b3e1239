"""Stripe's customers: payers with a card on file, and clinics as customers of the platform."""

from itertools import islice
from typing import Any

from providers.errors import ProviderError
from providers.stripe.client import PAGE, Json, client, mapped_errors, options, plain

DEEP = 1000  # how many recent customers a search by tag looks through


def create_customer(request: Json, key: str) -> Json:
    """Create a customer of the platform; `request` is in the format of Stripe's API."""
    with mapped_errors():
        customers = client().v1.customers
        made = customers.create(request, options("", key))  # type: ignore[arg-type]
        return plain(made)


def find_customer(attempt_id: str, since: int) -> Json | None:
    """Find the platform's customer that carries `attempt_id`, created at or after `since` (epoch
    seconds).
    """
    with mapped_errors():
        params = {"limit": PAGE, "created": {"gte": since}}
        listed = client().v1.customers.list(params, options(""))  # type: ignore[arg-type]
        recent = (plain(one) for one in islice(listed.auto_paging_iter(), DEEP))
        return next(
            (one for one in recent if (one.get("metadata") or {}).get("attempt_id") == attempt_id),
            None,
        )


def get_customer(customer_id: str, stripe_account: str = "") -> Json | None:
    """Fetch a customer in its current state; None if it does not exist or was deleted."""
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
    """The card to charge for a customer that was just fetched: the default payment method if it is
    a card (it may be a bank account or Link), else the newest card.
    """
    default = (customer.get("invoice_settings") or {}).get("default_payment_method")
    params: Any = {"customer": customer["id"], "type": "card", "limit": PAGE}
    with mapped_errors():
        listed = client().v1.payment_methods.list(params, options(stripe_account))
        cards = [str(card.id) for card in listed.auto_paging_iter()]
    return default if default in cards else next(iter(cards), None)
