"""A customer asks to be contacted at another time: no contact before then, but staff may answer."""

from datetime import datetime, timedelta
from typing import Any

from actions.contact.holds import hold_until
from models.base import to_micros
from models.contact.hold import Hold, customer_key
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.contact.person_time_zones import zones_of
from rules.contact.time_requests.times import asks_for_call_now, requested_from
from runtime.clock import business_now

LATER = "later"  # the kind of hold
BY_TEXT = "inbound_sms"  # the actor that records a request made by text
NOTE = "The person asks to be contacted another time."
WORK_WITHIN = timedelta(days=366)  # however long the hold, staff follow up by then
A_MOMENT = timedelta(minutes=1)  # tolerance, so that "in two hours" said twice is one time


def postpone_contact(
    customer: Customer, words: str, phone: str, actor: str, **about: Any
) -> datetime | None:
    """Put a hold on the customer until the time named in `words`, in every time zone where the
    owner of `phone` might be, in the open transaction. Returns when staff should follow up, in
    business time, from now to a year ahead, or None if `words` name no time.

    Words never end a hold, because they are easily misread, and it is not always known who wrote or
    spoke: the latest of several times counts, until staff, who follow up at the time named last,
    end it.
    """
    begins = requested_time(words, phone or customer.preferred_phone, customer)
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
    return now if asks_for_call_now(words) else min(begins, now + WORK_WITHIN)


def requested_time(words: str, phone: str, customer: Customer | None = None) -> datetime | None:
    """The moment named in `words` from which the owner of `phone` wants contact, read as in
    `postpone_contact`.
    """
    zones: tuple[str, ...] = ()
    if customer is None:
        zones = zones_of(phone, None, None)
    else:
        zones = zones_of(phone, customer.address, customer.time_zone) or (
            customer.account.time_zone,
        )
    return requested_from(words, business_now(), zones)
