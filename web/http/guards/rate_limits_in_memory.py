"""Rate limits of a single process, for while Redis is down: fixed windows, at most `MOST` of them,
so that requests from many addresses cost little memory.
"""

import threading

from limits import RateLimitItem

from runtime.clock import real_seconds

# Most keys. To make room, the window that began first is dropped: it is the nearest to its end.
MOST = 10_000


class RateLimitsInMemory:
    """How often each key was hit in its window, which begins with its first hit."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[float, int]] = {}  # by key: its end and its hits
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    def hit(self, item: RateLimitItem, key: str) -> bool:
        """Count a hit; False if it is over the limit."""
        name, now = item.key_for(key), real_seconds()
        with self._lock:
            end, count = self._windows.get(name, (0.0, 0))
            if end <= now:
                self._windows.pop(name, None)
                end, count = now + item.get_expiry(), 0
            self._windows[name] = (end, count + 1)
            if len(self._windows) > MOST:
                del self._windows[next(iter(self._windows))]
        return count < item.amount

    def end_of(self, item: RateLimitItem, key: str) -> float:
        """When the window of `key` ends, in seconds since the epoch."""
        return self._windows.get(item.key_for(key), (real_seconds(), 0))[0]

    def clear(self, item: RateLimitItem, key: str) -> None:
        """Reset the count of `key`."""
        with self._lock:
            self._windows.pop(item.key_for(key), None)
