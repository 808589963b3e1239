"""How far business time runs ahead, for many processes at once: eight bytes of a file that each of
them maps. Whoever moves it writes one number, and the next look at the clock in any process sees
it. A demo and tests only.
"""

import mmap
from functools import lru_cache
from pathlib import Path

from runtime.settings import CLOCK_BYTES


class SharedShift:
    """The seconds in the file at `path`. Raises OSError or ValueError when it cannot be mapped."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._seconds = memoryview(mmap.mmap(file.fileno(), CLOCK_BYTES)).cast("d")

    @property
    def seconds(self) -> float:
        """How far business time runs ahead of real time, now."""
        return float(self._seconds[0])

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self._seconds[0] = seconds


def make_shared_shift(path: Path, seconds: float) -> SharedShift:
    """A file of its own for processes that have yet to start."""
    path.write_bytes(bytes(CLOCK_BYTES))
    made = SharedShift(path)
    made.seconds = seconds
    return made


@lru_cache(maxsize=4)
def shared_shift(path: str) -> SharedShift:
    """The one at `path`, mapped once per process."""
    return SharedShift(Path(path))
