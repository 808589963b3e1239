"""Import invoices in batches. Importing the same file twice changes nothing.

An invoice is identified by account and number. A new one is created. An open one without payments
is updated from the file (amount, due date, project). One with payments, or closed, is left
unchanged. One that belongs to another customer is refused. A customer is identified by external id,
unless name and contact details are a stranger's; otherwise by name, unless e-mail or phone differ,
or several have that name; otherwise by phone and another spelling of the name. Missing details are
filled in; existing ones are never overwritten.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from actions.contact.consents import CLOCKS_DIFFER
from actions.invoices.change import change_terms
from actions.payments.recompute import payload_of
from models.accounts.account import Account
from models.contact.consent import IMPORTED, Consent
from models.contact.contact_course import ContactCourse
from models.feed.emit import emit_each
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.invoices_with_money import invoices_with_money
from rules.imports.customer_names import is_spelling_of, may_be_one
from rules.imports.invoice_csv import InvoiceRow, Passed, RowError
from rules.invoice_fold import CLOSING_MARKS, Terms, fold
from runtime.clock import business_now, real_now
from runtime.ids import new_id

Recompute = Callable[[Invoice], bool]

ZEROS_UP_TO = 12  # digits of a number that may have been padded with zeros
CUSTOMER_FIELDS = ("id", "name", "email", "phone", "external_id", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Planned:
    """A row's outcome: created, updated, unchanged, kept (it has money or is closed) or refused."""

    row: InvoiceRow
    outcome: str
    invoice: Invoice | None = None
    error: RowError | None = None


def plan_import(account: Account, rows: Sequence[InvoiceRow]) -> list[Planned]:
    """Decide each row's outcome. Writes nothing."""
    known = _invoices(account, [row.number for row in rows])
    ids = [invoice.id for invoice in known.values()]
    paid = invoices_with_money(ids) if ids else set()
    twins = _twins(account, [row for row in rows if row.number not in known])
    return [
        _refuse_twin(row, twins[row.line])
        if row.line in twins
        else _judge(row, known.get(row.number), paid)
        for row in rows
    ]


def _invoices(account: Account, numbers: Collection[str]) -> dict[str, Invoice]:
    """The account's invoices with these numbers, by number, with their customers."""
    own = (Invoice.account == account) & Invoice.number.in_(list(numbers))
    rows = Invoice.select(Invoice, Customer).join(Customer).where(own) if numbers else []
    return {invoice.number: invoice for invoice in rows}


def _twins(account: Account, rows: Sequence[InvoiceRow]) -> dict[int, Invoice]:
    """By line, the invoice that a new row seems to be: the same customer's and due on the same day,
    but with zeros before its number, or without those of the row's. Spreadsheets drop them.
    """
    numeric = [row for row in rows if row.number.isascii() and row.number.isdigit()]
    has_zeros = (Invoice.account == account) & (Invoice.number >= "0") & (Invoice.number < "1")
    are_padded = bool(numeric) and Invoice.select().where(has_zeros).exists()
    written = {row.line: _other_ways(row.number, are_padded) for row in numeric}
    known = _invoices(account, {number for numbers in written.values() for number in numbers})
    return {
        row.line: twin
        for row in numeric
        for twin in map(known.get, written[row.line])
        if twin and twin.due_date == row.due_date and not is_anothers(twin.customer, row)
    }


def _other_ways(number: str, are_padded: bool) -> list[str]:
    """The number without its zeros, or, if it has none, and others are padded, with some."""
    if number.startswith("0"):
        return [number.lstrip("0")]
    return [number.zfill(width) for width in range(len(number) + 1, ZEROS_UP_TO + 1) if are_padded]


def _refuse_twin(row: InvoiceRow, twin: Invoice) -> Planned:
    message = (
        f"invoice {twin.number} of this customer is here, due on the same day; a spreadsheet may"
        " have dropped zeros: write the number as it is here, or give the invoice another one"
    )
    return Planned(row, "refused", twin, RowError(row.line, "number", message))


def _judge(row: InvoiceRow, known: Invoice | None, paid: set[str]) -> Planned:
    now = max(real_now(), business_now()) + CLOCKS_DIFFER
    if row.consent is not None and row.consent.given_at > now:
        message = "is in the future; a time up to now is accepted; correct it"
        return Planned(row, "refused", known, RowError(row.line, "consentAt", message))
    if known is None:
        return Planned(row, "created")
    if known.currency != row.currency:
        message = (
            f"invoice {row.number} is known in {known.currency.upper()}, the file has"
            f" {row.currency.upper()}; give it another number"
        )
        return Planned(row, "refused", known, RowError(row.line, "currency", message))
    if is_anothers(known.customer, row):
        message = (
            f"invoice {row.number} is another customer's here; give it another number, or correct"
            " the customer"
        )
        return Planned(row, "refused", known, RowError(row.line, "customer", message))
    if not _changes(row, known):
        return Planned(row, "unchanged", known)
    return Planned(
        row, "kept" if known.id in paid or known.mark in CLOSING_MARKS else "updated", known
    )


