"""Cases of a test function that a run leaves out, after the first.

`--few` leaves out each further case, for `bin/test quick`. `@pytest.mark.one_database` is for
functions whose cases no database could tell apart: with `--db both` the first of them runs on both
databases, the others on SQLite only; with one database asked for, all run on that one.
`@pytest.mark.any_database` is for what no database has a part in: with `--db both` it runs on
SQLite only.
"""

from collections.abc import Callable

import pytest


class FurtherCases:
    """The plugin that leaves them out, of those that `count`."""

    def __init__(self, count: Callable[[pytest.Item], bool]) -> None:
        self._count = count

    # after -k and -m: of the cases that were asked for, the first
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
    """On which a test runs, as `--db` says: on both only where it matters which one it is."""
    if chosen == "both":
        return ["sqlite", "postgres"] if matters else ["sqlite"]
    return [chosen]


def any_case(_item: pytest.Item) -> bool:
    """Each case of each function."""
    return True


def on_postgres(item: pytest.Item) -> bool:
    """The cases of marked functions that run on PostgreSQL."""
    if item.get_closest_marker("one_database") is None:
        return False
    case = getattr(item, "callspec", None)
    return case is not None and case.params.get("database_url") == "postgres"
