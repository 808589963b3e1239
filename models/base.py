"""The database behind every row: connections, transactions, locks, and the database's clock."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Self, TypeVar, cast

import peewee
from peewee import (
    DatabaseProxy,
    ForeignKeyAccessor,
    ForeignKeyField,
    IntegrityError,
    Model,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
)

from models import fixed_sql
from models.connections.open_database import open_database
from models.database_errors import explain, gave_way, state_of
from runtime.log import get_log

T = TypeVar("T")

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


class _Parent(ForeignKeyAccessor):
    """Reads the row that a foreign key names by fixed SQL, when it is first asked for."""

    def get_rel_instance(self, instance: Any) -> Any:
        key = instance.__data__.get(self.name)
        if key is not None and self.name not in instance.__rel__:
            instance.__rel__[self.name] = self.rel_model.get_by_id(key)
        return super().get_rel_instance(instance)


class ForeignKey(ForeignKeyField):
    """The id of a row of another table, and that row."""

    accessor_class = _Parent


class Row(Model):
    """The base of every table. Paths that every job takes read and write by `models.fixed_sql`;
    peewee's queries are for what is rare, and for conditions put together at run time.
    """

    class Meta:
        database = database
        legacy_table_names = False

    @classmethod
    def one(cls, where: str, *params: Any) -> Self | None:
        """The first row that `where` finds: SQL that stays the same, with `?` for `params`."""
        found = execute(fixed_sql.select(cls, where), params).fetchone()
        return None if found is None else cls._read(found)

    @classmethod
    def one_with(cls, parent: str, where: str, *params: Any) -> Self | None:
        """As `one`, with the row that the foreign key `parent` names read by the same statement;
        `where` calls this table `t`.
        """
        found = execute(fixed_sql.select_with(cls, parent, where), params).fetchone()
        return None if found is None else cls._read_with(parent, found)

    @classmethod
    def all_with(cls, parent: str, where: str, *params: Any) -> list[Self]:
        """As `all`, each row with the one that `parent` names; `where` calls this table `t`."""
        rows = execute(fixed_sql.select_with(cls, parent, where), params).fetchall()
        return [cls._read_with(parent, row) for row in rows]

    @classmethod
    def pages_with(cls, parent: str, pages: Sequence[str], order: str, *params: Any) -> list[Self]:
        """As `all_with`, of several `pages`: conditions that end with ORDER BY and LIMIT. The
        database puts them together, in the `order` of a column and perhaps DESC, or of several:
        a page that begins after an id is cut in its order of text, which may not be Python's.
        """
        sql = fixed_sql.pages_with(cls, parent, tuple(pages), order)
        return [cls._read_with(parent, row) for row in execute(sql, params).fetchall()]

    @classmethod
    def _read_with(cls, parent: str, row: Sequence[Any]) -> Self:
        own = len(fixed_sql.reader(cls).names)
        made = cls._read(row[:own])
        related = cls._meta.fields[parent].rel_model
        made.__rel__[parent] = related._read(row[own:])  # noqa: SLF001 - it is a Row
        return made

    @classmethod
    def all(cls, where: str, *params: Any) -> list[Self]:
        """All rows that `where` finds; it may end with ORDER BY and LIMIT."""
        return [cls._read(row) for row in execute(fixed_sql.select(cls, where), params).fetchall()]

    @classmethod
    def has(cls, where: str, *params: Any) -> bool:
        """Whether there is a row that `where` finds."""
        return execute(fixed_sql.exists(cls, where), params).fetchone() is not None

    @classmethod
    def get_by_id(cls, pk: str | int | None) -> Self:
        """The row. Raises cls.DoesNotExist."""
        row = cls.one(fixed_sql.by_key(cls), pk)
        if row is None:
            raise cls.DoesNotExist(f"No {cls.__name__} {pk}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def locked(cls, row_id: str | int) -> Self:
        """The row, fresh, and locked until the transaction ends. Raises cls.DoesNotExist.

        Whoever writes a row that names it need not wait (see `row_lock`).
        """
        row = cls.locked_if_there(row_id)
        if row is None:
            raise cls.DoesNotExist(f"No {cls.__name__} {row_id}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def locked_if_there(cls, row_id: str | int) -> Self | None:
        """As `locked`; None when there is no such row."""
        by_key = fixed_sql.by_key(cls)
        return cls.one(by_key + row_lock(), row_id)

    @classmethod
    def locked_with(cls, parent: str, row_id: str | int) -> Self:
        """As `locked`, with the row that the foreign key `parent` names, which is not locked."""
        row = cls.one_with(parent, f"t.{fixed_sql.by_key(cls)}{row_lock(' OF t')}", row_id)
        if row is None:
            raise cls.DoesNotExist(f"No {cls.__name__} {row_id}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def _read(cls, row: Sequence[Any]) -> Self:
        """The object of a row as `fixed_sql.reader` selects it."""
        made: Self = cls.__new__(cls)
        made.__data__ = fixed_sql.reader(cls).values(row)
        made.__rel__ = {}
        made._dirty = set()  # type: ignore[attr-defined]
        return made

    def save(self, force_insert: bool = False, only: Any = None) -> int:
        """Write the whole row: a new one if it has no key yet, or with `force_insert`; how many
        rows were written.
        """
        key = fixed_sql.key_of(type(self))
        given = {name: value for name, value in self.__data__.items() if name != key}
        if only is not None:
            raise NotImplementedError("A row is saved whole; `_write` writes a part of it.")
        if self.get_id() is not None and not force_insert:
            return int(self._write(**given))
        if self.get_id() is not None:
            given[key] = self.get_id()
        writer = fixed_sql.insert(type(self), tuple(given), _in_json())
        cursor = execute(writer.sql, writer.params(list(given.values())))
        if self._meta.auto_increment:
            self.__data__[key] = cursor.fetchone()[0]
        self._dirty.clear()  # type: ignore[attr-defined]
        return 1

    def insert_new(self, unless: str) -> bool:
        """Insert the row, whose key is set, unless one is there with the same `unless`, columns
        that are unique; whether it was inserted.
        """
        writer = fixed_sql.insert(type(self), tuple(self.__data__), _in_json())
        sql = f"{writer.sql} ON CONFLICT ({unless}) DO NOTHING"
        return bool(execute(sql, writer.params(list(self.__data__.values()))).rowcount)

    def _write(
        self,
        now: datetime | None = None,
        /,
        *,
        only_if: str = "",
        given: Sequence[Any] = (),
        **values: Any,
    ) -> bool:
        """Write `values` if the row still fulfils `only_if`, fixed SQL with `?` for what is
        `given`; whether it did. `now`, for tables that have it, becomes `updated_at`.

        The object gets the values only if the row did.
        """
        if now is not None:
            values["updated_at"] = now
        writer = fixed_sql.update(type(self), tuple(values), only_if, _in_json())
        params = (*writer.params(list(values.values())), self.get_id(), *given)
        written = bool(execute(writer.sql, params).rowcount)
        for name, value in values.items() if written else ():
            setattr(self, name, value)
        return written


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


def now_sql() -> str:
    """The SQL expression of the database's clock, in microseconds since the epoch."""
    return _NOW["postgres" if is_postgres() else "sqlite"]


def execute(sql: str, params: Sequence[Any] = ()) -> Any:
    """Run fixed SQL, written with `?` for parameters and `{now}` for the clock; its cursor."""
    return database.execute_sql(_dialect(sql, is_postgres()), params)


@lru_cache(maxsize=2048)  # lists of parameters make some texts of many lengths
def _dialect(sql: str, postgres: bool) -> str:
    """The text as the database takes it."""
    text = sql.replace("{now}", _NOW["postgres" if postgres else "sqlite"])
    return text.replace("?", "%s") if postgres else text


def _in_json() -> str:
    return "?" if is_postgres() else "json(?)"


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


def after_commit(call: Callable[[list[T]], None], item: T) -> None:
    """Call `call`, once the open transaction has committed, with all items that were given for it;
    never if it rolls back.

    What it raises is logged: the commit stands, and whoever made it is not to take it for undone.
    """
    if not database.in_transaction():
        raise RuntimeError("after_commit needs an open transaction")
    for known in database._state.commit_callbacks:  # noqa: SLF001 - peewee clears it on rollback
        if known.call is call:
            known.given.append(item)
            return
    calling = _AfterCommit(call)
    calling.given.append(item)
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
