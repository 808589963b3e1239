"""The database behind every row: statements, transactions, locks, and the database's clock."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from peewee import (
    DatabaseProxy,
    IntegrityError,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
    _ConnectionState,
)

from models.connections.open_database import open_database
from models.database_errors import explain, is_conflict, state_of
from runtime.log import get_log

T = TypeVar("T")

log = get_log("database")
database = DatabaseProxy()
# classes of PostgreSQL's errors that say a COMMIT was rolled back
REFUSED = ("23", "40")
STATEMENT_SECONDS = 20.0  # in workers and web processes; no job may take longer

# The database's own clock, in microseconds since the epoch: the only clock that all processes
# share.
_NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
    "postgres": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
}
# In comparisons, PostgreSQL evaluates clock_timestamp() for each row, and so reads a whole index;
# statement_timestamp() is constant, so it bounds the range that is read.
_COMPARED = re.compile(r"([<>]=?) \{now\}")
_TO_STANDING = r"\1 " + _NOW["postgres"].replace("clock_timestamp", "statement_timestamp")


def use_database(url: str, patience: float | None = None) -> None:
    """Bind all tables to the database at `url`. Connections open on first use, one per thread."""
    database.initialize(open_database(url, patience))


def is_postgres() -> bool:
    """Whether the database is PostgreSQL (else SQLite)."""
    return isinstance(database.obj, PostgresqlDatabase)


def row_lock(of: str = "") -> str:
    """The clause that locks a SELECT's rows; empty for SQLite, which has only one writer.

    NO KEY, because keys never change: a plain FOR UPDATE would also block writers of rows that
    refer to the locked one, and many of them already hold other locks by then, which could
    deadlock.
    """
    return f" FOR NO KEY UPDATE{of}" if is_postgres() else ""


def without_sync() -> AbstractContextManager[None]:
    """Inside this context, SQLite's commits do not wait for the disk; they reach it with the next
    commit outside, in order.

    For changes that nothing outside depends on and that are simply repeated if lost, such as
    claims.
    """
    return cast("AbstractContextManager[None]", database.obj.without_sync())


def execute(sql: str, params: Sequence[Any] = ()) -> Any:
    """Run constant SQL, with `?` for parameters and `{now}` for the clock. Returns its cursor."""
    return database.execute_sql(_dialect(sql, is_postgres()), params)


def insert_new(
    table: str, sql: str, params: Sequence[Any], key: str, keys: Sequence[tuple[Any, ...]]
) -> list[int | None]:
    """Run an INSERT of one row for each of `keys`, values of the columns `key`, that skips existing
    rows. Returns the id of each row, or None if it was skipped. Needs an open transaction.

    On SQLite, the rows of one statement get consecutive ids, so RETURNING is not needed. Its rows
    would be fetched one by one, and Python releases its global lock at each, so that the writer
    would wait for all other threads.
    """
    if is_postgres():
        found = execute(f"{sql} RETURNING {key}, id", params).fetchall()
    else:
        cursor = execute(sql, params)
        new, last = cursor.rowcount, cursor.lastrowid
        if new == len(keys):
            return list(range(last - new + 1, last + 1))
        ids = f"SELECT {key}, id FROM {table} WHERE id > ?"
        found = execute(ids, (last - new,)).fetchall() if new else []
    known = {tuple(whose): int(row_id) for *whose, row_id in found}
    return [known.pop(each, None) for each in keys]


@lru_cache(maxsize=2048)  # lists of parameters give some texts many lengths
def _dialect(sql: str, postgres: bool) -> str:
    """The statement in the database's own dialect."""
    if not postgres:
        return sql.replace("{now}", _NOW["sqlite"])
    text = _COMPARED.sub(_TO_STANDING, sql).replace("{now}", _NOW["postgres"])
    return text.replace("?", "%s")


def database_time() -> int:
    """The database's clock, in microseconds since the epoch."""
    return int(execute("SELECT {now}").fetchone()[0])


def takes_writes() -> bool:
    """Whether PostgreSQL accepts writes; always True for SQLite, where only a write could tell."""
    if not is_postgres():
        return True
    return bool(database.execute_sql("SHOW transaction_read_only").fetchone()[0] == "off")


