"""What our statements lock on PostgreSQL: advisory keys, rows, and unique values."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

# which locks on one thing exclude each other
EXCLUDES = {
    "shared": {"alone"},
    "alone": {"shared", "alone"},
    "key": {"for update", "delete"},  # a foreign key protects the row that it references
    "update": {"update", "lock", "for update", "delete"},
    "lock": {"update", "lock", "for update", "delete"},
    "for update": {"key", "update", "lock", "for update", "delete"},
    "delete": {"key", "update", "lock", "for update", "delete"},
    "insert": {"insert", "delete"},  # of the same unique values
}
_NAMES = {"staged_job": "name", "effect": "kind"}  # the column that divides rows into classes
_OWN = re.compile(r"[a-z]+_[0-9a-z]{26}$")  # a generated id, which is unique
_INSERT = re.compile(r'INSERT INTO "?(\w+)"? \((.*?)\) VALUES (.*)', re.S)
_CHANGE = re.compile(r'(UPDATE|DELETE FROM) "?(\w+)"?(.*)', re.S)
_LOCK = re.compile(r'FROM "?(\w+)"?.* FOR (NO KEY )?UPDATE(?: OF t)?( SKIP LOCKED)?\s*$', re.S)
_ORDERED = re.compile(r"ORDER BY \S+ FOR (NO KEY )?UPDATE")
_UNIQUE = """SELECT c.relname, i.indisprimary, ARRAY(SELECT attname::text FROM unnest(i.indkey) k
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k) FROM pg_index i JOIN pg_class c
ON c.oid = i.indrelid WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace"""
_PARENTS = """SELECT t.relname, a.attname::text, p.relname FROM pg_constraint f JOIN pg_class t
ON t.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid JOIN pg_attribute a
ON a.attrelid = t.oid AND a.attnum = f.conkey[1] WHERE f.contype = 'f'"""


class Lock(NamedTuple):
    """One lock: its class, its name in the class, its mode, and whether the statement
    waits for it.
    """

    kind: str
    which: str
    mode: str
    waits: bool = True

    def covers(self, other: "Lock") -> bool:
        """Whether a transaction that holds this lock has no need of the other."""
        same = (self.kind, self.which) == (other.kind, other.which)
        return same and EXCLUDES[self.mode] >= EXCLUDES[other.mode]

    def goes_before(self, other: "Lock") -> bool:
        """Whether no transaction takes these two locks of one class in the other order: they are in
        the order of their names, or are one lock in a mode that excludes itself.
        """
        if self.which == other.which:
            return self.mode in EXCLUDES[self.mode]
        return self.which < other.which and "?" not in self.which[:1] + other.which[:1]


class Statements:
    """Reads statements, with their parameters and results."""

    def __init__(self, ask: Any) -> None:
        self._classes: dict[tuple[str, str], str] = {}  # by table and row, if it has several
        self._keys: dict[str, str] = {}
        self._unique: dict[str, list[list[str]]] = defaultdict(list)
        self._parents: dict[str, dict[str, str]] = defaultdict(dict)
        for table, is_key, columns in ask(_UNIQUE):
            self._unique[table].append(columns)
            if is_key:
                self._keys[table] = columns[0]
        for table, column, parent in ask(_PARENTS):
            self._parents[table][column] = parent

    def forget_rows(self) -> None:
        """Forget all rows: another database follows, whose rows have the same ids."""
        self._classes.clear()

    def locks(self, sql: str, params: Any, cursor: Any, fresh: set[Any]) -> Iterator[Lock]:
        """Yield what a statement has locked, in order, except what the transaction itself created,
        whose class and key are added to `fresh`.
        """
        given = list(params or ())
        if inserts := _INSERT.match(sql):
            for group in _groups(inserts[3].split(" ON CONFLICT")[0]):
                values = [str(given.pop(0) if "%s" in one else one) for one in group]
                row = dict(zip(re.findall(r"\w+", inserts[2]), values, strict=True))
                yield from self._inserted(inserts[1], row, sql, cursor, fresh)
        else:
            taken = self._taken(sql, given, cursor)
            yield from (lock for lock in taken if (lock.kind, lock.which) not in fresh)

    def _taken(self, sql: str, given: list[Any], cursor: Any) -> Iterator[Lock]:
        if "pg_advisory_xact_lock" in sql:
            modes = re.findall(r"xact_lock(_shared)?\(", sql)
            for key, shared in zip(given, modes, strict=True):
                kind = "intent" if key.startswith(("pi_", "seti_")) else key.split(":")[0]
                yield Lock(f"key {kind}", key, "shared" if shared else "alone")
        elif found := _CHANGE.match(sql):
            mode = "update" if found[1] == "UPDATE" else "delete"
            yield from self._changed(found[2], mode, found[3], given, cursor)
        elif found := _LOCK.search(sql):
            names = [column.name for column in cursor.description or ()]
            at = names.index(self._keys[found[1]])
            mode, waits = "lock" if found[2] else "for update", not found[3]
            for which in (str(row[at]) for row in _rows(cursor)):
                kind = self._classes.get((found[1], which), found[1])
                yield Lock(kind, which, mode, waits)

    def _inserted(
        self, table: str, row: dict[str, str], sql: str, cursor: Any, fresh: set[Any]
    ) -> Iterator[Lock]:
        kind = _kind(table, row.get(_NAMES.get(table, ""), ""))
        for unique in self._unique[table]:
            values = [row.get(name, "") for name in unique]
            if all(values) and not any(map(_OWN.match, values)):
                yield Lock(kind, " ".join(values), "insert")  # also if another one was first
        if cursor.rowcount < 1:
            return
        for column, parent in self._parents[table].items():
            if row.get(column, "None") != "None" and (parent, row[column]) not in fresh:
                yield Lock(parent, row[column], "key")
        if target := re.search(r"ON CONFLICT \((.*?)\) DO UPDATE", sql):
            names = re.findall(r"\w+", target[1])
            yield Lock(kind, " ".join(row.get(name, "") for name in names), "update")
            return
        # the key is the last column returned
        returned = [str(one[-1]) for one in _rows(cursor)] if "RETURNING" in sql else []
        for own in filter(None, (row.get(self._keys[table]), *returned)):
            self._classes[table, own] = kind
            fresh.add((kind, own))

    def _changed(
        self, table: str, mode: str, text: str, given: list[Any], cursor: Any
    ) -> Iterator[Lock]:
        waits = "SKIP LOCKED" not in text
        before, _, where = text.rpartition("WHERE ")
        if key := re.search(rf'(?<!\w)"?{self._keys[table]}"? = %s', where):
            which = str(given[before.count("%s") + where[: key.start()].count("%s")])
            kind = self._classes.get((table, which), table)
        elif named := re.search(r"name = %s AND key = %s", text):
            at = text[: named.start()].count("%s")
            kind, which = _kind(table, given[at]), str(given[at + 1])
        else:  # several rows, in any order unless the statement says which
            some = ["?0", "?1"] if not _ORDERED.search(text) else [""]
            yield from (Lock(table, one, mode, waits) for one in some[: cursor.rowcount])
            return
        if cursor.rowcount:
            yield Lock(kind, which, mode, waits)


def _kind(table: str, name: str) -> str:
    return f"{table} {name}" if name else table


def _groups(text: str) -> Iterator[list[str]]:
    """Yield the expressions of each row of an INSERT."""
    depth, group = 0, [""]
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and sign == ")":
            yield group
            group = [""]
        elif depth == 1 and sign == ",":
            group.append("")
        elif depth > 1 or (depth and sign != "("):
            group[-1] += sign


def _rows(cursor: Any) -> list[Any]:
    """Return all rows, and rewind the cursor."""
    rows = list(cursor.fetchall())
    if rows:
        cursor.scroll(0, mode="absolute")
    return rows
