"""Settings checked once, at the start of a process: what is wrong is said in one sentence, and the
process ends with 1.
"""

import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import ValidationError

from runtime.errors import Misconfigured
from runtime.redis_connection import connect_redis
from runtime.settings import QUEUES, Settings, get_settings

DATABASES = frozenset({"sqlite", "postgres", "postgresql"})


def settings_or_exit(*checks: Callable[[Settings], object]) -> Settings:
    """The settings of this process; ends it with 1 when they cannot work, or when one of its own
    `checks` raises Misconfigured.
    """
    try:
        settings = read_settings()
        check_scheme(settings)
        _check_redis(settings)
        for check in checks:
            check(settings)
    except Misconfigured as error:
        print(f"error {error}", file=sys.stderr)
        raise SystemExit(1) from None
    return settings


def read_settings() -> Settings:
    """The settings; Misconfigured, naming them but not their values, when some are not valid."""
    try:
        return get_settings()
    except ValidationError as error:
        raise Misconfigured(not_valid(error)) from None


def not_valid(error: ValidationError) -> str:
    """Which settings are not valid, in a sentence without their values."""
    names = ", ".join(str(item["loc"][0]).upper() for item in error.errors(include_input=False))
    return f"Invalid settings: {names}. See docs/settings.md."


def check_scheme(settings: Settings) -> None:
    """Raises Misconfigured when DATABASE_URL names a kind of database that is not ours."""
    scheme = urlsplit(settings.database_url).scheme
    if scheme not in DATABASES:
        raise Misconfigured(
            f"DATABASE_URL starts with {scheme!r}; use sqlite:///path or postgresql://…."
        )


def check_workers(settings: Settings) -> None:
    """Raises Misconfigured when WORKERS cannot be read, or names a queue that there is not."""
    advice = (
        "Write a number, or queue=number pairs such as webhooks=4,messages=2. The queues are"
        f" {', '.join(QUEUES)}."
    )
    try:
        counts = settings.worker_counts
    except ValueError:
        raise Misconfigured(f"WORKERS cannot be read: {settings.workers!r}. {advice}") from None
    unknown = sorted(set(counts) - set(QUEUES))
    if unknown:
        raise Misconfigured(f"WORKERS names no queue of ours: {', '.join(unknown)}. {advice}")


def _check_redis(settings: Settings) -> None:
    try:
        connect_redis(settings.redis_url)  # reads the address; the connection opens on first use
    except (ValueError, IndexError):
        raise Misconfigured(
            "REDIS_URL cannot be read. Use redis://host:port, rediss://…, unix://… or"
            " redis+sentinel://host:port,…/service/db."
        ) from None
