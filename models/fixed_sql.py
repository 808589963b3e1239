"""SQL built once for each table and shape, and cached, so that jobs, webhooks and lists send
constant statements.

`Row` reads and writes by it. Code supplies only the condition, in SQL, with column names and `?`
for parameters: `Payment.one("stripe_account = ? AND intent_id = ?", account, id)`. A test prepares
every such text against the migrated schema on both databases.
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
# types that need no conversion from or to the driver
_PLAIN = frozenset({AutoField, BigIntegerField, IntegerField, TextField})


class Reader(NamedTuple):
    """How rows of a table are read: the columns for SELECT, the fields' names in the same order,
    and converters for the fields that the driver returns in another form.
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
    """A statement that writes, and the converters of its values (None: no conversion)."""

    sql: str
    converters: tuple[Convert | None, ...]

    def params(self, values: Sequence[Any]) -> list[Any]:
        """Convert the values to what the driver takes."""
        return [
            value if convert is None or value is None else convert(value)
            for value, convert in zip(values, self.converters, strict=True)
        ]


@cache
def reader(table: type[Model], alias: str = "") -> Reader:
    """How rows of `table` are read, under an alias if the statement uses several tables."""
    fields = _described(table).sorted_fields
    prefix = f"{alias}." if alias else ""
    return Reader(
        ", ".join(f'{prefix}"{field.column_name}"' for field in fields),
        tuple(field.name for field in fields),
        tuple((field.name, field.python_value) for field in fields if not _is_plain(field)),
    )


@lru_cache(maxsize=2048)
def select(table: type[Model], where: str) -> str:
    """SELECT the rows of `table` that match `where`, which may end with ORDER BY and LIMIT."""
    return f'SELECT {reader(table).columns} FROM "{_described(table).table_name}" WHERE {where}'


@lru_cache(maxsize=2048)
def select_with(table: type[Model], parent: str, where: str) -> str:
    """SELECT rows of `table`, called `t` in `where`, each followed by its row named by `parent`."""
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
    """The union of `select_with` for all `pages`, sorted by `order`, columns each optionally with
    DESC. A last parameter limits the number of rows.
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
    """SELECT one row if any matches `where`."""
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
    """INSERT a row with the fields `names`; `in_json` is the placeholder of a JSON value.

    Returns the key if the database generates it.
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
    """UPDATE the fields `names` of one row by its primary key, if it also matches `only_if`.

    The parameters are the values, the key, then those of `only_if`.
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
    """Peewee's description of a table."""
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
    """A JSON value as the driver takes it: for SQLite the text that `json()` parses."""
    made = field.db_value(value)
    return made.arguments[0] if hasattr(made, "arguments") else made
