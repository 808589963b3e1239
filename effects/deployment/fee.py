"""The setup fee, in the platform's own Stripe account."""

from effects.deployment.objects import UNDONE, deployment_kind
from effects.kind import Cost, Json, Kind, tag_of
from effects.payments.intent import find_asked, find_made
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.stripe import client as stripe_api
from providers.stripe import intents as stripe_intents
from rules.declines import advice
from runtime.clock import real_now

PLATFORM = ""


def _create(effect: Effect) -> Json:
    return stripe_intents.create_intent(effect.request, PLATFORM, effect.idempotency_key)


FEE_CREATE = deployment_kind(
    name="fee_create",
    provider="stripe",
    does="Prepare the setup fee at Stripe",
    undone_by="fee_cancel",
    send=_create,
    find=find_made,
    find_asked=find_asked,
)


# Charges the setup fee to the clinic's saved card, off session.
TAKEN = frozenset({"succeeded", "requires_capture"})
PROCESSING = "processing"
ASKS = "authentication_required"  # the bank requires the cardholder to authenticate
OVER = "payment_intent_unexpected_state"
LATE = "deadline_passed"
# codes that are not declines by the bank, in words for the clinic
NO_DECLINES = {
    LATE: "The charge was delayed, and is not made late. Nothing was charged.",
    "resource_missing": (
        "Stripe no longer has the card or the payment. Add a payment method again."
    ),
    OVER: "The payment was closed at Stripe. Nothing was charged.",
    "not_made": "Nothing was charged.",
}


def _charge(effect: Effect) -> Json:
    """Confirm the intent, unless the deadline has passed, as while Stripe turned the request away.
    If Stripe refuses because the cardholder has paid on the page first, that payment is the answer.
    An intent is returned only once the money is taken.
    """
    if real_now() > effect.deadline:
        found = _find_charged(effect)
        if found is None:
            raise ProviderError("stripe", "refused", "it was delayed for too long", LATE)
        return found
    try:
        intent = stripe_intents.confirm_intent(
            effect.request["intent"], effect.request["confirm"], PLATFORM, effect.idempotency_key
        )
    except ProviderError as error:
        found = _find_charged(effect) if error.outcome == "refused" and error.code == OVER else None
        if found is None:
            raise
        return found
    if intent["status"] == PROCESSING:  # a retry replays this answer, so read the intent
        intent = stripe_intents.get_intent(intent["id"], PLATFORM)
    _check_is_over(intent)
    if intent["status"] not in TAKEN:
        message = f"nothing was charged: the payment is {intent['status']}"
        raise ProviderError("stripe", "refused", message, _code_of(intent), answered=True)
    return intent


def _find_charged(effect: Effect) -> Json | None:
    intent = stripe_intents.get_intent(effect.request["intent"], PLATFORM)
    _check_is_over(intent)
    return intent if intent["status"] in TAKEN else None


def _check_is_over(intent: Json) -> None:
    """Raises ProviderError while the bank has not yet said whether it pays."""
    if intent["status"] == PROCESSING:
        message = "the bank has not yet said whether it pays"
        raise ProviderError("stripe", "retry_later", message, PROCESSING, answered=True)


def _code_of(intent: Json) -> str:
    if intent["status"] == "requires_action":
        return ASKS
    error = intent.get("last_payment_error") or {}
    return str(error.get("decline_code") or error.get("code") or OVER)


def _why_refused(code: str, _said: str) -> str:
    """Explain only the code: the bank's own words might reveal that the card was stolen."""
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
    send=_charge,
    find=_find_charged,
    why_refused=_why_refused,
)


# Refunds the setup fee when the deployment that it paid for is undone.
GIVEN_BACK = "charge_already_refunded"


def refund_remainder(effect: Effect, intent_id: str, key: str) -> Json:
    """Refund the remainder of the fee, or find the refund that staff made in Stripe's dashboard."""
    request = {"payment_intent": intent_id, "metadata": effect.request["metadata"]}
    try:
        return stripe_api.create_refund(request, PLATFORM, key)
    except ProviderError as error:
        made = stripe_api.list_refunds(intent_id) if error.code == GIVEN_BACK else []
        if not made:
            raise
        return made[0]


def _refund(effect: Effect) -> Json:
    return refund_remainder(effect, effect.request["payment_intent"], effect.idempotency_key)


def _find_refund(effect: Effect) -> Json | None:
    return stripe_api.find_refund(tag_of(effect), effect.request["payment_intent"], PLATFORM)


FEE_REFUND = deployment_kind(
    name="fee_refund",
    provider="stripe",
    does="Refund the setup fee",
    recorded_by=UNDONE,
    expires=False,  # late is better than never
    keep=("id", "status", "amount"),
    send=_refund,
    find=_find_refund,
)


# Cancels the setup fee's intent so that it can take no money, or refunds it if the cardholder has
# paid on the page in the meantime.
def _cancel(effect: Effect) -> Json:
    intent_id = effect.request["intent"]
    try:
        return stripe_intents.cancel_intent(intent_id, PLATFORM, effect.idempotency_key)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        intent = stripe_intents.get_intent(intent_id, PLATFORM)
        if intent["status"] == "canceled":
            return intent
        if intent["status"] != "succeeded":
            raise
    return refund_remainder(effect, intent_id, f"{effect.idempotency_key}-refund")


def _find_cancelled(effect: Effect) -> Json | None:
    intent_id = effect.request["intent"]
    intent = stripe_intents.get_intent(intent_id, PLATFORM)
    if intent["status"] == "canceled":
        return intent
    return stripe_api.find_refund(tag_of(effect), intent_id, PLATFORM)


FEE_CANCEL = deployment_kind(
    name="fee_cancel",
    provider="stripe",
    does="Close the setup fee's payment at Stripe",
    recorded_by=UNDONE,
    keep=("id", "status"),
    send=_cancel,
    find=_find_cancelled,
    target_field="intent",
)
