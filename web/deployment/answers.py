"""The API's answers about a clinic's card, as models."""

from datetime import datetime
from typing import Self

from models.deployment.setup import Setup
from web.openapi.openapi import Shown


class SetupIntentShown(Shown):
    """A form for a card: Stripe.js takes the client secret, which is kept nowhere else."""

    setup_intent_id: str
    client_secret: str


class CardShown(Shown):
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


class CardSaved(Shown):
    """The account's card."""

    success: bool
    stripe_payment_method_id: str
    payment_method_verified: bool
    payment_method_verified_at: datetime
    card: CardShown

    @classmethod
    def of_setup(cls, setup: Setup) -> Self:
        """The answer about a setup with a verified card."""
        return cls.of(
            setup,
            success=True,
            card=CardShown.model_validate(setup.card),
        )
