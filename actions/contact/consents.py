"""Consents and opt-outs that the clinic records, and suppressions that it lifts."""

from datetime import datetime, timedelta

from actions.contact.opt_out.end_opt_outs import end_opt_outs
from models.accounts.audit_entry import AuditEntry
from models.contact.consent import Consent
from models.contact.contact_course import ContactCourse
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.invoices.customer import Customer
from models.transactions import serialize_on, transaction
from rules.contact.phones import ACCEPTED, BadPhone, read_phone
from runtime.clock import business_now, real_now
from runtime.errors import Refused

CLOCKS_DIFFER = timedelta(minutes=5)


def record_consent(
    customer: Customer,
    phone: str | None,
    channels: list[str],
    given_at: datetime,
    actor: str,
    ends_opt_out: bool = False,
    written: bool = False,
    **words: str,
) -> Consent:
    """Record a consent for the customer's number, or for `phone`; `words`: source, text,
    text_version. With `ends_opt_out` it ends earlier opt-outs from its channels.

    Raises Refused `invalid`: no number, a time in the future, an opt-out it cannot end.
    """
    now = real_now()
    if given_at > max(now, business_now()) + CLOCKS_DIFFER:
        raise Refused(
            "invalid",
            "givenAt is in the future; a time up to now is accepted. Correct the time.",
            [{"field": "givenAt", "message": "is in the future; a time up to now is accepted"}],
        )
    with transaction():
        consent = Consent.record(
            customer,
            _usable_number(customer, phone),
            channels,
            given_at,
            now,
            recorded_by=actor,
            written=written,
            **words,
        )
        _audit(customer, actor, "consent.recorded", consent_id=consent.id)
        if ends_opt_out:
            end_opt_outs(customer, consent)
        ContactCourse.recheck_customer(customer.id)
    return consent


def record_opt_out(
    customer: Customer, phone: str | None, channels: list[str], actor: str, **words: str
) -> OptOut:
    """Record an opt-out from these channels, at `phone` or else at each of the customer's numbers,
    also those that only a consent names: nothing is sent to them from this commit on. `words`:
    words, source. Returns the opt-out for `phone`, or for the number they are contacted at. Raises
    Refused `invalid` without a number.
    """
    named = {phone} if phone else {number for _, number in Consent.numbers_of([customer])}
    numbers = sorted(named) or [_number(customer, None)]  # sorted: the order of locks
    with transaction():
        serialize_on(*map(person_key, numbers))  # all numbers first, then the courses
        opt_outs = {
            number: OptOut.record(
                customer.account_id, number, "stop", channels, recorded_by=actor, **words
            )
            for number in numbers
        }
        for statement in opt_outs.values():
            _audit(customer, actor, "opt_out.recorded", opt_out_id=statement.id)
        ContactCourse.recheck_customer(customer.id)
    return opt_outs[phone or customer.preferred_phone or numbers[0]]


def lift_suppression(customer: Customer, channel: str, actor: str) -> None:
    """Allow contact at the customer's number again, because staff know better than the carrier.
    Raises Refused `not_found` for an unknown channel.
    """
    if channel not in CHANNELS:
        raise Refused("not_found", f"There is no channel {channel[:20]}.")
    with transaction():
        if PhoneSuppression.lift(customer.account_id, customer.preferred_phone, channel):
            _audit(customer, actor, "suppression.lifted", channel=channel)
            ContactCourse.recheck_phone(customer.account_id, customer.preferred_phone)


def _number(customer: Customer, named: str | None) -> str:
    number = named or customer.phone
    if not number:
        raise Refused(
            "invalid",
            f"Customer {customer.id} has no phone number; give one in `phone`.",
            [{"field": "phone", "message": f"is missing; {ACCEPTED}; add one"}],
        )
    return number


def _usable_number(customer: Customer, named: str | None) -> str:
    """The number of a consent. Raises Refused, also if the customer's own number, stored before the
    rules for numbers, would be refused today: it might be a stranger's.
    """
    number = _number(customer, named)
    try:
        return read_phone(number)
    except BadPhone as error:
        raise Refused(
            "invalid",
            f"The phone of customer {customer.id} {error}. Correct the customer's phone first.",
            [{"field": "phone", "message": str(error)}],
        ) from None


def _audit(customer: Customer, actor: str, action: str, **detail: str) -> None:
    AuditEntry.record(actor, action, f"customer:{customer.id}", customer.account_id, **detail)
