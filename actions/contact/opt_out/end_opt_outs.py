"""End opt-outs by a later consent, except those that only the customer's own START can end."""

from models.accounts.audit_entry import AuditEntry
from models.contact.account_sender import sender_of
from models.contact.consent import Consent
from models.contact.opt_out import OptOut, person_key
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.contact.policy import WAYS
from runtime.clock import real_now, rfc3339
from runtime.errors import Refused


def end_opt_outs(customer: Customer, consent: Consent) -> None:
    """End the opt-outs from a consent's channels that were made before it was given, in the open
    transaction. The opt-in counts from that time, so that a later opt-out counts even if it is
    reported late. Raises Refused `invalid` for an opt-out that the consent cannot end.
    """
    serialize_on(person_key(consent.phone))
    senders = tuple(sender_of(customer.account_id).values())
    wishes = {
        channel: OptOut.latest(customer.account_id, senders, consent.phone, channel)
        for channel in consent.channels
    }
    stops = {channel: row for channel, row in wishes.items() if row and row.wish == "stop"}
    for channel, stop in stops.items():
        _check_is_later(consent, channel, stop)
    if "sms" in stops and OptOut.is_known_to_carrier(customer.account_id, senders, consent.phone):
        raise Refused(
            "invalid",
            "The person opted out by text, and Twilio enforces that too: only they can allow texts"
            " again, by texting START.",
            [
                {
                    "field": "endsOptOut",
                    "message": "ends no opt-out by text; only the person's START ends it",
                }
            ],
        )
    if not stops:
        return
    statement = OptOut.record(
        customer.account_id,
        consent.phone,
        "start",
        sorted(stops),
        source=f"consent: {consent.source}",
        reference=consent.id,
        recorded_by=consent.recorded_by,
        at=min(consent.given_at, real_now()),
    )
    AuditEntry.record(
        consent.recorded_by,
        "opt_out.ended",
        f"customer:{customer.id}",
        customer.account_id,
        opt_out_id=statement.id,
        consent_id=consent.id,
    )


def _check_is_later(consent: Consent, channel: str, stop: OptOut) -> None:
    if consent.given_at <= stop.at:
        raise Refused(
            "invalid",
            f"The person opted out of {WAYS[channel]} at {rfc3339(stop.at)}, after this consent was"
            " given; only a later consent can end that.",
            [{"field": "givenAt", "message": "is before the opt-out; a later one is accepted"}],
        )
