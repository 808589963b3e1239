"""Checks the order of locks, like Linux's lockdep. `--lock-order` records the order in which this
process's transactions lock on PostgreSQL, and fails on orders that could deadlock, long before a
deadlock happens.

A lock's class is the prefix of an advisory key, or a table (for jobs and effects with their name).
Two classes taken in both orders are reported, unless both transactions exclusively hold a third
lock; so are several locks of one class that are not taken in the order of their names. Locks that
tests take themselves do not count.
"""

import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from models.connections.postgres import Postgres
from runtime.settings import ROOT
from tests.watching.locks_taken import EXCLUDES, Lock, Statements

UNTOLD = (f"{ROOT}/models/", f"{ROOT}/delivery/attempt.py", f"{ROOT}/.venv/", __file__)
GUARDS = {"alone", "lock", "for update"}
# classes that seem able to deadlock, and why they cannot
APART = {
    frozenset({"pay_address"}): "an invoice's own, written under its lock; invoices are in order",
    frozenset({"dispute_movement"}): "a dispute is recorded under the key of its intent",
    frozenset({"inbox_event"}): "events of one intent are taken in under its key",
    frozenset({"deployment_step"}): "steps of one deployment, under its lock",
    frozenset({"staged_job deploy_account"}): "the next step's, then the own one, under that lock",
    frozenset({"planned_contact"}): "several are approved under the keys of all their people",
    frozenset({"call_slot"}): "one's own are given back and a free one taken, under `call_slots`",
    frozenset({"call_slot", "key call_slots"}): "a slot that is being given back counts as taken",
    frozenset({"work_item"}): "drafts' as above; those of doubts are closed by one job, in a row",
    frozenset({"backfill", "staged_job read_stripe_events"}): "a first page is of a run of its own",
    frozenset({"staged_job compare_with_stripe", "staged_job reconcile_stripe_page"}): "likewise",
    frozenset({"reconciliation_sighting"}): "a run's own, whose pages are done in turn",
    frozenset({"reconciliation_sighting", "difference"}): "likewise",
    frozenset({"difference"}): "likewise",
    frozenset({"inbox_event", "staged_job process_stripe_event"}): "a job of the event's own row",
    frozenset({"staged_job process_stripe_event"}): "likewise",
    frozenset({"staged_job reconcile_effect"}): "one job stages them, the youngest effect first",
    frozenset({"phone_line", "key number"}): "whoever ports writes to a line that nobody buys for",
}
LONGEST = 3  # transactions in a cycle of waits


class Edge(NamedTuple):
    """A class of lock that is taken while another is held, and how each is held."""

    held: str
    held_mode: str
    taken: str
    mode: str


# where an edge was seen, by the classes of the other locks held exclusively
Edges = dict[Edge, dict[frozenset[str], str]]


