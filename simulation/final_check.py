"""The end of the story: whether all work is done, and the books agree with Stripe's to the minor
unit.
"""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from peewee import fn

from models.base import to_micros
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from runtime.clock import business_now, real_now
from simulation.acts import Clinic, Sent
from simulation.api import Sandbox
from simulation.expected import Verdict, judge

SOON = timedelta(seconds=30)  # longer than the usual delay of a retry


def is_idle(sandbox: Sandbox) -> bool:
    """Whether every event has been delivered and processed, and no job is running or due soon."""
    if not sandbox.shown("deliveries?state=none")["idle"]:
        return False
    soon = to_micros(real_now() + SOON)
    waits_for_later = (StagedJob.state == "waiting") & (StagedJob.due_at > soon)
    is_open = StagedJob.state.in_(("waiting", "running")) & ~waits_for_later
    open_jobs = StagedJob.select().where(is_open).exists()
    open_events = InboxEvent.select().where(InboxEvent.outcome.is_null()).exists()
    return not open_jobs and not open_events


def invoice_verdicts(clinic: Clinic, sent: list[Sent]) -> list[Verdict]:
    """Return one verdict per invoice, in the order in which they were sent."""
    ledger = clinic.sandbox.shown("ledger")
    invoices = {row["id"]: row for row in clinic.api.pages("/api/invoices")}
    today = business_now().astimezone(ZoneInfo(clinic.time_zone)).date()
    return [judge(invoices[one.invoice["id"]], ledger, today, one.behaviour) for one in sent]


def _counts(model: Any, field: Any) -> dict[str, int]:
    rows = model.select(field, fn.COUNT(model.id)).group_by(field).order_by(field).tuples()
    return {str(value): int(count) for value, count in rows}


def summary(seconds: float) -> dict[str, Any]:
    """Return the last line of `bin/demo --once`."""
    jobs = {"done": 0, "dead": 0} | _counts(StagedJob, StagedJob.state)
    effects = {"confirmed": 0, "unknown": 0} | _counts(Effect, Effect.state)
    invoices = {"paid": 0} | _counts(Invoice, Invoice.status)
    return {"invoices": invoices, "effects": effects, "jobs": jobs, "seconds": round(seconds, 1)}
