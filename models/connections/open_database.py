"""Open the database that DATABASE_URL names."""

from urllib.parse import urlsplit

import peewee

from models.connections.postgres import KEEPALIVE, Postgres
from models.connections.sqlite import Sqlite
from runtime.errors import Misconfigured
from runtime.settings import ROOT


def open_database(url: str, patience: float | None = None) -> peewee.Database:
    """The database at `url`: `sqlite:///relative/path`, `sqlite:////absolute/path` or
    `postgresql://…`.

    PostgreSQL cancels a statement after `patience` seconds. Raises Misconfigured for any other URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        # FULL: a commit, and so a 2xx answer, returns only once it has reached the disk.
        pragmas = {
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "temp_store": "memory",
            "busy_timeout": 0,  # last: the other pragmas may have to wait; then we wait ourselves
        }
        # a connection can be lent from one thread to another
        return Sqlite(ROOT / parts.path[1:], pragmas=pragmas, timeout=5, check_same_thread=False)
    if parts.scheme in {"postgres", "postgresql"}:
        made = Postgres(
            f"postgresql:{url.partition(':')[2]}",  # the only scheme that peewee knows
            max_connections=32,
            stale_timeout=300,
            timeout=5,
            prefer_psycopg3=True,
            connect_timeout=5,
            **KEEPALIVE,
        )
        made.patience = patience
        return made
    raise Misconfigured(
        f"DATABASE_URL starts with {parts.scheme!r}; use sqlite:///path or postgresql://…."
    )
