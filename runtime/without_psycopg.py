"""Imported first by a process that stays: where the database is SQLite, peewee does not load
PostgreSQL's driver, which takes 8 MiB.
"""

import sys

from pydantic import ValidationError

from runtime.settings import Settings


def _is_sqlite() -> bool:
    try:
        return Settings().database_url.startswith("sqlite:")
    except (ValidationError, OSError, UnicodeDecodeError):
        return False  # which is said by whoever checks the settings


if _is_sqlite() and "psycopg" not in sys.modules:
    sys.modules["psycopg"] = None  # type: ignore[assignment]  # an import of it fails
