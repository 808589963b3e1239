"""What all stand-ins share: clocks, lock, ids, faults, log, outbox, timers."""

import threading
import time
from collections.abc import Callable

from sandbox.faults import Faults
from sandbox.ids import Ids
from sandbox.outbox import Outbox
from sandbox.request_log import RequestLog
from sandbox.settings import Settings
from sandbox.timers import Timers

Clock = Callable[[], float]


class Shared:
    """Shared state. ``now`` is business time, which tests can move; ``wall`` times deliveries and
    signatures.
    """

    def __init__(
        self, clock: Clock = time.time, wall: Clock = time.time, seed: int | None = None
    ) -> None:
        """Start empty on the given clocks."""
        self._clock = clock
        self.wall = wall
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.ids = Ids(seed)
        self.public_url = ""
        self.clear()

    def clear(self) -> None:
        """Forget everything but the clocks, the source of ids and the public URL."""
        self.moved_by = 0.0
        self.settings = Settings()
        self.faults = Faults()
        self.requests = RequestLog()
        self.outbox = Outbox(self.settings, self.ids)
        self.timers = Timers()

    def now(self) -> int:
        """Business time in whole seconds, as providers count it."""
        return int(self._clock() + self.moved_by)

    def tick(self) -> int:
        """Run what is due; callers hold the lock."""
        return self.timers.run_due(self.now())
