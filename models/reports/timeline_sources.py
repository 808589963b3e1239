"""The timeline's sources, one function each, here or in the neighbouring `timeline_*` files.

A new source is one more function, listed at the end. The source of effects is
`effects/timeline.py`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.feed.outgoing_event import OutgoingEvent
from models.reports.timeline import MOST, Belongings, Entry, Source
from models.reports.timeline_money import disputes, payments, refunds
from models.reports.timeline_people import (
    calls,
    consents_and_opt_outs,
    decisions,
    holds,
    promises,
    work_items,
)
from models.reports.timeline_planned import planned_contacts
from rules.timeline_text import OUTCOMES, changed_terms, money


def made(having: Belongings) -> Iterable[Entry]:
    """The invoice's creation."""
    invoice = having.invoice
    due = f"{money(invoice.amount_due, invoice.currency)}, due on {invoice.due_date.isoformat()}"
    yield Entry(
        f"invoice:{invoice.id}",
        invoice.created_at,
        "fact",
        "invoice.made",
        f"The invoice was created. It is for {due}.",
    )


def events(having: Belongings) -> Iterable[Entry]:
    """Incoming events from Stripe and other providers."""
    rows = (
        InboxEvent.select()
        .where(InboxEvent.invoice_id == having.invoice.id)
        .order_by(InboxEvent.id)
        .limit(MOST)
    )
    for row in rows:
        became = OUTCOMES.get(row.outcome or "", "Not processed yet.")
        reason = (
            f"{row.provider.capitalize()} sent {row.type}."
            f" {became}{f' {row.reason}' if row.reason else ''}"
        )
        yield Entry(
            f"event:{row.id}",
            row.received_at,
            "event",
            row.type,
            reason,
            row.outcome or "unprocessed",
            row.provider,
        )


def dead_jobs(having: Belongings) -> Iterable[Entry]:
    """Dead jobs, which wait for a person."""
    keys = [row_id for ids in having.ids.values() for row_id in ids]
    rows = StagedJob.select().where(StagedJob.state == "dead", StagedJob.key.in_(keys)).limit(MOST)
    for row in rows:
        reason = (
            f"{row.name} failed {row.attempts} times and needs a person (bin/payphone jobs retry"
            f" {row.id})."
        )
        at = datetime.fromtimestamp((row.finished_at or row.created_at) / 1_000_000, UTC)
        yield Entry(f"job:{row.id}", at, "job", row.name, reason, "dead")


def audit(having: Belongings) -> Iterable[Entry]:
    """The audit log's entries."""
    return audited(having.subjects)


def audited(subjects: list[str]) -> Iterable[Entry]:
    """The audit log's entries about these subjects, such as `invoice:inv_…`."""
    rows = (
        AuditEntry.select()
        .where(AuditEntry.subject.in_(subjects))
        .order_by(AuditEntry.id)
        .limit(MOST)
    )
    for row in rows:
        noun, _, verb = row.action.partition(".")
        what = f"{noun.replace('_', ' ')} {verb.replace('_', ' ') or 'changed'}"
        reason = f"{row.actor}: {what}{changed_terms(row.detail)}."
        yield Entry(f"audit:{row.id}", row.at, "audit", row.action, reason, "", row.actor)


def notices(having: Belongings) -> Iterable[Entry]:
    """Events in the feed for the clinic's software."""
    rows = (
        OutgoingEvent.select()
        .where(OutgoingEvent.subject == f"invoice:{having.invoice.id}")
        .order_by(OutgoingEvent.id)
        .limit(MOST)
    )
    for row in rows:
        yield Entry(
            f"notice:{row.id}",
            row.created_at,
            "notice",
            row.type,
            f"{row.type} was added to the feed for the clinic's software.",
        )


SOURCES: tuple[Source, ...] = (
    made,
    payments,
    refunds,
    disputes,
    events,
    consents_and_opt_outs,
    decisions,
    planned_contacts,
    calls,
    holds,
    promises,
    work_items,
    dead_jobs,
    audit,
    notices,
)
