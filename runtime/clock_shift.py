"""The business-time shift shared by several processes: eight bytes of a memory-mapped file.

A value that one process writes is seen by the next clock reading of any other. Demo and tests only.
"""

import mmap
from functools import lru_cache
from pathlib import Path

from runtime.settings import CLOCK_BYTES


class SharedShift:
    """The shift in the file at `path`. Raises OSError or ValueError if it cannot be mapped."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._seconds = memoryview(mmap.mmap(file.fileno(), CLOCK_BYTES)).cast("d")

    @property
    def seconds(self) -> float:
        """Seconds by which business time is ahead of real time."""
        return float(self._seconds[0])

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self._seconds[0] = seconds


def make_shared_shift(path: Path, seconds: float) -> SharedShift:
    """Create the file at `path`, for processes that are yet to start."""
    path.write_bytes(bytes(CLOCK_BYTES))
    made = SharedShift(path)
    made.seconds = seconds
    return made


@lru_cache(maxsize=4)
def shared_shift(path: str) -> SharedShift:
    """The shift in the file at `path`, mapped once per process."""
    return SharedShift(Path(path))
