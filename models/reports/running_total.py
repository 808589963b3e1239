"""Totals that need no scan: how many rows there are of each kind, and what they add up to.

Triggers append each change of a counted row to `total_change`, in the same transaction;
`fold_changes` adds the changes up in `running_total`. So there is no row that every job updates,
changes by an older release are counted too, and a total is the sum of both tables at one moment.
`totals_scanned` counts the rows themselves; a check compares the two.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import BigAutoField, BigIntegerField, TextField

from models.base import Row
from models.transactions import database, execute, is_postgres, serialize_on, transaction

LABELS = "what, account_id, kind, state, day"


class RunningTotal(Row):
    """The changes added up so far, by labels.

    `what` is `invoices` (by account, currency, status and, while unpaid, due date; `amount` is the
    outstanding balance in minor units), `events` (by outcome, empty until processed), `jobs`
    (finished ones, by name and state) or `open_jobs` (waiting or running ones, by name).
    """

    id = BigAutoField()
    what = TextField()
    account_id = TextField(default="")
    kind = TextField(default="")
    state = TextField(default="")
    day = TextField(default="")
    count = BigIntegerField()
    amount = BigIntegerField()

    class Meta:
        indexes = ((("what", "account_id", "kind", "state", "day"), True),)


class TotalChange(Row):
    """A change that has not been added up yet: labels as in `RunningTotal`, and what to add."""

    id = BigAutoField()
    what = TextField()
    account_id = TextField(default="")
    kind = TextField(default="")
    state = TextField(default="")
    day = TextField(default="")
    count = BigIntegerField()
    amount = BigIntegerField()

    @classmethod
    def create_table(cls, safe: bool = True, **options: Any) -> None:
        """Create the table, and the triggers on the counted tables that fill it."""
        if safe and cls.table_exists():
            return
        super().create_table(safe, **options)
        for trigger in triggers():
            database.execute_sql(trigger)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A table whose rows are counted: its relevant columns, SQL for the labels and amount of a row
    called `{row}`, and which rows count.

    A table that is counted twice has its second triggers under the name `trigger`. `seen` are the
    relevant expressions, if they change less often than the columns.
    """

    what: str
    table: str
    columns: str
    account_id: str = "''"
    kind: str = "''"
    state: str = "''"
    day: str = "''"
    amount: str = "0"
    counts: str = "1 = 1"
    trigger: str = ""
    seen: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The prefix of its triggers' names."""
        return self.trigger or f"{self.table}_total"

    def changed(self, differs: str) -> str:
        """The condition under which an update of a row changes what is counted."""
        seen = self.seen or tuple(f"{{row}}.{column}" for column in self.columns.split(", "))
        return " OR ".join(
            f"{one.format(row='OLD')} {differs} {one.format(row='NEW')}" for one in seen
        )

    def select(self, row: str, sign: str = "") -> str:
        """SELECT the labels of `row`, its count and its amount."""
        labels = f"'{self.what}', {self.account_id}, {self.kind}, {self.state}, {self.day}"
        return _of_row(f"SELECT {labels}, {sign}1, {sign}{self.amount}", row)

    def changes(self, row: str, sign: str = "") -> str:
        """The trigger statement that adds `row`, or subtracts it if `sign` is '-', if it counts."""
        which = _of_row(f" WHERE {self.counts};", row)
        return f"INSERT INTO total_change ({LABELS}, count, amount) {self.select(row, sign)}{which}"


def _of_row(text: str, row: str) -> str:
    """Insert the row's name `row` into SQL; its due date is formatted the same in every session."""
    day = f"to_char({row}.due_date, 'YYYY-MM-DD')" if is_postgres() else f"{row}.due_date"
    return text.format(row=row, day=day if is_postgres() else f"CAST({day} AS TEXT)")


COUNTED = {
    one.what: one
    for one in (
        _Counted(
            "invoices",
            "invoice",
            "account_id, currency, status, due_date, outstanding",
            account_id="{row}.account_id",
            kind="{row}.currency",
            state="{row}.status",
            day="CASE WHEN {row}.status IN ('sent', 'overdue') THEN {day} ELSE '' END",
            amount="{row}.outstanding",
        ),
        _Counted("events", "inbox_event", "outcome", state="COALESCE({row}.outcome, '')"),
        _Counted(
            "jobs",
            "staged_job",
            "name, state",
            kind="{row}.name",
            state="{row}.state",
            counts="{row}.state IN ('done', 'cancelled')",
        ),
        _Counted(
            "open_jobs",
            "staged_job",
            "name, state",
            kind="{row}.name",
            counts="{row}.state IN ('waiting', 'running')",
            trigger="staged_job_open",
            # only whether it is open, because most changes are between waiting and running
            seen=("{row}.name", "({row}.state IN ('waiting', 'running'))"),
        ),
    )
}


def triggers() -> Iterator[str]:
    """The statements that create the triggers, for the database in use."""
    for counted in COUNTED.values():
        yield from (_postgres if is_postgres() else _sqlite)(counted)


