"""Holds on a customer: reasons not to contact them."""

from typing import Annotated, Any, Literal

import falcon
from pydantic import Field

from actions.contact.holds import lift_hold, place_hold
from actions.invoices.customers import find_customer
from models.contact.hold import Hold
from web.contact.responses import HoldList, HoldShown
from web.http.body import Body, check
from web.http.fields import DayOrMoment
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import page
from web.openapi.openapi import PageQuery, documented


class NewHold(Body):
    """Why the customer is not contacted: `ppdr` (a dispute under the No Surprises Act), `dispute`
    (they say that the bill is wrong), `insurance` (an appeal to their insurer), `attorney`,
    `bankruptcy`, `deceased`, `hardship`, `later` (they asked to be contacted another time) or
    `other`. `until` is a time or the last day; without it, the hold lasts until it is removed. The
    note is for staff; leave health out of it.
    """

    kind: Literal[
        "ppdr",
        "dispute",
        "insurance",
        "attorney",
        "bankruptcy",
        "deceased",
        "hardship",
        "later",
        "other",
    ]
    until: DayOrMoment | None = None
    note: Annotated[str, Field(max_length=2000)] = ""


class CustomerHolds:
    """`/api/customers/{customer_id}/holds`"""

    @documented("Contact", {201: HoldShown}, body=NewHold)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, customer_id: str
    ) -> None:
        """Place a hold: from this commit on nobody contacts this person."""
        caller, wanted = caller_of(req), check(NewHold, document)
        customer = find_customer(caller.own, customer_id)
        hold = place_hold(customer, actor=caller.actor, **wanted.model_dump())
        resp.status = falcon.HTTP_201
        resp.media = HoldShown.show(hold)
        resp.set_header("Location", f"/api/customers/{customer.id}/holds")

    @documented("Contact", {200: HoldList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, customer_id: str) -> None:
        """The customer's holds, newest first, ended ones included."""
        customer = find_customer(caller_of(req).own, customer_id)
        rows = Hold.select().where(Hold.customer == customer.id)
        resp.media = page(req, rows, HoldShown.show, rows)


class OneHold:
    """`/api/customers/{customer_id}/holds/{hold_id}`"""

    @documented("Contact", {204: None})
    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, customer_id: str, hold_id: str
    ) -> None:
        """Lift a hold; the record of it stays."""
        caller = caller_of(req)
        lift_hold(find_customer(caller.own, customer_id), hold_id, caller.actor)
        resp.status = falcon.HTTP_204
