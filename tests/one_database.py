"""`@pytest.mark.one_database`: for functions whose cases no database could tell apart.

With `--db both` the first case of such a function runs on both databases, its further cases on
SQLite only; with one database asked for, all run on that one.
"""

import pytest


class OneDatabase:
    """The plugin of a run on both databases."""

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
            again = _is_on_postgres(item) and function in begun
            (left_out if again else kept).append(item)
            if _is_on_postgres(item):
                begun.add(function)
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = kept


def _is_on_postgres(item: pytest.Item) -> bool:
    """Whether a case of a marked function runs on PostgreSQL."""
    if item.get_closest_marker("one_database") is None:
        return False
    case = getattr(item, "callspec", None)
    return case is not None and case.params.get("database_url") == "postgres"
