"""Which column of a file is what, and what to say when a needed one is missing.

Names are compared without case, spaces and punctuation, so that `*Invoice No.`, `InvoiceNo` and
`invoice no` are one. The first name that the file has counts; what is owed still comes before the
total.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from rules.cards.card_numbers import has_card_number
from rules.imports.invoice_layouts import COMMON, CONTACT, LAYOUTS, Layout, Names

# what every file must tell → how people call it
REQUIRED = {
    "number": "the invoice number",
    "customer": "the customer",
    "dueDate": "the due date",
    "amount": "the amount owed",
}
# our fields by the names that `--mapping FIELD=COLUMN` takes
MAPPABLE = {name: name for name in (*COMMON, "project", "externalId", *CONTACT)}
del MAPPABLE["balance"]
MAPPABLE["amount"] = "balance"


def plain(name: str) -> str:
    """A column's name without case, spaces and punctuation."""
    return re.sub(r"[^\w#]|_", "", name.casefold()).replace("#", "no")


@lru_cache(maxsize=64)  # asked for each of a file's first rows
def names_of(layout: Layout) -> Mapping[str, Names]:
    """Every name that is accepted for each field: the program's own, then the common ones that it
    does not use for something else; those that a person chose stand alone.
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
    """The same names, as they are compared. Kept for programs' names alone, never for cells."""
    return {field: tuple(map(plain, names)) for field, names in names_of(layout).items()}


def with_columns(layout: Layout, chosen: Mapping[str, str]) -> Layout:
    """The layout with columns named by a person: field → heading, empty for none."""
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
    """Where each of our fields stands in the file; a field that the file lacks is left out.

    `amount` is what is still owed. Where the file has only a total, `amount` is that, `isTotal`
    says so, and `paid` is what has come of it. In a report with a row for each customer above its
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
        found.pop("paid", None)
    elif total is not None:
        found["amount"] = found["isTotal"] = total
    if "customer" not in found and len(found) > 1 and not header[0]:
        found["customer"] = 0
    return found


def has_customer_rows(header: Sequence[str], columns: Mapping[str, int]) -> bool:
    """Whether customers stand in rows of their own, above their invoices."""
    place = columns.get("customer")
    return place is not None and not header[place]


def lacking(columns: Mapping[str, int]) -> list[str]:
    """The fields that every file must have and that this one has not."""
    return [name for name in REQUIRED if name not in columns]


def ignored_columns(header: Sequence[str], columns: Mapping[str, int]) -> list[str]:
    """The headings that nothing is read from, as they stand in the file."""
    return [
        shown_heading(name)
        for place, name in enumerate(header)
        if name and place not in columns.values()
    ]


def shown_heading(name: str) -> str:
    """A heading as it may be printed: a file without headings begins with a person's data."""
    return "(a card number)" if has_card_number(name) else name[:40]


def repeats_amounts(layout: Layout, header: Sequence[str], columns: Mapping[str, int]) -> bool:
    """Whether the file has a row for each line of an invoice, and what is owed in each of them."""
    names = {plain(name) for name in header}
    own = (*layout.fields.get("balance", ()), *layout.fields.get("total", ()))
    is_own = plain(header[columns["amount"]]) in {plain(name) for name in own}
    return is_own and any(plain(name) in names for name in layout.line_amounts)


def recognise(header: Sequence[str], layouts: Iterable[Layout]) -> Layout:
    """The program that the header looks like most: it has all we need, and most of the program's
    own names.
    """
    names = {plain(name) for name in header}
    return max(
        layouts,
        key=lambda layout: (
            -len(lacking(find_columns(layout, header))),
            sum(plain(mark) in names for mark in layout.marks),
        ),
    )


def header_rank(cells: Sequence[str], layouts: Iterable[Layout]) -> int:
    """How much a row looks like the one that names the columns: 0 if not at all."""
    if len([cell for cell in cells if cell]) < 2:  # noqa: PLR2004 - a title stands alone
        return 0
    most = 0
    for layout in layouts:
        columns = find_columns(layout, cells)
        needed = len(REQUIRED) - len(lacking(columns))
        most = max(most, 100 * needed + len(columns) if needed > 1 else 0)
    return most


def what_is_lacking(layout: Layout, header: Sequence[str], columns: Mapping[str, int]) -> str:
    """What to tell a person whose file has not all that is needed: the columns that are missing,
    the names they may have, the ones that are there, and how to say which is which.
    """
    names = dict(names_of(layout))
    names["amount"] = (*names.get("balance", ()), *names.get("total", ()))
    missing = lacking(columns)
    told = [
        f"no column for {REQUIRED[field]} (accepted: {', '.join(dict.fromkeys(names[field]))})"
        for field in missing
    ]
    shown = ", ".join(shown_heading(name) for name in header if name) or "none"
    switches = " ".join(f"--mapping {field}=COLUMN" for field in missing)
    return f"{'; '.join(told)}. Its columns are: {shown}. If one of them is meant, say {switches}"


__all__ = [
    "LAYOUTS",
    "MAPPABLE",
    "REQUIRED",
    "find_columns",
    "has_customer_rows",
    "header_rank",
    "ignored_columns",
    "lacking",
    "names_of",
    "plain",
    "recognise",
    "repeats_amounts",
    "what_is_lacking",
    "with_columns",
]