def _sqlite(counted: _Counted) -> Iterator[str]:
    table, name = counted.table, counted.name
    taken, given = counted.changes("OLD", "-"), counted.changes("NEW")
    of = f"UPDATE OF {counted.columns} ON {table} WHEN {counted.changed('IS NOT')}"
    yield f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN {given} END"
    yield f"CREATE TRIGGER {name}_update AFTER {of} BEGIN {taken} {given} END"
    yield f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN {taken} END"


def _postgres(counted: _Counted) -> Iterator[str]:
    table, name = counted.table, counted.name
    taken, given = counted.changes("OLD", "-"), counted.changes("NEW")
    changed = counted.changed("IS DISTINCT FROM")
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP <> 'INSERT' THEN {taken} END IF; IF TG_OP <> 'DELETE' THEN {given} END IF;"
        " RETURN NULL; END $$"
    )
    yield (
        f"CREATE TRIGGER {name}_insert AFTER INSERT OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    yield (
        f"CREATE TRIGGER {name}_update AFTER UPDATE OF {counted.columns} ON {table}"
        f" FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {name}()"
    )


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows have these labels, and what they add up to."""

    kind: str
    state: str
    day: str
    count: int
    amount: int


def totals(what: str, account_id: str | None = None, by: str = "kind, state, day") -> list[Total]:
    """The non-zero totals of `what`, of one account or of all, grouped by these labels."""
    given = (what,) if account_id is None else (what, account_id)
    which = "what = ?" if account_id is None else "what = ? AND account_id = ?"
    shown = ", ".join(name if name in by else "''" for name in ("kind", "state", "day"))
    columns = "kind, state, day, count, amount"
    rows = execute(
        f"SELECT {shown}, SUM(count), SUM(amount) FROM (SELECT {columns} FROM running_total"
        f" WHERE {which} UNION ALL SELECT {columns} FROM total_change WHERE {which}) AS added"
        f" GROUP BY {by} HAVING SUM(count) <> 0 ORDER BY {by}",
        (*given, *given),
    ).fetchall()
    return [_total(row) for row in rows]


def _total(row: Sequence[Any]) -> Total:
    kind, state, day, count, amount = row
    return Total(kind, state, day, int(count), int(amount))


def fold_changes(batch: int) -> int:
    """Add up to `batch` changes to the totals in the caller's transaction. Returns how many."""
    serialize_on("running_total")
    rows = execute(
        "DELETE FROM total_change WHERE id IN (SELECT id FROM total_change ORDER BY id LIMIT ?)"
        f" RETURNING {LABELS}, count, amount",
        (batch,),
    ).fetchall()
    sums: dict[Sequence[str], list[int]] = {}
    for *labels, count, amount in rows:
        of = sums.setdefault(tuple(labels), [0, 0])
        of[0] += count
        of[1] += amount
    for labels, (count, amount) in sorted(sums.items()):
        if count or amount:
            execute(_ADD, (*labels, count, amount))
            execute(_DROP_ZERO, labels)
    return len(rows)


_ADD = (
    f"INSERT INTO running_total ({LABELS}, count, amount) VALUES (?, ?, ?, ?, ?, ?, ?)"
    f" ON CONFLICT ({LABELS}) DO UPDATE SET count = running_total.count + excluded.count,"
    " amount = running_total.amount + excluded.amount"
)


# otherwise the rows of old due dates would stay for ever
_DROP_ZERO = (
    "DELETE FROM running_total WHERE what = ? AND account_id = ? AND kind = ? AND state = ?"
    " AND day = ? AND count = 0 AND amount = 0"
)


def totals_scanned(what: str) -> list[Total]:
    """The totals of `what`, counted by reading all of its rows; for checks."""
    counted = COUNTED[what]
    names = dict(zip(("kind", "state", "day"), ("k", "s", "d"), strict=True))
    columns = ", ".join(f"{getattr(counted, name)} AS {short}" for name, short in names.items())
    scan = (
        f"SELECT k, s, d, COUNT(*), COALESCE(SUM(a), 0) FROM (SELECT {columns}, {counted.amount} AS"
        f" a FROM {counted.table} AS r WHERE {counted.counts}) AS counted GROUP BY k, s, d"
        " ORDER BY k, s, d"
    )
    rows = execute(_of_row(scan, "r")).fetchall()
    return [_total(row) for row in rows]


def wrong_totals() -> list[str]:
    """Which totals differ from a count of the rows, read at one moment; empty if all are right."""
    with transaction():
        if is_postgres():
            execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return [what for what in COUNTED if totals(what) != totals_scanned(what)]


def recount() -> None:
    """Count every row again, after rows were written without the triggers, e.g. by a restore that
    disabled them.

    It blocks no writers: the changes deleted here and the rows counted are those of one snapshot.
    """
    with transaction():
        if is_postgres():
            execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table in ("total_change", "running_total"):
            execute(f"DELETE FROM {table}")
        for counted in COUNTED.values():
            execute(
                f"INSERT INTO total_change ({LABELS}, count, amount) {counted.select('r')} FROM"
                f" {counted.table} AS r WHERE {_of_row(counted.counts, 'r')}"
            )
