"""A person asks to be contacted another time: nobody contacts them before, but staff may answer."""

from datetime import datetime
from typing import Any

from actions.contact.holds import hold_until, lift
from models.base import to_micros
from models.contact.hold import Hold, customer_key
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.contact.asked_times import asked_from, asks_at_once
from rules.contact.person_time_zones import zones_of
from runtime.clock import business_now

LATER = "later"  # the kind of hold
BY_TEXT, BY_CALL = "inbound_sms", "call:"  # who records what a person asks for, or how they begin
NOTE = "The person asks to be contacted another time."


def put_off(
    customer: Customer, words: str, phone: str, actor: str, *, lifts: bool, **about: Any
) -> datetime | None:
    """Leave the customer alone until the time that they name in `words`, in every zone where they
    may be who write or speak at `phone`; in the open transaction. The moment, in business time, at
    which that is over, or now; None where they name none.

    With `lifts` it takes the place of what they asked for before, but of no hold of the clinic's
    own; without, the later one counts.
    """
    begins = time_asked(words, phone or customer.preferred_phone, customer)
    if begins is None:
        return None
    serialize_on(customer_key(customer.id))
    now = business_now()
    known = Hold.all(
        "customer_id = ? AND kind = ? AND lifted_at IS NULL AND (until IS NULL OR until > ?)",
        customer.id,
        LATER,
        to_micros(now),
    )
    kept = [hold for hold in known if not lifts or hold.until == begins or not _is_asked_for(hold)]
    for hold in known:
        if hold not in kept:
            lift(customer, hold, actor)
    if begins > now and not any(hold.until is None or hold.until >= begins for hold in kept):
        hold_until(customer, LATER, NOTE, begins, actor, **about)
    if asks_at_once(words):
        return now
    if lifts:
        return begins
    latest: datetime = max([begins, *(hold.until for hold in kept if hold.until is not None)])
    return latest


def _is_asked_for(hold: Hold) -> bool:
    """Whether the person has asked for it, by text or in a call: staff lift what staff placed."""
    return hold.recorded_by == BY_TEXT or hold.recorded_by.startswith(BY_CALL)


def time_asked(words: str, phone: str, customer: Customer | None = None) -> datetime | None:
    """The moment from which somebody at `phone` wants to be contacted, as `put_off` reads it."""
    zones: tuple[str, ...] = ()
    if customer is None:
        zones = zones_of(phone, None, None)
    else:
        zones = zones_of(phone, customer.address, customer.time_zone) or (
            customer.account.time_zone,
        )
    return asked_from(words, business_now(), zones)
