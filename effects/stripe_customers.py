"""Whose a customer at Stripe is: on the platform's Stripe account, which clinics share, an id alone proves nothing."""

from models.customer import Customer
from providers.stripe_api import Json
from providers.stripe_customers import get_customer


def names_account(found: Json, account_id: str, stripe_account: str) -> bool:
    """Whether a Stripe customer is the account's: in a Stripe account of its own all are; on the platform's ('') its metadata must name it."""
    return bool(stripe_account) or (found.get("metadata") or {}).get("account_id") == account_id


def is_ours(customer: Customer, stripe_customer_id: str, stripe_account: str) -> bool:
    """Whether `stripe_customer_id`, in `stripe_account` ('' is the platform), may be charged for `customer`'s account.

    It is read at Stripe, each time: metadata change, customers are deleted. An operator who bound this very id to the
    customer has vouched for it. Raises ProviderError when Stripe does not answer.
    """
    found = get_customer(stripe_customer_id, stripe_account)
    if found is None:
        return False
    vouched = customer.stripe_vouched and customer.stripe_customer_id == stripe_customer_id
    return bool(vouched or names_account(found, customer.account_id, stripe_account))
