"""The base of every table: how rows are read and written, and how times are stored."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import peewee
from peewee import ForeignKeyAccessor, ForeignKeyField, Model

from models import fixed_sql
from models.transactions import database, execute, is_postgres, row_lock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(value: datetime) -> int:
    """Microseconds since the epoch, as `Instant` stores them."""
    return (value - _EPOCH) // _MICROSECOND


_FIRST, _LAST = (
    to_micros(datetime.min.replace(tzinfo=UTC)),
    to_micros(datetime.max.replace(tzinfo=UTC)),
)


class NoInstant(ValueError):
    """A time that could be stored but not read back: in UTC before the year 1 or after 9999."""


class Instant(peewee.BigIntegerField):
    """A point in time: microseconds since the epoch in the database, a UTC datetime in Python."""

    def db_value(self, value: datetime | int | None) -> int | None:
        """Microseconds since the epoch. Raises NoInstant if `python_value` could not return it."""
        if value is not None and not isinstance(value, int | datetime):
            return super().db_value(value)
        micros = to_micros(value) if isinstance(value, datetime) else value
        if micros is not None and not _FIRST <= micros <= _LAST:
            raise NoInstant(
                "A time lies before the year 1 or after the year 9999 in UTC; it cannot be stored."
            )
        return micros

    def python_value(self, value: int | None) -> datetime | None:
        """An aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class _Parent(ForeignKeyAccessor):
    """Reads the row that a foreign key refers to by fixed SQL, on first access."""

    def get_rel_instance(self, instance: Any) -> Any:
        key = instance.__data__.get(self.name)
        if key is not None and self.name not in instance.__rel__:
            instance.__rel__[self.name] = self.rel_model.get_by_id(key)
        return super().get_rel_instance(instance)


class ForeignKey(ForeignKeyField):
    """The id of a row of another table, and that row."""

    accessor_class = _Parent


class Row(Model):
    """The base of every table.

    Paths that every job takes read and write by `models.fixed_sql`; peewee's queries are for rare
    cases, and for conditions composed at run time.
    """

    class Meta:
        database = database
        legacy_table_names = False

    @classmethod
    def one(cls, where: str, *params: Any) -> Self | None:
        """The first row that matches `where`, constant SQL with `?` for `params`, or None."""
        found = execute(fixed_sql.select(cls, where), params).fetchone()
        return None if found is None else cls._read(found)

    @classmethod
    def one_with(cls, parent: str, where: str, *params: Any) -> Self | None:
        """As `one`, and the same statement reads the row that the foreign key `parent` refers to.

        In `where`, this table is `t`.
        """
        found = execute(fixed_sql.select_with(cls, parent, where), params).fetchone()
        return None if found is None else cls._read_with(parent, found)

    @classmethod
    def all_with(cls, parent: str, where: str, *params: Any) -> list[Self]:
        """As `all`, each row with the one that `parent` refers to. `where` calls this table `t`."""
        rows = execute(fixed_sql.select_with(cls, parent, where), params).fetchall()
        return [cls._read_with(parent, row) for row in rows]

    @classmethod
    def pages_with(cls, parent: str, pages: Sequence[str], order: str, *params: Any) -> list[Self]:
        """As `all_with`, for several `pages`, each a condition that ends with ORDER BY and LIMIT.

        The database merges them by `order`, one or more columns, each optionally with DESC. Python
        could not: a page that starts after an id is cut in the database's text order, which may
        differ.
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
        """All rows that match `where`, which may end with ORDER BY and LIMIT."""
        return [cls._read(row) for row in execute(fixed_sql.select(cls, where), params).fetchall()]

    @classmethod
    def has(cls, where: str, *params: Any) -> bool:
        """Whether any row matches `where`."""
        return execute(fixed_sql.exists(cls, where), params).fetchone() is not None

    @classmethod
    def get_by_id(cls, pk: str | int | None) -> Self:
        """The row with this primary key. Raises cls.DoesNotExist."""
        row = cls.one(fixed_sql.by_key(cls), pk)
        if row is None:
            raise cls.DoesNotExist(f"No {cls.__name__} {pk}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def locked(cls, row_id: str | int) -> Self:
        """Read the row afresh and lock it until the transaction ends.

        Raises cls.DoesNotExist. Writers of rows that refer to it need not wait (see `row_lock`).
        """
        row = cls.locked_or_none(row_id)
        if row is None:
            raise cls.DoesNotExist(f"No {cls.__name__} {row_id}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def locked_or_none(cls, row_id: str | int) -> Self | None:
        """As `locked`, but None if there is no such row."""
        by_key = fixed_sql.by_key(cls)
        return cls.one(by_key + row_lock(), row_id)

    @classmethod
    def locked_with(cls, parent: str, row_id: str | int) -> Self:
        """As `locked`, with the row that the foreign key `parent` refers to, itself unlocked."""
        row = cls.one_with(parent, f"t.{fixed_sql.by_key(cls)}{row_lock(' OF t')}", row_id)
        if row is None:
            raise cls.DoesNotExist(f"No {cls.__name__} {row_id}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def _read(cls, row: Sequence[Any]) -> Self:
        """Make the object of a row selected by `fixed_sql.reader`."""
        made: Self = cls.__new__(cls)
        made.__data__ = fixed_sql.reader(cls).values(row)
        made.__rel__ = {}
        made._dirty = set()  # type: ignore[attr-defined]
        return made

    def save(self, force_insert: bool = False, only: Any = None) -> int:
        """Write the whole row: insert it if it has no key yet, or with `force_insert`; otherwise
        update it. Returns how many rows were written.
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
        """Insert the row, whose key is set, unless a row with the same values in `unless`, a list
        of unique columns, exists. Returns whether it was inserted.
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
        """Update the row with `values` if it still matches `only_if`, constant SQL with `?` for
        `given`. Returns whether it did.

        `now`, for tables with that column, becomes `updated_at`. The object gets the values only if
        the row did.
        """
        if now is not None:
            values["updated_at"] = now
        writer = fixed_sql.update(type(self), tuple(values), only_if, _in_json())
        params = (*writer.params(list(values.values())), self.get_id(), *given)
        written = bool(execute(writer.sql, params).rowcount)
        for name, value in values.items() if written else ():
            setattr(self, name, value)
        return written


class Recorded:
    """Rows whose outcomes are recorded by code outside the model."""

    _write: Callable[..., bool]

    def record(self, now: datetime, **values: Any) -> None:
        """Write `values`, and `now` as `updated_at`."""
        self._write(now, **values)


def _in_json() -> str:
    return "?" if is_postgres() else "json(?)"
