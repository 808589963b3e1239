"""Holds: reasons not to contact a customer, such as a dispute, an attorney, a bankruptcy."""

from datetime import datetime

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.contact.contact_course import ContactCourse
from models.invoices.customer import Customer
from models.transactions import serialize_on
from runtime.ids import new_id


class Hold(Row):
    """A hold on a customer; `kind` is one of the policy's `hold.…`.

    It ends at `until`, in business time, or when a person lifts it; the row is kept.
    """

    account_id: str
    customer_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    customer = ForeignKey(Customer, on_delete="CASCADE")
    kind = TextField()
    note = TextField(default="")
    until = Instant(null=True)
    recorded_by = TextField()
    created_at = Instant()
    lifted_at = Instant(null=True)
    lifted_by = TextField(null=True)

    class Meta:
        indexes = ((("customer", "created_at"), False),)

    @classmethod
    def place(
        cls,
        customer: Customer,
        kind: str,
        note: str,
        until: datetime | None,
        recorded_by: str,
        now: datetime,
    ) -> "Hold":
        """Record a hold, serialized with decisions about the customer."""
        serialize_on(customer_key(customer.id))
        ContactCourse.recheck_customer(customer.id)
        row: Hold = cls.create(
            id=new_id("hld"),
            account=customer.account_id,
            customer=customer.id,
            kind=kind,
            note=note,
            until=until,
            recorded_by=recorded_by,
            created_at=now,
        )
        return row

    def record_lifted(self, by: str, now: datetime) -> bool:
        """Lift the hold. Returns False if it was lifted before."""
        return self._write(only_if="lifted_at IS NULL", lifted_at=now, lifted_by=by)


def customer_key(customer_id: str) -> str:
    """The key to lock while deciding about a customer, whichever number is used."""
    return f"customer:{customer_id}"
