"""A planned contact: a rung of the ladder for one customer, as a draft or performed."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from peewee import SQL, CompositeKey, DateField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from rules.contact.ladder import Purpose, Rung, UnpaidInvoice, Way
from runtime.ids import new_id

OPEN = ("draft", "approved")


class PlannedContact(Row):
    """One contact with a customer about everything overdue: `draft → approved → performed`, or
    `refused`, `expired`, `cancelled`. If the account wants no drafts, it starts as `performed`.

    `message_id`, `call_id` and `work_item_id` refer to the result. Times are business time.
    """

    account_id: str
    customer_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE", index=False)
    customer = ForeignKey(Customer, on_delete="CASCADE", index=False)
    channel = TextField()
    days = IntegerField()
    template = TextField(default="")
    purpose = TextField(default="reminder")
    state = TextField()
    code = TextField(default="")
    reason = TextField(default="")
    message_id = TextField(null=True)
    call_id = TextField(null=True)
    work_item_id = TextField(null=True)
    asked_by = TextField()
    created_at = Instant()
    expires_at = Instant(null=True)
    performed_at = Instant(null=True)

    class Meta:
        indexes = (
            (("customer", "created_at"), False),
            (("account", "performed_at"), False),
        )

    @classmethod
    def plan(
        cls,
        account_id: str,
        customer_id: str,
        rung: Rung,
        state: str,
        asked_by: str,
        now: datetime,
        expires_at: datetime | None = None,
    ) -> "PlannedContact":
        """Create a planned contact, without its invoices."""
        row: PlannedContact = cls.create(
            id=new_id("pct"),
            account=account_id,
            customer=customer_id,
            channel=rung.way,
            days=rung.days,
            template=rung.template,
            purpose=rung.purpose,
            state=state,
            asked_by=asked_by,
            created_at=now,
            expires_at=expires_at,
            performed_at=now if state == "performed" else None,
        )
        return row

    @classmethod
    def open_for(cls, customer_id: str) -> "PlannedContact | None":
        """The customer's draft or approved contact, or None; there is at most one."""
        return cls.one("customer_id = ? AND state IN ('draft', 'approved')", customer_id)

    @classmethod
    def of_message(cls, message_id: str) -> "PlannedContact | None":
        """The planned contact that was performed by this text, or None."""
        return cls.one("message_id = ?", message_id)

    @classmethod
    def performed_since(cls, account_id: str, since: datetime) -> int:
        """How many texts and calls of the account's ladder have begun since `since`."""
        found = cls.select().where(
            cls.account == account_id, cls.performed_at > since, cls.channel != "person"
        )
        return int(found.count())

    @classmethod
    def to_be_called(cls, customer_id: str) -> "list[PlannedContact]":
        """The contacts for which staff should call the customer by hand, but have not yet."""
        return cls.all(
            "customer_id = ? AND work_item_id IN (SELECT id FROM work_item"
            " WHERE customer_id = ? AND kind = 'call' AND state = 'open')",
            customer_id,
            customer_id,
        )

    @property
    def rung(self) -> Rung:
        """The rung of the ladder it performs."""
        return Rung(
            self.days,
            cast(Way, self.channel),
            self.template,
            cast(Purpose, self.purpose),
        )

    @property
    def is_open(self) -> bool:
        """Whether it may still be performed."""
        return self.state in OPEN

    def record_approved(self, by: str) -> None:
        """Record a person's approval; the contact waits until the time at which it is allowed."""
        self._write(state="approved", asked_by=by)

    def record_performed(
        self,
        now: datetime,
        message_id: str | None = None,
        call_id: str | None = None,
        work_item_id: str | None = None,
    ) -> None:
        """Record that it was begun, with the text, call or work item that resulted."""
        self._write(
            state="performed",
            performed_at=now,
            message_id=message_id,
            call_id=call_id,
            work_item_id=work_item_id,
        )

    def record_called(self, call_id: str, now: datetime) -> None:
        """Record that staff made the call by hand: it counts from now on."""
        self._write(performed_at=now, call_id=call_id)

    def record_over(self, state: str, code: str = "", reason: str = "") -> None:
        """Record that it will not be performed: refused, expired or cancelled."""
        self._write(state=state, code=code, reason=reason[:500])


PlannedContact.add_index(
    PlannedContact.index(
        PlannedContact.customer,
        unique=True,
        where=SQL("state IN ('draft', 'approved')"),
        name="planned_contact_open",
    )
)
PlannedContact.add_index(
    PlannedContact.index(
        PlannedContact.message_id,
        where=SQL("message_id IS NOT NULL"),
        name="planned_contact_message",
    )
)


class PlannedContactInvoice(Row):
    """An invoice that a contact names, or would name.

    `climbed` is the highest rung, in days, that the invoice has reached with it; `due_on` is its
    due date at that time.
    """

    planned_contact_id: str
    invoice_id: str
    planned_contact = ForeignKey(PlannedContact, on_delete="CASCADE", index=False)
    invoice = ForeignKey(Invoice, on_delete="CASCADE")
    climbed = IntegerField()
    due_on = DateField()

    class Meta:
        primary_key = CompositeKey("planned_contact", "invoice")

    @classmethod
    def add(cls, planned: PlannedContact, owed: Sequence[tuple[UnpaidInvoice, int]]) -> None:
        """Record that a contact names these invoices, each with the rung it reaches."""
        cls.insert_many(
            [
                {
                    "planned_contact": planned.id,
                    "invoice": one.id,
                    "climbed": climbed,
                    "due_on": one.due_on,
                }
                for one, climbed in owed
            ]
        ).execute()

    @classmethod
    def ids_of(cls, planned_id: str) -> list[str]:
        """The invoices that a contact names, earliest due date first."""
        where = "planned_contact_id = ? ORDER BY due_on, invoice_id"
        return [row.invoice_id for row in cls.all(where, planned_id)]

    @classmethod
    def remove_others(cls, planned_id: str, invoice_ids: Sequence[str]) -> None:
        """Remove all invoices but these from a contact: the others no longer need one."""
        cls.delete().where(
            cls.planned_contact == planned_id, cls.invoice.not_in(list(invoice_ids))
        ).execute()
