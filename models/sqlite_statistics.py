"""The statistics given to SQLite's planner: row counts as in a large installation, from the first
day on.

Unlike PostgreSQL, SQLite gathers no statistics by itself, and running processes would not see new
ones. Without any, it takes an index with few distinct values, such as the state of a million jobs,
to be as good as any other. So every database gets the same statistics, derived from the kind of
each column: query plans depend neither on the data nor on whether ANALYZE was run, and the tests
see the plans that production uses.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from models.transactions import database, transaction

ROWS = 1_000_000  # rows assumed in each table
PARTIAL = 10_000  # entries assumed in a partial index: rows that wait, are open, are due
# rows with the same value, by column; in any other column there are very few
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
    # Most rows are finished and queries look for the others, so these columns are selective; still,
    # a partial index of the unfinished rows is better.
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


def write_statistics() -> None:
    """Write the statistics if they differ; connections opened from now on use them."""
    wanted = sorted(_statistics())
    if wanted == _written():
        return
    with transaction():
        _sqlite("ANALYZE schema_migration")  # creates sqlite_stat1
        _sqlite("DELETE FROM sqlite_stat1")
        for row in wanted:
            _sqlite("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", row)
    _sqlite("ANALYZE sqlite_schema")  # makes this connection reload them


def _written() -> list[tuple[str, str, str]]:
    if not _sqlite("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"):
        return []
    return sorted(_sqlite("SELECT tbl, idx, stat FROM sqlite_stat1"))


def _statistics() -> Iterator[tuple[str, str, str]]:
    """Yield each index's table, name and statistics: how many entries it has, then how many share
    the same first column, the same first two, and so on.
    """
    indexes = _sqlite(
        'SELECT t.name, i.name, i."unique", i.partial FROM sqlite_schema AS t,'
        " pragma_index_list(t.name) AS i WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
    )
    for table, index, is_unique, is_partial in indexes:
        columns = [row[0] for row in _sqlite("SELECT name FROM pragma_index_info(?)", (index,))]
        counts = [PARTIAL if is_partial else ROWS]
        for column in columns:
            counts.append(max(1, counts[-1] * ALIKE.get(column, FEW) // ROWS))
        if is_unique:
            counts[-1] = 1
        yield table, index, " ".join(map(str, counts))


def _sqlite(sql: str, params: Sequence[Any] = ()) -> list[Any]:
    """The rows of a statement that only SQLite knows."""
    rows: list[Any] = database.execute_sql(sql, params).fetchall()
    return rows
