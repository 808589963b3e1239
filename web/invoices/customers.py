"""Customers of an account."""

from typing import Annotated, Any

import falcon
from pydantic import Field

from actions.payments.bind_stripe_customer import BINDING_PROBLEMS, claim, vouched_for
from models.accounts.account import Account
from models.base import transaction
from models.contact.consent import Consent
from models.invoices.customer import Customer
from runtime.clock import real_now
from runtime.ids import new_id
from web.http.auth import caller_of
from web.http.body import Body, check, read_json
from web.http.fields import Email, Language, Name, Phone, TimeZone, Words
from web.http.idempotency import idempotent
from web.http.lists import page
from web.http.problems import Problem
from web.invoices.answers import CustomerList, CustomerShown
from web.invoices.shapes import show_customer
from web.openapi.openapi import PageQuery, documented


class Address(Body):
    """A postal address; its state and postal code help determine a person's time zone."""

    line1: Words | None = None
    city: Words | None = None
    state: Words | None = None
    postal_code: Words | None = None
    country: Words | None = None


# an empty one would be somebody's, and then nobody else's
ExternalId = Annotated[str, Field(min_length=1, max_length=200)]


class NewCustomer(Body):
    """Who pays."""

    name: Name
    phone: Phone | None = None
    email: Email | None = None
    address: Address | None = None
    time_zone: TimeZone | None = None
    language: Language = "en"
    external_id: ExternalId | None = None
    stripe_customer_id: str | None = Field(default=None, pattern=r"^cus_\w{1,64}$")


class CustomerChange(NewCustomer):
    """The fields that may change; omitted ones stay."""

    name: Name = ""


def find_customer(account: Account, customer_id: str) -> Customer:
    """The account's own customer. Raises Problem 404."""
    customer = Customer.get_or_none((Customer.id == customer_id) & (Customer.account == account))
    if customer is None:
        raise Problem("not_found", f"There is no customer {customer_id[:40]}.")
    return customer


def _check_free(account: Account, external_id: str | None, customer_id: str = "") -> None:
    """Raises Problem 409 when a customer other than `customer_id` has this external id."""
    if external_id is None:
        return
    same = (
        (Customer.account == account)
        & (Customer.external_id == external_id)
        & (Customer.id != customer_id)
    )
    if Customer.select().where(same).exists():
        raise Problem("already_exists", f"There is a customer with externalId {external_id}.")


def _values(wanted: NewCustomer, names: set[str]) -> dict[str, Any]:
    values = wanted.model_dump(include=names)
    if values.get("address"):
        values["address"] = (
            wanted.address.model_dump(by_alias=True, exclude_none=True) if wanted.address else None
        )
    return values


class Customers:
    """`/api/customers`"""

    def prepare(self, req: falcon.Request, document: Any) -> None:
        """Look a Stripe customer up before anything is written."""
        bound = check(NewCustomer, document).stripe_customer_id
        req.context.vouched = (
            vouched_for(caller_of(req).own, caller_of(req).operator, bound) if bound else False
        )

    @documented("Customers", {201: CustomerShown}, body=NewCustomer, problems=BINDING_PROBLEMS)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> None:
        """Create a customer; the same `externalId` twice is 409. A `stripeCustomerId` is looked up
        at Stripe, and must be the account's own.
        """
        account, wanted, now = caller_of(req).own, check(NewCustomer, document), real_now()
        _check_free(account, wanted.external_id)
        if wanted.stripe_customer_id:
            claim(account, wanted.stripe_customer_id)
        values = _values(wanted, set(NewCustomer.model_fields)) | {
            "stripe_vouched": req.context.vouched
        }
        customer = Customer.create(
            id=new_id("cu"), account=account, created_at=now, updated_at=now, **values
        )
        resp.status = falcon.HTTP_201
        resp.media = show_customer(customer)
        resp.set_header("Location", f"/api/customers/{customer.id}")

    @documented("Customers", {200: CustomerList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's customers, newest first."""
        rows = Customer.select().where(Customer.account == caller_of(req).own)
        resp.media = page(req, rows, show_customer, rows)


class OneCustomer:
    """`/api/customers/{customer_id}`"""

    @documented("Customers", {200: CustomerShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, customer_id: str) -> None:
        """One customer."""
        resp.media = show_customer(find_customer(caller_of(req).own, customer_id))

    @documented("Customers", {200: CustomerShown}, body=CustomerChange, problems=BINDING_PROBLEMS)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, customer_id: str) -> None:
        """Change the fields in the body. A `stripeCustomerId` is looked up at Stripe, and must be
        the account's own.
        """
        customer, wanted = (
            find_customer(caller_of(req).own, customer_id),
            check(CustomerChange, read_json(req)),
        )
        values = _values(wanted, wanted.model_fields_set)
        if "name" in values and not values["name"]:
            raise Problem(
                "invalid",
                "name is empty; a customer has a name. Send one, or leave the field out.",
                [{"field": "name", "message": "is empty; 1 to 200 characters are accepted"}],
            )
        bound: str | None = values.get("stripe_customer_id")
        if "stripe_customer_id" in values:
            values["stripe_vouched"] = (
                vouched_for(caller_of(req).own, caller_of(req).operator, bound, customer)
                if bound
                else False
            )
        with transaction():
            _check_free(customer.account, values.get("external_id"), customer.id)
            if bound:
                claim(customer.account, bound)
            Customer.update(**values, updated_at=real_now()).where(
                Customer.id == customer.id
            ).execute()
            if customer.phone and values.get("phone", customer.phone) != customer.phone:
                Consent.void(
                    customer.id, customer.phone, "the customer's number was changed", real_now()
                )
        resp.media = show_customer(find_customer(caller_of(req).own, customer_id))
