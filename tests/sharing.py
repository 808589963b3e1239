"""How many workers share the suite, in which order they run its tests, and which tests stay
together.
"""

import os
from pathlib import Path

import pytest
from _pytest.nodeid import NodeId

NEEDS = 1_000_000  # kB for a worker, its servers, and the processes of its tests


def how_many(cores: int, free: int, is_quick: bool) -> int:
    """Return the number of workers: six for two cores, because tests that start processes mostly
    wait; four in quick runs, which leave those out. Limited by memory, but at least two.
    """
    return max(2, min(cores * (2 if is_quick else 3), free // NEEDS))


def here(is_quick: bool) -> int:
    """Return the number of workers for this machine now."""
    told = Path("/proc/meminfo")
    lines = told.read_text().splitlines() if told.exists() else []
    [free] = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")] or [0]
    return how_many(os.cpu_count() or 1, free, is_quick)


def mixed(items: list[pytest.Item]) -> list[pytest.Item]:
    """Spread tests that wait evenly among those that use the processor. The storm comes first,
    because it takes longest.
    """
    waiting = [item for item in items if item.get_closest_marker("slow")]
    waiting.sort(key=lambda item: "tests/storm/" not in item.nodeid)
    working = [item for item in items if not item.get_closest_marker("slow")]
    placed = [
        (number / len(part), item)
        for part in (waiting, working)
        for number, item in enumerate(part)
    ]
    return [item for _, item in sorted(placed, key=lambda each: each[0])]


def name_groups(items: list[pytest.Item]) -> None:
    """Append each test's group to its id, because xdist assigns a group to one worker by the id
    alone.

    xdist 3.8 writes it where pytest 9.2 no longer looks.
    """
    for item in items:
        names = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if names:
            told = f"{item.nodeid}@{'_'.join(names)}"
            item._id = NodeId.parse(told)  # type: ignore[attr-defined]
