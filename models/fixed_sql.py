"""SQL that is built once for each table and shape, and kept: what every job, webhook and list sends
is a constant by the time it is sent.

`Row` reads and writes by it. What people write of it is the condition, in SQL, with the columns'
names and `?` for a parameter: `Payment.one("stripe_account = ? AND intent_id = ?", account, id)`.
A test prepares every such text against the migrated schema on both databases.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from peewee import (
    AutoField,
    BigIntegerField,
    Field,
    IntegerField,
    JSONField,
    Model,
    TextField,
)

Convert = Callable[[Any], Any]
# what the drivers give and take as it is
_PLAIN = frozenset({AutoField, BigIntegerField, IntegerField, TextField})


class Reader(NamedTuple):
    """How rows of a table are read: their columns for SELECT, the fields' names in that order, and
    the converters of those that the driver does not give as Python has them.
    """

    columns: str
    names: tuple[str, ...]
    converters: tuple[tuple[str, Convert], ...]

    def values(self, row: Sequence[Any]) -> dict[str, Any]:
        """A row's values by field name."""
        values = dict(zip(self.names, row, strict=True))
        for name, convert in self.converters:
            if values[name] is not None:
                values[name] = convert(values[name])
        return values


class Writer(NamedTuple):
    """A statement that writes, and the converters of its values, None for those that go as they
    are.
    """

    sql: str
    converters: tuple[Convert | None, ...]

    def params(self, values: Sequence[Any]) -> list[Any]:
        """The values as the driver takes them."""
        return [
            value if convert is None or value is None else convert(value)
            for value, convert in zip(values, self.converters, strict=True)
        ]


@cache
def reader(table: type[Model], alias: str = "") -> Reader:
    """How rows of `table` are read, under an alias where several tables are."""
    fields = _described(table).sorted_fields
    prefix = f"{alias}." if alias else ""
    return Reader(
        ", ".join(f'{prefix}"{field.column_name}"' for field in fields),
        tuple(field.name for field in fields),
        tuple((field.name, field.python_value) for field in fields if not _is_plain(field)),
    )


@lru_cache(maxsize=2048)
def select(table: type[Model], where: str) -> str:
    """The rows of `table` that `where` finds; it may end with ORDER BY and LIMIT."""
    return f'SELECT {reader(table).columns} FROM "{_described(table).table_name}" WHERE {where}'


@lru_cache(maxsize=2048)
def select_with(table: type[Model], parent: str, where: str) -> str:
    """Rows of `table`, called `t` in `where`, each followed by the row its field `parent` names."""
    field = _described(table).fields[parent]
    other = field.rel_model
    columns = f"{reader(table, 't').columns}, {reader(other, 'p').columns}"
    return (
        f'SELECT {columns} FROM "{_described(table).table_name}" AS t JOIN'
        f' "{_described(other).table_name}" AS p ON p."{field.rel_field.column_name}" ='
        f' t."{field.column_name}" WHERE {where}'
    )


@lru_cache(maxsize=256)
def pages_with(table: type[Model], parent: str, pages: tuple[str, ...], order: str) -> str:
    """The rows of `select_with` for each of `pages`, together, in the `order` of columns, some with
    DESC, and as many as a last parameter says.
    """
    names = reader(table).names
    each = (f"SELECT * FROM ({select_with(table, parent, where)}) AS page" for where in pages)
    terms = [term.split(" ") for term in order.split(", ")]
    places = ", ".join(
        " ".join([str(names.index(name) + 1), *direction]) for name, *direction in terms
    )
    return f"{' UNION ALL '.join(each)} ORDER BY {places} LIMIT ?"


@lru_cache(maxsize=2048)
def exists(table: type[Model], where: str) -> str:
    """One row if `where` finds any."""
    return f'SELECT 1 FROM "{_described(table).table_name}" WHERE {where} LIMIT 1'


@cache
def key_of(table: type[Model]) -> str:
    """The name of the primary key's field."""
    return str(_described(table).primary_key.name)


@cache
def by_key(table: type[Model]) -> str:
    """The condition that finds one row by its primary key."""
    return f'"{_described(table).primary_key.column_name}" = ?'


@cache
def insert(table: type[Model], names: tuple[str, ...], in_json: str) -> Writer:
    """A row with the fields called `names`; `in_json` is the placeholder of a JSON value. Answers
    the key that the database gives it, where it gives one.
    """
    fields = _fields(table, names)
    columns = ", ".join(f'"{field.column_name}"' for field in fields)
    places = ", ".join(in_json if isinstance(field, JSONField) else "?" for field in fields)
    key = _described(table).primary_key
    answer = f' RETURNING "{key.column_name}"' if key.auto_increment else ""
    return Writer(
        f'INSERT INTO "{_described(table).table_name}" ({columns}) VALUES ({places}){answer}',
        _converters(fields),
    )


@cache
def update(table: type[Model], names: tuple[str, ...], only_if: str, in_json: str) -> Writer:
    """New values for the fields called `names` of one row, by its primary key, which follows them,
    if it also fulfils `only_if`, whose parameters follow that.
    """
    fields = _fields(table, names)
    sets = ", ".join(
        f'"{field.column_name}" = {in_json if isinstance(field, JSONField) else "?"}'
        for field in fields
    )
    key = _described(table).primary_key.column_name
    also = f" AND {only_if}" if only_if else ""
    return Writer(
        f'UPDATE "{_described(table).table_name}" SET {sets} WHERE "{key}" = ?{also}',
        _converters(fields),
    )


def _described(table: type[Model]) -> Any:
    """What peewee knows of a table."""
    return table._meta  # noqa: SLF001 - its public name


def _fields(table: type[Model], names: tuple[str, ...]) -> list[Field]:
    return [_described(table).combined[name] for name in names]


def _converters(fields: list[Field]) -> tuple[Convert | None, ...]:
    return tuple(None if _is_plain(field) else _to_driver(field) for field in fields)


def _is_plain(field: Field) -> bool:
    return type(field) in _PLAIN


def _to_driver(field: Field) -> Convert:
    if isinstance(field, JSONField):
        return lambda value: _json(field, value)
    convert: Convert = field.db_value
    return convert


def _json(field: JSONField, value: Any) -> Any:
    """A JSON value as the driver takes it: text for SQLite, whose `json()` reads it."""
    made = field.db_value(value)
    return made.arguments[0] if hasattr(made, "arguments") else made
