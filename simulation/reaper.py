"""Ends what a demo started, however the demo itself ended.

It waits on its standard input, a pipe whose other end only the demo holds: when the demo is gone,
killed or not, it kills every process that carries the demo's mark in its environment.
"""

import os
import signal
import sys
from pathlib import Path

MARK = "PAYPHONE_DEMO_ID"


def marked(mark: str) -> list[int]:
    """The processes of this user that carry `mark`, this one and the demo's own aside (Linux)."""
    wanted, own = f"{MARK}={mark}".encode(), os.getpid()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) != own and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def main() -> None:
    """Wait for the demo's end, then kill what it left."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.buffer.read()
    while left := marked(sys.argv[1]):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    Path(sys.argv[2]).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
