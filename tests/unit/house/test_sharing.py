"""The suite runs on as many workers as the machine has room for, and slow tests are mixed with
quick ones.
"""

import pytest
from xdist.scheduler import LoadGroupScheduling

from tests.sharing import NEEDS, here, how_many, mixed, name_groups


@pytest.mark.parametrize(
    ("cores", "places", "workers", "of_quick"),
    [(1, 8, 3, 2), (2, 8, 6, 4), (4, 20, 12, 8), (4, 3, 3, 3), (16, 100, 48, 32), (8, 0, 2, 2)],
)
def test_there_are_more_workers_than_cores_where_memory_allows(cores, places, workers, of_quick):
    assert how_many(cores, places * NEEDS, is_quick=False) == workers
    assert how_many(cores, places * NEEDS, is_quick=True) == of_quick


@pytest.mark.parametrize("is_quick", [False, True])
def test_there_are_at_least_two_workers_on_this_machine(is_quick):
    assert here(is_quick) >= 2


class Named:
    """A test, as pytest collects it."""

    def __init__(self, nodeid, is_slow):
        self.nodeid, self._is_slow = nodeid, is_slow

    def get_closest_marker(self, name):
        return name == "slow" and self._is_slow


def test_slow_tests_are_spread_among_quick_ones_and_none_is_lost():
    """Given collected tests, then the slow ones are spread evenly among the quick ones."""
    names = [*(f"tests/a/{n}" for n in range(8)), "tests/faults/1", "tests/storm/1"]
    order = [item.nodeid for item in mixed([Named(name, "/a/" not in name) for name in names])]
    assert sorted(order) == sorted(names)
    assert order[0] == "tests/storm/1"
    assert order.index("tests/faults/1") == 5
    assert [name for name in order if "/a/" in name] == names[:8]


def test_tests_of_a_group_go_to_one_worker(request):
    """Given two tests of a group, then xdist schedules them together, and a test without a group by
    itself.
    """
    names = ("test_a", "test_b[sqlite-x@y]", "test_c")
    each = [
        pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None)
        for name in names
    ]
    for item in each[:2]:
        item.add_marker(pytest.mark.xdist_group("one"))
    name_groups(each)
    shared = [LoadGroupScheduling._split_scope(None, item.nodeid) for item in each]
    assert shared == ["one", "one", each[2].nodeid]
