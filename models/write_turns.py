"""Turns at writing an SQLite file, across threads and processes.

SQLite lets whoever asks next write, and those who find it busy look again after ever longer pauses:
of two busy writers one gets nearly all. So whoever wants to begin a write takes a lock on a file
beside the database first, and gives it back as soon as SQLite has let them begin. A process that
has had its turn may begin more writes for a moment, since changing over costs time; then it comes
after those who wait.

It only puts writers in an order. What keeps them apart is SQLite's own lock: a process that cannot
take a turn within a second (another was frozen while it waited, or the file cannot be made) goes
without turns for a while.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 1.0  # seconds
LOOK = 0.0005  # seconds between looks
WITHOUT = 5.0  # seconds without turns after one that could not be taken
TURN = 0.01  # seconds in which a process may begin writes after it was let in


class _Opened(threading.local):
    """The thread's own open file: a lock belongs to an open file, not to a process."""

    def __init__(self) -> None:
        self.file: int | None = None
        self.process = 0

    def __del__(self) -> None:
        if self.file is not None and self.process == os.getpid():
            os.close(self.file)


class WriteTurns:
    """The turns at one database file."""

    def __init__(self, database: Path) -> None:
        self._path = f"{database}-turn"
        self._opened = _Opened()
        self._ours_until = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Begin a write inside."""
        if time.monotonic() < self._ours_until:
            yield
            return
        file = self._taken()
        try:
            yield
            self._ours_until = time.monotonic() + (WITHOUT if file is None else TURN)
        finally:
            if file is not None:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _taken(self) -> int | None:
        """The locked file; None without a turn."""
        with suppress(OSError):
            file, waited_until = self._file(), time.monotonic() + PATIENCE
            while time.monotonic() < waited_until:
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return file
                time.sleep(LOOK)
        return None

    def _file(self) -> int:
        opened = self._opened
        if opened.file is None or opened.process != os.getpid():
            opened.file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            opened.process = os.getpid()
        return opened.file
