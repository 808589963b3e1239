"""Named places where a test may kill this very process, to show that nothing is lost or done twice.

Out of reach in production: unless `PAYPHONE_ENV=test`, calling one does nothing.
`PAYPHONE_KILL_AT=name` dies there; `name@/path` dies once, leaving that file behind.
"""

import os
import signal
from pathlib import Path

from runtime.settings import get_settings


def killpoint(name: str) -> None:
    """Die by SIGKILL here if a test asked for it."""
    settings = get_settings()
    if settings.payphone_env != "test" or not settings.payphone_kill_at:
        return
    wanted, _, once = settings.payphone_kill_at.partition("@")
    if wanted != name:
        return
    if once:
        try:
            Path(once).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
