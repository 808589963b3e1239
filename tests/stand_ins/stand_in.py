"""Stripe's stand-in over real HTTP, in a thread of the test, with faults on demand and its own
records to check against.
"""

from collections.abc import Callable
from typing import Any

import falcon.testing

from models.accounts.account import Account
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from sandbox.stripe.actions import act
from tests import given
from tests.running.servers import wait_for
from tests.stand_ins.stripe_stand_in import StripeStandIn

LINKS, REFUNDS = "/v1/payment_links", "/v1/refunds"
CONNECT_SECRET = "whsec_connect"


class StandIn(StripeStandIn):
    """One sandbox. Its webhooks wait until `deliver` posts them, signed, to the application.

    While a provider hangs, the timeouts are short; `be_patient` makes them long again.
    """

    be_patient: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.sandbox.stripe.add_endpoint(
            "http://payphone/api/webhooks/stripe", given.WEBHOOK_SECRET
        )
        self.sandbox.stripe.add_endpoint(
            "http://payphone/api/webhooks/stripe/connect", CONNECT_SECRET, connect=True
        )

    def requests(self, path: str, method: str = "POST") -> list[dict[str, Any]]:
        """Every request received for a path, whatever its outcome."""
        return self.sandbox.shared.requests.select({"path": path, "method": method})

    def made(self, kind: str, attempt_id: str) -> list[dict[str, Any]]:
        """The objects with this tag in any account, from which tests check "exactly one"."""
        with self.sandbox.shared.lock:
            rows = [
                dict(row, stripe_account=account.id)
                for account in self.sandbox.stripe.accounts.values()
                for row in account.each(kind)
            ]
        return [row for row in rows if row["metadata"].get("attempt_id") == attempt_id]

    def links(self, attempt_id: str) -> list[dict[str, Any]]:
        return self.made("payment_link", attempt_id)

    def refunds(self, attempt_id: str) -> list[dict[str, Any]]:
        return self.made("refund", attempt_id)

    def act(self, object_id: str, action: str, **body: Any) -> None:
        act(self.sandbox.stripe, object_id, action, body)

    def forget_keys(self) -> None:
        """Expire all idempotency keys, as Stripe can once they are a day old."""
        with self.sandbox.shared.lock:
            self.sandbox.stripe.keys.kept.clear()

    def open_account(self) -> str:
        """Create a connected account, and return its id."""
        return str(self.sdk.accounts.create({"type": "standard"}).id)

    def charge(
        self, invoice: Invoice, amount: int | None = None, stripe_account: str = "", **metadata: str
    ) -> dict[str, Any]:
        """Pay the invoice at Stripe, without Payphone's knowledge, and return the intent."""
        asked = {
            "amount": amount or invoice.amount_due,
            "currency": invoice.currency,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": given.metadata_of(invoice) | metadata,
        }
        intent = self.sdk.payment_intents.create(
            asked, {"stripe_account": stripe_account} if stripe_account else {}
        )
        return dict(intent.to_dict())

    def paid(self, invoice: Invoice, amount: int | None = None, redis: Any = None) -> Payment:
        """Pay the invoice, process the event, and return the payment."""
        account = Account.get_by_id(invoice.account_id).stripe_account or ""
        intent = self.charge(invoice, amount, account)
        more = {"account": account} if account else {}
        given.received(given.an_event("payment_intent.succeeded", intent, **more))
        given.worked(redis)
        found: Payment = wait_for(
            lambda: Payment.by_intent(account, intent["id"]), "the payment is recorded"
        )
        return found

    def follow_and_pay(self, url: str) -> None:
        """Follow a link to Stripe's page, and pay there."""
        assert self.pay(self.visit(url)) == 200

    def deliver(self, client: falcon.testing.TestClient, redis: Any = None) -> list[int]:
        """Post every due webhook to the application, then perform what it staged; return the
        statuses answered.
        """
        statuses = []

        def send(delivery: Any, headers: dict[str, str]) -> int:
            path = delivery.url.removeprefix("http://payphone")
            statuses.append(
                client.simulate_post(path, body=delivery.body.encode(), headers=headers).status_code
            )
            return int(statuses[-1])

        self.sandbox.deliver_due(send)
        if redis is not None:
            given.worked(redis)
        return statuses
