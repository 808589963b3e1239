"""Calls to glibc and to the Linux kernel; no-ops where these are not available."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
M_ARENA_MAX = -8
ARENAS = 2
SIZES = (4096, 2048, 1024, 768, 512, 384, 256, 192, 128, 96, 80, 64, 48, 32, 24)  # bytes
IN_A_ROW = 64  # pieces next to each other, which come from fresh memory
MOST = 1024 * 1024  # bytes per size: another allocator's pieces may never lie in a row


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


def use_up_holes() -> None:
    """Allocate the free pieces of glibc's heap, for good; call this before a fork.

    A child would use them first, each on another page that the kernel must copy for it: 0.3 MiB of
    SQLite's schema took 2.6. After this a child's allocations share fresh pages.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return
    libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    for size in SIZES:
        last = in_a_row = 0
        for _ in range(MOST // size):
            piece = libc.malloc(size) or 0
            in_a_row = in_a_row + 1 if last < piece < last + size + 32 else 0
            last = piece
            if in_a_row == IN_A_ROW:
                break
