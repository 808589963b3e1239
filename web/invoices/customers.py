"""Customers of an account."""

from typing import Any

import falcon
from pydantic import Field

from actions.invoices.customers import change_customer, create_customer, find_customer
from actions.payments.bind_stripe_customer import is_vouched_for
from models.invoices.customer import Customer
from web.contact.responses import ChannelName
from web.http.body import Body, check, read_json
from web.http.fields import Email, ExternalId, Language, Name, Phone, TimeZone, Words
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import filter_of, page
from web.http.problems import Problem
from web.invoices.responses import CustomerList, CustomerShown
from web.openapi.openapi import PageQuery, documented

BINDING_PROBLEMS = ("already_exists", "stripe_customer_unknown", "provider_unavailable")


class Address(Body):
    """A postal address; its state and postal code help determine a person's time zone."""

    line1: Words | None = None
    city: Words | None = None
    state: Words | None = None
    postal_code: Words | None = None
    country: Words | None = None


class NewCustomer(Body):
    """A new customer."""

    name: Name
    phone: Phone | None = None
    email: Email | None = None
    address: Address | None = None
    time_zone: TimeZone | None = None
    language: Language = "en"
    external_id: ExternalId | None = None
    stripe_customer_id: str | None = Field(default=None, pattern=r"^cus_[0-9A-Za-z_]{1,64}$")


class WishedContact(Body):
    """The channel or the number, or both, by which the customer asked to be contacted. They need
    give no reason (45 CFR 164.522(b)); it overrides everyone else's choice.
    """

    channel: ChannelName | None = None
    phone: Phone | None = None


class CustomerChange(NewCustomer):
    """The fields that may change; omitted ones stay. A `contactRequest` of null ends it."""

    name: Name = ""
    contact_request: WishedContact | None = None


class CustomerQuery(PageQuery):
    """The filters of the list."""

    external_id: str | None = Field(default=None, alias="externalId")


def _values(wanted: NewCustomer, names: set[str]) -> dict[str, Any]:
    values = wanted.model_dump(include=names)
    if values.get("address"):
        values["address"] = (
            wanted.address.model_dump(by_alias=True, exclude_none=True) if wanted.address else None
        )
    if "contact_request" in values:
        wish = {name: one for name, one in (values["contact_request"] or {}).items() if one}
        values["contact_request"] = wish or None
    return values


class Customers:
    """`/api/customers`"""

    def prepare(self, req: falcon.Request, document: Any) -> None:
        """Look up a Stripe customer before anything is written."""
        bound = check(NewCustomer, document).stripe_customer_id
        caller = caller_of(req)
        req.context.vouched = (
            is_vouched_for(caller.own, bound, caller.rules_all) if bound else False
        )

    @documented("Customers", {201: CustomerShown}, body=NewCustomer, problems=BINDING_PROBLEMS)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> None:
        """Create a customer; the same `externalId` twice is 409.

        A `stripeCustomerId` is looked up at Stripe, and must be the account's own.
        """
        wanted = check(NewCustomer, document)
        values = _values(wanted, set(NewCustomer.model_fields))
        customer = create_customer(caller_of(req).own, values, req.context.vouched)
        resp.status = falcon.HTTP_201
        resp.media = CustomerShown.show(customer)
        resp.set_header("Location", f"/api/customers/{customer.id}")

    @documented("Customers", {200: CustomerList}, query=CustomerQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's customers, newest first, or the one with the given `externalId`."""
        rows = unfiltered = Customer.select().where(Customer.account == caller_of(req).own)
        if external_id := filter_of(req, "externalId"):
            rows = rows.where(Customer.external_id == external_id)
        resp.media = page(req, rows, CustomerShown.show, unfiltered)


class OneCustomer:
    """`/api/customers/{customer_id}`"""

    @documented("Customers", {200: CustomerShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, customer_id: str) -> None:
        """One customer."""
        resp.media = CustomerShown.show(find_customer(caller_of(req).own, customer_id))

    @documented("Customers", {200: CustomerShown}, body=CustomerChange, problems=BINDING_PROBLEMS)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, customer_id: str) -> None:
        """Change the fields in the body.

        A `stripeCustomerId` is looked up at Stripe, and must be the account's own.
        """
        caller, wanted = caller_of(req), check(CustomerChange, read_json(req))
        customer = find_customer(caller.own, customer_id)
        values = _values(wanted, wanted.model_fields_set)
        if "name" in values and not values["name"]:
            raise Problem(
                "invalid",
                "name is empty; a customer has a name. Send one, or leave the field out.",
                [{"field": "name", "message": "is empty; 1 to 200 characters are accepted"}],
            )
        bound: str | None = values.get("stripe_customer_id")
        vouched = is_vouched_for(caller.own, bound, caller.rules_all, customer) if bound else False
        resp.media = CustomerShown.show(change_customer(customer, values, vouched, caller.actor))
