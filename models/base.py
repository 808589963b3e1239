"""The database behind every row: connections, transactions, locks, and the database's clock."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import peewee
from peewee import (
    DatabaseProxy,
    IntegrityError,
    Model,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
)

from models.connections import open_database
from models.database_errors import state_of
from runtime.log import get_log

log = get_log("database")
database = DatabaseProxy()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# classes of errors with which PostgreSQL answers a COMMIT that it has rolled back
REFUSED = ("23", "40")
STATEMENT_SECONDS = 20.0  # for worker and web; no job may take longer

# The database's own clock, in microseconds since the epoch: the one clock that all processes share.
_NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
    "postgres": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
}


def to_micros(value: datetime) -> int:
    """Microseconds since the epoch, as `Instant` stores them."""
    return (value - _EPOCH) // _MICROSECOND


_FIRST, _LAST = (
    to_micros(datetime.min.replace(tzinfo=UTC)),
    to_micros(datetime.max.replace(tzinfo=UTC)),
)


class NoInstant(ValueError):
    """A time that could be stored but not read back: in UTC it lies before the year 1 or after
    9999.
    """


class Instant(peewee.BigIntegerField):
    """A point in time: microseconds since the epoch in the database, an aware UTC datetime in
    Python.
    """

    def db_value(self, value: datetime | int | None) -> int | None:
        """Microseconds since the epoch. Raises NoInstant for what `python_value` could not give
        back.
        """
        if value is not None and not isinstance(value, int | datetime):
            return super().db_value(value)
        micros = to_micros(value) if isinstance(value, datetime) else value
        if micros is not None and not _FIRST <= micros <= _LAST:
            raise NoInstant(
                "A time lies before the year 1 or after the year 9999 in UTC; it cannot be kept."
            )
        return micros

    def python_value(self, value: int | None) -> datetime | None:
        """An aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Row(Model):
    """The base of every table."""

    class Meta:
        database = database
        legacy_table_names = False

    @classmethod
    def locked(cls, row_id: str | int) -> Self:
        """The row, fresh, and locked until the transaction ends. Raises cls.DoesNotExist."""
        row = cls.locked_if_there(row_id)
        if row is None:
            raise cls.DoesNotExist(f"No {cls.__name__} {row_id}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def locked_if_there(cls, row_id: str | int) -> Self | None:
        """As `locked`; None when there is no such row."""
        query = cls.select().where(cls._meta.primary_key == row_id)
        row: Self | None = (query.for_update() if is_postgres() else query).first()
        return row

    def _write(self, now: datetime | None = None, /, *only_if: Any, **values: Any) -> bool:
        """Write `values` if the row still fulfils `only_if`; whether it did. `now`, for tables that
        have it, becomes `updated_at`.

        The object gets the values only if the row did.
        """
        if now is not None:
            values["updated_at"] = now
        written = bool(
            self.update(**values).where(self._meta.primary_key == self.get_id(), *only_if).execute()
        )
        for name, value in values.items() if written else ():
            setattr(self, name, value)
        return written


def use_database(url: str, patience: float | None = None) -> None:
    """Bind every row to the database of `url`; connections open on first use, one per thread."""
    database.initialize(open_database(url, patience))


def is_postgres() -> bool:
    """Whether rows live in PostgreSQL (else SQLite)."""
    return isinstance(database.obj, PostgresqlDatabase)


def now_sql() -> str:
    """The SQL expression of the database's clock, in microseconds since the epoch."""
    return _NOW["postgres" if is_postgres() else "sqlite"]


def execute(sql: str, params: tuple[Any, ...] = ()) -> Any:
    """Run fixed SQL, written with `?` for parameters and `{now}` for the clock; its cursor."""
    text = sql.replace("{now}", now_sql())
    return database.execute_sql(text.replace("?", "%s") if is_postgres() else text, params)


def database_time() -> int:
    """The database's clock, microseconds since the epoch."""
    return int(execute("SELECT {now}").fetchone()[0])


class OutcomeUnknown(OperationalError):
    """A COMMIT was sent and not answered: what the transaction wrote may be there, or may not."""


class _Commits(threading.local):
    made = 0


_commits = _Commits()


def commits() -> int:
    """How many transactions of this thread have committed, or may have."""
    return _commits.made


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


def _was_refused(error: Exception) -> bool:
    """Whether the database has answered that it rolled back instead of committing."""
    return isinstance(error, IntegrityError) or state_of(error).startswith(REFUSED)


def after_commit(call: Callable[[], None]) -> None:
    """Run `call` once the open transaction has committed; never if it rolls back.

    What it raises is logged: the commit stands, and whoever made it is not to take it for undone.
    """
    if not database.in_transaction():
        raise RuntimeError("after_commit needs an open transaction")

    def run() -> None:
        try:
            call()
        except Exception:
            log.exception("work after a commit failed; the commit stands")

    database.after_commit(run)


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


def serialize_on(key: str) -> None:
    """Let only one open transaction at a time hold `key`; SQLite has one writer anyway."""
    if is_postgres():
        database.execute_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))


def share_on(key: str) -> None:
    """Hold `key`, together with other sharers, until the transaction ends; `serialize_on` waits for
    all of them.
    """
    if is_postgres():
        database.execute_sql("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", (key,))
