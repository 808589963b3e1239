"""Block imports of optional packages that a long-running process does not use; import this first.

peewee loads PostgreSQL's driver (8 MiB) even when the database is SQLite; structlog and httpx load
rich and pygments (4 MiB), which only colour terminal output.
"""

import sys

from pydantic import ValidationError

from runtime.settings import Settings


def _is_sqlite() -> bool:
    try:
        return Settings().database_url.startswith("sqlite:")
    except (ValidationError, OSError, UnicodeDecodeError):
        return False  # reported later, when the settings are checked


for name in ("rich", "pygments", *(("psycopg",) if _is_sqlite() else ())):
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]  # makes importing it fail
