"""How many workers share the suite."""

import os
from pathlib import Path

NEEDS = 1_000_000  # kB for a worker, its servers, and the processes that its tests start


def how_many(cores: int, free: int) -> int:
    """Three for two cores: a third of the time a test waits, for a process, a lease or a provider.
    As many as there is memory for, and two at least.
    """
    return max(2, min(cores * 3 // 2, free // NEEDS))


def here() -> int:
    """The same, for this machine as it is now."""
    told = Path("/proc/meminfo")
    lines = told.read_text().splitlines() if told.exists() else []
    [free] = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")] or [0]
    return how_many(os.cpu_count() or 1, free)
