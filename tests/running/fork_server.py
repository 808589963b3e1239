"""Real processes of ours, forked from one that has imported everything instead of started anew.

Starting Python and importing our code costs one to three seconds of a processor, and the suite
starts a thousand processes. Each fork has its own environment, session and output, and can be
killed, frozen and waited for like any other process.
"""

import atexit
import contextlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from multiprocessing import forkserver, resource_tracker
from multiprocessing.reduction import DupFd
from typing import Any

from runtime.settings import ROOT

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.running.preloaded"])
OF_A_NEW_PYTHON = ("PYTHON", "LD_")  # prefixes of variables that only a new interpreter obeys


class Forked:
    """A forked process, with the interface of `subprocess.Popen`."""

    def __init__(self, command: tuple[str, ...], env: dict[str, str]) -> None:
        self.args = command
        mine, its = os.pipe()
        self._process = _context.Process(
            target=_become, args=(command, env, *map(_Lent, (1, 2, its)))
        )
        self._process.start()
        os.close(its)
        os.read(mine, 1)  # wait until it leads its own session
        os.close(mine)

    @property
    def pid(self) -> int:
        """Its process id, which is also its session's."""
        return int(self._process.pid or 0)

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process to end, and return its exit code. Raises
        subprocess.TimeoutExpired.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to this process alone; does nothing if it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """As `subprocess.Popen` does."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """As `subprocess.Popen` does."""
        self.send_signal(signal.SIGKILL)


class _Lent:
    """A file descriptor of which the new process gets a copy; unpickled there, it is the copy's
    number.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> Any:
        return _taken, (DupFd(self._descriptor),)


def _taken(lent: Any) -> int:
    return int(lent.detach())


def can_be_forked(command: tuple[str, ...], env: dict[str, str]) -> bool:
    """Whether a fork behaves as a new process would."""
    return not any(name.startswith(OF_A_NEW_PYTHON) for name in env) and (
        command[0] == "-m" or command[0].endswith(".py")
    )


def stop_fork_server() -> None:
    """Stop the fork server and its resource tracker, which would otherwise end with
    this process.
    """
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]


def _become(command: tuple[str, ...], env: dict[str, str], out: int, err: int, ready: int) -> None:
    """Run the program in the fork, and exit as it does."""
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.write(ready, b"+")
    for descriptor in (out, err, ready):
        os.close(descriptor)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, closefd=False)
    code = _run(command)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _run(command: tuple[str, ...]) -> int:
    """Run the command as Python would, and return its exit code."""
    try:
        if command[0] == "-m":
            sys.argv = list(command[1:])
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = list(command)
            runpy.run_path(command[0], run_name="__main__")
    except SystemExit as left:
        if isinstance(left.code, str):
            sys.stderr.write(f"{left.code}\n")
            return 1
        return left.code or 0
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
