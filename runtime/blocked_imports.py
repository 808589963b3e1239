"""Imported first by a process that stays: what others would load if it is there, and what we use
nothing of, is not loaded.

peewee loads PostgreSQL's driver, 8 MiB, also where the database is SQLite; structlog and httpx load
rich and pygments, 4 MiB, which colour what people read at a terminal.
"""

import sys

from pydantic import ValidationError

from runtime.settings import Settings


def _is_sqlite() -> bool:
    try:
        return Settings().database_url.startswith("sqlite:")
    except (ValidationError, OSError, UnicodeDecodeError):
        return False  # which is said by whoever checks the settings


for name in ("rich", "pygments", *(("psycopg",) if _is_sqlite() else ())):
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails
