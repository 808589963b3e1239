"""The outbox of webhooks: at least once, shuffled, duplicated, delayed or lost by the settings."""

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.deliveries import OPEN, Delivery
from sandbox.ids import Ids
from sandbox.settings import Settings

Headers = dict[str, str]
Signer = Callable[[Delivery, float], Headers]
Send = Callable[[Delivery, Headers], int]
SUCCESS = 2
REMEMBERED = 50_000


class Outbox:
    """Deliveries by due time. Callers hold the sandbox's lock, except while sending."""

    def __init__(self, settings: Settings, ids: Ids) -> None:
        """Start empty, with the chaos seeded from the settings."""
        self.settings = settings
        self.ids = ids
        self.signers: dict[str, Signer] = {}
        self.all: dict[str, Delivery] = {}
        self.by_event: dict[str, list[Delivery]] = {}
        self._queue: list[tuple[float, int, Delivery]] = []
        self._sequence = 0
        self.reseed()

    def reseed(self) -> None:
        """Restart the chaos from the settings' seed."""
        self._random = random.Random(self.settings.seed)  # noqa: S311  # repeatable on purpose

    def post(self, now: float, is_lost: bool = False, **fields: Any) -> None:
        """Add an event's delivery to one endpoint; chaos can delay, duplicate or drop it."""
        first = Delivery(id=self.ids.new("dlv", 16), due_at=now, **fields)
        copies = [first]
        if self._random.random() < self.settings.duplicate_rate:
            copies.append(replace(first, id=self.ids.new("dlv", 16), duplicate=True, tries=[]))
        for copy in copies:
            copy.due_at = now + self._delay()
            self._keep(copy)
        if self._random.random() < self.settings.drop_rate or is_lost:
            for copy in copies:
                copy.state = "dropped"

    def _delay(self) -> float:
        """Draw the delay of a delivery, in seconds."""
        delay = self._random.uniform(self.settings.delay_min, self.settings.delay_max)
        return delay + self._random.uniform(0, self.settings.shuffle_window)

    def _keep(self, delivery: Delivery) -> None:
        """Store a delivery, and queue it unless deliveries are being held."""
        self.all[delivery.id] = delivery
        self.by_event.setdefault(delivery.event_id, []).append(delivery)
        if self.settings.hold:
            delivery.state = "held"
        else:
            self.queue(delivery)
        if len(self.all) > REMEMBERED:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Drop the oldest finished delivery, to bound the memory of a long run."""
        oldest = next((d for d in self.all.values() if d.state not in OPEN), None)
        if oldest:
            del self.all[oldest.id]

    def queue(self, delivery: Delivery) -> None:
        """Queue a delivery by its due time."""
        self._sequence += 1
        heapq.heappush(self._queue, (delivery.due_at, self._sequence, delivery))

    def next_due(self) -> float | None:
        """Return when the next delivery is due, or None if nothing is queued."""
        return self._queue[0][0] if self._queue else None

    def take(self, now: float) -> Delivery | None:
        """Take the next due delivery from the queue and mark it as being sent."""
        while self._queue and self._queue[0][0] <= now:
            delivery = heapq.heappop(self._queue)[2]
            if delivery.state == "waiting":
                delivery.state = "sending"
                delivery.attempts += 1
                return delivery
        return None

    def settle(self, delivery: Delivery, now: float, status: int | None, error: str | None) -> None:
        """Record an attempt's outcome. A failed delivery is queued again until its attempts run
        out, then sent to its fallback URL if it has one.
        """
        delivery.last_status, delivery.last_error = status, error
        delivery.tries.append(now)
        if status is not None and status // 100 == SUCCESS:
            delivery.state = "delivered"
        elif (delivery.any_answer_ends and status is not None) or delivery.attempts >= (
            delivery.most_attempts or self.settings.retry_attempts
        ):
            delivery.state = "failed"
            if delivery.fallback:
                self._keep(delivery.at_fallback(self.ids.new("dlv", 16), now))
        else:
            delivery.state = "waiting"
            delivery.due_at = now + self._backoff(delivery.attempts)
            self.queue(delivery)

    def _backoff(self, attempts: int) -> float:
        """Return the seconds until the next attempt, doubling up to the cap."""
        return min(self.settings.retry_base * 2.0 ** (attempts - 1), self.settings.retry_cap)

    def release(self, now: float) -> int:
        """Queue the held deliveries in their order, and return how many there were."""
        held = [d for d in self.all.values() if d.state == "held"]
        for delivery in held:
            delivery.state, delivery.due_at = "waiting", now
            self.queue(delivery)
        return len(held)

    def redeliver(self, event_id: str, now: float) -> int:
        """Send an event again to each of its endpoints, and return how many there are."""
        latest = {d.endpoint_id: d for d in self.by_event.get(event_id, [])}
        for original in latest.values():
            again = replace(
                original,
                id=self.ids.new("dlv", 16),
                state="waiting",
                attempts=0,
                due_at=now,
                tries=[],
            )
            self.all[again.id] = again
            self.by_event[event_id].append(again)
            self.queue(again)
        return len(latest)

    def is_open(self, event_id: str) -> bool:
        """Whether a copy of the event is still waiting, held or being sent."""
        return any(copy.state in OPEN for copy in self.by_event.get(event_id, []))

    def pending_endpoints(self, event_id: str) -> int:
        """Count the endpoints that have not accepted an event yet."""
        copies = self.by_event.get(event_id, [])
        accepted = {d.endpoint_id for d in copies if d.state == "delivered"}
        return len({d.endpoint_id for d in copies} - accepted)

    def headers(self, delivery: Delivery, now: float) -> Mapping[str, str]:
        """Return the signed headers of one attempt."""
        return self.signers[delivery.provider](delivery, now)

    def idle(self) -> bool:
        """Whether nothing is waiting or being sent; held and dropped deliveries do not count."""
        return not any(d.state in ("waiting", "sending") for d in self.all.values())
