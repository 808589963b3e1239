"""Ends what a demo started, however the demo itself ended.

It waits until it is told (SIGTERM) or its parent is gone, killed or not; then it kills every
process that carries the demo's mark in its environment, and removes what holds the demo's keys.
"""

import os
import signal
import sys
import threading
from pathlib import Path

MARK = "PAYPHONE_DEMO_ID"
LOOK = 0.1  # seconds between looks at whether the parent lives


def marked(mark: str, value: str, spared: set[int]) -> list[int]:
    """The processes of this user that have `mark` with `value` in their environment, but for those
    `spared` (Linux).
    """
    wanted = f"{mark}={value}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) not in spared and wanted in (entry / "environ").read_bytes().split(
                b"\0"
            ):
                found.append(int(entry.name))
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def main() -> None:
    """Wait for the demo's end, then kill what it left."""
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
