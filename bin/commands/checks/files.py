"""Our files: whether other users of the machine may read them."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bin.commands.checks.finding import Finding, judged
from runtime.settings import ROOT, Settings

OTHERS = 0o077
WHAT = "files"


def check_files(settings: Settings) -> Finding:
    """Whether the state folder, what is in it, and an SQLite database are this user's alone."""
    wide = [path for path in _ours(settings) if path.stat().st_mode & OTHERS]
    shown = ", ".join(f"{path} ({path.stat().st_mode & 0o777:o})" for path in wide[:3])
    more = f" and {len(wide) - 3} more" if len(wide) > 3 else ""  # noqa: PLR2004
    places = sorted({shlex.quote(str(path)) for path in _places(settings) if path.exists()})
    return judged(
        bool(wide),
        WHAT,
        f"open to other users: {shown}{more}" if wide else "open to this user only",
        f"Run chmod -R go-rwx {' '.join(places)}",
        "warn",
    )


def _ours(settings: Settings) -> Iterator[Path]:
    for place in _places(settings):
        if place.exists():
            yield place
        if place.is_dir():
            yield from (path for path in place.rglob("*") if path.is_file() or path.is_dir())


def _places(settings: Settings) -> list[Path]:
    """The state folder; SQLite's file, with what it keeps beside it, where that is elsewhere."""
    state, parts = settings.state_dir, urlsplit(settings.database_url)
    if parts.scheme != "sqlite":
        return [state]
    database = ROOT / parts.path[1:]
    beside = [database.with_name(database.name + end) for end in ("", "-wal", "-shm")]
    return [state, *(path for path in beside if not path.is_relative_to(state))]