def _changes(row: InvoiceRow, known: Invoice) -> dict[str, Any]:
    values = {"amount_due": row.amount, "due_date": row.due_date}
    values |= {"project": row.project} if row.project else {}
    values |= {"mark": "sent"} if (known.mark, row.mark) == ("draft", "sent") else {}
    return {name: value for name, value in values.items() if getattr(known, name) != value}


def import_rows(
    account: Account,
    planned: Sequence[Planned],
    actor: str,
    now: datetime,
    today: date,
    recompute: Recompute,
) -> list[Planned]:
    """Write a batch in the caller's transaction, and return its rows with the outcomes that they
    had: an invoice may have been closed or paid since it was read.

    `recompute` recomputes a changed, locked invoice and retires links and intents for its old
    balance.
    """
    refused = [one for one in planned if one.outcome == "refused"]
    planned = [one for one in planned if one.outcome != "refused"]
    new = [one.row for one in planned if one.outcome == "created"]
    customers = _customers(account, new, now)
    values = [_new_invoice(account, row, customers[row.number], now, today) for row in new]
    for at in range(0, len(values), 100):
        Invoice.insert_many(values[at : at + 100]).execute()
    overdue = [Invoice(**value) for value in values if value["status"] == "overdue"]
    if overdue:
        payloads = {f"invoice:{invoice.id}": payload_of(invoice) for invoice in overdue}
        emit_each(account.id, "invoice.overdue", payloads)
    ContactCourse.recheck((account.id, invoice.customer_id) for invoice in overdue)
    planned = [
        replace(one, outcome=_update(one.row, one.invoice, actor, now, recompute))
        if one.outcome == "updated" and one.invoice is not None
        else one
        for one in planned
    ]
    _record_consents(planned, customers, actor, now)
    return refused + planned


def _new_invoice(
    account: Account, row: InvoiceRow, customer: Customer, now: datetime, today: date
) -> dict[str, Any]:
    terms = Terms(
        amount_due=row.amount, currency=row.currency, mark=row.mark, due_date=row.due_date
    )
    standing = fold(terms, [], [], disputed=False, today=today)
    return {
        "id": new_id("inv"),
        "account": account.id,
        "customer": customer.id,
        "number": row.number,
        "project": row.project,
        "currency": row.currency,
        "amount_due": row.amount,
        "due_date": row.due_date,
        "mark": row.mark,
        "created_at": now,
        "updated_at": now,
    } | {name: getattr(standing, name) for name in standing.__slots__}


def _update(
    row: InvoiceRow, known: Invoice, actor: str, now: datetime, recompute: Recompute
) -> str:
    """Update a known invoice from its row, and return the outcome."""
    invoice = Invoice.locked(known.id)
    if invoice.mark in CLOSING_MARKS or invoices_with_money([invoice.id]):
        return "kept"  # closed or paid since the file was read
    changes = _changes(row, invoice)
    if not changes:
        return "unchanged"
    change_terms(invoice, changes, actor, now)
    recompute(invoice)
    if "due_date" in changes:
        ContactCourse.recheck_customer(invoice.customer_id)
    return "updated"


def _customers(account: Account, rows: Sequence[InvoiceRow], now: datetime) -> dict[str, Customer]:
    """Return the customer of each new invoice by invoice number, creating unknown ones."""
    known = _known_customers(account, rows)
    by_name: dict[str, list[Customer]] = {}
    by_external = {customer.external_id: customer for customer in known if customer.external_id}
    by_phone: dict[str | None, list[Customer]] = {}
    for one in known:
        by_name.setdefault(one.name, []).append(one)
        by_phone.setdefault(one.phone, []).append(one)
    found: dict[str, Customer] = {}
    fresh: dict[str, Customer] = {}
    for row in rows:
        candidates = by_name.setdefault(row.customer, [])
        bearer = by_external.get(row.external_id or "")
        if bearer is not None and _is_stranger(bearer, row):
            bearer = None
            row = replace(row, external_id=None)  # noqa: PLW2901 - it identifies someone else
        customer = bearer or _namesake(candidates, row)
        customer = customer or _spelled_otherwise(by_phone.get(row.phone, []), row)
        if customer is None:
            customer = Customer(
                id=new_id("cu"),
                account=account,
                name=row.customer,
                external_id=row.external_id,
                created_at=now,
                updated_at=now,
            )
            fresh[customer.id] = customer
            candidates.append(customer)
        if row.external_id:
            by_external[row.external_id] = customer
        _fill_in(customer, row, now, is_new=customer.id in fresh)
        if customer.phone and customer not in by_phone.setdefault(customer.phone, []):
            by_phone[customer.phone].append(customer)
        found[row.number] = customer
    values = [
        {name: getattr(customer, name) for name in CUSTOMER_FIELDS} | {"account": account.id}
        for customer in fresh.values()
    ]
    for at in range(0, len(values), 100):
        Customer.insert_many(values[at : at + 100]).execute()
    return found


