"""Look-ups of whether a number has changed hands since its person consented, each with its answer:
they are kept as long as consents, for they prove that somebody asked.
"""

from datetime import datetime
from typing import Self

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.invoices.customer import Customer
from runtime.ids import new_id


class NumberLookup(Row):
    """One look-up of a number. `since`: the date of the consent, on the account's calendar.
    `answer`: Twilio's word or the code of its error, see `rules/contact/number_lookups.py`; empty
    until it has answered, at `answered_at` in business time.
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
    def want(cls, customer: Customer, phone: str, since: str, now: datetime) -> Self:
        """The look-up that has no answer yet, or a new one. Whoever decides about a person holds
        their number's key, so that there are never two.
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
        """The one that was answered last, of any account."""
        return cls.one("answered_at IS NOT NULL ORDER BY answered_at DESC LIMIT 1")

    def record_answer(self, answer: str, now: datetime) -> bool:
        """Twilio has answered; False if it had before."""
        return self._write(only_if="answer = ''", answer=answer, answered_at=now)
