"""Billing details in the shape of Stripe's form: what the client sent, else what we know about the
customer.

They are not stored here: they prefill Stripe's form, and Stripe keeps what it charges with.
"""

from typing import Annotated, Any

from pydantic import Field

from models.invoices.customer import Customer
from web.http.body import Body
from web.http.fields import Email, Name, Phone
from web.http.responses import Shown

Line = Annotated[str, Field(max_length=200)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166, such as US.")]
ISO_LENGTH = 2
PARTS = {
    "line1": "line1",
    "line2": "line2",
    "city": "city",
    "state": "state",
    "postalCode": "postal_code",
    "country": "country",
}


class BillingAddress(Body):
    """Billing address."""

    line1: Line | None = None
    line2: Line | None = None
    city: Line | None = None
    state: Line | None = None
    postal_code: Annotated[str, Field(max_length=20)] | None = None
    country: Country | None = None


class BillingDetails(Body):
    """Billing contact; all fields optional."""

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    address: BillingAddress | None = None


class StripeAddressShown(Shown):
    """An address as Stripe writes it."""

    line1: str | None
    line2: str | None
    city: str | None
    state: str | None
    postal_code: str | None = Field(alias="postal_code")
    country: str | None


class StripeBillingShown(Shown):
    """Billing details in Stripe's format: as given, else as known about the customer."""

    name: str | None
    email: str | None
    phone: str | None
    address: StripeAddressShown


def stripe_billing(customer: Customer, given: BillingDetails | None = None) -> dict[str, Any]:
    """`given` over what is known of `customer`, as Stripe's `billing_details`. The address is
    entirely one or the other, never a mixture.
    """
    known, details = customer.address or {}, given or BillingDetails()
    address = details.address.model_dump(by_alias=True) if details.address else known
    country = (address.get("country") or "").upper()
    # Stripe's form accepts two-letter codes only
    address = address | {"country": country if len(country) == ISO_LENGTH else None}
    return {
        "name": details.name or customer.name,
        "email": details.email or customer.email,
        "phone": details.phone or customer.phone,
        "address": {stripes: address.get(ours) for ours, stripes in PARTS.items()},
    }