class OutcomeUnknown(OperationalError):
    """A COMMIT was sent but not answered: the transaction may or may not have been saved."""


class _Commits(threading.local):
    made = 0


_commits = _Commits()


def commits() -> int:
    """How many transactions of this thread have committed, or may have."""
    return _commits.made


def count_commit() -> None:
    """Count a commit that another thread made for this one."""
    _commits.made += 1


@contextmanager
def transaction() -> Iterator[None]:
    """Run the block in a transaction, or as part of the one that is open.

    SQLite takes its write lock at the beginning: a transaction that reads first and then writes
    would fail if another one wrote in between.

    Raises OutcomeUnknown if its COMMIT fails and the database did not say that it rolled back. Any
    other error means that nothing was saved.
    """
    if database.in_transaction():
        yield
        return
    is_committing = False
    try:
        with database.atomic() if is_postgres() else database.atomic("IMMEDIATE"):
            yield
            is_committing = True
    except Exception as error:
        if not is_committing or _was_refused(error):
            raise
        _commits.made += 1
        raise OutcomeUnknown(error, f"The COMMIT was not answered: {error}") from error
    _commits.made += 1


def retry_on_conflict(work: Callable[[], T]) -> T:
    """Do `work`, which is a transaction or begins with one.

    Retry it once if PostgreSQL rolled it back to resolve a conflict before anything was saved.
    """
    before = commits()
    try:
        return work()
    except OperationalError as error:
        if not is_conflict(error) or commits() != before or database.in_transaction():
            raise
        log.warning(explain(error), detail=str(error)[:200])
    return work()


def _was_refused(error: Exception) -> bool:
    """Whether the database said that it rolled back instead of committing."""
    return isinstance(error, IntegrityError) or state_of(error).startswith(REFUSED)


class _AfterCommit:
    """A callback and the items collected for it."""

    def __init__(self, call: Callable[[list[Any]], None]) -> None:
        self.call, self.given = call, list[Any]()

    def __call__(self) -> None:
        try:
            self.call(self.given)
        except Exception:
            log.exception("work after a commit failed; the commit stands")


def after_commit(call: Callable[[list[T]], None], *items: T) -> None:
    """Call `call` with all items given for it once the open transaction has committed; never if it
    rolls back.

    What it raises is only logged, because the commit stands and the caller must not believe that it
    failed.
    """
    if not database.in_transaction():
        raise RuntimeError("after_commit needs an open transaction")
    for known in database._state.commit_callbacks:  # noqa: SLF001 - peewee clears it on rollback
        if known.call is call:
            known.given += items
            return
    calling = _AfterCommit(call)
    calling.given += items
    database.after_commit(calling)


def release_connection() -> None:
    """Return this thread's connection to PostgreSQL's pool. SQLite's stays open, at no cost."""
    if not is_postgres() or database.is_closed():
        return
    try:
        database.close()
    except PeeweeException:
        database.drop_connection()


class Connections:
    """At most `most` connections shared by any number of threads.

    Each is opened on first use, and stays as `release_connection` leaves it.
    """

    def __init__(self, most: int) -> None:
        self._free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(most):
            self._free.put(_ConnectionState())

    @contextmanager
    def one(self) -> Iterator[None]:
        """Use one of the connections in this thread, waiting until one is free."""
        connection = self._free.get()
        database.lend(connection)
        try:
            yield
        finally:
            database.lend(None)
            self._free.put(connection)


class Shared(str):
    """A key that several transactions can hold at once, while none holds it exclusively."""

    __slots__ = ()


def serialize_on(*keys: str) -> None:
    """Let only one open transaction at a time hold each of `keys`, taken in this order; Shared keys
    are held together with other sharers. No effect on SQLite, which has only one writer.
    """
    if is_postgres():
        locks = ", ".join(
            f"pg_advisory_xact_lock{'_shared' if isinstance(key, Shared) else ''}"
            "(hashtextextended(%s, 0))"
            for key in keys
        )
        database.execute_sql(f"SELECT {locks}", tuple(map(str, keys)))


def share_on(key: str) -> None:
    """Hold `key` with other sharers until the transaction ends; `serialize_on` waits for all."""
    serialize_on(Shared(key))
