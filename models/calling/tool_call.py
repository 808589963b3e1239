"""What the agent's tools did in a call: one row per request, under whatever ids it arrived."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from peewee import SQL, BigIntegerField, BooleanField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.calling.call import Call
from models.transactions import execute
from runtime.ids import new_id

VERIFY, LINK = "verifyCaller", "createPaymentLink"
_A_DAY = timedelta(days=1)
# Calls after which an invoice was paid on Stripe's page, not by a charge of ours, within a week of
# the link given in the call. Later payments are credited to other contacts.
_LINK_WORKS = timedelta(days=7)
_PAID_BY_LINK = (
    "SELECT DISTINCT t.call_id FROM tool_call AS t JOIN payment AS p ON p.invoice_id = t.invoice_id"
    f" WHERE t.call_id IN ({{marks}}) AND t.tool = '{LINK}' AND p.method = 'stripe'"
    " AND p.status = 'succeeded' AND p.created_at BETWEEN t.created_at AND t.created_at + ?"
    " AND NOT EXISTS (SELECT 1 FROM payment_attempt AS a WHERE a.intent_id = p.intent_id)"
)
_FAILED = (
    "SELECT COUNT(*) FROM tool_call WHERE customer_id = ? AND created_at > ?"
    f" AND tool = '{VERIFY}' AND failed"
)


class ToolCall(Row):
    """A request by the model that was acted upon.

    `wish` identifies it, even if Vapi repeats it under a new id. `subject` is the row created for
    it, `words` what the person said, and `heard` how much had been said by then, so that nothing
    counts twice.

    An attempt to verify the caller is one too: it may have `failed`, and `customer_id` is the
    person compared with.
    """

    account_id: str
    call_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    call = ForeignKey(Call, on_delete="CASCADE")
    tool = TextField()
    tool_call_id = TextField()
    wish = TextField()
    customer_id = TextField(null=True)
    invoice_id = TextField(null=True)
    amount = BigIntegerField(null=True)
    subject = TextField(default="")
    answer = TextField(default="")
    failed = BooleanField(default=False)
    words = TextField(default="")
    heard = IntegerField(default=0)
    created_at = Instant()

    class Meta:
        indexes = ((("call", "wish"), True), (("call", "tool_call_id"), True))

    @classmethod
    def of_id(cls, call: Call, tool_call_id: str) -> Self | None:
        """The tool call with this id of Vapi's, or None."""
        return cls.one("call_id = ? AND tool_call_id = ?", call.id, tool_call_id)

    @classmethod
    def last_of(cls, call: Call, tool: str) -> Self | None:
        """The last call of this tool in the call, or None."""
        where = "call_id = ? AND tool = ? ORDER BY created_at DESC, id DESC LIMIT 1"
        return cls.one(where, call.id, tool)

    @classmethod
    def find(cls, call: Call, tool_call_id: str, wish: str) -> Self | None:
        """The tool call with this id, or else with the same wish.

        If there is none, that stays true while the call is locked.
        """
        return cls.one(
            "call_id = ? AND (tool_call_id = ? OR wish = ?)"
            " ORDER BY CASE WHEN tool_call_id = ? THEN 0 ELSE 1 END LIMIT 1",
            call.id,
            tool_call_id,
            wish,
            tool_call_id,
        )

    @classmethod
    def record(
        cls, call: Call, tool: str, tool_call_id: str, wish: str, now: datetime, **about: Any
    ) -> Self:
        """Record a tool call, in the transaction that performs it."""
        row: Self = cls.create(
            id=new_id("tcl"),
            account=call.account_id,
            call=call.id,
            tool=tool,
            tool_call_id=tool_call_id,
            wish=wish,
            created_at=now,
            **about,
        )
        return row

    @classmethod
    def verification_attempts(cls, call: Call) -> "list[Self]":
        """The attempts to verify the caller in this call."""
        return cls.all("call_id = ? AND tool = ?", call.id, VERIFY)

    @classmethod
    def paid_by_link(cls, call_ids: Sequence[str]) -> set[str]:
        """Those of the calls in which a link was given that has been paid since."""
        if not call_ids:
            return set()
        sql = _PAID_BY_LINK.format(marks=", ".join("?" for _ in call_ids))
        week = _LINK_WORKS // timedelta(microseconds=1)
        return {row[0] for row in execute(sql, (*call_ids, week)).fetchall()}

    @classmethod
    def failed_today(cls, customer_id: str, now: datetime) -> int:
        """How many attempts to be verified as this customer failed in the last 24 hours."""
        return int(execute(_FAILED, (customer_id, to_micros(now - _A_DAY))).fetchone()[0])


ToolCall.add_index(
    ToolCall.index(
        ToolCall.customer_id,
        ToolCall.created_at,
        where=SQL(f"tool = '{VERIFY}' AND failed"),
        name="tool_call_failed_try",
    )
)
