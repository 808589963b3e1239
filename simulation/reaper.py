"""Kills what a demo started, however the demo itself ended.

It waits for SIGTERM, or for its parent to exit; then it kills every process that has the demo's
mark in its environment, and removes the files with the demo's keys.
"""

import os
import signal
import sys
import threading
from pathlib import Path

MARK = "PAYPHONE_DEMO_ID"
LOOK = 0.1  # seconds between checks that the parent is alive


def marked(mark: str, value: str, spared: set[int]) -> list[int]:
    """Return the user's processes that have `mark` set to `value` in their environment, except
    those `spared` (Linux).
    """
    wanted = f"{mark}={value}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) not in spared and wanted in (entry / "environ").read_bytes().split(
                b"\0"
            ):
                found.append(int(entry.name))
        except OSError:  # it has exited, or is another user's
            continue
    return found


def main() -> None:
    """Wait for the demo to end, then kill what is left."""
    parent = os.getppid()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    while os.getppid() == parent and not told.wait(LOOK):
        pass
    while left := marked(MARK, sys.argv[1], {os.getpid(), parent}):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    for path in sys.argv[2:]:
        Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
