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
from models.database_errors import explain, gave_way, state_of
from runtime.log import get_log

T = TypeVar("T")

log = get_log("database")
database = DatabaseProxy()
# classes of errors with which PostgreSQL answers a COMMIT that it has rolled back
REFUSED = ("23", "40")
STATEMENT_SECONDS = 20.0  # for worker and web; no job may take longer

# The database's own clock, in microseconds since the epoch: the one clock that all processes share.
_NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
    "postgres": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
}
# What is compared with the clock. PostgreSQL asks one that goes on during a statement anew for each
# row, and reads a whole index for it; one that stands still bounds the range that is read.
_COMPARED = re.compile(r"([<>]=?) \{now\}")
_TO_STANDING = r"\1 " + _NOW["postgres"].replace("clock_timestamp", "statement_timestamp")


def use_database(url: str, patience: float | None = None) -> None:
    """Bind every row to the database of `url`; connections open on first use, one per thread."""
    database.initialize(open_database(url, patience))


def is_postgres() -> bool:
    """Whether rows live in PostgreSQL (else SQLite)."""
    return isinstance(database.obj, PostgresqlDatabase)


def row_lock(of: str = "") -> str:
    """What ends a SELECT that locks its rows; SQLite has one writer anyway.

    No key ever changes, so NO KEY: a plain FOR UPDATE would also keep waiting who only writes a row
    that names the locked one, and such a row is written by many who hold other locks by then.
    """
    return f" FOR NO KEY UPDATE{of}" if is_postgres() else ""


def without_sync() -> AbstractContextManager[None]:
    """Within it, SQLite's commits reach the disk with the next one outside, in their order.

    For what nobody outside has been told of and what is done again if it is lost: who has a job.
    """
    return cast("AbstractContextManager[None]", database.obj.without_sync())


def execute(sql: str, params: Sequence[Any] = ()) -> Any:
    """Run fixed SQL, written with `?` for parameters and `{now}` for the clock; its cursor."""
    return database.execute_sql(_dialect(sql, is_postgres()), params)


def insert_new(
    table: str, sql: str, params: Sequence[Any], key: str, keys: Sequence[tuple[Any, ...]]
) -> list[int | None]:
    """Run an INSERT of a row for each of `keys`, values of the columns `key`, which leaves out
    those that are there; the id of each row, or None. Needs an open transaction.

    SQLite numbers what one statement inserts in a row. It would hand out RETURNING's rows one by
    one, and Python lets go of its lock at each: whoever writes waited for all who do not.
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


@lru_cache(maxsize=2048)  # lists of parameters make some texts of many lengths
def _dialect(sql: str, postgres: bool) -> str:
    """The text as the database takes it."""
    if not postgres:
        return sql.replace("{now}", _NOW["sqlite"])
    text = _COMPARED.sub(_TO_STANDING, sql).replace("{now}", _NOW["postgres"])
    return text.replace("?", "%s")


def database_time() -> int:
    """The database's clock, microseconds since the epoch."""
    return int(execute("SELECT {now}").fetchone()[0])


def takes_writes() -> bool:
    """Whether the database takes writes; of SQLite only a write tells."""
    if not is_postgres():
        return True
    return bool(database.execute_sql("SHOW transaction_read_only").fetchone()[0] == "off")


class OutcomeUnknown(OperationalError):
    """A COMMIT was sent and not answered: what the transaction wrote may be there, or may not."""


class _Commits(threading.local):
    made = 0


_commits = _Commits()


def commits() -> int:
    """How many transactions of this thread have committed, or may have."""
    return _commits.made


def count_commit() -> None:
    """Another thread has committed for this one."""
    _commits.made += 1


@contextmanager
def transaction() -> Iterator[None]:
    """One transaction; inside another one, a part of that.

    SQLite takes its write lock at the beginning: a transaction that reads first and then writes
    would fail when another one wrote in between.

    Raises OutcomeUnknown when its COMMIT fails without the database's saying that it was refused.
    Every other error that leaves it means that nothing of it was saved.
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


def again_if_it_gave_way(work: Callable[[], T]) -> T:
    """Do `work`, which is a transaction or begins with one; once more where PostgreSQL rolled that
    back so that others could go on, and nothing was saved.
    """
    before = commits()
    try:
        return work()
    except OperationalError as error:
        if not gave_way(error) or commits() != before or database.in_transaction():
            raise
        log.warning(explain(error), detail=str(error)[:200])
    return work()


def _was_refused(error: Exception) -> bool:
    """Whether the database has answered that it rolled back instead of committing."""
    return isinstance(error, IntegrityError) or state_of(error).startswith(REFUSED)


class _AfterCommit:
    """What is called with all that was given for it."""

    def __init__(self, call: Callable[[list[Any]], None]) -> None:
        self.call, self.given = call, list[Any]()

    def __call__(self) -> None:
        try:
            self.call(self.given)
        except Exception:
            log.exception("work after a commit failed; the commit stands")


def after_commit(call: Callable[[list[T]], None], *items: T) -> None:
    """Call `call`, once the open transaction has committed, with all items that were given for it;
    never if it rolls back.

    What it raises is logged: the commit stands, and whoever made it is not to take it for undone.
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
    """Return the thread's connection to PostgreSQL's pool; with SQLite it stays open, which costs
    nothing.
    """
    if not is_postgres() or database.is_closed():
        return
    try:
        database.close()
    except PeeweeException:
        database.drop_connection()


class Connections:
    """As many connections as may be used at once, by however many threads; each is opened when it
    is first used, and left open as `release_connection` leaves it.
    """

    def __init__(self, most: int) -> None:
        self._free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(most):
            self._free.put(_ConnectionState())

    @contextmanager
    def one(self) -> Iterator[None]:
        """Let this thread use one of them, once one is free."""
        connection = self._free.get()
        try:
            with database.on(connection):
                yield
        finally:
            self._free.put(connection)


class Shared(str):
    """A key that several transactions may hold at once, while nobody holds it alone."""

    __slots__ = ()


def serialize_on(*keys: str) -> None:
    """Let only one open transaction at a time hold each of `keys`, which are taken in this order;
    those that are Shared together with other sharers. SQLite has one writer anyway.
    """
    if is_postgres():
        locks = ", ".join(
            f"pg_advisory_xact_lock{'_shared' if isinstance(key, Shared) else ''}"
            "(hashtextextended(%s, 0))"
            for key in keys
        )
        database.execute_sql(f"SELECT {locks}", tuple(map(str, keys)))


def share_on(key: str) -> None:
    """Hold `key`, together with other sharers, until the transaction ends; `serialize_on` waits for
    all of them.
    """
    serialize_on(Shared(key))
