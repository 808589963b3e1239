"""Consents and opt-outs by customer."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import falcon
from pydantic import Field

from models.accounts.audit_entry import AuditEntry
from models.base import serialize_on, transaction
from models.contact.account_sender import sender_of
from models.contact.consent import Consent
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.invoices.customer import Customer
from rules.phones import ACCEPTED, BadPhone, read_phone
from runtime.clock import business_now, real_now, rfc3339
from web.contact.answers import ConsentShown, OptOutShown
from web.contact.contact_shapes import show_consent, show_opt_out
from web.http.auth import caller_of
from web.http.body import Body, check
from web.http.fields import Moment, Name, Phone
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.invoices.customers import find_customer
from web.openapi.openapi import documented

Channels = Annotated[list[Literal["sms", "voice"]], Field(min_length=1, max_length=2)]
CLOCKS_DIFFER = timedelta(minutes=5)


def _every_channel() -> list[Literal["sms", "voice"]]:
    return ["sms", "voice"]


class NewConsent(Body):
    """A consent: over which channels, from which source, in which words. For the customer's number
    unless `phone` names another.

    A consent alone never ends an opt-out. With `endsOptOut` it does, for its channels, if it was
    given later: the person changed their mind. An opt-out by text is ended only by the person's own
    START.
    """

    channels: Channels
    source: Name
    text: Annotated[str, Field(min_length=1, max_length=5000)]
    text_version: Name
    given_at: Moment
    phone: Phone | None = None
    ends_opt_out: bool = False


class NewOptOut(Body):
    """An opt-out; from every channel unless some are named."""

    channels: Channels = Field(default_factory=_every_channel)
    words: Annotated[str, Field(max_length=1000)] = ""
    source: Name
    phone: Phone | None = None


def _phone(customer: Customer, named: str | None) -> str:
    if not (named or customer.phone):
        raise Problem(
            "invalid",
            f"Customer {customer.id} has no phone number; give one in `phone`.",
            [{"field": "phone", "message": f"is missing; {ACCEPTED}; add one"}],
        )
    return str(named or customer.phone)


def _consented_phone(customer: Customer, named: str | None) -> str:
    """The number a consent is for. Raises Problem 422 also when the customer's own, kept before the
    rules for numbers, would be refused today: it may be a stranger's.
    """
    phone = _phone(customer, named)
    try:
        return read_phone(phone)
    except BadPhone as error:
        raise Problem(
            "invalid",
            f"The phone of customer {customer.id} {error}. Correct the customer's phone first.",
            [{"field": "phone", "message": str(error)}],
        ) from None


class CustomerConsents:
    """`/api/customers/{customer_id}/consents`"""

    @documented("Contact", {201: ConsentShown}, body=NewConsent)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, customer_id: str
    ) -> None:
        """Record a consent."""
        caller, wanted, now = caller_of(req), check(NewConsent, document), real_now()
        customer = find_customer(caller.own, customer_id)
        if wanted.given_at > max(now, business_now()) + CLOCKS_DIFFER:
            raise Problem(
                "invalid",
                "givenAt is in the future; a time up to now is accepted. Correct the time.",
                [{"field": "givenAt", "message": "is in the future; a time up to now is accepted"}],
            )
        actor, phone = caller.actor, _consented_phone(customer, wanted.phone)
        words = {
            "source": wanted.source,
            "text": wanted.text,
            "text_version": wanted.text_version,
            "recorded_by": actor,
        }
        consent = Consent.record(
            customer, phone, list(wanted.channels), wanted.given_at, now, **words
        )
        AuditEntry.record(
            actor,
            "consent.recorded",
            f"customer:{customer.id}",
            customer.account_id,
            consent_id=consent.id,
        )
        if wanted.ends_opt_out:
            _end_opt_outs(customer, consent)
        resp.status = falcon.HTTP_201
        resp.media = show_consent(consent)
        resp.set_header("Location", f"/api/customers/{customer.id}/contact-ledger")


def _end_opt_outs(customer: Customer, consent: Consent) -> None:
    """End opt-outs from the channels of a consent. Raises Problem 422 when it cannot."""
    serialize_on(person_key(consent.phone))
    senders = tuple(sender_of(customer.account_id).values())
    said = {
        channel: OptOut.latest(customer.account_id, senders, consent.phone, channel)
        for channel in consent.channels
    }
    stops = {
        channel: row for channel, row in said.items() if row is not None and row.wish == "stop"
    }
    for channel, stop in stops.items():
        if consent.given_at <= stop.at:
            detail = (
                f"The person opted out of {channel} at {rfc3339(stop.at)}, after this consent was"
                " given; only a later consent can end that."
            )
            raise Problem(
                "invalid",
                detail,
                [{"field": "givenAt", "message": "is before the opt-out; a later one is accepted"}],
            )
        if channel == "sms" and stop.is_known_to_carrier:
            detail = (
                "The person opted out by text, and Twilio enforces that too: only they can allow"
                " texts again, by texting START."
            )
            raise Problem(
                "invalid",
                detail,
                [
                    {
                        "field": "endsOptOut",
                        "message": "ends no opt-out by text; only the person's START ends it",
                    }
                ],
            )
    if stops:
        about = {
            "source": f"consent: {consent.source}",
            "reference": consent.id,
            "recorded_by": consent.recorded_by,
        }
        statement = OptOut.record(
            customer.account_id, consent.phone, "start", sorted(stops), **about
        )
        AuditEntry.record(
            consent.recorded_by,
            "opt_out.ended",
            f"customer:{customer.id}",
            customer.account_id,
            opt_out_id=statement.id,
            consent_id=consent.id,
        )


class CustomerOptOuts:
    """`/api/customers/{customer_id}/opt-outs`"""

    @documented("Contact", {201: OptOutShown}, body=NewOptOut)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, customer_id: str
    ) -> None:
        """Keep a wish to stop: from this commit on nothing is sent to this person."""
        caller, wanted = caller_of(req), check(NewOptOut, document)
        customer, actor = find_customer(caller.own, customer_id), caller.actor
        said = {"words": wanted.words, "source": wanted.source, "recorded_by": actor}
        statement = OptOut.record(
            customer.account_id,
            _phone(customer, wanted.phone),
            "stop",
            list(wanted.channels),
            **said,
        )
        AuditEntry.record(
            actor,
            "opt_out.recorded",
            f"customer:{customer.id}",
            customer.account_id,
            opt_out_id=statement.id,
        )
        resp.status = falcon.HTTP_201
        resp.media = show_opt_out(statement)
        resp.set_header("Location", f"/api/customers/{customer.id}/contact-ledger")


class CustomerSuppression:
    """`/api/customers/{customer_id}/suppressions/{channel}`"""

    @documented("Contact", {204: None})
    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, customer_id: str, channel: str
    ) -> None:
        """Allow a suppressed number again, because a person knows better than the carrier."""
        caller = caller_of(req)
        customer = find_customer(caller.own, customer_id)
        if channel not in CHANNELS:
            raise Problem("not_found", f"There is no channel {channel[:20]}.")
        with transaction():
            if PhoneSuppression.lift(customer.account_id, customer.phone or "", channel):
                AuditEntry.record(
                    caller.actor,
                    "suppression.lifted",
                    f"customer:{customer.id}",
                    customer.account_id,
                    channel=channel,
                )
        resp.status = falcon.HTTP_204
