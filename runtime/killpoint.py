"""Named places where a test may kill or freeze this very process, to show that nothing is lost or
done twice.

Out of reach in production: unless `PAYPHONE_ENV=test`, calling one does nothing.
`PAYPHONE_KILL_AT=name` dies there; `name@/path` dies once, leaving that file behind with the
process's id; `stop:name` freezes (SIGSTOP) instead, and `raise:name` unwinds as far as a death
goes, without one: transactions roll back, and nothing that catches errors sees it.
"""

import os
import signal
from pathlib import Path

from runtime.settings import get_settings


class Unwound(BaseException):
    """A death that a test asked for, in a process that lives on to look at what is left."""


def killpoint(name: str) -> None:
    """Die by SIGKILL (or freeze) here if a test asked for it."""
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
