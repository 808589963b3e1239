"""Counts work as the interpreter's instructions, which are the same on any machine.

What happens inside one C instruction is not seen: linear passes over a text (`translate`,
arithmetic on one integer, a pattern that never starts twice at one place) count as one.
"""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def work_of(call: Callable[[], Any]) -> int:
    """Return how many instructions `call` takes, including all that it calls in this thread."""
    counted = 0

    def count(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal counted
        frame.f_trace_opcodes = True
        counted += event == "opcode"
        return count

    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()  # garbage of other tests must not be collected here
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return counted
