"""Less memory for a process of many threads."""

import ctypes

M_ARENA_MAX = -8
MOST = 2


def few_arenas() -> None:
    """Let glibc keep free memory in two places: it makes one for nearly each new thread, and
    what is free in one is no use to the threads of another. Python's threads allocate one at a
    time anyway.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # other C libraries have none, and no arenas
        libc.mallopt(M_ARENA_MAX, MOST)
