"""A payment link is closed to new visitors."""

from effects.payments.retiring import retiring
from providers.stripe import client as stripe_api
from providers.stripe import intents as stripe_intents

LINK_DEACTIVATE = retiring(
    name="link_deactivate",
    does="Close the payment link at Stripe",
    recorded_by="retire_payment_link",
    target_field="link",
    close=stripe_intents.deactivate_link,
    read=stripe_api.get_payment_link,
    is_closed=lambda link: not link["active"],
)
