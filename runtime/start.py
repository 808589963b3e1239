"""Checks the settings when a process starts: reports a wrong one in a sentence, and exits with
1.
"""

import re
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import ValidationError

from runtime.errors import Misconfigured
from runtime.log import hide_secrets
from runtime.redis.connection import connect_redis
from runtime.settings import ACCEPTED, QUEUES, Settings, get_settings

_PASSWORD = re.compile(r"(?i)(?<=://).*(?=@)|(?<=password=)[^&]*")
LAST_PORT = 65_535
DATABASES = frozenset({"sqlite", "postgres", "postgresql"})


def settings_or_exit(*checks: Callable[[Settings], object]) -> Settings:
    """The settings of this process. Exits with 1 if they cannot work, or if one of `checks` raises
    Misconfigured.
    """
    try:
        settings = read_settings()
        check_database(settings)
        check_redis(settings)
        for check in checks:
            check(settings)
    except Misconfigured as error:
        print(f"error {error}", file=sys.stderr)
        raise SystemExit(1) from None
    return settings


def read_settings() -> Settings:
    """The settings. Raises Misconfigured if one is invalid, naming the accepted values, or if
    `.env` cannot be read.
    """
    try:
        return get_settings()
    except ValidationError as error:
        raise Misconfigured(invalid_settings(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Misconfigured(
            f"The file .env cannot be read: {why}. Let this user read it, or correct or remove it."
        ) from None


def parsed_settings_or_exit() -> Settings:
    """The settings, checked for their form only. Exits with 1 and a sentence if one is invalid."""
    try:
        return read_settings()
    except Misconfigured as error:
        print(f"error {error}", file=sys.stderr)
        raise SystemExit(1) from None


def invalid_settings(error: ValidationError) -> str:
    """A message that names each invalid setting, its value (secrets masked) and what is
    accepted.
    """
    wrong = [
        describe(str(item["loc"][0]).lower(), item["input"])
        for item in error.errors(include_url=False)
    ]
    return " ".join([*wrong, "See docs/settings.md."])


def describe(name: str, value: object) -> str:
    """A sentence about one setting with an invalid value."""
    plain = _PASSWORD.sub("***", hide_secrets(str(value)))
    return f"{name.upper()} is {plain!r}; it takes {ACCEPTED[name]}."


def check_database(settings: Settings) -> None:
    """Raises Misconfigured unless DATABASE_URL is a SQLite or PostgreSQL URL."""
    url = settings.database_url
    try:
        parts = urlsplit(url)
        if parts.scheme == "sqlite":
            is_one = not parts.netloc and parts.path.startswith("/") and parts.path[-1] != "/"
        else:
            is_one = parts.scheme in DATABASES and _is_postgres(url)
    except ValueError:
        is_one = False
    if not is_one:
        raise Misconfigured(describe("database_url", url))


def _is_postgres(url: str) -> bool:
    """Whether PostgreSQL's driver can parse `url`. Raises ValueError if a port is not a number."""
    import psycopg  # noqa: PLC0415 - see runtime.blocked_imports
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        ports = str(conninfo_to_dict(url).get("port") or "5432").split(",")
    except psycopg.Error:
        return False
    return all(0 < int(port) <= LAST_PORT for port in ports)


def check_workers(settings: Settings) -> None:
    """Raises Misconfigured if WORKERS cannot be parsed or names an unknown queue."""
    try:
        counts = settings.worker_counts
    except ValueError:
        counts = {"": 0}
    if set(counts) - set(QUEUES) or min(counts.values(), default=0) < 0:
        raise Misconfigured(describe("workers", settings.workers))


def check_redis(settings: Settings) -> None:
    """Raises Misconfigured if REDIS_URL cannot be parsed."""
    try:
        connect_redis(settings.redis_url)  # parses the URL; the connection opens on first use
    except (ValueError, IndexError):
        raise Misconfigured(describe("redis_url", settings.redis_url)) from None
