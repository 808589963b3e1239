"""The sandbox as an object, used over HTTP or in process with injected clocks."""

import time
from typing import Any

from sandbox.faults import Fault, read_fault
from sandbox.integrations.provider import Integrations
from sandbox.outbox import Send
from sandbox.shared import Clock, Shared
from sandbox.stripe.provider import Stripe
from sandbox.twilio.provider import Twilio
from sandbox.vapi.provider import Vapi


class Sandbox:
    """All stand-ins and what they share; ``sandbox.stripe.serve(request)`` needs no HTTP."""

    def __init__(
        self, clock: Clock = time.time, wall: Clock = time.time, seed: int | None = None
    ) -> None:
        """Start empty; the same seed, clocks and requests give the same ids and chaos."""
        self.shared = Shared(clock, wall, seed)
        self.stripe = Stripe(self.shared)
        self.twilio = Twilio(self.shared)
        self.vapi = Vapi(self.shared, self.twilio)
        self.integrations = Integrations(self.shared)

    def reset(self) -> None:
        """Forget all state, settings, faults and deliveries."""
        with self.shared.lock:
            self.shared.clear()
            self.stripe.clear()
            self.twilio.clear()
            self.vapi.clear()
            self.integrations.clear()

    def inject_fault(self, **body: Any) -> Fault:
        """Order a fault, with the fields of ``sandbox.faults.Fault``."""
        with self.shared.lock:
            fault = read_fault(self.shared.ids.new("fault", 8), body)
            self.shared.faults.active.append(fault)
            return fault

    def deliver_due(self, send: Send) -> int:
        """Pass each due webhook to ``send(delivery, headers) -> HTTP status``; return how many.

        An exception from ``send`` counts as a failed attempt, which is retried later.
        """
        count = 0
        while self.deliver_next(send):
            count += 1
        return count

    def deliver_next(self, send: Send) -> bool:
        """Send the next due webhook without holding the lock; return whether one was due."""
        shared = self.shared
        with shared.lock:
            shared.tick()
            delivery = shared.outbox.take(shared.wall())
            outbox = shared.outbox
        if delivery is None:
            return False
        status, error = None, None
        try:
            status = send(delivery, dict(outbox.headers(delivery, shared.wall())))
        except Exception as problem:  # noqa: BLE001  # whatever a receiver does, the sender goes on
            error = f"{type(problem).__name__}: {problem}"[:200]
        with shared.lock:
            outbox.settle(delivery, shared.wall(), status, error)
            if not outbox.is_open(delivery.event_id):
                shared.timers.webhook_answered(delivery.event_id, shared.now())
            shared.changed.notify_all()
        return True
