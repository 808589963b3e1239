"""Output of the commands: tables and lines on stdout, errors on stderr."""

import getpass
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from peewee import Model, ModelSelect
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.settings import get_settings

Listed = TypeVar("Listed", bound=Model)
PIPED_WIDTH = 200  # columns if the output is not a terminal, so that lines are not folded
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and new line


def console(to_stderr: bool = False) -> Console:
    """Return a console on the current stream, which a test might have replaced."""
    stream = sys.stderr if to_stderr else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else PIPED_WIDTH)


def plain(text: object) -> Text:
    """Return text to be printed as it is, whoever wrote it: neither markup nor the names of emoji
    are interpreted, and no control character acts on the terminal.
    """
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text)))


def say(text: str) -> None:
    """Print one line as it is."""
    console().print(plain(text), soft_wrap=True)


def complain(text: str) -> None:
    """Print one error line."""
    console(to_stderr=True).print("[bold red]error[/]", plain(text), soft_wrap=True)


def remark(text: str) -> None:
    """Print one line to stderr that is not part of the command's output."""
    console(to_stderr=True).print("[yellow]note[/]", plain(text), soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a table of plain values, or the sentence `empty` if there are none."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # fold, never truncate: an id might have to be typed into the next command
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(plain("" if value is None else value) for value in row))
    if table.row_count:
        console().print(table)
    else:
        say(empty)


def show_list(
    columns: Sequence[str],
    query: "ModelSelect[Listed]",
    row: Callable[[Listed], Sequence[object]],
    limit: int,
    empty: str,
) -> None:
    """Print a table of the query's first `limit` rows; if there are more, say so in a last line."""
    show_table(columns, map(row, query.limit(limit)), empty)
    found = query.limit(None).order_by().count()
    if found > limit:
        say(f"{limit} of {found} shown; --limit N shows more.")


def moment(at: datetime | int | None) -> str:
    """Format a UTC time, or microseconds since the epoch, to the second; '' for None."""
    if at is None:
        return ""
    when = at if isinstance(at, datetime) else datetime.fromtimestamp(at / 1_000_000, UTC)
    return when.strftime("%Y-%m-%d %H:%M:%SZ")


def acting() -> str:
    """Return the actor for the audit log: this shell's user name, or its number without one."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:uid-{os.getuid()}"


def say_database() -> None:
    """Print which database was used: a shell with another environment than the running processes
    would act on another one.
    """
    say(f"Database: {get_settings().shown_database}")
