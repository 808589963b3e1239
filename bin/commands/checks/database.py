"""The database: reachable, at this release's schema, with a clock that agrees with ours."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from peewee import PeeweeException

from bin.commands.checks.clocks import compare
from bin.commands.checks.finding import Finding, judged
from models.database_errors import driver_message, explain
from models.migrate import newer, pending
from models.transactions import database_time, execute, use_database
from runtime.errors import Misconfigured
from runtime.settings import ROOT, Settings

MIGRATE = "Run bin/payphone migrate."
SECOND = 1_000_000


def check_database(settings: Settings) -> Iterator[Finding]:
    """Check that rows can be read and written as this release expects. The last finding says
    whether they can.
    """
    url, shown = settings.database_url, settings.shown_database
    if settings.payphone_env == "production" and not settings.names_database:
        yield Finding(
            "warn",
            "database",
            f"DATABASE_URL is not set: this is {shown}",
            "Commands need the environment of the running processes.",
        )
    if url.startswith("sqlite:///") and not (ROOT / urlsplit(url).path[1:]).exists():
        yield Finding("fail", "database", f"none exists at {url}", MIGRATE)
        return
    try:
        use_database(url)
        execute("SELECT 1").fetchall()
    except PeeweeException as error:
        yield Finding("fail", "database", f"{shown}: {driver_message(error, url)}", explain(error))
        return
    except Misconfigured as error:
        yield Finding("fail", "database", shown, str(error))
        return
    yield Finding("ok", "database", f"{shown} answers")
    missing, strange = pending(), newer()
    if strange:
        found = f"the database is newer than this release: {', '.join(strange)}"
        yield Finding(
            "warn",
            "release",
            found,
            "Run the release that added them; to downgrade, see docs/operations/upgrade.md.",
        )
    yield judged(
        bool(missing),
        "migrations",
        f"pending: {', '.join(missing)}" if missing else "all applied",
        MIGRATE,
    )
    yield compare("database", lambda: database_time() / SECOND)
