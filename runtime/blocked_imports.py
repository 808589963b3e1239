"""Block imports of optional packages that a long-running process does not use; import this first.

peewee loads PostgreSQL's driver (8 MiB) even when the database is SQLite; structlog loads rich
(4 MiB), which only colours terminal output, and httpx its command line (1 MiB).
"""

import sys

from pydantic import ValidationError

from runtime.settings import Settings


def _is_sqlite() -> bool:
    try:
        return Settings().database_url.startswith("sqlite:")
    except (ValidationError, OSError, UnicodeDecodeError):
        return False  # reported later, when the settings are checked


for name in ("rich", "httpx._main", *(("psycopg",) if _is_sqlite() else ())):
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]  # makes importing it fail
