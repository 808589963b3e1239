"""Fails the suite if processes that its tests started, directly or indirectly, still run at its
end.

They are known by a mark in the environment, inherited from the process that started the suite.
"""

import os
import time
from pathlib import Path

import pytest

from simulation.reaper import marked

MARK = "SUITE_STARTED_BY"
PATIENCE = 60.0  # seconds for processes that are still ending


class Leftovers:
    """The plugin of the process that started the suite."""

    def __init__(self) -> None:
        self.found: list[str] = []
        os.environ[MARK] = str(os.getpid())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        until = time.monotonic() + PATIENCE
        while (left := marked(MARK, str(os.getpid()), {os.getpid()})) and time.monotonic() < until:
            time.sleep(0.05)
        self.found = [_named(pid) for pid in left]
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(
            f"processes left: {len(self.found) or 'none'}",
            red=bool(self.found),
            green=not self.found,
        )
        for process in self.found:
            terminalreporter.write_line(f"  {process}", red=True)


def _named(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(bytes(1), b" ")
        return f"{pid} {command.decode(errors='replace')}"
    except OSError:
        return f"{pid}, which has ended since"
