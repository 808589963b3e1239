"""The output of the benchmarks."""

from rich.console import Console
from rich.table import Table

console = Console()


def table(headings: list[str], rows: list[list[str]]) -> None:
    """Print a table; all columns but the first are numbers."""
    shown = Table()
    for number, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if number else "left", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)
