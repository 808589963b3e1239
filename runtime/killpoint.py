"""Named places where a test can kill or freeze the process, to show that nothing is lost or done
twice.

Disabled in production: unless `PAYPHONE_ENV=test`, a kill-point does nothing.
`PAYPHONE_KILL_AT=name` kills the process there; `name@/path` does so once, and leaves a file with
the process's id at that path; `stop:name` freezes it instead (SIGSTOP); `raise:name` raises
Unwound, which unwinds the stack like a death: transactions roll back, and no `except Exception`
catches it.
"""

import os
import signal
from pathlib import Path

from runtime.settings import get_settings


class Unwound(BaseException):
    """A simulated death, in a process that lives on to inspect what is left."""


def killpoint(name: str) -> None:
    """Die by SIGKILL here (or freeze, or raise Unwound) if a test asked for it."""
    settings = get_settings()
    if settings.payphone_env != "test" or not settings.payphone_kill_at:
        return
    wanted, _, once = settings.payphone_kill_at.partition("@")
    how, _, place = wanted.rpartition(":")
    if place != name:
        return
    if once:
        try:
            with Path(once).open("x") as mark:
                mark.write(str(os.getpid()))
        except FileExistsError:
            return
    if how == "raise":
        raise Unwound(name)
    os.kill(os.getpid(), signal.SIGSTOP if how == "stop" else signal.SIGKILL)
