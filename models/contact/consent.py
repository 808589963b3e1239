"""Consents: a person agreed, in these words, to be contacted at one number over these channels."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from peewee import SQL, BooleanField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.customer import Customer
from runtime.ids import new_id

IMPORTED = "import"  # the `text_version` of an imported consent


class Consent(Row):
    """A consent for one number. A revoked one is kept (for at least three years)."""

    account_id: str
    customer_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    customer = ForeignKey(Customer, on_delete="CASCADE")
    phone = TextField()
    channels = JSONField()
    source = TextField()
    text = TextField()
    text_version = TextField()
    written = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    given_at = Instant()
    revoked_at = Instant(null=True)
    revoked_why = TextField(null=True)
    recorded_by = TextField()
    created_at = Instant()

    class Meta:
        indexes = ((("account", "phone"), False), (("customer", "created_at"), False))

    @classmethod
    def record(
        cls,
        customer: Customer,
        phone: str,
        channels: list[str],
        given_at: datetime,
        now: datetime,
        **words: Any,
    ) -> "Consent":
        """Record a consent. `words`: source, text, text_version, recorded_by, and `written` if the
        person signed it.
        """
        values = {
            "account": customer.account_id,
            "customer": customer.id,
            "phone": phone,
            "channels": sorted(set(channels)),
        }
        row: Consent = cls.create(
            id=new_id("cns"), **values, given_at=given_at, created_at=now, **words
        )
        return row

    @classmethod
    def holds(cls, customer_id: str, phone: str, channel: str, now: datetime) -> bool:
        """Whether this person has an unrevoked consent to this channel for exactly this number."""
        rows = cls.all(
            "customer_id = ? AND phone = ? AND revoked_at IS NULL AND given_at <= ?",
            customer_id,
            phone,
            to_micros(now),
        )
        return any(channel in row.channels for row in rows)

    @classmethod
    def accounts_with(cls, channel: str) -> set[str]:
        """The accounts with at least one customer's consent to `channel`."""
        rows = cls.select(cls.account, cls.channels).where(cls.revoked_at.is_null()).distinct()
        return {row.account_id for row in rows if channel in row.channels}

    @classmethod
    def numbers_of(cls, customers: Collection[Customer]) -> set[tuple[str, str]]:
        """Pairs of account id and number: all numbers of these customers, on file, asked for, or
        named by an unrevoked consent.
        """
        found = {
            (one.account_id, number)
            for one in customers
            for number in (one.phone, one.preferred_phone)
            if number
        }
        marks = ", ".join("?" for _ in customers)
        consents = cls.all(
            f"customer_id IN ({marks or 'NULL'}) AND revoked_at IS NULL",
            *(one.id for one in customers),
        )
        return found | {(row.account_id, row.phone) for row in consents}

    @classmethod
    def people_at(cls, phone: str, account_ids: Collection[str]) -> list[Customer]:
        """The accounts' customers who have this number, asked to be contacted at it, or have an
        unrevoked consent for it, by id.
        """
        marks = ", ".join("?" for _ in account_ids)
        agreed = Customer.all(
            "id IN (SELECT customer_id FROM consent WHERE phone = ? AND revoked_at IS NULL"
            f" AND account_id IN ({marks or 'NULL'}))",
            phone,
            *sorted(account_ids),
        )
        people = {one.id: one for one in (*Customer.at_phone(phone, account_ids), *agreed)}
        return [people[each] for each in sorted(people)]

    @classmethod
    def void(cls, customer_id: str, phone: str, why: str, now: datetime) -> int:
        """Revoke all consents for a number that is no longer this customer's. Returns how many."""
        same = (cls.customer == customer_id) & (cls.phone == phone) & cls.revoked_at.is_null()
        return int(cls.update(revoked_at=now, revoked_why=why).where(same).execute())

    @classmethod
    def was_imported(cls, account_id: str, phone: str) -> bool:
        """Whether an unrevoked consent for a number was imported."""
        return bool(cls.select().where(cls._imported(account_id, phone)).exists())

    @classmethod
    def void_imported(cls, account_id: str, phone: str, why: str, now: datetime) -> int:
        """Revoke the imported consents for a number, and return how many."""
        return int(
            cls.update(revoked_at=now, revoked_why=why)
            .where(cls._imported(account_id, phone))
            .execute()
        )

    @classmethod
    def _imported(cls, account_id: str, phone: str) -> Any:
        return (
            (cls.account == account_id)
            & (cls.phone == phone)
            & (cls.text_version == IMPORTED)
            & cls.revoked_at.is_null()
        )
