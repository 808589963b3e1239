"""Lines that would be repeated many times a second while a trouble lasts, said now and then."""

import time

EVERY = 60.0  # seconds


class Seldom:
    """Asked before each line of a process: True for the first of its kind, and again when a minute
    has passed.
    """

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._said: dict[str, float] = {}

    def __call__(self, kind: str) -> bool:
        """Whether a line of this kind is due now; if so, it counts as said."""
        now = time.monotonic()
        if now - self._said.get(kind, -self._every) < self._every:
            return False
        self._said[kind] = now
        return True
