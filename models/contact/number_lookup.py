"""Lookups of whether a number has changed hands since its owner consented, with their answers.

They are kept as long as consents, because they prove that we checked.
"""

from datetime import datetime
from typing import Self

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.invoices.customer import Customer
from runtime.ids import new_id


class NumberLookup(Row):
    """A lookup of a number.

    `since` is the date of the consent in the account's time zone. `answer` is Twilio's word or
    error code (see `rules/contact/number_lookups.py`), empty until it arrives at `answered_at`,
    business time.
    """

    account_id: str
    customer_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, index=False, on_delete="CASCADE")
    customer = ForeignKey(Customer, on_delete="CASCADE")
    phone = TextField()
    since = TextField()
    answer = TextField(default="")
    created_at = Instant()
    answered_at = Instant(null=True)

    class Meta:
        indexes = ((("account", "phone", "since"), False), (("answered_at",), False))

    @classmethod
    def request(cls, customer: Customer, phone: str, since: str, now: datetime) -> Self:
        """The unanswered lookup of the number, or a new one.

        The caller holds the lock on the number, so there are never two.
        """
        known = cls.one(
            "account_id = ? AND phone = ? AND since = ? AND answer = ''",
            customer.account_id,
            phone,
            since,
        )
        if known is not None:
            return known
        row: Self = cls.create(
            id=new_id("nlk"),
            account=customer.account_id,
            customer=customer.id,
            phone=phone,
            since=since,
            created_at=now,
        )
        return row

    @classmethod
    def newest(cls) -> Self | None:
        """The lookup answered last, of any account, or None."""
        return cls.one("answered_at IS NOT NULL ORDER BY answered_at DESC LIMIT 1")

    def record_answer(self, answer: str, now: datetime) -> bool:
        """Record Twilio's answer. Returns False if it was recorded before."""
        return self._write(only_if="answer = ''", answer=answer, answered_at=now)
