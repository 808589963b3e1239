"""Opt-outs in an import, and denials of consents from earlier imports.

Recorded for the row's number, and for those that its customer has here, whatever happens to the
row's invoice. Importing a file twice changes nothing, with one exception: if a customer has opted
in again in the meantime, an opt-out without a date in the file counts as new.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from models.accounts.account import Account
from models.contact.consent import Consent
from models.contact.opt_out import OptOut, person_key
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import serialize_on
from rules.imports.customer_names import may_be_one
from rules.imports.invoice_csv import Refusal

SOURCE = "import"


@dataclass(frozen=True, slots=True)
class NewOptOut:
    """A customer's new refusals: channels to stop, and whether imported consents end."""

    phone: str
    stops: tuple[str, ...]
    at: datetime | None
    ends_consent: bool


def with_numbers_on_file(account: Account, refusals: Sequence[Refusal]) -> list[Refusal]:
    """The refusals whose number can be read, and the same for the numbers that the rows' customers,
    by invoice or external id, have here: they may have changed since, and a person opts out, not a
    number.
    """
    owners = _owners(account, refusals)
    return [
        *(one for one in refusals if one.phone),
        *(
            replace(one, phone=phone)
            for one in refusals
            for owner in (owners.get(("invoice", one.invoice)), owners.get(("id", one.external_id)))
            if owner is not None and may_be_one(owner.name, one.customer)
            for _, phone in sorted(Consent.numbers_of([owner]))
            if phone != one.phone
        ),
    ]


def _owners(account: Account, refusals: Sequence[Refusal]) -> dict[tuple[str, str], Customer]:
    """The customers by their invoices' numbers and by their external ids."""
    named = [one for one in refusals if one.customer]
    numbers = {one.invoice for one in named if one.invoice}
    own = (Invoice.account == account) & Invoice.number.in_(numbers)
    rows = Invoice.select(Invoice, Customer).join(Customer).where(own) if numbers else []
    ids = {one.external_id for one in named if one.external_id}
    known = (Customer.account == account) & Customer.external_id.in_(ids)
    people = Customer.select().where(known) if ids else []
    return {("invoice", row.number): row.customer for row in rows} | {
        ("id", one.external_id): one for one in people
    }


def new_opt_outs(account: Account, refusals: Iterable[Refusal]) -> list[NewOptOut]:
    """The new refusals in these rows, one per number and time. Nothing is written."""
    asked: dict[tuple[str, datetime | None], tuple[set[str], bool]] = {}
    for one in refusals:
        stops, denied = asked.get((one.phone, one.at), (set(), False))
        asked[one.phone, one.at] = (stops | set(one.stops), denied or one.no_consent)
    found = []
    for (phone, at), (stops, denied) in sorted(asked.items(), key=lambda item: item[0][0]):
        new = tuple(
            sorted(channel for channel in stops if not _is_known(account, phone, channel, at))
        )
        ends = denied and Consent.was_imported(account.id, phone)
        found += [NewOptOut(phone, new, at, ends)] if new or ends else []
    return found


def _is_known(account: Account, phone: str, channel: str, at: datetime | None) -> bool:
    # one that only a sender was told ends for the account when it gets another sender
    if OptOut.holds(account.id, (), phone, channel):
        return True
    same = (
        (OptOut.account_id == account.id)
        & (OptOut.phone == phone)
        & (OptOut.source == SOURCE)
        & (OptOut.at == at)
    )
    return at is not None and any(channel in row.channels for row in OptOut.select().where(same))


def lock_numbers(refusals: Iterable[Refusal]) -> None:
    """Lock these numbers, before anything else about their customers is written."""
    for phone in sorted({one.phone for one in refusals}):
        serialize_on(person_key(phone))


def import_opt_outs(account: Account, news: Iterable[NewOptOut], actor: str, now: datetime) -> None:
    """Record the refusals in the caller's transaction, which has locked their numbers, so that a
    decision about a customer commits before or after. An opt-out counts from the file's time, at
    the latest from `now`.
    """
    for one in news:
        if one.stops:
            when = {"at": min(one.at, now)} if one.at else {}
            OptOut.record(
                account.id, one.phone, "stop", one.stops, source=SOURCE, recorded_by=actor, **when
            )
        if one.ends_consent:
            Consent.void_imported(account.id, one.phone, "a later import says no", now)
