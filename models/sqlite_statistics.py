"""What SQLite's planner is told of how many rows tables and indexes have: as in a large
installation, from the first day on.

SQLite gathers no statistics by itself, as PostgreSQL does, and processes that run would not see new
ones. Without any it takes an index of few values, such as the state of a million jobs, for as good
as any other. So it gets the same ones everywhere, by the kind of each column: how a statement is
performed depends neither on the data nor on whether anybody has run ANALYZE, and what the tests see
is what production does.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from models.transactions import database, transaction

ROWS = 1_000_000  # of each table
PARTIAL = 10_000  # of an index that leaves out most rows: what waits, is open, is due
# rows with the same value, by column; of any other there are very few
ALIKE = {
    **dict.fromkeys(
        (
            "channel",
            "kind",
            "language",
            "method",
            "provider",
            "queue",
            "what",
        ),
        ROWS // 5,
    ),
    # most rows are over, and what is looked for is not; yet an index of what is not is better
    **dict.fromkeys(("outcome", "state", "status"), ROWS // 50),
    "name": ROWS // 50,
    **dict.fromkeys(
        (
            "account",
            "account_id",
            "endpoint_id",
            "fair_to",
            "from_number",
            "messaging_service_sid",
            "run_id",
            "sender",
            "stripe_account",
        ),
        ROWS // 100,
    ),
    **dict.fromkeys(("day", "due_date"), ROWS // 1_000),
}
FEW = 3


def tell_sqlite() -> None:
    """Write the statistics, if they are not there; connections that are opened from now on use
    them.
    """
    wanted = sorted(_statistics())
    if wanted == _written():
        return
    with transaction():
        _sqlite("ANALYZE schema_migration")  # which makes the table that they are written to
        _sqlite("DELETE FROM sqlite_stat1")
        for row in wanted:
            _sqlite("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", row)
    _sqlite("ANALYZE sqlite_schema")  # lets this connection read them


def _written() -> list[tuple[str, str, str]]:
    if not _sqlite("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"):
        return []
    return sorted(_sqlite("SELECT tbl, idx, stat FROM sqlite_stat1"))


def _statistics() -> Iterator[tuple[str, str, str]]:
    """Of each index its table, its name, and how many entries it has, then how many of these have
    the same first column, the same first two, and so on.
    """
    indexes = _sqlite(
        'SELECT t.name, i.name, i."unique", i.partial FROM sqlite_schema AS t,'
        " pragma_index_list(t.name) AS i WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
    )
    for table, index, is_unique, is_partial in indexes:
        columns = [row[0] for row in _sqlite("SELECT name FROM pragma_index_info(?)", (index,))]
        told = [PARTIAL if is_partial else ROWS]
        for column in columns:
            told.append(max(1, told[-1] * ALIKE.get(column, FEW) // ROWS))
        if is_unique:
            told[-1] = 1
        yield table, index, " ".join(map(str, told))


def _sqlite(sql: str, params: Sequence[Any] = ()) -> list[Any]:
    """What SQLite answers: PostgreSQL knows none of these statements."""
    rows: list[Any] = database.execute_sql(sql, params).fetchall()
    return rows
