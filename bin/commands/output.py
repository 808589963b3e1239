"""Output of the commands: tables and lines on stdout, errors on stderr."""

import getpass
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from peewee import Model, ModelSelect
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from runtime.settings import get_settings

Listed = TypeVar("Listed", bound=Model)
PIPED_WIDTH = 200  # columns when nobody watches: lines are not folded


def console(to_stderr: bool = False) -> Console:
    """A console on the stream as it is now (a test may have put another in its place)."""
    stream = sys.stderr if to_stderr else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else PIPED_WIDTH)


def say(text: str) -> None:
    """Print one line as it is, without interpreting markup."""
    console().print(escape(text), soft_wrap=True)


def complain(text: str) -> None:
    """Print one error line."""
    console(to_stderr=True).print(f"[bold red]error[/] {escape(text)}", soft_wrap=True)


def remark(text: str) -> None:
    """Print one line that is no part of a command's output."""
    console(to_stderr=True).print(f"[yellow]note[/] {escape(text)}", soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table of plain values, or the sentence `empty` when there are none."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # an id that is to be typed again is never cut off
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape("" if value is None else str(value)) for value in row))
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
    """A table of the query's first `limit` rows; when there are more, the last line says so."""
    show_table(columns, map(row, query.limit(limit)), empty)
    found = query.limit(None).order_by().count()
    if found > limit:
        say(f"{limit} of {found} shown; --limit N shows more.")


def moment(at: datetime | int | None) -> str:
    """A UTC time to the second; also accepts microseconds since the epoch."""
    if at is None:
        return ""
    when = at if isinstance(at, datetime) else datetime.fromtimestamp(at / 1_000_000, UTC)
    return when.strftime("%Y-%m-%d %H:%M:%SZ")


def acting() -> str:
    """The actor for the audit log: the user of this shell, or its number where it has no name."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:uid-{os.getuid()}"


def say_database() -> None:
    """Which database was meant: a shell with another environment than the processes' would change
    another one.
    """
    say(f"Database: {get_settings().shown_database}")
