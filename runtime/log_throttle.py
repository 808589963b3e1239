"""Log lines that a lasting failure would repeat many times a second, let through now and then."""

import time

EVERY = 60.0  # seconds


class LogThrottle:
    """Lets the first line of each kind through, and another one after each minute; one per
    process.
    """

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._logged_at: dict[str, float] = {}

    def is_due(self, kind: str) -> bool:
        """Whether a line of this kind is due now; if so, it counts as logged."""
        now = time.monotonic()
        if now - self._logged_at.get(kind, -self._every) < self._every:
            return False
        self._logged_at[kind] = now
        return True
