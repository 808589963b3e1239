"""What the C library is asked for where it is glibc, and the kernel where it is Linux."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
M_ARENA_MAX = -8
ARENAS = 2


def die_with_parent(parent: int, signum: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send this process `signum` when the process `parent` dies, however it dies;
    called in the child.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def few_arenas() -> None:
    """Less memory for a process of many threads: keep free memory in two places. glibc makes one
    for nearly each new thread, and what is free in one is no use to the threads of another.
    Python's threads allocate one at a time anyway.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_ARENA_MAX, ARENAS)
