"""The contact gate's decisions, allowed and refused, with their reasons."""

from datetime import datetime
from typing import Any

from peewee import SQL, BooleanField, TextField

from models.base import Instant, Row
from rules.contact.facts import Allowed, Answer
from runtime.ids import new_id


class ContactDecision(Row):
    """One answer of the gate. `effect_id` is the attempt reserved in the same transaction."""

    id = TextField(primary_key=True)
    account_id = TextField()
    customer_id = TextField()
    invoice_id = TextField(null=True)
    channel = TextField()
    phone = TextField(null=True)
    allowed = BooleanField()
    code = TextField(default="")
    reason = TextField(default="")
    rule = TextField(default="", constraints=[SQL("DEFAULT ''")])
    until = Instant(null=True)
    next_at = Instant(null=True)
    effect_id = TextField(null=True)
    asked_by = TextField()
    at = Instant()

    class Meta:
        indexes = (
            (("customer_id", "at"), False),
            (("invoice_id", "at"), False),
            (("account_id", "at"), False),
        )

    @classmethod
    def record(
        cls, answer: Answer, now: datetime, effect_id: str | None = None, **about: Any
    ) -> "ContactDecision":
        """Record a decision.

        `about`: account_id, customer_id, invoice_id, channel, phone, asked_by.
        """
        result: dict[str, Any]
        if isinstance(answer, Allowed):
            result = {"allowed": True, "until": answer.until}
        else:
            result = {
                "allowed": False,
                "code": answer.code,
                "reason": answer.reason,
                "rule": answer.rule,
                "next_at": answer.next_at,
            }
        row: ContactDecision = cls.create(
            id=new_id("cdn"), effect_id=effect_id, at=now, **result, **about
        )
        return row
