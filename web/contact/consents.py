"""Consents and opt-outs by customer."""

from typing import Annotated, Any, Literal

import falcon
from pydantic import Field

from actions.contact.consents import lift_suppression, record_consent, record_opt_out
from actions.invoices.customers import find_customer
from web.contact.responses import ConsentShown, OptOutShown
from web.http.body import Body, check
from web.http.fields import Moment, Name, Phone
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.openapi.openapi import documented

Channels = Annotated[list[Literal["sms", "voice"]], Field(min_length=1, max_length=2)]


def _every_channel() -> list[Literal["sms", "voice"]]:
    return ["sms", "voice"]


class NewConsent(Body):
    """A consent: over which channels, from which source, in which words. It is for the customer's
    number unless `phone` names another.

    A consent alone never ends an opt-out. With `endsOptOut` it does, for its channels, if it was
    given later: the customer changed their mind. An opt-out by text is ended only by the customer's
    own START. `written`: the customer signed it, which an offer requires.
    """

    channels: Channels
    source: Name
    text: Annotated[str, Field(min_length=1, max_length=5000)]
    text_version: Name
    given_at: Moment
    phone: Phone | None = None
    ends_opt_out: bool = False
    written: bool = False


class NewOptOut(Body):
    """An opt-out: from every channel unless some are named, and for all of the customer's numbers
    unless `phone` names one.
    """

    channels: Channels = Field(default_factory=_every_channel)
    words: Annotated[str, Field(max_length=1000)] = ""
    source: Name
    phone: Phone | None = None


class CustomerConsents:
    """`/api/customers/{customer_id}/consents`"""

    @documented("Contact", {201: ConsentShown}, body=NewConsent)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, customer_id: str
    ) -> None:
        """Record a consent."""
        caller, wanted = caller_of(req), check(NewConsent, document)
        customer = find_customer(caller.own, customer_id)
        consent = record_consent(customer, actor=caller.actor, **wanted.model_dump())
        resp.status = falcon.HTTP_201
        resp.media = ConsentShown.show(consent)
        resp.set_header("Location", f"/api/customers/{customer.id}/contact-ledger")


class CustomerOptOuts:
    """`/api/customers/{customer_id}/opt-outs`"""

    @documented("Contact", {201: OptOutShown}, body=NewOptOut)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, customer_id: str
    ) -> None:
        """Record an opt-out: from this commit on nothing is sent to this person."""
        caller, wanted = caller_of(req), check(NewOptOut, document)
        customer = find_customer(caller.own, customer_id)
        statement = record_opt_out(customer, actor=caller.actor, **wanted.model_dump())
        resp.status = falcon.HTTP_201
        resp.media = OptOutShown.show(statement)
        resp.set_header("Location", f"/api/customers/{customer.id}/contact-ledger")


class CustomerSuppression:
    """`/api/customers/{customer_id}/suppressions/{channel}`"""

    @documented("Contact", {204: None})
    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, customer_id: str, channel: str
    ) -> None:
        """Allow a suppressed number again, because a person knows better than the carrier."""
        caller = caller_of(req)
        lift_suppression(find_customer(caller.own, customer_id), channel, caller.actor)
        resp.status = falcon.HTTP_204
