"""Bind a customer to a Stripe customer, and only to the account's own, because its saved card can
then be charged.
"""

from actions.payments.saved_card import names_account
from models.accounts.account import Account
from models.invoices.customer import Customer
from models.transactions import serialize_on
from providers.errors import ProviderError
from providers.stripe.customers import get_customer
from runtime.errors import Refused


def is_vouched_for(
    account: Account, stripe_customer_id: str, operator: bool, bound: Customer | None = None
) -> bool:
    """Whether an operator vouches for the binding; otherwise Stripe's metadata prove it. Reads from
    Stripe: call it outside transactions.

    `operator`: the request comes from an operator with full rights. Another clinic's Stripe
    customer gets the same answer as one that does not exist. Raises Refused
    `stripe_customer_unknown` or `provider_unavailable`.
    """
    if (
        bound is not None
        and bound.stripe_vouched
        and bound.stripe_customer_id == stripe_customer_id
    ):
        return True
    stripe_account = account.stripe_account or ""
    try:
        found = get_customer(stripe_customer_id, stripe_account)
    except ProviderError as error:
        raise Refused(
            "provider_unavailable", "Stripe did not answer; try again.", retry_after=3
        ) from error
    if found is not None and names_account(found, account.id, stripe_account):
        return False
    if found is not None and operator:
        return True
    detail = f"Stripe has no customer {stripe_customer_id} for this account."
    if not stripe_account:
        detail += (
            f" Set its metadata account_id={account.id} at Stripe, or have an operator bind it"
            " with their key."
        )
    raise Refused(
        "stripe_customer_unknown",
        detail,
        [
            {
                "field": "stripeCustomerId",
                "message": (
                    "is not in this account; a customer of its own Stripe account is accepted"
                ),
            }
        ],
    )


def lock_stripe_customer(account: Account, stripe_customer_id: str) -> None:
    """Lock a Stripe customer until the open transaction ends. Raises Refused `already_exists` when
    a customer of another account is bound to it.
    """
    serialize_on(f"stripe-customer:{stripe_customer_id}")
    theirs = (Customer.stripe_customer_id == stripe_customer_id) & (Customer.account != account)
    same_stripe = (
        Account.stripe_account.is_null()
        if account.stripe_account is None
        else Account.stripe_account == account.stripe_account
    )
    if Customer.select().join(Account).where(theirs, same_stripe).exists():
        raise Refused(
            "already_exists",
            f"Stripe customer {stripe_customer_id} is bound to a customer of another account;"
            " unbind it there first.",
        )
