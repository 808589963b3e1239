"""A call with a person: requested, decided, placed at most once, and followed until it is over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    IntegerField,
    JSONField,
    TextField,
)

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.effects.effect import Effect
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import execute
from rules.calling.call_states import LIVE, PENDING, merged_state
from rules.calling.ended_reasons import MADE_BY_HAND
from rules.contact.hours import REQUEST_LIFETIME
from runtime.clock import business_now
from runtime.ids import new_id

# The condition of an index that an older release created, so it stays although no call is ever
# cancelled.
_FOLLOWED = "reported_at IS NULL AND state NOT IN ('refused', 'cancelled', 'unknown')"
# Vapi knows the call, or it is old enough to be given up.
_LOOKED_AT = "(state <> 'waiting' OR vapi_id IS NOT NULL OR created_at < ?)"
# No poll of the call is staged under this suffix of the job's key.
_UNASKED = (
    "NOT EXISTS (SELECT 1 FROM staged_job AS j WHERE j.name = 'poll_call' AND j.key = call.id || ?)"
)
_GIVEN_UP = "reported_at IS NULL AND state = 'unknown' AND vapi_id IS NOT NULL"


class Call(Row):
    """A call: `waiting → sending → (unknown) → queued → ringing → in_progress → ended`, or
    `refused`. `tries` counts the attempts reserved.

    `state` follows Vapi's reports by rank, so they may arrive in any order and more than once.
    `attempted_at` is business time and is what the caps count; empty while no attempt has been
    made. `outcome` is one of the policy's `OUTCOMES`, empty until it is known. `is_blocked`: Vapi
    accepted the call but did not place it, because too many are under way. A call that staff made
    by hand is outbound, and has ended with `MADE_BY_HAND`.

    The `customer` of an inbound call is the person verified in it. `carrier_id` is the carrier's id
    of the call, `phone_number_id` Vapi's id of our number, `decision_id` the gate's last decision
    about the call. `cost` is in millionths of a US dollar. `said` is the agent's structured
    outcome. `deadline` is the real time at which a call without a reported end is given up.
    """

    account_id: str
    customer_id: str | None
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    customer = ForeignKey(Customer, null=True, on_delete="CASCADE")
    direction = TextField(default="outbound")
    from_number = TextField(default="")
    to = TextField(column_name="to_number")
    phone_number_id = TextField(default="")
    language = TextField(default="en")
    reason = TextField()
    asked_by = TextField()
    planned_contact_id = TextField(null=True)
    asked_for = BooleanField(default=False)
    state = TextField(default="waiting")
    tries = IntegerField(default=0)
    effect_id = TextField(null=True)
    vapi_id = TextField(null=True, unique=True)
    carrier_id = TextField(null=True)
    decision_id = TextField(null=True)
    is_blocked = BooleanField(default=False)
    attempted_at = Instant(null=True)
    deadline = Instant(null=True)
    verified_at = Instant(null=True)
    started_at = Instant(null=True)
    ended_at = Instant(null=True)
    reported_at = Instant(null=True)
    ended_reason = TextField(default="")
    outcome = TextField(default="")
    said = JSONField(null=True)
    summary = TextField(default="")
    transcript = TextField(default="")
    is_recorded = BooleanField(default=False)
    cost = BigIntegerField(null=True)
    error_code = TextField(null=True)
    error = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = (
            (("account", "id"), False),
            (("account", "attempted_at"), False),
            (("account", "to", "attempted_at"), False),
            (("customer", "attempted_at"), False),
            (("customer", "created_at"), False),
            (("effect_id",), False),
        )

    @classmethod
    def request(
        cls,
        invoices: Sequence[Invoice],
        customer: Customer,
        *,
        from_number: str,
        phone_number_id: str,
        now: datetime,
        **about: Any,
    ) -> Self:
        """Create a waiting call to the customer about these invoices.

        `about`: reason, asked_by, planned_contact_id.
        """
        row: Self = cls.create(
            id=new_id("call"),
            account=customer.account_id,
            customer=customer.id,
            from_number=from_number,
            phone_number_id=phone_number_id,
            to=customer.preferred_phone,
            language=customer.language,
            created_at=now,
            updated_at=now,
            **about,
        )
        for invoice in invoices:
            CallInvoice.create(call=row.id, invoice=invoice.id)
        return row

    @classmethod
    def receive(
        cls, account_id: str, vapi_id: str, *, caller: str, to: str, now: datetime, **known: Any
    ) -> Self | None:
        """Create a call that came in to a clinic's number, as Vapi reports it; nobody is verified
        yet. `known`: phone_number_id, carrier_id, deadline. Returns None if it exists already.
        """
        row = cls(
            id=new_id("call"),
            account=account_id,
            direction="inbound",
            from_number=caller,
            to=to,
            reason="the caller rang",
            asked_by="caller",
            asked_for=True,
            state="in_progress",
            vapi_id=vapi_id,
            attempted_at=business_now(),
            started_at=now,
            created_at=now,
            updated_at=now,
            **known,
        )
        return row if row.insert_new("vapi_id") else None

    @classmethod
    def made_by_hand(
        cls,
        account_id: str,
        customer_id: str | None,
        phone: str,
        invoices: Sequence[Invoice],
        outcome: str,
        actor: str,
        now: datetime,
    ) -> Self:
        """Create a call that staff have already made by hand, about these invoices.

        `outcome` is one of the policy's. No provider knows of it.
        """
        row: Self = cls.create(
            id=new_id("call"),
            account=account_id,
            customer=customer_id,
            to=phone,
            reason="somebody called by hand",
            asked_by=actor,
            state="ended",
            ended_reason=MADE_BY_HAND,
            outcome=outcome,
            attempted_at=business_now(),
            ended_at=now,
            reported_at=now,
            created_at=now,
            updated_at=now,
        )
        row.add_invoices(invoices)
        return row

    @classmethod
    def by_vapi_id(cls, vapi_id: str) -> Self | None:
        """The call with this id at Vapi, or None."""
        return cls.one("vapi_id = ?", vapi_id)

    @classmethod
    def pending(cls, customer_id: str) -> Self | None:
        """The customer's unfinished outbound call, or None; meanwhile no other can be requested."""
        among = ", ".join(f"'{state}'" for state in PENDING)
        where = f"customer_id = ? AND state IN ({among}) AND direction = 'outbound'"
        return cls.one(f"{where} ORDER BY created_at DESC LIMIT 1", customer_id)

    @classmethod
    def is_ringing(cls, account_id: str, phone: str, now: datetime) -> bool:
        """Whether an outbound call of the account to this number is, or may be, under way."""
        among = ", ".join(f"'{state}'" for state in sorted(LIVE))
        where = "account_id = ? AND to_number = ? AND direction = 'outbound' AND deadline > ?"
        return cls.has(f"{where} AND state IN ({among})", account_id, phone, to_micros(now))

    @classmethod
    def erase_transcripts(cls, before: datetime, most: int) -> int:
        """Erase transcripts and summaries of up to `most` calls created before `before`, oldest
        first, and return how many. The call rows stay.
        """
        sql = (
            "UPDATE call SET transcript = '', summary = '', is_recorded = ? WHERE id IN (SELECT id"
            " FROM call WHERE (transcript <> '' OR summary <> '' OR is_recorded) AND created_at < ?"
            " ORDER BY created_at LIMIT ?)"
        )
        return int(execute(sql, (False, to_micros(before), most)).rowcount)

    @classmethod
    def silent(cls, before: datetime, slot: str, most: int) -> list[Self]:
        """Up to `most` unfinished calls without news since `before`, the longest quiet first.

        Excludes calls with a poll already staged for the `slot`, and calls that wait to be placed
        and still may be.
        """
        found = f"{_FOLLOWED} AND updated_at < ? AND {_LOOKED_AT} AND {_UNASKED}"
        moments = to_micros(before), to_micros(before - REQUEST_LIFETIME)
        return cls.all(f"{found} ORDER BY updated_at LIMIT ?", *moments, f":{slot}", most)

    @classmethod
    def given_up(
        cls, between: Sequence[tuple[datetime, datetime]], slot: str, most: int
    ) -> list[Self]:
        """As `silent`, for calls given up in one of these periods (start inclusive, end exclusive)
        that Vapi can still be asked about, the latest first. Each period is a range of an index.
        """
        one = f"SELECT id FROM call WHERE {_GIVEN_UP} AND updated_at >= ? AND updated_at < ?"
        ids = " UNION ALL ".join([one] * len(between))
        moments = [to_micros(moment) for stretch in between for moment in stretch]
        found = f"id IN ({ids}) AND {_UNASKED} ORDER BY updated_at DESC LIMIT ?"
        return cls.all(found, *moments, f":{slot}", most)

    @property
    def actor(self) -> str:
        """The actor recorded in the audit log for what happens in this call."""
        return f"call:{self.id}"

    @property
    def line(self) -> str:
        """The customer's end of the call, in E.164 or as Vapi shows it."""
        return self.to if self.direction == "outbound" else self.from_number

    @property
    def is_live(self) -> bool:
        """Whether it may be going on now. A report of its end may have been lost."""
        return self.state in LIVE

    @property
    def invoice_ids(self) -> list[str]:
        """The invoices the call is about, in the order in which they were recorded."""
        return [row.invoice_id for row in CallInvoice.all("call_id = ? ORDER BY id", self.id)]

    def is_too_old(self, now: datetime) -> bool:
        """Whether it was requested too long ago to be placed."""
        return self.created_at + REQUEST_LIFETIME < now

    def record_sending(
        self,
        effect: Effect,
        decision_id: str,
        to: str,
        from_number: str,
        phone_number_id: str,
        attempted_at: datetime,
        deadline: datetime,
        now: datetime,
    ) -> None:
        """Record that the call was decided and reserved, and is about to be placed."""
        self._write(
            now,
            state="sending",
            effect_id=effect.id,
            decision_id=decision_id,
            to=to,
            from_number=from_number,
            phone_number_id=phone_number_id,
            tries=self.tries + 1,
            attempted_at=attempted_at,
            deadline=deadline,
            is_blocked=False,
        )

    def record_not_placed(self, now: datetime) -> None:
        """Record that the attempt was certainly not made: the call waits for a new decision."""
        self._write(
            now,
            state="waiting",
            attempted_at=None,
            deadline=None,
            vapi_id=None,
            is_blocked=False,
            started_at=None,
            ended_at=None,
            reported_at=None,
            ended_reason="",
            outcome="",
        )

    def record_blocked(self, now: datetime) -> None:
        """Record that Vapi accepted the call but did not place it, because too many are under way.

        No attempt was made.
        """
        self._write(now, is_blocked=True, attempted_at=None)

    def record_refused(
        self, code: str, error: str, now: datetime, decision_id: str | None = None
    ) -> None:
        """Record that it will not be placed: the gate or Vapi refused it, or it is too old."""
        self._write(
            now,
            state="refused",
            error_code=code,
            error=error[:500],
            attempted_at=None,
            decision_id=decision_id or self.decision_id,
        )

    def record_unknown(self, error: str, now: datetime) -> None:
        """Record that the attempt is in doubt, unless a report has already arrived."""
        unless_reported = "state IN ('waiting', 'sending')"
        self._write(now, only_if=unless_reported, state="unknown", error=error[:500])

    def record_given_up(self, error: str, now: datetime) -> None:
        """Record that no report of its end arrived; a late report still counts."""
        self._write(now, state="unknown", error_code="no_report", error=error)

    def add_invoices(self, invoices: Sequence[Invoice]) -> None:
        """Add the invoices that the call turned out to be about."""
        for invoice in invoices:
            CallInvoice.create(call=self.id, invoice=invoice.id)

    def remove_other_invoices(self, invoice_ids: Sequence[str]) -> None:
        """Remove all invoices but these from the call: the others must not be discussed now."""
        marks = ", ".join("?" for _ in invoice_ids)
        execute(
            f"DELETE FROM call_invoice WHERE call_id = ? AND invoice_id NOT IN ({marks})",
            (self.id, *invoice_ids),
        )

    def record_report(self, state: str, now: datetime, **known: Any) -> bool:
        """Record a report by Vapi: the state by its rank, and each non-empty value of `known`.

        Returns whether anything was new.
        """
        values = {
            name: value
            for name, value in known.items()
            if value not in (None, "") and getattr(self, name) != value
        }
        merged = merged_state(self.state, state)
        if merged != self.state:
            values |= {"state": merged, "error_code": None, "error": None}
        if values:
            self._write(now, **values)
        return bool(values)

    def record_placed_after_all(self, now: datetime) -> None:
        """Record that a call thought to be blocked, or not placed according to staff, was placed
        after all: it counts as an attempt.
        """
        self._write(now, is_blocked=False, attempted_at=business_now())

    def record_outcome(self, outcome: str, now: datetime) -> None:
        """Record what is known of its outcome before its final report."""
        self._write(now, outcome=outcome)

    def record_end(self, now: datetime, **values: Any) -> None:
        """Record its final report: outcome, transcript, summary, said, cost, is_recorded."""
        self._write(now, reported_at=now, **values)

    def record_verified(self, now: datetime, customer_id: str | None = None) -> bool:
        """Record that the speaker is the right person, who is `customer_id` if the customer was not
        known. Returns False if the call was verified before.
        """
        known = {} if customer_id is None else {"customer": customer_id}
        return self._write(now, only_if="verified_at IS NULL", verified_at=now, **known)


class CallInvoice(Row):
    """An invoice that a call is about."""

    call_id: str
    invoice_id: str
    id = BigAutoField()
    call = ForeignKey(Call, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, on_delete="CASCADE")

    class Meta:
        indexes = ((("call", "invoice"), True), (("invoice", "call"), False))


# calls whose final report is still missing
Call.add_index(
    Call.index(
        Call.updated_at,
        where=SQL(_FOLLOWED),
        name="call_followed",
    )
)
# calls that were given up, but that Vapi can still be asked about
Call.add_index(
    Call.index(
        Call.updated_at,
        where=SQL(_GIVEN_UP),
        name="call_given_up",
    )
)
# calls whose transcripts will be erased
Call.add_index(
    Call.index(
        Call.created_at,
        where=SQL("transcript <> '' OR summary <> '' OR is_recorded"),
        name="call_said",
    )
)
