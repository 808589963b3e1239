"""Whose a customer at Stripe is: on the platform's Stripe account, which clinics share, an id alone
proves nothing.
"""

from models.invoices.customer import Customer
from providers.stripe.client import Json
from providers.stripe.customers import get_customer, saved_card


def names_account(found: Json, account_id: str, stripe_account: str) -> bool:
    """Whether a Stripe customer is the account's: in a Stripe account of its own all are; on the
    platform's ('') its metadata must name it.
    """
    return bool(stripe_account) or (found.get("metadata") or {}).get("account_id") == account_id


def card_on_file(customer: Customer, stripe_customer_id: str, stripe_account: str) -> str | None:
    """The saved card of `stripe_customer_id`, in `stripe_account` ('' is the platform), if
    `customer`'s account may charge it.

    Whose it is, is read at Stripe each time: metadata change, customers are deleted. An operator
    who bound this very id to the customer has vouched for it. Raises ProviderError when Stripe does
    not answer.
    """
    found = get_customer(stripe_customer_id, stripe_account)
    vouched = customer.stripe_vouched and customer.stripe_customer_id == stripe_customer_id
    if found is None or not (vouched or names_account(found, customer.account_id, stripe_account)):
        return None
    return saved_card(found, stripe_account)
