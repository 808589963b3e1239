"""Map a file's columns to our fields, and explain what to do if a required one is missing.

Names are compared without case, spaces and punctuation, so `*Invoice No.`, `InvoiceNo` and `invoice
no` are the same. A field takes the first of its names that the file has; the amount still owed
takes precedence over the total.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from rules.cards.card_numbers import has_card_number
from rules.imports.invoice_layouts import COMMON, CONTACT, LAYOUTS, Layout, Names

# the fields that every file must have, in words
REQUIRED = {
    "number": "the invoice number",
    "customer": "the customer",
    "dueDate": "the due date",
    "amount": "the amount owed",
}
# our fields by their names in `--mapping FIELD=COLUMN`
MAPPABLE = {name: name for name in (*COMMON, *CONTACT)}
del MAPPABLE["balance"]
MAPPABLE["amount"] = "balance"


def plain(name: str) -> str:
    """A column's name without case, spaces and punctuation."""
    return re.sub(r"[^\w#]|_", "", name.casefold()).replace("#", "no")


@lru_cache(maxsize=64)  # called for each of a file's first rows
def names_of(layout: Layout) -> Mapping[str, Names]:
    """Every accepted name of each field: the program's own, then the common ones that it does not
    use for another field. A column that a person chose is its field's only name.
    """
    if layout.is_whole:
        return layout.fields
    own = {plain(name) for names in layout.fields.values() for name in names}
    common = {
        field: tuple(name for name in names if plain(name) not in own)
        for field, names in COMMON.items()
    }
    fields = dict.fromkeys((*layout.fields, *COMMON, *CONTACT))
    return {
        field: (*layout.fields.get(field, ()), *common.get(field, ()), *CONTACT.get(field, ()))
        for field in fields
    }


@lru_cache(maxsize=64)
def _plain_names(layout: Layout) -> Mapping[str, Names]:
    """The same names in normalised form. Cached for programs' names only, never for cells."""
    return {field: tuple(map(plain, names)) for field, names in names_of(layout).items()}


def with_columns(layout: Layout, chosen: Mapping[str, str]) -> Layout:
    """The layout with the columns that a person named: field → heading, empty for none."""
    given = {MAPPABLE[field]: (column,) if column else () for field, column in chosen.items()}
    taken = {plain(column) for column in chosen.values() if column}
    others = {
        field: tuple(name for name in names if plain(name) not in taken)
        for field, names in names_of(layout).items()
    }
    if "amount" in chosen:
        others |= {"total": (), "paid": ()}
    return replace(layout, fields=others | given, is_whole=True)


def find_columns(layout: Layout, header: Sequence[str]) -> dict[str, int]:
    """The index of each of our fields in the file; fields that the file lacks are left out.

    `amount` is what is still owed. If the file has only a total, `amount` is the total, `isTotal`
    marks it, and `paid` is what has been paid of it. `otherTotal` is another column of the amount's
    name, or the Total beside an Amount, which may lack the tax. `paidOfIt` is what has been paid of
    an Amount Due, which may be the total too. In a report with a row for each customer above its
    invoices, the customer is in the first column, which has no heading.
    """
    places = {plain(name): place for place, name in reversed(list(enumerate(header))) if name}
    found: dict[str, int] = {}
    for ours, names in _plain_names(layout).items():
        place = next((places[name] for name in names if name in places), None)
        if place is not None:
            found[ours] = place
    balance, total = found.pop("balance", None), found.pop("total", None)
    if balance is not None:
        found["amount"] = balance
        paid = found.pop("paid", None)
        if paid is not None and total is None and plain(header[balance]) == "amountdue":
            found["paidOfIt"] = paid
    elif total is not None:
        found["amount"] = found["isTotal"] = total
    if "amount" in found:
        names = _plain_names(layout)["total"] if "isTotal" in found else ()
        found |= _other_total(header, found["amount"], names)
    if "customer" not in found and len(found) > 1 and not header[0]:
        found["customer"] = 0
    return found


