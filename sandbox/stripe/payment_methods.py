"""Payment methods: created from test cards, attached to customers, detached for good."""

import copy
from dataclasses import replace
from datetime import UTC, datetime

from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, Json, invalid, missing, unexpected
from sandbox.stripe.lists import newest_first, page
from sandbox.stripe.test_cards import BY_ID, TestCard, by_id, by_number, message_for

GENERIC = TestCard("visa", "4242424242424242")
EXPIRED = BY_ID["pm_card_chargeDeclinedExpiredCard"]
AUTOMATIC = "payment_method.automatically_updated"
# its name until 2026, which old endpoints still receive
FORMERLY = "payment_method.card_automatically_updated"


def make(account: Account, card: TestCard) -> Json:
    """Create a payment method that behaves like a test card."""
    if card.brand == "bank":
        made = account.new("payment_method", type="us_bank_account", us_bank_account=_bank())
        del made["card"]
    else:
        made = account.new("payment_method", card=_card(card))
    account.secret(made["id"])["card"] = card.name
    return made


def create(account: Account, params: Json) -> Json:
    """``POST /v1/payment_methods``: a card as typed into the card fields."""
    typed = params.get("card")
    if params.get("type") != "card" or not typed or "number" not in typed:
        raise invalid(
            "The stand-in makes payment methods of type 'card' from a typed card only.",
            param="card",
        )
    month, year = typed["exp_month"], typed["exp_year"]
    today = datetime.fromtimestamp(account.now(), UTC)
    if month not in range(1, 13) or (year, month) < (today.year, today.month):
        code = "invalid_expiry_year" if year < today.year else "invalid_expiry_month"
        raise ApiError(
            402,
            "Your card's expiration date is in the past or no date.",
            type="card_error",
            code=code,
            param="exp_month",
        )
    made = make(account, by_number(typed["number"]))
    made["card"] |= {"exp_month": month, "exp_year": year}
    details = params.get("billing_details") or {}
    made["billing_details"] |= {
        **details,
        "address": {**made["billing_details"]["address"], **(details.get("address") or {})},
    }
    made["metadata"] = params.get("metadata") or {}
    return made


def _card(card: TestCard) -> Json:
    """Return the card details that are shown."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"fp{card.number[-8:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _bank() -> Json:
    """Return the bank account details that are shown."""
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "TEST BANK",
        "last4": "6789",
    }


def behaviour(account: Account, method: Json) -> TestCard:
    """Return the test card that a payment method behaves like: the one it was made from, except
    that an expired card is declined, and a card set up for later might need no authentication.
    """
    private = account.secret(method["id"])
    name = private.get("card", "visa")
    card = BY_ID.get(f"pm_card_{name}") or BY_ID.get(name) or GENERIC
    if has_expired(account, method):
        return EXPIRED
    return replace(card, action=False) if card.once and private.get("set_up") else card


def has_expired(account: Account, method: Json) -> bool:
    """Whether a card's expiry month is over."""
    if not method.get("card"):
        return False
    today = datetime.fromtimestamp(account.now(), UTC)
    until = method["card"]["exp_year"], method["card"]["exp_month"]
    return bool(until < (today.year, today.month))


def resolve(account: Account, id: str, param: str = "payment_method") -> Json:
    """Return a payment method; a test id creates a new one."""
    card = by_id(id)
    return make(account, card) if card else account.get("payment_method", id, param)


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/payment_methods/{id}``."""
    return resolve(account, id, "id")


def usable(account: Account, id: str, customer: str | None) -> Json:
    """Return a payment method that can be charged for a customer, or refuse as Stripe does."""
    method = resolve(account, id)
    owner = method["customer"]
    if owner and owner != customer:
        raise unexpected(
            f"The PaymentMethod {id} belongs to the Customer {owner}: include that customer to"
            " use it.",
            param="customer" if customer is None else "payment_method",
        )
    if account.secret(method["id"]).get("spent") and not owner:
        raise unexpected(
            f"The PaymentMethod {id} was used before without being attached, or was detached. It"
            " cannot be used again.",
            param="payment_method",
        )
    return method


def attach(account: Account, params: Json, id: str) -> Json:
    """``POST …/attach``; refuses cards that decline at once, and detached methods."""
    account.get("customer", params["customer"], "customer")
    method = usable(account, id, params["customer"])
    card = behaviour(account, method)
    if card.declines and not card.attachable:
        raise ApiError(
            402,
            message_for(card.code, card.decline_code),
            type="card_error",
            code=card.code,
            decline_code=card.decline_code,
            advice_code=card.advice,
            param="",
        )
    return bind(account, method, params["customer"])


def bind(account: Account, method: Json, customer: str) -> Json:
    """Attach a payment method to a customer."""
    if method["customer"] != customer:
        method["customer"] = customer
        account.emit("payment_method.attached", method)
    return method


def detach(account: Account, params: Json, id: str) -> Json:
    """``POST …/detach``: the method can never be used again, and is its customer's default no
    more.
    """
    method = account.get("payment_method", id)
    if not method["customer"]:
        raise unexpected(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible."
        )
    account.secret(id)["spent"] = True
    previous = {"customer": method["customer"]}
    method["customer"] = None
    account.emit("payment_method.detached", method, previous)
    customer = account.get("customer", previous["customer"])
    if customer["invoice_settings"]["default_payment_method"] == id:
        settings = customer["invoice_settings"] | {"default_payment_method": None}
        account.change(customer, "customer.updated", invoice_settings=settings)
    return method


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/payment_methods/{id}``: metadata and billing details."""
    method = account.get("payment_method", id)
    details = {**copy.deepcopy(method["billing_details"]), **params.get("billing_details", {})}
    metadata = {**method["metadata"], **(params.get("metadata") or {})}
    return account.change(
        method, "payment_method.updated", billing_details=details, metadata=metadata
    )


def renew(account: Account, method: Json, body: Json) -> Json:
    """Reissue the card with another month, year or number, of which Stripe learns by itself.

    ``formerly`` emits the event under its old name.
    """
    told = FORMERLY if body.get("formerly") else AUTOMATIC
    new = {name: body[name] for name in ("exp_month", "exp_year", "last4") if name in body}
    return account.change(method, told, card=method["card"] | new)


def become(account: Account, method: Json, body: Json) -> Json:
    """Make the bank treat the card like the test card ``card`` from now on, for example to decline
    a card that was good when it was saved.
    """
    if f"pm_card_{body.get('card')}" not in BY_ID:
        raise invalid("No such test card.", param="card")
    account.secret(method["id"])["card"] = body["card"]
    return method


def index(account: Account, params: Json) -> Json:
    """``GET /v1/payment_methods?customer=&type=``."""
    if "customer" in params and params["customer"] not in account.tables.get("customer", {}):
        raise missing("customer", params["customer"], "customer")
    found = [
        method for method in newest_first(account, "payment_method", params) if method["customer"]
    ]
    return page("/v1/payment_methods", found, params)


def index_of_customer(account: Account, params: Json, customer: str) -> Json:
    """``GET /v1/customers/{id}/payment_methods``."""
    account.get("customer", customer)
    found = newest_first(account, "payment_method", {**params, "customer": customer})
    return page(f"/v1/customers/{customer}/payment_methods", found, params)
