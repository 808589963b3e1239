"""Which column of an exported CSV is what: QuickBooks', Xero's and our own names for the same
things.

Names are compared without case, spaces and punctuation, so that `*Invoice No.`, `InvoiceNo` and
`invoice no` are one. The first name that the file has counts; what is owed still comes before the
total.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Layout:
    """A program's columns: our field → its names for it. `skipped`: rows whose type or status is
    not to be collected.
    """

    name: str
    fields: Mapping[str, tuple[str, ...]]
    marks: tuple[str, ...] = ()
    skipped: frozenset[str] = field(default_factory=frozenset)


# What a person agreed to, and what they will not have; a file of any program may have these.
CONTACT: dict[str, tuple[str, ...]] = {
    name: (name,)
    for name in ("smsConsent", "consentSource", "consentAt", "consentText", "optOutAt")
} | {
    "smsOptOut": ("smsOptOut", "textOptOut", "doNotText"),
    "voiceOptOut": ("voiceOptOut", "callOptOut", "doNotCall"),
    "optOut": ("optOut", "optedOut", "doNotContact"),
}

# QuickBooks Online: the export of the invoice list, of "Open Invoices" and of "Invoices and
# Received Payments".
QUICKBOOKS = Layout(
    "quickbooks",
    {
        "number": ("Invoice No", "Invoice Number", "No", "Num", "Invoice #"),
        "customer": ("Customer", "Customer full name", "Customer/Project", "Name"),
        "dueDate": ("Due Date",),
        "amount": ("Open Balance", "Balance", "Balance Due", "Amount", "Total"),
        "currency": ("Currency", "Currency Code"),
        "email": ("Email", "Customer Email", "Main Email", "Billing Email"),
        "phone": ("Phone", "Phone Numbers", "Main Phone", "Mobile"),
        "project": ("Project", "Class"),
        "kind": ("Transaction Type", "Type"),
        "state": ("Status",),
    },
    marks=("Open Balance", "Invoice No", "Num", "Customer full name", "Terms", "Balance"),
    skipped=frozenset(
        [
            "paid",
            "voided",
            "void",
            "deposited",
            "payment",
            "credit memo",
            "refund",
            "estimate",
            "sales receipt",
            "deposit",
            "journal entry",
        ]
    ),
)
# Xero: Business → Invoices → Export, one row for each line of an invoice.
XERO = Layout(
    "xero",
    {
        "number": ("InvoiceNumber",),
        "customer": ("ContactName",),
        "dueDate": ("DueDate",),
        "amount": ("InvoiceAmountDue", "AmountDue", "Total", "Gross"),
        "currency": ("Currency", "CurrencyCode"),
        "email": ("EmailAddress",),
        "phone": ("PhoneNumber", "Phone", "ContactNumber", "MobileNumber"),
        "project": ("Reference", "TrackingOption1"),
        "country": ("POCountry",),
        "kind": ("Type",),
        "state": ("Status",),
        "externalId": ("ContactID", "AccountNumber"),
    },
    marks=("ContactName", "EmailAddress", "InvoiceAmountDue", "POCountry", "UnitAmount"),
    skipped=frozenset(
        [
            "paid",
            "voided",
            "deleted",
            "sales credit note",
            "sales overpayment",
            "bill",
            "purchase bill",
            "accpay",
            "accreccredit",
        ]
    ),
)
PAYPHONE = Layout(
    "payphone",
    {
        name: (name,)
        for name in (
            "number",
            "customer",
            "dueDate",
            "amount",
            "currency",
            "email",
            "phone",
            "project",
            "externalId",
        )
    }
    | {"state": ("status",)},
    marks=("externalId", "smsConsent", "consentAt", "smsOptOut", "voiceOptOut"),
)
LAYOUTS = {layout.name: layout for layout in (QUICKBOOKS, XERO, PAYPHONE)}
REQUIRED = ("number", "customer", "dueDate", "amount")


def plain(name: str) -> str:
    """A column's name without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9#]", "", name.casefold()).replace("#", "no")


def find_columns(layout: Layout, header: Sequence[str]) -> dict[str, int]:
    """In which column each of our fields is; fields that the file lacks are left out."""
    places = {plain(name): place for place, name in reversed(list(enumerate(header)))}
    found: dict[str, int] = {}
    for ours, names in (dict(layout.fields) | CONTACT).items():
        place = next((places[plain(name)] for name in names if plain(name) in places), None)
        if place is not None:
            found[ours] = place
    return found


def ignored_columns(header: Sequence[str], columns: Mapping[str, int]) -> list[str]:
    """The headings that nothing is read from, as they stand in the file."""
    return [name for place, name in enumerate(header) if name and place not in columns.values()]


def recognise(header: Sequence[str]) -> Layout | None:
    """The program that the header looks like: it has all we need, and most of that program's own
    names.
    """
    names = {plain(name) for name in header}
    fitting = [
        layout
        for layout in LAYOUTS.values()
        if set(REQUIRED) <= find_columns(layout, header).keys()
    ]
    return max(
        fitting, key=lambda layout: sum(plain(mark) in names for mark in layout.marks), default=None
    )
