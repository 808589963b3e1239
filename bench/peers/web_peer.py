"""Two applications that receive Stripe's events. `bare` only answers; `plain` does what is usual:
Stripe's `construct_event`, a row, then a job in RQ.
"""

import os
import threading

import body
import falcon
import stripe
from redis import Redis
from rq import Queue


class Bare:
    """Falcon alone."""

    def on_post(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer."""
        resp.media = {"received": True}


class Plain:
    """The usual way."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._queue = Queue("bench", connection=Redis.from_url(os.environ["REDIS_URL"]))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Verify, store, enqueue, answer."""
        payload = req.bounded_stream.read()
        event = stripe.Webhook.construct_event(
            payload, req.get_header("Stripe-Signature"), os.environ["STRIPE_WEBHOOK_SECRET"]
        )
        if not hasattr(self._own, "database"):
            self._own.database = body.connect()
        self._own.database.execute(
            "INSERT INTO event (id, payload) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (event.id, payload.decode()),
        )
        self._queue.enqueue(body.nothing, event.id)
        resp.media = {"received": True}


def _app(resource: object) -> falcon.App:
    app = falcon.App()
    app.add_route("/api/webhooks/stripe", resource)
    return app


bare = _app(Bare())
plain = _app(Plain())
