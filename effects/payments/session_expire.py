"""An open payment page (a Checkout Session) is closed, so that nobody pays by it any more."""

from effects.payments.retiring import retiring
from providers.stripe import intents as stripe_intents

SESSION_EXPIRE = retiring(
    name="session_expire",
    does="Close an open payment page at Stripe",
    recorded_by="retire_payment_link",
    target_field="session",
    close=stripe_intents.expire_session,
    read=stripe_intents.get_session,
    is_closed=lambda session: session["status"] == "expired",
    is_paid=lambda session: session["status"] == "complete",
    when_paid="The page was completed; it does not expire any more.",
)