def _known_customers(account: Account, rows: Sequence[InvoiceRow]) -> list[Customer]:
    """The account's customers with the name, external id or phone of one of the rows, by id."""
    same = Customer.name.in_({row.customer for row in rows})
    for field, values in (
        (Customer.external_id, {row.external_id for row in rows if row.external_id}),
        (Customer.phone, {row.phone for row in rows if row.phone}),
    ):
        same = same | field.in_(values) if values else same
    ours = Customer.select().where(Customer.account == account, same).order_by(Customer.id)
    return list(ours) if rows else []


def _spelled_otherwise(at_phone: Sequence[Customer], row: InvoiceRow) -> Customer | None:
    """The customer with the row's phone whose name is another spelling of the row's, and whose
    other details do not differ. Holds and consents are a customer's, so there must not be a second.
    """
    if row.phone is None:
        return None
    return next(
        (one for one in at_phone if is_spelling_of(one.name, row.customer) and _is_same(one, row)),
        None,
    )


def _namesake(candidates: Sequence[Customer], row: InvoiceRow) -> Customer | None:
    """The customer of the row's name that the row is about: one whose phone or e-mail it has, else,
    if it has no external id, the only one of that name. Of several it is nobody's for certain, so
    only one who cannot be contacted, lest the wrong person is.
    """
    possible = [one for one in candidates if _is_same(one, row)]
    certain = [one for one in possible if _shared_details_agree(one, row)]
    if not certain and not row.external_id:
        if len({(one.email, one.phone) for one in candidates}) == 1:
            certain = possible
        elif not (row.email or row.phone):
            certain = [one for one in possible if not (one.email or one.phone)]
    return certain[0] if certain else None


def _is_stranger(customer: Customer, row: InvoiceRow) -> bool:
    """Whether the row has the customer's external id, but another name and other contact details:
    spreadsheets round long ids, and programs write 0 or N/A for none.
    """
    contact = _contact_details_agree(customer, row)
    return bool(contact) and not any(contact) and not may_be_one(customer.name, row.customer)


def _is_same(customer: Customer, row: InvoiceRow) -> bool:
    return all(_shared_details_agree(customer, row))


def is_anothers(customer: Customer, row: InvoiceRow | Passed) -> bool:
    """Whether the row belongs to another customer. If both have an e-mail, phone or external id to
    compare, the name and all of these must differ; otherwise the names must be ones that cannot
    mean the same customer. A different spelling of the name alone proves nothing.
    """
    if agree := _shared_details_agree(customer, row):
        return customer.name.casefold() != row.customer.casefold() and not any(agree)
    return not may_be_one(customer.name, row.customer)


def _shared_details_agree(customer: Customer, row: InvoiceRow | Passed) -> list[bool]:
    """For each of e-mail, phone and external id that both have, whether the two agree."""
    both = bool(customer.external_id and row.external_id)
    same_id = [customer.external_id == row.external_id] if both else []
    return _contact_details_agree(customer, row) + same_id


def _contact_details_agree(customer: Customer, row: InvoiceRow | Passed) -> list[bool]:
    pairs = ((customer.email, row.email), (customer.phone, row.phone))
    return [ours == theirs for ours, theirs in pairs if ours and theirs]


def _fill_in(customer: Customer, row: InvoiceRow, now: datetime, is_new: bool) -> None:
    missing = {
        name: value
        for name, value in (
            ("email", row.email),
            ("phone", row.phone),
            ("external_id", row.external_id),
        )
        if value and getattr(customer, name) is None
    }
    for name, value in missing.items():
        setattr(customer, name, value)
        if not is_new:  # another request may have filled it in since we read the row
            still_missing = (Customer.id == customer.id) & getattr(Customer, name).is_null()
            Customer.update({name: value, "updated_at": now}).where(still_missing).execute()


def _record_consents(
    planned: Sequence[Planned], customers: dict[str, Customer], actor: str, now: datetime
) -> None:
    for one in planned:
        consent, phone = one.row.consent, one.row.phone
        if consent is None or phone is None:
            continue
        customer = one.invoice.customer if one.invoice is not None else customers[one.row.number]
        same = (
            (Consent.customer == customer.id)
            & (Consent.phone == phone)
            & (Consent.given_at == consent.given_at)
        )
        if customer.phone == phone and not Consent.select().where(same).exists():
            words = {
                "source": consent.source,
                "text": consent.text,
                "text_version": IMPORTED,
                "recorded_by": actor,
            }
            Consent.record(customer, phone, ["sms"], consent.given_at, now, **words)
