"""What waits for a person at the clinic: an escalation, an answer to a text, a draft, a doubt,
money that nobody owed, a dispute, a call to be made by hand.
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
THE_CLINIC = "clinic"  # whose it is while nobody is named: whoever is at the desk


class WorkItem(Row):
    """One piece of work. `subject` is the row that it is about: there is one item for each kind and
    subject. `context` is typed by its kind and says nothing about health; `suggested` is one of the
    actions of `rules/contact/work_items.py`. `due_at` is business time, and `owner` who has to see
    to it: the clinic where nobody is named. `is_new` is set on one that
    was just made.
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
        """The item of this kind and subject, made in the caller's transaction unless it is there;
        one that was resolved stays so: `open_again` is for what has come back.
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
        """The account's items of some states and kinds, of all without any; newest first, up to
        `limit`, those after the id `below`.

        Each state and kind is a range of an index already in order: so a kind of which there are
        few is not sought among all the others.
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
        """Whether somebody still has to see to it."""
        return self.state == "open"

    def open_again(self, words: str, context: Mapping[str, Any] | None = None, **also: Any) -> bool:
        """What it is about has come back, or is another amount now; whether that was new. `also`:
        due_at and owner, where these are others by now.
        """
        told = dict(context or {})
        if self.is_open and (self.words, self.context) == (words, told):
            return False
        return self._write(
            real_now(),
            words=words,
            context=told,
            state="open",
            resolution=None,
            resolved_by=None,
            resolved_at=None,
            **also,
        )

    def record_context(self, context: Mapping[str, Any]) -> None:
        """More is known of it."""
        self._write(real_now(), context=dict(context))

    def record_more(self, context: Mapping[str, Any], words: str, suggested: str) -> None:
        """It is about something weightier than it was."""
        self._write(real_now(), context=dict(context), words=words, suggested=suggested)

    def record_due(self, due_at: datetime) -> None:
        """It is to be seen to by another time."""
        self._write(real_now(), due_at=due_at)

    def record_resolved(self, action: str, by: str, note: str = "") -> bool:
        """Somebody has seen to it; False if somebody had before."""
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
        """What it was about is over, by itself or `by` somebody: nobody has to see to it."""
        row = cls.one("kind = ? AND subject = ? AND state = 'open'", kind, subject)
        if row is not None:
            row.record_resolved(why, by)


WorkItem.add_index(
    WorkItem.index(WorkItem.kind, where=SQL("state = 'open'"), name="work_item_open")
)