def _other_total(header: Sequence[str], first: int, totals: Names) -> dict[str, int]:
    """The column that may contradict the amount's: another of its name, or, if its name is Amount,
    one of `totals`.
    """
    own = plain(header[first])
    names = {own, *(totals if own == "amount" else ())}
    others = [at for at, name in enumerate(header) if at != first and plain(name) in names]
    return {"otherTotal": others[0]} if others else {}


def has_customer_rows(header: Sequence[str], columns: Mapping[str, int]) -> bool:
    """Whether each customer has a row above its invoices."""
    place = columns.get("customer")
    return place is not None and not header[place]


def lacking(columns: Mapping[str, int]) -> list[str]:
    """The required fields that this file lacks."""
    return [name for name in REQUIRED if name not in columns]


def ignored_columns(header: Sequence[str], columns: Mapping[str, int]) -> list[str]:
    """The headings of unused columns, as written in the file."""
    return [
        shown_heading(name)
        for place, name in enumerate(header)
        if name and place not in columns.values()
    ]


def shown_heading(name: str) -> str:
    """A heading that is safe to print: a file without headings begins with personal data."""
    return "(a card number)" if has_card_number(name) else name[:40]


def repeats_amounts(layout: Layout, header: Sequence[str], columns: Mapping[str, int]) -> bool:
    """Whether the file has a row per invoice line, each repeating the amount owed."""
    names = {plain(name) for name in header}
    own = (*layout.fields.get("balance", ()), *layout.fields.get("total", ()))
    is_own = plain(header[columns["amount"]]) in {plain(name) for name in own}
    has_lines = any(plain(name) in names for name in layout.line_amounts)
    return is_own and has_lines and not layout.is_summed


def is_summed(layout: Layout, header: Sequence[str], columns: Mapping[str, int]) -> bool:
    """Whether the file has a row per invoice line, and no amount owed: the lines are added up."""
    heading = plain(header[columns["amount"]])
    is_line = heading in {plain(name) for name in layout.line_amounts}
    return layout.is_summed and "isTotal" in columns and is_line


def recognise(header: Sequence[str], layouts: Iterable[Layout]) -> Layout:
    """The program that the header resembles most: it has the required fields, and most of the
    program's own names.
    """
    names = {plain(name) for name in header}
    return max(
        layouts,
        key=lambda layout: (
            -len(lacking(find_columns(layout, header))),
            sum(
                mark in header if layout.as_written else plain(mark) in names
                for mark in layout.marks
            ),
        ),
    )


def header_rank(cells: Sequence[str], layouts: Iterable[Layout]) -> int:
    """How much a row resembles a header row: 0 if not at all."""
    if len([cell for cell in cells if cell]) < 2:  # noqa: PLR2004 - a lone cell is a title
        return 0
    most = 0
    for layout in layouts:
        columns = find_columns(layout, cells)
        needed = len(REQUIRED) - len(lacking(columns))
        most = max(most, 100 * needed + len(columns) if needed > 1 else 0)
    return most


def missing_columns(layout: Layout, header: Sequence[str], columns: Mapping[str, int]) -> str:
    """Tell a person which required columns are missing, the names they can have, the columns that
    the file has, and how to map them.
    """
    names = dict(names_of(layout))
    names["amount"] = (*names.get("balance", ()), *names.get("total", ()))
    missing = lacking(columns)
    problems = [
        f"no column for {REQUIRED[field]} (accepted: {', '.join(dict.fromkeys(names[field]))})"
        for field in missing
    ]
    shown = ", ".join(shown_heading(name) for name in header if name) or "none"
    switches = " ".join(f"--mapping {field}=COLUMN" for field in missing)
    return (
        f"{'; '.join(problems)}. Its columns are: {shown}. If one of them is meant, say {switches}"
    )


__all__ = [
    "LAYOUTS",
    "MAPPABLE",
    "REQUIRED",
    "find_columns",
    "has_customer_rows",
    "header_rank",
    "ignored_columns",
    "is_summed",
    "lacking",
    "missing_columns",
    "names_of",
    "plain",
    "recognise",
    "repeats_amounts",
    "with_columns",
]
