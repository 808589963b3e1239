"""Work for a person at the clinic: an escalation, an answer to a text, a draft, an effect in doubt,
unexpected money, a dispute, a call to be made by hand.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from peewee import SQL, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from runtime.clock import real_now
from runtime.ids import new_id

SYSTEM = "system"
STATES = ("open", "resolved")
THE_CLINIC = "clinic"  # the owner if no person is named: the staff at the desk


class WorkItem(Row):
    """A piece of work, unique per `kind` and `subject`, the row it is about.

    `context` has a type per kind and says nothing about health. `suggested` is one of the actions
    of `rules/contact/work_items.py`. `due_at` is business time; `owner` is who should do it, the
    clinic if no person is named. `is_new` is set on an item that was just created.
    """

    is_new = False

    account_id: str
    customer_id: str | None
    invoice_id: str | None
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    kind = TextField()
    subject = TextField()
    customer = ForeignKey(Customer, null=True, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, null=True, on_delete="CASCADE")
    words = TextField()
    suggested = TextField(default="")
    owner = TextField(null=True)
    due_at = Instant(null=True)
    context = JSONField(default=dict)
    state = TextField(default="open")
    resolution = TextField(null=True)
    note = TextField(default="")
    resolved_by = TextField(null=True)
    resolved_at = Instant(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = (
            (("kind", "subject"), True),
            (("account", "state", "kind", "id"), False),
            (("account", "state", "id"), False),
            (("account", "id"), False),
            (("invoice", "id"), False),
            (("customer", "id"), False),
        )

    @classmethod
    def open(
        cls,
        account_id: str,
        kind: str,
        subject: str,
        words: str,
        *,
        customer_id: str | None = None,
        invoice_id: str | None = None,
        suggested: str = "",
        owner: str | None = None,
        due_at: datetime | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> "WorkItem":
        """Get the item of this kind and subject, or create it in the caller's transaction.

        A resolved one stays resolved: use `open_again` if the matter has come back.
        """
        now = real_now()
        row = cls(
            id=new_id("wki"),
            account=account_id,
            kind=kind,
            subject=subject,
            customer=customer_id,
            invoice=invoice_id,
            words=words,
            suggested=suggested,
            owner=owner or THE_CLINIC,
            due_at=due_at,
            context=dict(context or {}),
            created_at=now,
            updated_at=now,
        )
        if not row.insert_new("kind, subject"):
            return cls.about(kind, subject)
        row.is_new = True
        return row

    @classmethod
    def about(cls, kind: str, subject: str) -> "WorkItem":
        """The item of this kind and subject. Raises DoesNotExist."""
        row = cls.one("kind = ? AND subject = ?", kind, subject)
        if row is None:
            raise cls.DoesNotExist(f"No {kind} about {subject}.")  # type: ignore[attr-defined]
        return row

    @classmethod
    def listed(
        cls,
        account: Account,
        states: Sequence[str],
        kinds: Sequence[str],
        below: str | None,
        limit: int,
    ) -> "list[WorkItem]":
        """The account's items with these states and kinds (any, if empty), newest first, up to
        `limit`, after the id `below`.

        Each state and kind is a separate range of an index, already sorted, so that a rare kind is
        not searched for among all the others.
        """
        by = {"state": states or (STATES if kinds else ()), "kind": kinds}
        narrowed = {name: dict.fromkeys(values) for name, values in by.items() if values}
        wanted = {"account_id = ?": account.id} | ({} if below is None else {"id < ?": below})
        where = " AND ".join(
            f"t.{each}" for each in (*wanted, *(f"{name} = ?" for name in narrowed))
        )
        pages = list(product(*narrowed.values()))
        given = [value for page in pages for value in (*wanted.values(), *page, limit)]
        text = f"{where} ORDER BY t.id DESC LIMIT ?"
        return cls.pages_with("account", [text] * len(pages), "id DESC", *given, limit)

    @property
    def is_open(self) -> bool:
        """Whether it is unresolved."""
        return self.state == "open"

    def open_again(self, words: str, context: Mapping[str, Any] | None = None, **also: Any) -> bool:
        """Reopen or update the item because its subject has come back or changed.

        Returns False if nothing is new. `also`: `due_at` and `owner`, if they change.
        """
        current = dict(context or {})
        if self.is_open and (self.words, self.context) == (words, current):
            return False
        return self._write(
            real_now(),
            words=words,
            context=current,
            state="open",
            resolution=None,
            resolved_by=None,
            resolved_at=None,
            **also,
        )

    def record_context(self, context: Mapping[str, Any]) -> None:
        """Replace its context, as more is known."""
        self._write(real_now(), context=dict(context))

    def record_more(self, context: Mapping[str, Any], words: str, suggested: str) -> None:
        """Record that it is about something more serious than before."""
        self._write(real_now(), context=dict(context), words=words, suggested=suggested)

    def record_due(self, due_at: datetime) -> None:
        """Change the time by which it should be done."""
        self._write(real_now(), due_at=due_at)

    def record_resolved(self, action: str, by: str, note: str = "") -> bool:
        """Record that it was resolved. Returns False if it was resolved before."""
        now = real_now()
        return self._write(
            now,
            only_if="state = 'open'",
            state="resolved",
            resolution=action,
            note=note,
            resolved_by=by,
            resolved_at=now,
        )

    @classmethod
    def close(cls, kind: str, subject: str, why: str, by: str = SYSTEM) -> None:
        """Resolve the open item of this kind and subject, if any, because its subject is over."""
        row = cls.one("kind = ? AND subject = ? AND state = 'open'", kind, subject)
        if row is not None:
            row.record_resolved(why, by)


WorkItem.add_index(
    WorkItem.index(WorkItem.kind, where=SQL("state = 'open'"), name="work_item_open")
)
