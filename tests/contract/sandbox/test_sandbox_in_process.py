"""The sandbox in process: no sockets, an injected clock, and the same outcome for the same seed."""

import pytest
import stripe

from sandbox import Sandbox
from sandbox.stripe.exchange import Request
from sandbox.stripe.in_process import InProcess
from sandbox.stripe.pages.payer import pay, visit


class Clock:
    def __init__(self):
        self.time = 1_800_000_000.0

    def __call__(self):
        return self.time


def story(clock):
    """Pay a link, deliver its webhooks at a virtual time, and return each received event's id, type
    and creation time.
    """
    sandbox = Sandbox(clock=clock, wall=clock, seed=1)
    client = stripe.StripeClient("sk_test_1", http_client=InProcess(sandbox.stripe)).v1
    endpoint = client.webhook_endpoints.create(
        {
            "url": "https://in.process/hook",
            "enabled_events": ["charge.succeeded", "customer.created"],
        }
    )
    sandbox.shared.settings.update({"duplicate_rate": 1.0, "shuffle_window": 5.0})
    customer = client.customers.create({"name": "Ada"})
    line = {
        "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "x"}},
        "quantity": 1,
    }
    link = client.payment_links.create({"line_items": [line], "metadata": {"for": customer.id}})
    pay(sandbox.stripe, visit(sandbox.stripe, link.url)["id"], card_number="4242424242424242")
    seen = []

    def send(delivery, headers):
        event = stripe.Webhook.construct_event(
            delivery.body, headers["Stripe-Signature"], endpoint.secret, tolerance=0
        )
        seen.append((event.id, event.type, event.created))
        return 200

    assert sandbox.deliver_due(send) == 0
    clock.time += 6
    assert sandbox.deliver_due(send) == 4
    return seen


def test_the_same_seed_gives_the_same_outcome():
    first, second = story(Clock()), story(Clock())
    assert first == second
    assert {created for _, _, created in first} == {1_800_000_000}


def accepted(delivery, headers):
    return 200


def test_a_failed_delivery_is_retried_later():
    clock = Clock()
    sandbox = Sandbox(clock=clock, wall=clock)
    client = stripe.StripeClient("sk_test_1", http_client=InProcess(sandbox.stripe)).v1
    client.webhook_endpoints.create({"url": "https://in.process/hook", "enabled_events": ["*"]})
    client.customers.create({"name": "Ada"})

    def broken(delivery, headers):
        raise RuntimeError("no")

    assert sandbox.deliver_due(broken) == 1
    assert sandbox.deliver_due(accepted) == 0
    clock.time += 1
    assert sandbox.deliver_due(accepted) == 1


def test_sessions_expire_on_the_injected_clock():
    clock = Clock()
    sandbox = Sandbox(clock=clock)
    client = stripe.StripeClient("sk_test_1", http_client=InProcess(sandbox.stripe)).v1
    asked = {
        "mode": "setup",
        "currency": "usd",
        "success_url": "https://x.test",
        "expires_at": int(clock()) + 1800,
    }
    session = client.checkout.sessions.create(asked)
    clock.time += 1801
    assert client.checkout.sessions.retrieve(session.id).status == "expired"


def test_faults_reach_the_client_without_waiting():
    sandbox = Sandbox()
    client = stripe.StripeClient("sk_test_1", http_client=InProcess(sandbox.stripe)).v1
    sandbox.inject_fault(kind="timeout_after", method="POST", path="/v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        client.customers.create({"name": "Ada"})
    assert len(client.customers.list().data) == 1


@pytest.mark.parametrize("kind", ["refuse", "refuse_after"])
@pytest.mark.parametrize(
    ("stand_in", "provider"),
    [
        ("stripe", "stripe"),
        ("twilio", "twilio"),
        ("vapi", "vapi"),
        ("integrations", "google"),
    ],
)
def test_an_injected_reset_cuts_the_connection_without_delay(stand_in, provider, kind):
    """Given a fault that resets the connection, then every provider's stand-in cuts it at once,
    without a delay.
    """
    sandbox = Sandbox(seed=1)
    sandbox.inject_fault(kind=kind, provider=provider)
    path = "/oauth2/token" if provider == "google" else "/v1/customers"
    answer = getattr(sandbox, stand_in).serve(Request("POST", path))
    assert (answer.ending, answer.seconds) == ("reset", 0.0)