class LockOrder:
    """The plugin, in each process that runs tests and in the one that started them."""

    def __init__(self, passed_over: str = "tests/") -> None:
        self.passed_over = passed_over
        self.edges: Edges = defaultdict(dict)
        self.rings: list[str] = []
        self._statements: Statements | None = None
        self._open = threading.local()

    def pytest_sessionstart(self) -> None:
        self.watch(pytest.MonkeyPatch())

    def pytest_runtest_setup(self) -> None:
        """Forget rows: each test has other rows with the same ids."""
        if self._statements is not None:
            self._statements.forget_rows()

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Record from now on."""
        database = Postgres
        begin, execute = database.begin, database.execute_sql

        def begun(self_: Any, *how: Any) -> None:
            begin(self_, *how)
            self._open.held, self._open.fresh = [], set()
            self._open.counts = not _place().startswith(self.passed_over)

        def executed(self_: Any, sql: str, params: Any = None) -> Any:
            cursor = execute(self_, sql, params)
            if self_.in_transaction() and getattr(self._open, "counts", False):
                ask = self._statements or Statements(lambda text: execute(self_, text).fetchall())
                self._statements = ask
                place = _place()
                for lock in ask.locks(sql, params, cursor, self._open.fresh):
                    self._take(lock, place)
            return cursor

        monkeypatch.setattr(database, "begin", begun)
        monkeypatch.setattr(database, "execute_sql", executed)

    def _take(self, lock: Lock, place: str) -> None:
        """Record a lock, and what was held when it was taken."""
        held: list[tuple[Lock, str]] = self._open.held
        if place.startswith(self.passed_over) or any(one.covers(lock) for one, _ in held):
            return
        for one, its_place in held if lock.waits else ():
            if one.kind != lock.kind or not one.goes_before(lock):
                edge = Edge(one.kind, one.mode, lock.kind, lock.mode)
                alone = {other.kind for other, _ in held if other.mode in GUARDS}
                guards = frozenset(alone - {one.kind, lock.kind})
                if not any(known <= guards for known in self.edges[edge]):
                    self.edges[edge][guards] = f"{its_place}, then {place}"
        held.append((lock, place))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Merge what a worker of xdist recorded."""
        for edge, guards, places in node.workeroutput.get("lock_order", ()):
            self.edges[Edge(*edge)].setdefault(frozenset(guards), places)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        seen = [
            (list(edge), sorted(guards), places)
            for edge, ways in self.edges.items()
            for guards, places in ways.items()
        ]
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["lock_order"] = seen
            return
        self.rings = sorted(rings(self.edges))
        if self.rings:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(
            f"orders of locks that may meet, of {len(self.edges)}: {len(self.rings) or 'none'}",
            red=bool(self.rings),
            green=not self.rings,
        )
        for ring in self.rings:
            terminalreporter.write_line(f"  {ring}")


def rings(edges: Edges) -> Iterator[str]:
    """Yield the shortest cycles in which transactions could wait for each other, each once."""
    after = defaultdict(list)
    for edge in edges:
        after[edge.held].append(edge)
    told = set()
    for ring in (ring for first in edges for ring in _closed((first,), after)):
        kinds = frozenset((edge.held, edge.taken) for edge in ring)
        ways = product(*(edges[edge].items() for edge in ring))
        way = next((way for way in ways if _may_meet([guards for guards, _ in way])), None)
        classes = frozenset(edge.held for edge in ring)
        if way is not None and kinds not in told and classes not in APART:
            told.add(kinds)
            yield "\n    ".join(
                f"{edge.held} ({edge.held_mode}), {edge.taken} ({edge.mode}): {place}"
                f" [{', '.join(sorted(guards)) or 'nothing'} besides]"
                for edge, (guards, place) in zip(ring, way, strict=True)
            )


def _closed(ring: tuple[Edge, ...], after: dict[str, list[Edge]]) -> Iterator[tuple[Edge, ...]]:
    """Yield the cycles with this beginning, in which each transaction holds what the one before
    wants.
    """
    first, last = ring[0], ring[-1]
    if last.taken == first.held:
        if _stops(last, first):
            yield ring
        return
    for edge in after[last.taken] if len(ring) < LONGEST else ():
        is_new = edge.taken == first.held or edge.taken not in {one.held for one in ring}
        if edge.held != edge.taken and is_new and _stops(last, edge):
            yield from _closed((*ring, edge), after)


def _stops(wants: Edge, has: Edge) -> bool:
    return has.held_mode in EXCLUDES[wants.mode]


def _may_meet(guards: list[frozenset[str]]) -> bool:
    return all(one.isdisjoint(other) for one, other in combinations(guards, 2))


def _place() -> str:
    """Return where a statement comes from: the two nearest places outside the
    database's modules.
    """
    frame, places = sys._getframe(1), []
    while frame is not None and len(places) < 2:
        name = frame.f_code.co_filename
        if name.startswith(f"{ROOT}/") and not name.startswith(UNTOLD):
            places.append(f"{Path(name).relative_to(ROOT)}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(places)
