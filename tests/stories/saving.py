"""A clinic that saves a card in Stripe's form: what its browser asks of us and of Stripe."""

import contextlib

import stripe

from models.accounts.account import Account
from models.deployment.setup import Setup
from tests import given
from tests.stand_ins.stand_in import StandIn


class Saver:
    """A clinic that saves its card."""

    def __init__(self, client, stand_in: StandIn, redis, account: Account | None = None):
        self.client, self.stripe, self.redis = client, stand_in, redis
        self.account = account or given.an_account()
        self.headers = given.a_key(self.account)

    def post(self, path, key=None, headers=None, **body):
        sent = (headers or self.headers) | ({"Idempotency-Key": key} if key else {})
        return self.client.simulate_post(path, json=body, headers=sent)

    def opens(self, key=None, headers=None):
        return self.post(f"/api/accounts/{self.account.id}/setup-intents", key, headers)

    def enters(self, opened, card="pm_card_visa"):
        """Enter a card in Stripe's form; a decline is only shown there."""
        with contextlib.suppress(stripe.CardError):
            self.stripe.sdk.setup_intents.confirm(
                opened.json["setupIntentId"], {"payment_method": card}
            )

    def saves(self, opened):
        return self.saves_id(opened.json["setupIntentId"])

    def saves_id(self, setup_intent_id):
        path = f"/api/accounts/{self.account.id}/payment-method"
        return self.post(path, setupIntentId=setup_intent_id)

    def has_saved(self, card="pm_card_visa"):
        """Save and verify a card."""
        opened = self.opens()
        self.enters(opened, card)
        answer = self.saves(opened)
        assert answer.status_code == 200, answer.text
        return self.setup

    def happens(self):
        """Deliver and process all of Stripe's events."""
        return self.stripe.deliver(self.client, self.redis)

    @property
    def setup(self):
        return Setup.get_by_id(self.account.id)
