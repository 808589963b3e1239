"""The options of `invoices import` that say how to read the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bin.commands.invoices.csv_file import CsvFile, UnreadableFile
from rules.imports.csv_amounts import DECIMALS, SIGNS, THOUSANDS, Signs
from rules.imports.csv_dates import ORDERS, order_of
from rules.imports.invoice_columns import (
    MAPPABLE,
    find_columns,
    header_rank,
    lacking,
    missing_columns,
    plain,
    recognise,
    with_columns,
)
from rules.imports.invoice_csv import Reading
from rules.imports.invoice_layouts import LAYOUTS, Layout

Command = TypeVar("Command", bound=Callable[..., Any])
_NAME_OF = {sign: name for name, sign in SIGNS.items()}


class _Sign(click.Choice[str]):
    """Accepts the name of a sign, or the sign itself."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_NAME_OF.get(value, value), param, ctx)


_OPTIONS = (
    click.option(
        "--mapping",
        multiple=True,
        metavar="PROGRAM|FIELD=COLUMN",
        help=f"The program that exported the file: auto, {', '.join(LAYOUTS)}. Or a field's column,"
        f" as in --mapping number='Bill No'; FIELD is one of {', '.join(MAPPABLE)}. Repeatable.",
    ),
    click.option(
        "--dates",
        type=click.Choice(ORDERS),
        default="iso",
        show_default=True,
        help="How to read dates such as 1/2/2026: us is January 2, eu is 1 February. iso: as"
        " unambiguous dates in the column say, such as 1/31/2026; they are always accepted.",
    ),
    click.option(
        "--decimal",
        type=_Sign(DECIMALS),
        help="The decimal sign of amounts: 1,234.50 or 1.234,50. Needed only if it is ambiguous.",
    ),
    click.option(
        "--thousands",
        type=_Sign(THOUSANDS),
        help="The sign between thousands. It decides whether 1.000 is 1.00 (none) or 1,000.00"
        " (point).",
    ),
    click.option("--currency", default="", help="Currency of rows without one, such as USD."),
    click.option(
        "--region",
        default="US",
        show_default=True,
        help="Country of phone numbers without a country code.",
    ),
    click.option(
        "--delimiter",
        type=click.Choice([",", ";", "\t", "|"]),
        help="Detected automatically unless given.",
    ),
)


def reading_options(command: Command) -> Command:
    """Decorator: add the options that say how to read the file."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def open_file(
    path: Path,
    mapping: tuple[str, ...],
    delimiter: str | None,
    decimal: str | None,
    thousands: str | None,
    **how: str,
) -> tuple[CsvFile, Reading]:
    """Open the file, and return it with how to read it. Raises UnreadableFile when its columns do
    not describe invoices.
    """
    if decimal and decimal == thousands:
        raise click.BadParameter(
            f"is {thousands}, which is the decimal sign too.", param_hint="--thousands"
        )
    programs, chosen = _mapping(mapping)
    layouts = [with_columns(layout, chosen) if chosen else layout for layout in programs]
    source = CsvFile(path, delimiter, lambda cells: header_rank(cells, layouts))
    layout = recognise(source.header, layouts)
    columns = find_columns(layout, source.header)
    headings = {plain(name) for name in source.header}
    missing = [column for column in chosen.values() if column and plain(column) not in headings]
    if missing or lacking(columns):
        unknown = f"no column {missing[0][:40]!r} of --mapping; " if missing else ""
        raise UnreadableFile(
            f"{path.name}, line {source.header_line}: {unknown}"
            f"{missing_columns(layout, source.header, columns)}."
        )
    signs = Signs(decimal or "", thousands or "")
    region = how["region"].upper()
    dates = how["dates"]
    if dates == "iso":
        place = columns["dueDate"]
        dates = order_of(row.cells[place] for row in source if place < len(row.cells))
    currency = how["currency"]
    return source, Reading(layout, columns, dates, signs, currency, region, source.delimiter)


def _mapping(given: tuple[str, ...]) -> tuple[list[Layout], dict[str, str]]:
    """Return the candidate layouts, and the columns that were named as field → heading."""
    programs, chosen = list(LAYOUTS.values()), {}
    for one in given:
        field, equals, column = one.partition("=")
        if equals and field in MAPPABLE:
            chosen[field] = column.strip()
        elif one in LAYOUTS:
            programs = [LAYOUTS[one]]
        elif one != "auto":
            raise click.BadParameter(
                f"{one[:60]!r} is neither a program ({', '.join(LAYOUTS)}) nor FIELD=COLUMN, where"
                f" FIELD is one of {', '.join(MAPPABLE)}.",
                param_hint="--mapping",
            )
    return programs, chosen
