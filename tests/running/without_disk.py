"""SQLite that waits for no disk, like the tests' PostgreSQL: what is killed here is processes, and
what they had written the system still has.
"""

from pathlib import Path
from typing import Any

from models.connections import open_database
from models.connections.sqlite import Sqlite


class SqliteWithoutDisk(Sqlite):
    """A database of a test."""

    def __init__(self, path: Path, pragmas: dict[str, Any], **options: Any) -> None:
        super().__init__(path, pragmas=pragmas | {"synchronous": "off"}, **options)


def wait_for_no_disk() -> None:
    """From here on, in this process and those it forks."""
    open_database.Sqlite = SqliteWithoutDisk  # type: ignore[misc]
