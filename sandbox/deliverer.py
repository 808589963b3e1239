"""Threads that deliver webhooks to their endpoints."""

import threading
from functools import cache

import httpx

from sandbox.deliveries import Delivery
from sandbox.sandbox import Sandbox

LONGEST_NAP = 0.25
THREADS = 8


@cache
def client() -> httpx.Client:
    """Return the one HTTP client, because loading the system's certificates is slow."""
    return httpx.Client(trust_env=False, limits=httpx.Limits(max_connections=THREADS * 2))


class Deliverer:
    """Sends due webhooks until it is stopped."""

    def __init__(self, sandbox: Sandbox, threads: int = THREADS) -> None:
        """Prepare the threads; ``start`` runs them."""
        self.sandbox = sandbox
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Start the threads."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Stop the threads after the deliveries now in progress."""
        self.stopped.set()
        with self.sandbox.shared.lock:
            self.sandbox.shared.changed.notify_all()

    def run(self) -> None:
        """Deliver what is due, and sleep while nothing is."""
        while not self.stopped.is_set():
            if not self.sandbox.deliver_next(self.send):
                self.nap()

    def nap(self) -> None:
        """Sleep until something is due or changes, but at most ``LONGEST_NAP`` seconds."""
        shared = self.sandbox.shared
        with shared.lock:
            due = shared.outbox.next_due()
            wait = LONGEST_NAP if due is None else min(LONGEST_NAP, due - shared.wall())
            if wait > 0:
                shared.changed.wait(wait)

    def send(self, delivery: Delivery, headers: dict[str, str]) -> int:
        """Send one delivery and return the receiver's status. Redirects are not followed."""
        timeout = self.sandbox.shared.settings.timeout
        answer = client().post(
            delivery.url, content=delivery.body.encode(), headers=headers, timeout=timeout
        )
        if delivery.provider == "vapi":
            delivery.answer = answer.text
        return answer.status_code
