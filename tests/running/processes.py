"""Real processes of ours for tests, and what this process must reset between tests."""

import contextlib
import os
import signal
import subprocess
import sys

from delivery import locks, nudge
from jobs.timetable import load_timetable
from models import transactions
from runtime.settings import ROOT, get_settings
from tests.running.fork_server import Forked, can_be_forked

Process = Forked | subprocess.Popen[bytes]


def spawn(*command: str, **env: str) -> Process:
    """Start a real process of ours in its own session, with the test's environment."""
    if can_be_forked(command, env):
        return Forked(command, os.environ | env)
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=os.environ | env, start_new_session=True
    )


def end(process: Process, number: int = signal.SIGTERM, seconds: float = 120) -> int:
    """End a process started by `spawn`, and return its exit code."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(process.pid, signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(120)
    return process.returncode


def close_database() -> None:
    database = transactions.database.obj
    if database is not None:
        if hasattr(database, "close_all"):
            database.close_all()
        elif not database.is_closed():
            database.close()


def reset_process() -> None:
    """Drop what this process caches of settings and connections."""
    get_settings.cache_clear()
    nudge._Nudger.client, nudge._Nudger.paused_until = None, 0.0
    locks._Connection.client = None
    load_timetable()
