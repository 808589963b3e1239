"""Our files: whether other users of this machine can read them."""

import shlex
from pathlib import Path
from urllib.parse import urlsplit

from bin.commands.checks.finding import Finding, judged
from runtime.private_files import modes_under
from runtime.settings import ROOT, Settings

OTHERS = 0o077
WHAT = "files"


def check_files(settings: Settings) -> Finding:
    """Check that only this user has access to `.env`, the state folder and its contents, and an
    SQLite database.
    """
    places = _places(settings)
    modes = {path: mode for place in places for path, mode in modes_under(place).items()}
    wide = [path for path, mode in modes.items() if mode & OTHERS]
    shown = ", ".join(f"{path} ({modes[path]:o})" for path in wide[:3])
    more = f" and {len(wide) - 3} more" if len(wide) > 3 else ""  # noqa: PLR2004
    existing = sorted({shlex.quote(str(place)) for place in places if place in modes})
    return judged(
        bool(wide),
        WHAT,
        f"open to other users: {shown}{more}" if wide else "open to this user only",
        f"Run chmod -R go-rwx {' '.join(existing)}",
        "warn",
    )


def _places(settings: Settings) -> list[Path]:
    """Return `.env`, the state folder, and SQLite's files if they are elsewhere."""
    state, parts = settings.state_dir, urlsplit(settings.database_url)
    places = [Path(".env").absolute(), state]
    if parts.scheme != "sqlite":
        return places
    database = ROOT / parts.path[1:]
    beside = [database.with_name(database.name + end) for end in ("", "-wal", "-shm")]
    return [*places, *(path for path in beside if not path.is_relative_to(state))]
