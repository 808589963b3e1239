"""A person asks to be contacted another time: nobody contacts them before, but staff may answer."""

from datetime import datetime, timedelta
from typing import Any

from actions.contact.holds import hold_until
from models.base import to_micros
from models.contact.hold import Hold, customer_key
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.contact.asked.times import asked_from, asks_at_once
from rules.contact.person_time_zones import zones_of
from runtime.clock import business_now

LATER = "later"  # the kind of hold
BY_TEXT = "inbound_sms"  # who records what a person asks for
NOTE = "The person asks to be contacted another time."
WORK_WITHIN = timedelta(days=366)  # however long they are left alone, somebody looks by then
A_MOMENT = timedelta(minutes=1)  # "in two hours", said twice, is one time


def put_off(
    customer: Customer, words: str, phone: str, actor: str, **about: Any
) -> datetime | None:
    """Leave the customer alone until the time that they name in `words`, in every zone where they
    may be who write or speak at `phone`; in the open transaction. The moment, in business time, at
    which somebody has to see to it: it may be now, and is within a year; None where they name none.

    Words end no hold, for they are easily misread, and who writes or speaks is not always known: of
    several times the latest counts, until staff, who see to it at the time named last, end it.
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
    if begins > now and not any(
        hold.until is None or hold.until > begins - A_MOMENT for hold in known
    ):
        hold_until(customer, LATER, NOTE, begins, actor, **about)
    return now if asks_at_once(words) else min(begins, now + WORK_WITHIN)


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
