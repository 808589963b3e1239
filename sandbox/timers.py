"""Schedules what happens later without a request, such as expiries, on the sandbox's clock."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

Timer = Callable[[str, str], None]


@dataclass
class Timers:
    """Timers, by due time. Each entry names its callback, so that it can be saved;
    ``callbacks`` maps the names to functions.
    """

    callbacks: dict[str, Timer] = field(default_factory=dict)
    entries: list[tuple[float, str, str, str]] = field(default_factory=list)
    # what to schedule once a webhook has been answered, by event id
    answered: dict[str, tuple[str, str, str, int]] = field(default_factory=dict)

    def at(self, due: float, name: str, account: str, object_id: str) -> None:
        """Schedule a timer for an account's object."""
        heapq.heappush(self.entries, (due, name, account, object_id))

    def start_after_answer(
        self, event_id: str, name: str, account: str, object_id: str, after: int = 0
    ) -> None:
        """Start a timer of ``after`` seconds after the event's webhook is answered."""
        self.answered[event_id] = (name, account, object_id, after)

    def webhook_answered(self, event_id: str, now: float) -> None:
        """Start the timer that waits for this event's webhook, if there is one."""
        if event_id in self.answered:
            name, account, object_id, after = self.answered.pop(event_id)
            self.at(now + after, name, account, object_id)

    def run_due(self, now: float) -> int:
        """Run everything that is due, and return how many timers there were."""
        count = 0
        while self.entries and self.entries[0][0] <= now:
            _, name, account, object_id = heapq.heappop(self.entries)
            self.callbacks[name](account, object_id)
            count += 1
        return count
