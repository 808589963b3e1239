"""Payment intents: created, updated, confirmed, captured, cancelled."""

import re
from typing import Any

from sandbox.stripe import payment_methods, payments, redirects
from sandbox.stripe.account import Account, merged
from sandbox.stripe.amounts import check_amount, currency_code
from sandbox.stripe.errors import ApiError, Json, invalid, unexpected
from sandbox.stripe.lists import newest_first, page
from sandbox.stripe.shapes import SHAPES

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CONFIRM_ONLY = ("off_session", "error_on_requires_action", "return_url")
DERIVED = (
    "amount",
    "currency",
    "metadata",
    "payment_method",
    "automatic_payment_methods",
    "amount_details",
)
CANCELLATIONS = (*OPEN, "requires_capture")
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def create(account: Account, params: Json) -> Json:
    """``POST /v1/payment_intents``; ``confirm=true`` confirms at once."""
    currency = currency_code(params["currency"])
    check_amount(params["amount"], currency)
    _check(account, params)
    _check_receipt(params)
    method = _method(account, params, params.get("customer"))
    intent = account.new(
        "payment_intent", **_fields(params), amount=params["amount"], currency=currency
    )
    intent["client_secret"] = f"{intent['id']}_secret_{account.shared.ids.token(24)}"
    intent["metadata"] = merged({}, params.get("metadata"))
    intent["automatic_payment_methods"] = redirects.automatic(params)
    _choose(intent, method)
    account.emit("payment_intent.created", intent)
    return _confirmed(account, intent, params) if params.get("confirm") else intent


def _fields(params: Json) -> Json:
    """Return the parameters that an intent shows unchanged."""
    return {
        name: value
        for name, value in params.items()
        if name in SHAPES["payment_intent"] and name not in DERIVED
    }


def _check(account: Account, params: Json) -> None:
    """Refuse what Stripe refuses before it creates anything."""
    if params.get("customer"):
        account.get("customer", params["customer"], "customer")
    if params.get("statement_descriptor"):
        raise invalid(
            "statement_descriptor is not supported for cards; use the suffix.",
            param="statement_descriptor",
        )
    if not params.get("confirm"):
        for name in CONFIRM_ONLY:
            if name in params:
                raise invalid(f"{name} may only be set when confirm is true.", param=name)
        return
    if not params.get("payment_method"):
        raise invalid(
            "A payment method is required to confirm this PaymentIntent.", param="payment_method"
        )
    redirects.check(redirects.automatic(params), params)


def _check_receipt(params: Json) -> None:
    """Refuse a receipt's address that is none."""
    address = params.get("receipt_email")
    if address and not EMAIL.fullmatch(address):
        raise invalid(
            f"Invalid email address: {address}", code="email_invalid", param="receipt_email"
        )


def _method(account: Account, params: Json, customer: str | None) -> Json | None:
    """Return the payment method that a request names, if any; raises if it cannot be used."""
    given = params.get("payment_method")
    return payment_methods.usable(account, given, customer) if given else None


def _choose(intent: Json, method: Json | None) -> None:
    """Set the method with which an intent will be confirmed."""
    if method:
        intent.update(payment_method=method["id"], status="requires_confirmation")
        intent["payment_method_types"] = sorted({*intent["payment_method_types"], method["type"]})


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/payment_intents/{id}``."""
    intent = account.get("payment_intent", id)
    if intent["status"] not in OPEN and set(params) - {"metadata", "description", "expand"}:
        raise _refusal(intent, "updated")
    if params.get("customer"):
        account.get("customer", params["customer"], "customer")
    _check_receipt(params)
    currency = currency_code(params.get("currency") or intent["currency"])
    amount = check_amount(params["amount"] if "amount" in params else intent["amount"], currency)
    _choose(intent, _method(account, params, params.get("customer", intent["customer"])))
    metadata = merged(intent["metadata"], params.get("metadata"))
    return account.change(
        intent, **_fields(params), amount=amount, currency=currency, metadata=metadata
    )


def confirm(account: Account, params: Json, id: str) -> Json:
    """``POST …/confirm``."""
    intent = account.get("payment_intent", id)
    if account.secret(id).get("session"):
        raise unexpected(
            "This PaymentIntent belongs to a Checkout Session and cannot be confirmed directly."
        )
    if intent["status"] not in OPEN:
        raise _refusal(intent, "confirmed")
    if params.get("amount_to_confirm", intent["amount"]) != intent["amount"]:
        raise invalid("amount_to_confirm does not match the amount.", param="amount_to_confirm")
    redirects.check(intent["automatic_payment_methods"], params)
    _choose(intent, _method(account, params, intent["customer"]))
    return _confirmed(account, intent, params)


def _confirmed(account: Account, intent: Json, params: Json) -> Json:
    """Pay with the chosen method."""
    if not intent["payment_method"]:
        raise _refusal(intent, "confirmed", "it has no payment method")
    if params.get("return_url"):
        account.secret(intent["id"])["return_url"] = params["return_url"]
    method = payment_methods.usable(account, intent["payment_method"], intent["customer"])
    intent["payment_method_options"] |= params.get("payment_method_options") or {}
    return payments.pay(account, intent, method, _terms(params))


def _terms(params: Json) -> payments.Terms:
    """Read the terms of a confirmation."""
    card = (params.get("payment_method_options") or {}).get("card") or {}
    return payments.Terms(
        off_session=bool(params.get("off_session")),
        error_on_action=bool(params.get("error_on_requires_action")),
        moto=bool(card.get("moto")),
    )


def _refusal(intent: Json, verb: str, why: str = "") -> ApiError:
    """Build the error for an intent in the wrong state."""
    why = why or f"it has a status of {intent['status']}"
    return unexpected(
        f"This PaymentIntent could not be {verb} because {why}.",
        code="payment_intent_unexpected_state",
        payment_intent=dict(intent),
    )


def capture(account: Account, params: Json, id: str) -> Json:
    """``POST …/capture``."""
    intent = account.get("payment_intent", id)
    if intent["status"] != "requires_capture":
        raise _refusal(intent, "captured")
    amount: int = params.get("amount_to_capture") or intent["amount_capturable"]
    if not 0 < amount <= intent["amount_capturable"]:
        raise invalid(
            "amount_to_capture is out of bounds.",
            param="amount_to_capture",
            code="amount_too_large",
        )
    return payments.capture(account, intent, amount)


def cancel(account: Account, params: Json, id: str) -> Json:
    """``POST …/cancel``; a Checkout Session's intent is cancelled by expiring the session."""
    intent = account.get("payment_intent", id)
    if account.secret(id).get("session") and intent["status"] != "requires_capture":
        raise unexpected(
            "This PaymentIntent belongs to a Checkout Session: expire that instead.",
            code="payment_intent_unexpected_state",
        )
    if intent["status"] not in CANCELLATIONS:
        raise _refusal(intent, "cancelled")
    return cancelled(account, intent, params.get("cancellation_reason"))


def cancelled(account: Account, intent: Json, reason: str | None) -> Json:
    """Cancel an intent for good."""
    changes: dict[str, Any] = {
        "status": "canceled",
        "canceled_at": account.now(),
        "cancellation_reason": reason,
    }
    intent.update(changes, next_action=None, amount_capturable=0)
    account.emit("payment_intent.canceled", intent)
    return intent


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/payment_intents/{id}``."""
    return account.get("payment_intent", id)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/payment_intents``."""
    return page("/v1/payment_intents", newest_first(account, "payment_intent", params), params)
