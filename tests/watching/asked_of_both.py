"""After the whole suite on both databases: what a test asked that runs on SQLite only, tests that
run on both have asked too, from the same place of ours with the same text.

A test may be left to one database (`any_database`) where its subject is no database's doing: each
statement that it leads to is one that PostgreSQL takes as well, elsewhere. This holds the suite to
that. What processes ask that a test has started is not seen here.
"""

import re
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from models.connections.any_database import AnyDatabase
from runtime.settings import ROOT

# what stands between a statement and whoever wants it asked
BETWEEN = (
    "models/connections/",
    "models/transactions.py",
    "models/fixed_sql.py",
    "models/base.py",
    "tests/running/",
    "tests/watching/",
    "tests/faults/failing_database.py",
)
_VALUES = re.compile(r"\?(?:, \?)+")
_ROWS = re.compile(r"(\([^()]*\))(?:, \1)+")

Asked = tuple[str, str]  # a file's place and the text


def place_of(frame: FrameType | None) -> str:
    """Where in our code a statement comes from; "" for one of a test's own."""
    while frame is not None:
        path = _ours(frame.f_code.co_filename)
        if path:
            return "" if path.startswith("tests/") else f"{path}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


@cache
def _ours(filename: str) -> str:
    """The file's path under our root; "" for a library's, and for what stands between."""
    path = Path(filename)
    if not path.is_relative_to(ROOT):
        return ""
    inside = path.relative_to(ROOT)
    is_ours = not inside.parts[0].startswith(".") and not str(inside).startswith(BETWEEN)
    return str(inside) if is_ours else ""


@cache
def shape_of(text: str) -> str:
    """A statement, whatever the number of values or rows that it is given."""
    return _ROWS.sub(r"\1", _VALUES.sub("?", text))


class AskedOfBoth:
    """The plugin: in each process that runs tests, and in the one that started them."""

    def __init__(self, is_whole: bool) -> None:
        self._is_whole = is_whole
        self._now: set[Asked] | None = None
        self._on_postgres: set[str] = set()  # tests
        self.by_both: set[Asked] = set()
        self.by_one: dict[Asked, str] = {}  # with a test that asked it
        self.found: list[str] = []

    def pytest_sessionstart(self) -> None:
        """Watch what this process asks, from here on."""
        real = AnyDatabase.execute_sql

        def execute_sql(database: AnyDatabase, sql: str, params: Any = None) -> Any:
            if self._now is not None:
                self._now.add((place_of(sys._getframe(1)), sql))
            return real(database, sql, params)

        AnyDatabase.execute_sql = execute_sql  # type: ignore[method-assign]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self._on_postgres = {item.nodeid for item in items if "[postgres" in item.nodeid}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        case = getattr(item, "callspec", None)
        if case is None or case.params.get("database_url") != "sqlite":
            return (yield)
        self._now = set()
        try:
            return (yield)
        finally:
            asked = {(place, shape_of(text)) for place, text in self._now if place}
            self._now = None
            if is_left_to_one(item):
                self.by_one |= dict.fromkeys(asked - self.by_one.keys(), item.nodeid)
            # a further case of what is marked `one_database` counts for neither
            elif item.nodeid.replace("[sqlite", "[postgres", 1) in self._on_postgres:
                self.by_both |= asked

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist has ended."""
        by_both, by_one = getattr(node, "workeroutput", {}).get("asked", ((), ()))
        self.by_both |= {(place, text) for place, text in by_both}
        self.by_one |= {(place, text): test for place, text, test in by_one}

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            by_one = [(*asked, test) for asked, test in self.by_one.items()]
            session.config.workeroutput["asked"] = [list(self.by_both), by_one]
            return
        if not self._is_whole or session.testsfailed or session.shouldstop:
            self._is_whole = False
            return
        self.found = self.left()
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def left(self) -> list[str]:
        """What only tests on SQLite asked, each with one that did."""
        alone = self.by_one.keys() - self.by_both
        return [f"{place} {text}\n    {self.by_one[place, text]}" for place, text in sorted(alone)]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._is_whole:
            return
        terminalreporter.write_line(
            f"statements that only tests on one database ask: {len(self.found) or 'none'} (of"
            f" {len(self.by_both | self.by_one.keys())})",
            red=bool(self.found),
            green=not self.found,
        )
        for asked in self.found:
            terminalreporter.write_line(f"  {asked}", red=True)


def is_left_to_one(item: pytest.Item) -> bool:
    """Whether a test runs on SQLite only where others run on both."""
    return (
        item.get_closest_marker("any_database") is not None
        and item.get_closest_marker("each_database") is None
    )
