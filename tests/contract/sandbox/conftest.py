"""A sandbox on a real socket, with Stripe's and Twilio's own SDKs, a payer, and webhook
receivers.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qsl

import httpx
import pytest
import stripe
from twilio.request_validator import RequestValidator

from sandbox import Sandbox
from sandbox.app import create_app
from sandbox.deliverer import Deliverer
from sandbox.server import listen, serve_in_background
from sandbox.twilio.account import MAGIC_TOKEN
from tests.running.servers import wait_for
from tests.stand_ins.twilio_sdk import client


class World:
    """One sandbox over HTTP, and everything that a test needs with it."""

    def __init__(self):
        self.sandbox = Sandbox()
        # long, because a timeout would send a webhook twice to a slow receiver
        self.sandbox.shared.settings.timeout = 120.0
        self.server = listen(create_app(self.sandbox, deliver=False))
        self.deliverer = Deliverer(self.sandbox)
        self.url = self.server.url
        self.http = httpx.Client(base_url=self.url, trust_env=False, verify=False, timeout=120)
        self.payer = httpx.Client(
            headers={"Accept": "application/json"}, trust_env=False, verify=False, timeout=120
        )
        self.stripe = self.client().v1

    def client(self, key="sk_test_123", timeout=120):
        transport = stripe.RequestsClient(timeout=timeout)
        return stripe.StripeClient(key, base_addresses={"api": self.url}, http_client=transport)

    def start(self):
        serve_in_background(self.server)
        self.deliverer.start()

    def stop(self):
        self.deliverer.stop()
        self.server.shutdown()
        self.server.server_close()
        self.http.close()
        self.payer.close()

    def control(self, path, /, **body):
        answer = self.http.post(f"/sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def shown(self, path, /, **query):
        return self.http.get(f"/sandbox/{path}", params=query).json()

    def requests(self, **query):
        return self.shown("requests", **query)["requests"]

    def link(self, amount=1500, currency="usd", invoice="inv_1", limit=1, **more):
        lines = [
            {
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": "Invoice"},
                },
                "quantity": 1,
            }
        ]
        tags = {"invoice_id": invoice}
        asked = {
            "line_items": lines,
            "metadata": tags,
            "payment_intent_data": {"metadata": tags},
            **more,
        }
        if limit:
            asked["restrictions"] = {"completed_sessions": {"limit": limit}}
        return self.stripe.payment_links.create(asked)

    def visit(self, link):
        return self.payer.get(link.url).json()

    def pay(self, visit, card="4242424242424242", **more):
        return self.payer.post(visit["url"], data={"card_number": card, **more})

    def charge(self, method="pm_card_visa", amount=2000, **more):
        """Create and confirm a payment from a server."""
        asked = {
            "amount": amount,
            "currency": "usd",
            "payment_method": method,
            "confirm": True,
            **NO_REDIRECTS,
            **more,
        }
        return self.stripe.payment_intents.create(asked)

    def types(self, **query):
        """The types of all events so far, oldest first."""
        return [event.type for event in self.stripe.events.list({"limit": 100, **query}).data][::-1]

    def listen(self, receiver, **more):
        asked = {
            "url": receiver.url,
            "enabled_events": ["*"],
            "api_version": stripe.api_version,
            **more,
        }
        endpoint = self.stripe.webhook_endpoints.create(asked)
        receiver.secret = endpoint.secret
        return endpoint


NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


@pytest.fixture
def world():
    world = World()
    world.start()
    yield world
    world.stop()


@pytest.fixture
def receiver():
    """A webhook endpoint that answers with ``statuses`` in turn, then 200, and stores
    what it gets.
    """
    box = SimpleNamespace(got=[], statuses=[], lock=threading.Lock())

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with box.lock:
                box.got.append((body, self.headers["Stripe-Signature"]))
                status = box.statuses.pop(0) if box.statuses else 200
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    box.url = f"http://127.0.0.1:{server.server_port}/hook"
    box.events = lambda: [
        stripe.Webhook.construct_event(body, signature, box.secret)
        for body, signature in list(box.got)
    ]
    yield box
    server.shutdown()
    server.server_close()


@pytest.fixture
def eventually():
    """Waits until a condition holds."""
    return lambda condition: wait_for(condition, "it comes true", every=0.01)


@pytest.fixture
def twilio(world):
    return client(world)


@pytest.fixture
def hook():
    """A webhook URL that stores the forms it gets, checked with Twilio's own validator."""
    box = SimpleNamespace(got=[], lock=threading.Lock())

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            fields = dict(
                parse_qsl(
                    self.rfile.read(int(self.headers["Content-Length"])).decode(),
                    keep_blank_values=True,
                )
            )
            url = f"http://127.0.0.1:{self.server.server_port}{self.path}"
            signed = RequestValidator(MAGIC_TOKEN).validate(
                url, fields, self.headers["X-Twilio-Signature"]
            )
            with box.lock:
                box.got.append((self.path, fields, signed))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    box.url = f"http://127.0.0.1:{server.server_port}/hook"
    # a set, because status callbacks can arrive in any order
    box.statuses = lambda: {
        fields["MessageStatus"] for _, fields, _ in box.got if "MessageStatus" in fields
    }
    yield box
    server.shutdown()
    server.server_close()
