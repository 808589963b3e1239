"""A person or household who owes a clinic money."""

from collections.abc import Collection
from typing import Self

from peewee import SQL, BooleanField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row


class Customer(Row):
    """A customer. `phone` is E.164; `address` holds line1, city, state, postalCode, country.

    `contact_request`: the channel, the phone, or both, by which the person asked to be contacted,
    which overrides anything else (45 CFR 164.522(b)).

    `stripe_vouched`: an operator confirmed the Stripe customer; otherwise Stripe's metadata must
    name the account.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    name = TextField()
    phone = TextField(null=True)
    email = TextField(null=True)
    address = JSONField(null=True)
    time_zone = TextField(null=True)
    language = TextField(default="en")
    contact_request = JSONField(null=True)
    external_id = TextField(null=True)
    stripe_customer_id = TextField(null=True)
    stripe_vouched = BooleanField(default=False)
    created_at = Instant()
    updated_at = Instant()

    @property
    def preferred_phone(self) -> str:
        """The number to contact them at: the one they asked for, else their own, else ''."""
        return (self.contact_request or {}).get("phone") or self.phone or ""

    @classmethod
    def at_phone(cls, phone: str, account_ids: Collection[str]) -> list[Self]:
        """The accounts' customers who have this number, or asked to be contacted at it, by id."""
        among = sorted(account_ids)
        if not among:
            return []
        marks = ", ".join("?" for _ in among)
        found = cls.all(f"phone = ? AND account_id IN ({marks})", phone, *among)
        found += cls.all(
            f"account_id IN ({marks}) AND contact_request ->> 'phone' = ?",
            *among,
            phone,
        )
        return sorted({row.id: row for row in found}.values(), key=lambda row: row.id)

    class Meta:
        indexes = (
            (("account", "external_id"), True),
            (("account", "id"), False),
            (("account", "phone"), False),
            (("account", "name"), False),
        )


Customer.add_index(
    Customer.index(
        Customer.stripe_customer_id,
        where=SQL("stripe_customer_id IS NOT NULL"),
        name="customer_at_stripe",
    )
)
Customer.add_index(Customer.index(Customer.phone, name="customer_at_phone"))
Customer.add_index(
    SQL(
        'CREATE INDEX IF NOT EXISTS "customer_asked_for_phone" ON "customer"'
        " ((\"contact_request\" ->> 'phone'))"
    )
)
