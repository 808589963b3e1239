"""Taking an intent's money: success, decline, authentication, and payments that settle later."""

from dataclasses import dataclass, replace

from sandbox.stripe import charges, payment_methods
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.test_cards import TestCard, message_for


@dataclass(frozen=True)
class Terms:
    """How a payment is confirmed. ``moto``: by mail or telephone order, which strong customer
    authentication does not cover.
    """

    off_session: bool = False
    error_on_action: bool = False
    moto: bool = False
    authenticated: bool = False


def pay(account: Account, intent: Json, method: Json, terms: Terms) -> Json:
    """Try to take the money; records a decline, then raises its 402."""
    card = payment_methods.behaviour(account, method)
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    if card.delayed:
        return _begin(account, intent, method, card)
    if card.action and not (terms.moto or terms.authenticated):
        return _authenticate(account, intent, method, card, terms)
    if card.declines:
        raise decline(account, intent, method, card)
    return succeed(account, intent, method)


def succeed(account: Account, intent: Json, method: Json, charge: Json | None = None) -> Json:
    """Take the money, or reserve it if capture is manual."""
    manual = intent["capture_method"] == "manual"
    if charge is None:
        charge = charges.make(account, intent, method)
    else:
        charge.update(
            status="succeeded", paid=True, captured=True, amount_captured=charge["amount"]
        )
    _keep_method(account, intent, method)
    if manual:
        return _reserve(account, intent, charge)
    intent.update(status="succeeded", amount_received=charge["amount"], processing=None)
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)
    charges.book(account, charge)
    charges.follow(account, charge, payment_methods.behaviour(account, method))
    return intent


def _keep_method(account: Account, intent: Json, method: Json) -> None:
    """Attach the method if the intent saves it; without a customer it is used up."""
    if intent["setup_future_usage"] and intent["customer"]:
        payment_methods.bind(account, method, intent["customer"])
    if not method["customer"]:
        account.secret(method["id"])["spent"] = True


def _reserve(account: Account, intent: Json, charge: Json) -> Json:
    """Reserve the money for a later capture."""
    charge.update(captured=False, amount_captured=0)
    intent.update(status="requires_capture", amount_capturable=intent["amount"])
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.amount_capturable_updated", intent)
    return intent


def capture(account: Account, intent: Json, amount: int) -> Json:
    """Capture reserved money."""
    charge = account.get("charge", intent["latest_charge"])
    charge.update(captured=True, amount_captured=amount)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    account.emit("charge.captured", charge)
    account.emit("payment_intent.succeeded", intent)
    charges.book(account, charge)
    return intent


def decline(
    account: Account, intent: Json, method: Json, card: TestCard, *, charged: bool = True
) -> ApiError:
    """Record a declined attempt, and return its error."""
    charge = (
        charges.make(account, intent, method, declined=card, status="failed") if charged else None
    )
    if charge:
        account.emit("charge.failed", charge)
    error = _card_error(card, method, charge)
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
    )
    account.emit("payment_intent.payment_failed", intent)
    return ApiError(402, payment_intent=dict(intent), **error)


def _card_error(card: TestCard, method: Json, charge: Json | None) -> Json:
    """Return the error object of a decline, as the intent keeps it."""
    error = {
        "type": "card_error",
        "code": card.code,
        "decline_code": card.decline_code,
        "advice_code": card.advice,
        "message": message_for(card.code, card.decline_code),
        "charge": charge["id"] if charge else None,
        "doc_url": f"https://docs.stripe.com/error-codes#{card.code.replace('_', '-')}",
        "payment_method": dict(method),
    }
    return {name: value for name, value in error.items() if value is not None}


def _authenticate(
    account: Account, intent: Json, method: Json, card: TestCard, terms: Terms
) -> Json:
    """Ask for 3-D Secure, or decline if the customer is not present to do it."""
    if terms.off_session or terms.error_on_action:
        demand = replace(
            card, code="authentication_required", decline_code="authentication_required"
        )
        raise decline(account, intent, method, demand, charged=terms.off_session)
    intent.update(status="requires_action", next_action=_next_action(account, intent))
    account.emit("payment_intent.requires_action", intent)
    return intent


def _next_action(account: Account, intent: Json) -> Json:
    """Return where the customer is sent to authenticate."""
    return_url = account.secret(intent["id"]).get("return_url")
    if return_url:
        url = f"{account.cause.base_url}/authenticate/{intent['id']}"
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": url},
        }
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}


def authenticated(account: Account, intent: Json, passed: bool) -> Json:
    """Continue after 3-D Secure: pay if the customer passed, or else decline."""
    method = account.get("payment_method", intent["payment_method"])
    if passed:
        return pay(account, intent, method, Terms(authenticated=True))
    card = replace(
        payment_methods.behaviour(account, method), code="payment_intent_authentication_failure"
    )
    decline(account, intent, method, card, charged=False)
    return intent


def _begin(account: Account, intent: Json, method: Json, bank: TestCard) -> Json:
    """Start a payment that settles later."""
    charges.make(account, intent, method, status="pending")
    intent.update(status="processing", processing={"type": method["type"]})
    _keep_method(account, intent, method)
    account.emit("charge.pending", account.get("charge", intent["latest_charge"]))
    account.emit("payment_intent.processing", intent)
    wait = account.shared.settings.settle_after
    if wait is not None and bank.delayed != "waits":
        account.shared.timers.at(
            account.now() + wait, f"payment {bank.delayed}", account.id, intent["id"]
        )
    return intent


def settle(account: Account, intent: Json, succeeded: bool) -> Json:
    """Settle a processing payment, as succeeded or failed."""
    method = account.get("payment_method", intent["payment_method"])
    charge = account.get("charge", intent["latest_charge"])
    if succeeded:
        return succeed(account, intent, method, charge)
    returned = TestCard(
        "", "", code="payment_method_provider_decline", decline_code="insufficient_funds"
    )
    charges.fail(account, charge, returned)
    error = _card_error(returned, method, charge)
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        processing=None,
        last_payment_error=error,
    )
    account.emit("payment_intent.payment_failed", intent)
    return intent
