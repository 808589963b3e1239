"""Leaves out the cases of a test function after its first.

`--few` leaves out all further cases, for `bin/test quick`. `@pytest.mark.one_database` marks
functions whose cases do not depend on the database: with `--db both` the first case runs on both
databases, the others on SQLite only; with one database, all run on it. `@pytest.mark.any_database`
marks functions that do not depend on the database at all: with `--db both` they run on SQLite only.
"""

from collections.abc import Callable

import pytest


class FurtherCases:
    """The plugin that leaves out further cases, among those that `count` selects."""

    def __init__(self, count: Callable[[pytest.Item], bool]) -> None:
        self._count = count

    # last, so that the first case left by -k and -m is kept
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        begun: set[str] = set()
        kept: list[pytest.Item] = []
        left_out: list[pytest.Item] = []
        for item in items:
            function = item.nodeid.partition("[")[0]
            counts = self._count(item)
            (left_out if counts and function in begun else kept).append(item)
            if counts:
                begun.add(function)
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = kept


def databases(chosen: str, matters: bool) -> list[str]:
    """Return the databases that a test runs on: both only if `--db both` and the
    database matters.
    """
    if chosen == "both":
        return ["sqlite", "postgres"] if matters else ["sqlite"]
    return [chosen]


def any_case(_item: pytest.Item) -> bool:
    """Select every case."""
    return True


def on_postgres(item: pytest.Item) -> bool:
    """Select the cases of `one_database` functions that run on PostgreSQL."""
    if item.get_closest_marker("one_database") is None:
        return False
    case = getattr(item, "callspec", None)
    return case is not None and case.params.get("database_url") == "postgres"
