"""An open PaymentIntent is cancelled, so that it takes no money any more."""

from effects.payments.retiring import retiring
from providers.stripe import intents as stripe_intents

INTENT_CANCEL = retiring(
    name="intent_cancel",
    does="Cancel the open payment at Stripe",
    recorded_by="cancel_payment_intent",
    target_field="intent",
    close=stripe_intents.cancel_intent,
    read=stripe_intents.get_intent,
    is_closed=lambda intent: intent["status"] == "canceled",
    is_paid=lambda intent: intent["status"] == "succeeded",
    when_paid="The intent has succeeded; it is not cancelled any more.",
)
