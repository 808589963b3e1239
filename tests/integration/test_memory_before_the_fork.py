"""What a parent does to its memory so that its children share it."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from runtime.libc import use_up_holes
from runtime.settings import ROOT

pytestmark = [
    pytest.mark.slow,  # starts processes
    pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc"),
]

# makes a thousand holes in the heap, and then counts how many of 200 new pieces lie in them
COUNT = """
import ctypes, sys
from runtime.libc import use_up_holes
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
pieces = [libc.malloc(100) for _ in range(2_000)]
for piece in pieces[::2]:
    libc.free(piece)
if "use_up" in sys.argv:
    use_up_holes()
print(sum(libc.malloc(100) < max(pieces) for _ in range(200)))
"""


def in_holes(*how: str) -> int:
    ran = subprocess.run(
        [sys.executable, "-c", COUNT, *how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return int(ran.stdout)


def test_memory_allocated_after_a_fork_does_not_lie_in_old_holes():
    assert in_holes() > 150, "holes are filled first"
    assert in_holes("use_up") == 0


def test_another_allocator_whose_pieces_never_touch_gives_little_memory_away(monkeypatch):
    """Given tcmalloc or mimalloc, preloaded over glibc's, then it is not asked for 100 MiB."""
    given = []
    libc = SimpleNamespace(mallopt=None, malloc=lambda size: given.append(size) or len(given) << 20)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: libc)
    use_up_holes()
    assert sum(given) < 16 << 20
