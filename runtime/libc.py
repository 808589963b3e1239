"""Calls to glibc and to the Linux kernel; no-ops where these are not available."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
M_ARENA_MAX = -8
ARENAS = 2


def die_with_parent(parent: int, signum: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send this process `signum` when the process `parent` dies, however it dies.
    Call this in the child.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def limit_arenas() -> None:
    """Limit glibc to two malloc arenas, so that a process with many threads uses less memory.

    By default nearly every new thread gets an arena, and memory that is free in one is no use to
    threads of another. Two suffice: Python's threads allocate one at a time anyway.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_ARENA_MAX, ARENAS)
