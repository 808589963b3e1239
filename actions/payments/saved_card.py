"""Which account a Stripe customer belongs to. On the platform's Stripe account, which clinics
share, its id alone proves nothing.
"""

from models.invoices.customer import Customer
from providers.stripe.client import Json
from providers.stripe.customers import get_customer, saved_card


def names_account(found: Json, account_id: str, stripe_account: str) -> bool:
    """Whether a Stripe customer belongs to the account. In the account's own Stripe account every
    customer does; on the platform's (`stripe_account` is '') its metadata must name the account.
    """
    return bool(stripe_account) or (found.get("metadata") or {}).get("account_id") == account_id


def card_on_file(customer: Customer, stripe_customer_id: str, stripe_account: str) -> str | None:
    """Return the saved card of `stripe_customer_id` in `stripe_account` ('' is the platform) if
    `customer`'s account may charge it.

    Ownership is read from Stripe each time, because metadata change and customers are deleted. An
    operator who bound this very id to the customer has vouched for it. Raises ProviderError when
    Stripe does not answer.
    """
    found = get_customer(stripe_customer_id, stripe_account)
    vouched = customer.stripe_vouched and customer.stripe_customer_id == stripe_customer_id
    if found is None or not (vouched or names_account(found, customer.account_id, stripe_account)):
        return None
    return saved_card(found, stripe_account)
