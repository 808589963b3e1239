"""The setup fee is charged to the clinic's saved card, while nobody is there to be asked."""

from effects.deployment.card.fee_create import PLATFORM
from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.stripe import intents as stripe_intents
from rules.declines import advice

TAKEN = frozenset({"succeeded", "requires_capture"})
PROCESSING = "processing"
ASKS = "authentication_required"  # the code of a bank that wants its cardholder
OVER = "payment_intent_unexpected_state"
# what is no decline of a bank's, in words for the clinic
NO_DECLINES = {
    "deadline_passed": "The charge was held up, and is not made late. Nothing was charged.",
    "resource_missing": (
        "The card, or the payment, is not at Stripe any more. Add a payment method again."
    ),
    OVER: "The payment was closed at Stripe. Nothing was charged.",
    "not_made": "Nothing was charged.",
}


def _send(effect: Effect) -> Json:
    """Refused because the cardholder paid by the page first: then that is the payment. An answer is
    none before the money is taken.
    """
    try:
        intent = stripe_intents.confirm_intent(
            effect.request["intent"], effect.request["confirm"], PLATFORM, effect.idempotency_key
        )
    except ProviderError as error:
        found = _find(effect) if error.outcome == "refused" and error.code == OVER else None
        if found is None:
            raise
        return found
    if intent["status"] == PROCESSING:  # a repeated key repeats this, whatever has become of it
        intent = stripe_intents.get_intent(intent["id"], PLATFORM)
    _check_is_over(intent)
    if intent["status"] not in TAKEN:
        told = f"nothing was charged: the payment is {intent['status']}"
        raise ProviderError("stripe", "refused", told, _code_of(intent), answered=True)
    return intent


def _find(effect: Effect) -> Json | None:
    intent = stripe_intents.get_intent(effect.request["intent"], PLATFORM)
    _check_is_over(intent)
    return intent if intent["status"] in TAKEN else None


def _check_is_over(intent: Json) -> None:
    """Raises ProviderError while the bank has not said whether it pays."""
    if intent["status"] == PROCESSING:
        told = "the bank has not said yet whether it pays"
        raise ProviderError("stripe", "retry_later", told, PROCESSING, answered=True)


def _code_of(intent: Json) -> str:
    if intent["status"] == "requires_action":
        return ASKS
    error = intent.get("last_payment_error") or {}
    return str(error.get("decline_code") or error.get("code") or OVER)


def _why_refused(code: str, _said: str) -> str:
    """Only what the code may tell: the bank's words may say that the card was stolen."""
    return NO_DECLINES.get(code) or advice(code)


FEE_CONFIRM = Kind(
    name="fee_confirm",
    provider="stripe",
    does="Charge the setup fee",
    recorded_by="deploy_account",
    many_per_job=True,
    daily_limit="charges",
    costs=Cost.SETUP,
    undone_by="fee_refund",
    expires=True,  # no card is charged late
    keep=("id", "status"),
    send=_send,
    find=_find,
    why_refused=_why_refused,
)
