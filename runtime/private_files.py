"""Folders and files that only this user may read, whatever the umask says."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def private_folder(path: Path) -> Path:
    """Create the folder and its missing parents for this user only; existing ones keep their
    mode.
    """
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def open_private(path: Path, flags: int = os.O_TRUNC) -> IO[str]:
    """Open a text file for writing, at its start or (O_APPEND) at its end. A new file is created
    for this user only.
    """
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    return os.fdopen(opened, "a" if flags & os.O_APPEND else "w")


def files_under(place: Path) -> Iterator[Path]:
    """The place and every folder and file below it, sockets included. A running server replaces its
    files, so any of them may have vanished by the time it is read.
    """
    yield place
    for folder, folders, files in os.walk(place):
        yield from (Path(folder) / name for name in (*folders, *files))


def modes_under(place: Path) -> dict[Path, int]:
    """The permission bits of the place and everything below it, except files that vanish."""
    modes = {}
    for path in files_under(place):
        try:
            modes[path] = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
    return modes
