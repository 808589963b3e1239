"""Work, counted: how many instructions of the interpreter a call takes, on any machine alike.

What one instruction of C does is not seen: passes over a text that are each linear (`translate`,
arithmetic on one integer, a pattern that never begins twice at one place) count as one.
"""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def work_of(call: Callable[[], Any]) -> int:
    """How many instructions `call` takes, with all it calls in this thread."""
    counted = 0

    def count(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal counted
        frame.f_trace_opcodes = True
        counted += event == "opcode"
        return count

    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()  # what other tests have left is not thrown away here
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return counted
