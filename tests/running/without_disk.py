"""SQLite that does not wait for the disk, like the tests' PostgreSQL: tests kill processes, not the
system, which keeps what they wrote.
"""

from pathlib import Path
from typing import Any

from models.connections import open_database
from models.connections.sqlite import Sqlite


class SqliteWithoutDisk(Sqlite):
    """A test's database."""

    def __init__(self, path: Path, pragmas: dict[str, Any], **options: Any) -> None:
        super().__init__(path, pragmas=pragmas | {"synchronous": "off"}, **options)


def wait_for_no_disk() -> None:
    """Use it from now on, in this process and its forks."""
    open_database.Sqlite = SqliteWithoutDisk  # type: ignore[misc]
