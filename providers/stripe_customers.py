"""Stripe's customers: who has a card on file."""

from providers.errors import ProviderError
from providers.stripe_api import Json, client, mapped_errors, options


def get_customer(customer_id: str, stripe_account: str = "") -> Json | None:
    """A customer as it stands now; None when there is none, or it was deleted."""
    try:
        with mapped_errors():
            found: Json = client().v1.customers.retrieve(customer_id, None, options(stripe_account)).to_dict()
    except ProviderError as error:
        if error.code != "resource_missing":
            raise
        return None
    return None if found.get("deleted") else found
