"""Setup intents: check a card now and save it for later."""

from dataclasses import replace

from sandbox.stripe import payment_methods, redirects
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import ApiError, Json, invalid, unexpected
from sandbox.stripe.lists import newest_first, page
from sandbox.stripe.shapes import SHAPES
from sandbox.stripe.test_cards import TestCard, message_for

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
DERIVED = (
    "metadata",
    "payment_method",
    "automatic_payment_methods",
    "mandate",
    "single_use_mandate",
)


def create(account: Account, params: Json) -> Json:
    """``POST /v1/setup_intents``; ``confirm=true`` confirms at once."""
    if params.get("customer"):
        account.get("customer", params["customer"], "customer")
    if params.get("confirm") and not params.get("payment_method"):
        raise invalid(
            "A payment method is required to confirm this SetupIntent.", param="payment_method"
        )
    automatic = redirects.automatic(params)
    if params.get("confirm"):
        redirects.check(automatic, params)
    method = _method(account, params, params.get("customer"))
    shown = {
        name: value
        for name, value in params.items()
        if name in SHAPES["setup_intent"] and name not in DERIVED
    }
    intent = account.new("setup_intent", **shown)
    intent["client_secret"] = f"{intent['id']}_secret_{account.shared.ids.token(24)}"
    intent["metadata"] = merged({}, params.get("metadata"))
    intent["automatic_payment_methods"] = automatic
    if method:
        intent.update(payment_method=method["id"], status="requires_confirmation")
    account.emit("setup_intent.created", intent)
    return (
        confirmed(account, intent, method, params) if params.get("confirm") and method else intent
    )


def _method(account: Account, params: Json, customer: str | None) -> Json | None:
    """Return the payment method that a request names, if any; raises if it cannot be used."""
    given = params.get("payment_method")
    return payment_methods.usable(account, given, customer) if given else None


def confirm(account: Account, params: Json, id: str) -> Json:
    """``POST …/confirm``."""
    intent = account.get("setup_intent", id)
    if intent["status"] not in OPEN:
        raise _refusal(intent, "confirmed")
    redirects.check(intent["automatic_payment_methods"], params)
    method = _method(account, {**intent, **params}, intent["customer"])
    if method is None:
        raise _refusal(intent, "confirmed")
    return confirmed(account, intent, method, params)


def confirmed(account: Account, intent: Json, method: Json, params: Json) -> Json:
    """Check the card, and attach it to the customer; raises the 402 of a decline."""
    card = payment_methods.behaviour(account, method)
    moto = ((params.get("payment_method_options") or {}).get("card") or {}).get("moto")
    intent.update(
        payment_method=method["id"],
        last_setup_error=None,
        latest_attempt=account.shared.ids.new("setatt"),
    )
    if card.declines and not card.attachable:
        raise _declined(account, intent, method, card)
    if card.action and not moto:
        intent.update(
            status="requires_action", next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        )
        account.emit("setup_intent.requires_action", intent)
        return intent
    return succeed(account, intent, method)


def succeed(account: Account, intent: Json, method: Json) -> Json:
    """Accept the card, and attach it to the customer if there is one."""
    intent.update(status="succeeded", next_action=None)
    account.secret(method["id"])["set_up"] = intent["usage"] != "on_session"
    if intent["customer"]:
        payment_methods.bind(account, method, intent["customer"])
    account.emit("setup_intent.succeeded", intent)
    return intent


def _declined(account: Account, intent: Json, method: Json, card: TestCard) -> ApiError:
    """Record a declined card, and return its error."""
    message = message_for(card.code, card.decline_code)
    error: Json = {
        "type": "card_error",
        "code": card.code,
        "decline_code": card.decline_code,
        "advice_code": card.advice,
    }
    error = {name: value for name, value in error.items() if value}
    kept = {**error, "message": message, "payment_method": dict(method)}
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=kept,
    )
    account.emit("setup_intent.setup_failed", intent)
    return ApiError(402, message, setup_intent=dict(intent), **error)


def authenticated(account: Account, intent: Json, passed: bool) -> Json:
    """Continue after 3-D Secure: succeed if the customer passed, or else decline."""
    if intent["status"] != "requires_action":
        raise _refusal(intent, "authenticated")
    method = account.get("payment_method", intent["payment_method"])
    if passed:
        return succeed(account, intent, method)
    card = replace(
        payment_methods.behaviour(account, method), code="setup_intent_authentication_failure"
    )
    _declined(account, intent, method, card)
    return intent


def _refusal(intent: Json, verb: str) -> ApiError:
    """Build the error for an intent in the wrong state."""
    return unexpected(
        f"This SetupIntent could not be {verb} because it has a status of {intent['status']}.",
        code="setup_intent_unexpected_state",
        setup_intent=dict(intent),
    )


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/setup_intents/{id}``."""
    intent = account.get("setup_intent", id)
    method = _method(account, params, params.get("customer", intent["customer"]))
    changes: Json = {name: params[name] for name in ("customer", "description") if name in params}
    if method:
        changes |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return account.change(
        intent, **changes, metadata=merged(intent["metadata"], params.get("metadata"))
    )


def cancel(account: Account, params: Json, id: str) -> Json:
    """``POST …/cancel``."""
    intent = account.get("setup_intent", id)
    if intent["status"] not in OPEN:
        raise _refusal(intent, "cancelled")
    intent.update(
        status="canceled", cancellation_reason=params.get("cancellation_reason"), next_action=None
    )
    account.emit("setup_intent.canceled", intent)
    return intent


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/setup_intents/{id}``."""
    return account.get("setup_intent", id)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/setup_intents``."""
    wanted = {name: value for name, value in params.items() if name != "attach_to_self"}
    return page("/v1/setup_intents", newest_first(account, "setup_intent", wanted), params)
