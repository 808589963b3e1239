"""Runs a command, and everything it starts, at another time.

.venv/bin/python -m tests.at 2027-03-14T06:58Z .venv/bin/python -m pytest tests/unit

Some tests and code only work at some hours or on some days; this shows it before that hour comes.
Every program that uses the C library, including Python, Valkey and PostgreSQL, sees a time of day
that runs on from the one given. Timeouts, sleeps and file times stay real. Needs Linux and a C
compiler.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

SOURCE = Path(__file__).with_name("shifted_clock.c")


def run_at(moment: datetime, command: list[str]) -> int:
    """Run `command` as if it were `moment` now, and return its exit code."""
    shift = round((moment - datetime.now(UTC)).total_seconds())
    shift += int(os.environ.get("CLOCK_SHIFT", "0"))  # if the clock is shifted already
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # if root runs the tests, another user runs PostgreSQL
        library = f"{folder}/shifted_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, str(SOURCE)], check=True)
        env = os.environ | {"LD_PRELOAD": library, "CLOCK_SHIFT": str(shift)}
        return subprocess.run(command, env=env, check=False).returncode


def main() -> None:
    """Run from the command line; the time must have an offset, so that it is unambiguous."""
    moment = None
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(sys.argv[1]) if len(sys.argv) > 2 else None
    if moment is None or moment.tzinfo is None:
        sys.exit(
            "Say when, with its offset, and what to run: .venv/bin/python -m tests.at"
            " 2026-11-29T03:30Z .venv/bin/python -m pytest tests/unit"
        )
    sys.exit(run_at(moment, sys.argv[2:]))


if __name__ == "__main__":
    main()
