"""Balance transactions: each movement of money, signed, in minor units."""

from sandbox.stripe.account import Account
from sandbox.stripe.errors import Json
from sandbox.stripe.lists import newest_first, page


def move(
    account: Account, type: str, amount: int, source: Json, *, fee: int = 0, category: str = ""
) -> Json:
    """Book a movement; a negative ``amount`` leaves the account."""
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": source["currency"],
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return account.new(
        "balance_transaction",
        type=type,
        amount=amount,
        fee=fee,
        fee_details=details if fee else [],
        net=amount - fee,
        currency=source["currency"],
        source=source["id"],
        reporting_category=category or type,
        available_on=account.now(),
    )


def card_fee(amount: int) -> int:
    """Return Stripe's usual card fee: 2.9 % plus 30 minor units."""
    return (amount * 29 + 500) // 1000 + 30


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/balance_transactions/{id}``."""
    return account.get("balance_transaction", id)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/balance_transactions``."""
    return page(
        "/v1/balance_transactions", newest_first(account, "balance_transaction", params), params
    )
