"""Holds on customers, and their requests about how they are contacted."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from models.accounts.audit_entry import AuditEntry
from models.contact.contact_course import ContactCourse
from models.contact.hold import Hold, customer_key
from models.invoices.customer import Customer
from models.transactions import serialize_on, transaction
from runtime.clock import business_now, real_now
from runtime.errors import Refused


def place_hold(
    customer: Customer, kind: str, note: str, until: datetime | date | None, actor: str
) -> Hold:
    """Put a hold on the customer until a moment, through a day in the account's time zone, or until
    it is lifted. Raises Refused `invalid` if that is in the past.
    """
    end = _end(customer, until)
    if end is not None and end <= business_now():
        raise Refused(
            "invalid",
            "until is in the past; a future day or time is accepted. Correct it, or leave it out.",
            [{"field": "until", "message": "is in the past; a future day or time is accepted"}],
        )
    with transaction():
        return hold_until(customer, kind, note, end, actor)


def hold_at_once(customer: Customer, kind: str, note: str, actor: str, **about: Any) -> None:
    """Put a hold on the customer until staff lift it, in the open transaction, unless they have one
    of that kind. `about` is added to the audit entry.
    """
    serialize_on(customer_key(customer.id))
    where = "customer_id = ? AND kind = ? AND lifted_at IS NULL AND until IS NULL"
    if Hold.has(where, customer.id, kind):
        return
    hold_until(customer, kind, note, None, actor, **about)


def hold_until(
    customer: Customer, kind: str, note: str, until: datetime | None, actor: str, **about: Any
) -> Hold:
    """Put a hold on the customer until a moment, or until it is lifted, in the open transaction."""
    hold = Hold.place(customer, kind, note, until, actor, real_now())
    _audit(customer, actor, "hold.placed", hold_id=hold.id, kind=kind, **about)
    return hold


def lift_hold(customer: Customer, hold_id: str, actor: str) -> None:
    """Lift the hold; repeating it changes nothing. Raises Refused `not_found`."""
    with transaction():
        hold = Hold.locked_or_none(hold_id)
        if hold is None or hold.customer_id != customer.id:
            raise Refused("not_found", f"There is no hold {hold_id[:40]}.")
        lift(customer, hold, actor)


def lift(customer: Customer, hold: Hold, actor: str) -> None:
    """Lift a hold of the customer's in the open transaction, unless it was lifted before."""
    if hold.record_lifted(actor, real_now()):
        _audit(customer, actor, "hold.lifted", hold_id=hold.id, kind=hold.kind)
        ContactCourse.recheck_customer(customer.id)


def record_contact_request(customer: Customer, asked: dict[str, str] | None, actor: str) -> None:
    """Audit, in the open transaction, that the customer requested another channel or number, or no
    longer does. The entry says which of the two, without the number.
    """
    _audit(customer, actor, "contact_request.changed", asked_for=sorted(asked or {}))


def _end(customer: Customer, until: datetime | date | None) -> datetime | None:
    """The moment in UTC at which a hold ends; a date counts as the whole day."""
    if until is None:
        return None
    zone = ZoneInfo(customer.account.time_zone)
    if not isinstance(until, datetime):
        until = datetime.combine(until + timedelta(days=1), time())
    return (until if until.tzinfo is not None else until.replace(tzinfo=zone)).astimezone(UTC)


def _audit(customer: Customer, actor: str, action: str, **detail: Any) -> None:
    AuditEntry.record(actor, action, f"customer:{customer.id}", customer.account_id, **detail)
