"""Apply a customer's opt-outs to the number that they get next: a person opts out, not a number."""

from collections.abc import Collection

from models.contact.account_sender import sender_of
from models.contact.consent import Consent
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.invoices.customer import Customer
from models.transactions import serialize_on

SOURCE = "number_changed"
WRONG = "wrong_number"  # what a stranger said there is not the customer's wish


def lock_numbers_of(customer: Customer, phone: str | None) -> set[str]:
    """Lock the numbers that a locked customer has or ever consented for, and the new one, before
    the change is written. Returns the numbers but the new one.
    """
    consents = Consent.all("customer_id = ?", customer.id)
    numbers = {customer.phone or "", phone or "", *(row.phone for row in consents)} - {""}
    serialize_on(*map(person_key, sorted(numbers)))
    return numbers - {phone}


def carry_opt_outs(customer: Customer, numbers: Collection[str], phone: str, actor: str) -> None:
    """Record the opt-outs in force for the customer's new number, as of when they were made, in the
    open transaction: what the person said last at any of these numbers counts.
    """
    senders = tuple(sender_of(customer.account_id).values())
    theirs = [
        number
        for number in numbers
        if not PhoneSuppression.has(
            "account_id = ? AND phone = ? AND code = ?", customer.account_id, number, WRONG
        )
    ]
    stops = {}
    for channel in CHANNELS:
        said = [OptOut.latest(customer.account_id, senders, each, channel) for each in theirs]
        last = max((row for row in said if row is not None), key=lambda row: row.at, default=None)
        if last is not None and last.wish == "stop":
            stops[channel] = last
    if stops:
        OptOut.record(
            customer.account_id,
            phone,
            "stop",
            sorted(stops),
            source=SOURCE,
            recorded_by=actor,
            at=max(said.at for said in stops.values()),
        )
