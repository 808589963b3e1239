"""What will happen by itself later: expiries and settlements, on the sandbox's clock."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

Happening = Callable[[str, str], None]


@dataclass
class Agenda:
    """Due things by name, for an object of an account; names are bound to functions once."""

    happenings: dict[str, Happening] = field(default_factory=dict)
    entries: list[tuple[float, str, str, str]] = field(default_factory=list)
    # what happens once a webhook has been answered, by its event
    answered: dict[str, tuple[str, str, str, int]] = field(default_factory=dict)

    def at(self, due: float, name: str, account: str, object_id: str) -> None:
        """Note that something happens to an object at a time."""
        heapq.heappush(self.entries, (due, name, account, object_id))

    def once_answered(
        self, event_id: str, name: str, account: str, object_id: str, after: int = 0
    ) -> None:
        """Note that something happens to an object when the event's webhook has been answered, or
        some seconds after that.
        """
        self.answered[event_id] = (name, account, object_id, after)

    def is_answered(self, event_id: str, now: float) -> None:
        """Let what waited for that be due."""
        if event_id in self.answered:
            name, account, object_id, after = self.answered.pop(event_id)
            self.at(now + after, name, account, object_id)

    def run_due(self, now: float) -> int:
        """Let everything due happen; answers how many did."""
        count = 0
        while self.entries and self.entries[0][0] <= now:
            _, name, account, object_id = heapq.heappop(self.entries)
            self.happenings[name](account, object_id)
            count += 1
        return count
