"""The clinic of most tests: an account, its key, an invoice, and the requests of its software.

A test with a clinic of its own extends it.
"""

from models.accounts.account import Account
from models.feed.outgoing_event import OutgoingEvent
from runtime.ids import new_id
from tests import given
from tests.stand_ins.stripe_stand_in import StripeStandIn


class Clinic:
    """A clinic whose software and staff use the API, with one invoice of 125.00 dollars."""

    def __init__(
        self,
        client,
        stripe: StripeStandIn | None = None,
        redis=None,
        account: Account | None = None,
        **invoice,
    ):
        self.client, self.stripe, self.redis = client, stripe, redis
        self.account = account or given.an_account()
        self.invoice = given.an_invoice(self.account, **{"project": "Crown"} | invoice)
        self.headers = given.a_key(self.account)

    def get(self, path, headers=None, **params):
        return self.client.simulate_get(path, params=params, headers=headers or self.headers)

    def post(self, path, key=None, **body):
        key = key or (new_id("key") if path == "phone" else None)
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return self.client.simulate_post(f"/api/payments/{path}", json=body, headers=headers)

    def intent(self, **more):
        return self.post("create-payment-intent", invoiceId=self.invoice.id, **more)

    def confirm(self, intent_id, **more):
        return self.post(
            "confirm-payment", paymentIntentId=intent_id, invoiceId=self.invoice.id, **more
        )

    def link(self):
        return self.client.simulate_post(
            f"/api/invoices/{self.invoice.id}/payment-links", json={}, headers=self.headers
        )

    def phone(self, card="pm_card_visa", **more):
        return self.post("phone", invoiceId=self.invoice.id, paymentMethodId=card, **more)

    @property
    def now(self):
        return given.fresh(self.invoice)

    def takes(self, amount=12_500, method="check", reference="no. 1", **more):
        return self.post(
            "upsert",
            invoiceId=self.invoice.id,
            amount=amount,
            currency="usd",
            method=method,
            reference=reference,
            **more,
        )

    def voids(self, payment_id, headers=None, **body):
        body = body or {"reason": "the check bounced"}
        return self.client.simulate_post(
            f"/api/payments/{payment_id}/void", json=body, headers=headers or self.headers
        )

    def happens(self, kind, subject):
        """Receive an event from Stripe, and process it."""
        given.received(given.an_event(kind, subject))
        given.relayed(self.redis)
        given.worked(self.redis)

    def told(self):
        return [row.type for row in OutgoingEvent.select().order_by(OutgoingEvent.id)]

    def books(self):
        return self.now.status, self.now.amount_paid, self.now.outstanding

    def opens(self):
        """Create an intent at Stripe and pay it, as in the payer's browser, without telling us;
        return its id.
        """
        return self.stripe.sdk.payment_intents.create(
            {
                "amount": 12_500,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "metadata": given.metadata_of(self.invoice),
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        ).id
