"""PaymentIntents at Stripe: created, changed, confirmed, cancelled."""

from collections.abc import Callable
from datetime import datetime

from effects.kind import SKEW, Cost, Json, Kind, tag_of
from effects.payments.retiring import retiring
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from providers.errors import ProviderError
from providers.stripe import intents as stripe_intents
from rules.declines import advice
from runtime.log import get_log

BAD_ADDRESS = "email_invalid"  # Stripe's code: stripe.com/docs/error-codes/email-invalid

log = get_log("effects")


def _with_receipt(effect: Effect, request: Json, send: Callable[[Json, str], Json]) -> Json:
    """Send a request about an intent. If Stripe takes the customer's address on file, to which the
    receipt should go, for none, send it without: that must keep nobody from paying. An address that
    a client has named stays refused.
    """
    key = effect.idempotency_key
    try:
        return send(request, key)
    except ProviderError as error:
        if error.code != BAD_ADDRESS:
            raise
        customer = Invoice.get_by_id(effect.invoice_id).customer
        if request.get("receipt_email") != customer.email:
            raise
        log.warning(
            "no receipt: Stripe refuses the e-mail address on file",
            effect_id=effect.id,
            customer_id=customer.id,
        )
        without = {name: value for name, value in request.items() if name != "receipt_email"}
        return send(without, f"{key}-no-receipt")


# created unconfirmed, so it moves no money yet
def _create(effect: Effect) -> Json:
    def send(request: Json, key: str) -> Json:
        return stripe_intents.create_intent(request, effect.stripe_account, key)

    return _with_receipt(effect, effect.request, send)


def find_made(effect: Effect) -> Json | None:
    """Find the intent that this effect created."""
    return _find_since(effect, effect.created_at)


def find_asked(effect: Effect, asked_at: datetime) -> Json | None:
    """Find an intent created under our row's tag since `asked_at` that can still be paid."""
    found = _find_since(effect, asked_at)
    return found if found is not None and found["status"] != "canceled" else None


def _find_since(effect: Effect, begun: datetime) -> Json | None:
    since = int(begun.timestamp()) - SKEW
    return stripe_intents.find_intent(tag_of(effect), effect.stripe_account, since)


INTENT_CREATE = Kind(
    name="intent_create",
    provider="stripe",
    does="Create a payment at Stripe",
    recorded_by="open_payment_intent",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by="intent_cancel",
    expires=False,
    keep=("id",),
    send=_create,
    find=find_made,
    find_asked=find_asked,
)


# changes an unconfirmed intent, such as its amount
def _change(effect: Effect) -> Json:
    def send(change: Json, key: str) -> Json:
        intent_id = effect.request["intent"]
        return stripe_intents.update_intent(intent_id, change, effect.stripe_account, key)

    return _with_receipt(effect, effect.request["change"], send)


def _find_changed(effect: Effect) -> Json | None:
    intent = stripe_intents.get_intent(effect.request["intent"], effect.stripe_account)
    wanted = effect.request["change"]
    return intent if all(intent.get(name) == value for name, value in wanted.items()) else None


def _is_changed_since(effect: Effect) -> str:
    """Why the change is moot (a later one exists, or the payment is over); empty if it is not."""
    attempt_id, version = effect.key.split(":")[1:]
    attempt: PaymentAttempt = PaymentAttempt.get_by_id(attempt_id)
    if attempt.intent_version > int(version):
        return "A later change has taken its place."
    return "The payment is over." if attempt.state == "closed" else ""


INTENT_CHANGE = Kind(
    name="intent_change",
    provider="stripe",
    does="Change the amount of the open payment",
    recorded_by="change_payment_intent",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by="intent_change",
    expires=False,
    keep=("id",),
    send=_change,
    find=_find_changed,
    superseded=_is_changed_since,
)


CONFIRMED = frozenset({"succeeded", "processing", "requires_action", "requires_capture"})


def _confirm(effect: Effect) -> Json:
    return stripe_intents.confirm_intent(
        effect.request["intent"],
        effect.request["confirm"],
        effect.stripe_account,
        effect.idempotency_key,
    )


def _find_confirmed(effect: Effect) -> Json | None:
    intent = stripe_intents.get_intent(effect.request["intent"], effect.stripe_account)
    return intent if intent["status"] in CONFIRMED else None


def _why_refused(code: str, _said: str) -> str:
    """Explain only the decline code: the bank's own words might reveal that the card was stolen."""
    return advice(code)


INTENT_CONFIRM = Kind(
    name="intent_confirm",
    provider="stripe",
    does="Charge the card",
    recorded_by="confirm_payment",
    many_per_job=False,
    daily_limit="charges",
    costs=Cost.PAYER,
    undone_by="refund",
    expires=True,  # no card is charged a day late
    keep=("id",),
    send=_confirm,
    find=_find_confirmed,
    why_refused=_why_refused,
)


# an intent that is cancelled can take no money
INTENT_CANCEL = retiring(
    name="intent_cancel",
    does="Cancel the open payment at Stripe",
    recorded_by="cancel_payment_intent",
    target_field="intent",
    close=stripe_intents.cancel_intent,
    read=stripe_intents.get_intent,
    is_closed=lambda intent: intent["status"] == "canceled",
    is_paid=lambda intent: intent["status"] == "succeeded",
    when_paid="The intent has succeeded; it can no longer be cancelled.",
)
