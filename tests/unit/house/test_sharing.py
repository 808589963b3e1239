"""As many workers share the suite as the machine has room for."""

import pytest

from tests.sharing import NEEDS, here, how_many


@pytest.mark.parametrize(
    ("cores", "places", "workers"),
    [(1, 8, 2), (2, 8, 3), (4, 8, 6), (4, 3, 3), (16, 100, 24), (8, 0, 2)],
)
def test_there_are_more_workers_than_cores_where_memory_allows(cores, places, workers):
    assert how_many(cores, places * NEEDS) == workers


def test_this_machine_has_two_at_least():
    assert here() >= 2
