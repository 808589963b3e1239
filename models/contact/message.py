"""A text to a person: requested, decided, sent at most once, tracked until it arrives or fails."""

from datetime import datetime
from typing import Any

from peewee import IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.effects.effect import Effect
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import execute
from rules.contact.hours import REQUEST_LIFETIME
from rules.contact.text_status import PENDING, merged_status
from runtime.ids import new_id

READY = frozenset({"answer", "thanks"})  # kinds without link or demand: written when requested
NO_REPORT = "no_report"  # error code of a text for which no report arrived


class Message(Row):
    """A text: `waiting → sending → (unknown) → Twilio's statuses`, or `refused`.

    `tries` counts the attempts reserved. `status` follows reports by rank, so they may arrive in
    any order and more than once.
    """

    account_id: str
    customer_id: str
    invoice_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    customer = ForeignKey(Customer, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, null=True, on_delete="CASCADE")
    kind = TextField()
    to = TextField(column_name="to_number")
    sender = TextField(default="")
    language = TextField(default="en")
    body = TextField(default="")
    segments = IntegerField(default=0)
    status = TextField(default="waiting")
    tries = IntegerField(default=0)
    effect_id = TextField(null=True)
    sid = TextField(null=True, unique=True)
    error_code = TextField(null=True)
    error = TextField(null=True)
    asked_by = TextField()
    created_at = Instant()
    sent_at = Instant(null=True)
    updated_at = Instant()

    class Meta:
        indexes = (
            (("invoice", "created_at"), False),
            (("customer", "created_at"), False),
            (("account", "to", "sent_at"), False),
            (("to", "sent_at"), False),
            (("effect_id",), False),
            (("status", "updated_at"), False),
        )

    @classmethod
    def request(
        cls,
        invoice: Invoice,
        kind: str,
        phone: str,
        language: str,
        asked_by: str,
        now: datetime,
        body: str = "",
        segments: int = 0,
    ) -> "Message":
        """The pending text of this kind for the locked invoice, or a new one that waits; `body` is
        set for the kinds in READY.
        """
        known = cls.pending(invoice.id, kind)
        if known is not None:
            return known
        about = {
            "account": invoice.account_id,
            "customer": invoice.customer_id,
            "invoice": invoice.id,
        }
        row: Message = cls.create(
            id=new_id("msg"),
            **about,
            kind=kind,
            to=phone,
            language=language,
            body=body,
            segments=segments,
            asked_by=asked_by,
            created_at=now,
            updated_at=now,
        )
        return row

    @classmethod
    def pending(cls, invoice_id: str, kind: str) -> "Message | None":
        """The text that is waiting, on its way or in doubt, or None; until it is settled, no other
        can be requested.
        """
        query = cls.select().where(
            cls.invoice == invoice_id, cls.kind == kind, cls.status.in_(PENDING)
        )
        row: Message | None = query.order_by(cls.created_at.desc()).first()
        return row

    @classmethod
    def is_pending_for(cls, customer_id: str, kind: str) -> bool:
        """Whether a text of this kind to a customer is waiting, on its way or in doubt."""
        query = cls.select().where(cls.customer == customer_id, cls.kind == kind)
        return bool(query.where(cls.status.in_(PENDING)).exists())

    @classmethod
    def senders_texting(cls, phone: str) -> set[str]:
        """All messaging services and numbers that have texted a phone."""
        rows = execute("SELECT DISTINCT sender FROM message WHERE to_number = ?", (phone,))
        return {str(sender) for (sender,) in rows.fetchall()} - {""}

    @property
    def is_ready(self) -> bool:
        """Whether its text was written when it was requested, and needs no payment link."""
        return self.kind in READY

    def is_too_old(self, now: datetime) -> bool:
        """Whether it was requested too long ago to be sent."""
        return self.created_at + REQUEST_LIFETIME < now

    def record_sending(
        self,
        effect: Effect,
        sender: str,
        body: str,
        segments: int,
        sent_at: datetime,
        now: datetime,
    ) -> None:
        """Record that the text was decided and reserved, and is about to be sent.

        `sent_at` is business time and is what the caps count.
        """
        self._write(
            now,
            status="sending",
            effect_id=effect.id,
            sender=sender,
            body=body,
            segments=segments,
            tries=self.tries + 1,
            sent_at=sent_at,
        )

    def record_not_sent(self, now: datetime) -> None:
        """Record that the attempt was never sent: the text waits for a new decision."""
        if self.status in {"sending", "unknown"}:
            self._write(now, status="waiting", sent_at=None)

    def record_refused(self, code: str, error: str, now: datetime) -> None:
        """Record that it will not be sent: the gate or Twilio refused it, or it is too old."""
        self._write(now, status="refused", error_code=code, error=error[:500], sent_at=None)

    def record_given_up(self, now: datetime) -> None:
        """Record that no report arrived for days; a late report still counts."""
        self._write(
            now,
            status="undelivered",
            error_code=NO_REPORT,
            error="No report has arrived for two days; the text may have been delivered anyway.",
        )

    def record_report(
        self, status: str, sid: str | None, error_code: str | None, now: datetime
    ) -> bool:
        """Record a status report, and return whether it was new."""
        merged = merged_status(self.status, status)
        values: dict[str, Any] = {}
        if merged != self.status:
            values = {"status": merged, "error_code": error_code, "error": None}
        if sid and not self.sid:
            values["sid"] = sid
        if values:
            self._write(now, **values)
        return bool(values)
