"""Folders and files that only this user may read, whatever the umask says."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def private_folder(path: Path) -> Path:
    """Make the folder, and those above it, where they are missing. What is there stays as it is."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def open_private(path: Path, flags: int = os.O_TRUNC) -> IO[str]:
    """Open a text file to be written, from its start or (O_APPEND) at its end; if it is not there,
    it is made for this user only.
    """
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    return os.fdopen(opened, "a" if flags & os.O_APPEND else "w")


def files_under(place: Path) -> Iterator[Path]:
    """The place, and each folder and file in it, sockets included. A server that runs replaces
    files of its own: any of these may be gone when it is looked at.
    """
    yield place
    for folder, folders, files in os.walk(place):
        yield from (Path(folder) / name for name in (*folders, *files))


def modes_under(place: Path) -> dict[Path, int]:
    """Who may read the place and what is in it, as permission bits; but of what vanishes
    meanwhile.
    """
    modes = {}
    for path in files_under(place):
        try:
            modes[path] = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
    return modes
