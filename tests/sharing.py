"""How many workers share the suite, in which order they take its tests, and which of these go
together.
"""

import os
from pathlib import Path

import pytest
from _pytest.nodeid import NodeId

NEEDS = 1_000_000  # kB for a worker, its servers, and the processes that its tests start


def how_many(cores: int, free: int, is_quick: bool) -> int:
    """Six for two cores: tests that start processes wait most of their time, for a process, a lease
    or a provider. Four where these are left out. As many as there is memory for, and two at least.
    """
    return max(2, min(cores * (2 if is_quick else 3), free // NEEDS))


def here(is_quick: bool) -> int:
    """The same, for this machine as it is now."""
    told = Path("/proc/meminfo")
    lines = told.read_text().splitlines() if told.exists() else []
    [free] = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")] or [0]
    return how_many(os.cpu_count() or 1, free, is_quick)


def mixed(items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests that wait spread evenly among those that work, which have the processors meanwhile; the
    storm first, for it takes longest.
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
    """Say in a test's id to which group it belongs, whose tests all go to one worker: who shares
    them out knows no more of them. xdist 3.8 writes it where pytest 9.2 does not look any more.
    """
    for item in items:
        names = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if names:
            told = f"{item.nodeid}@{'_'.join(names)}"
            item._id = NodeId.parse(told)  # type: ignore[attr-defined]
