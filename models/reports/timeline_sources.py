"""The timeline's sources that are plain rows, one function each. A new source is one more
function, listed at the end; that of effects is `effects/timeline.py`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.calling.call import Call, CallInvoice
from models.calling.outcomes import outcomes_of
from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.feed.outgoing_event import OutgoingEvent
from models.payments.payment import Payment
from models.payments.refund_request import refundable
from models.reports.timeline import MOST, Belongings, Entry, Source
from models.reports.timeline_planned import planned_contacts
from rules.calling.call_words import outcome_in_words
from rules.contact.policy import BY_ID
from rules.declines import advice
from rules.dispute_course import CLOSED
from rules.invoice_fold import CLOSING_MARKS
from rules.timeline_words import OUTCOMES, PROMISES, money, paid_after_closing, refund_failed


def made(having: Belongings) -> Iterable[Entry]:
    """The invoice's creation."""
    invoice = having.invoice
    due = f"{money(invoice.amount_due, invoice.currency)}, due on {invoice.due_date.isoformat()}"
    yield Entry(
        f"invoice:{invoice.id}",
        invoice.created_at,
        "fact",
        "invoice.made",
        f"The invoice was created: {due}.",
    )


def payments(having: Belongings) -> Iterable[Entry]:
    """Payments, also failed ones."""
    for row in having.payments:
        of = money(row.amount, row.currency)
        received = money(row.amount_received, row.currency)
        declined = [advice(code) for state, code in row.charges.values() if state == "failed"]
        said = (
            f"A payment of {of} ({row.method.replace('_', ' ')}): {row.status}, {received}"
            " received."
        )
        reason = " ".join([said, *dict.fromkeys(declined)])
        yield Entry(
            f"payment:{row.id}",
            row.created_at,
            "fact",
            "payment",
            reason,
            row.status,
            "",
            row.amount_received,
            row.currency,
        )
        if _is_kept_after_closing(having, row):
            yield Entry(
                f"payment:{row.id}:unexpected",
                row.updated_at,
                "fact",
                "payment.unexpected",
                paid_after_closing(having.invoice.mark, received, row.id, row.method),
                row.status,
                "",
                row.amount_received,
                row.currency,
            )
        if row.voided_at is not None:
            told = (
                f"The payment of {of} ({row.method.replace('_', ' ')}) was voided and no longer"
                f" counts: {row.void_reason}."
            )
            yield Entry(
                f"payment:{row.id}:voided",
                row.voided_at,
                "fact",
                "payment.voided",
                told,
                row.status,
                "",
                row.amount,
                row.currency,
            )


def _is_kept_after_closing(having: Belongings, payment: Payment) -> bool:
    """Whether a payment of an invoice that was closed by hand is still with the clinic."""
    is_closed = having.invoice.mark in CLOSING_MARKS and payment.voided_at is None
    return is_closed and payment.amount_received > 0 and refundable(payment) > 0


def refunds(having: Belongings) -> Iterable[Entry]:
    """Refunds."""
    for row in having.refunds:
        of = money(row.amount, row.currency)
        about = (row.status, "", row.amount, row.currency)
        yield Entry(
            f"refund:{row.refund_id}",
            row.created_at,
            "fact",
            "refund",
            f"A refund of {of}: {row.status}.",
            *about,
        )
        if row.status in {"failed", "canceled"}:
            yield Entry(
                f"refund:{row.refund_id}:failed",
                row.updated_at,
                "fact",
                "refund.failed",
                refund_failed(of, row.failure_reason),
                *about,
            )


def disputes(having: Belongings) -> Iterable[Entry]:
    """Disputes."""
    for row in having.disputes:
        due = (
            f" Send evidence in Stripe's dashboard by {row.due_by:%Y-%m-%d %H:%M} UTC."
            if row.wants_answer and row.due_by
            else ""
        )
        rest = f"{row.status}.{due}" + (
            "" if row.status in CLOSED else " Nothing is collected until it is over."
        )
        reason = (
            f"The cardholder disputes {money(row.amount, row.currency)}"
            f" ({row.reason or 'no reason given'}): {rest}"
        )
        yield Entry(
            f"dispute:{row.dispute_id}",
            row.created_at,
            "fact",
            "dispute",
            reason,
            row.status,
            "",
            row.amount,
            row.currency,
        )


def events(having: Belongings) -> Iterable[Entry]:
    """Incoming events from Stripe and others."""
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


def decisions(having: Belongings) -> Iterable[Entry]:
    """Decisions of the contact gate."""
    rows = (
        ContactDecision.select()
        .where(ContactDecision.invoice_id == having.invoice.id)
        .order_by(ContactDecision.at)
        .limit(MOST)
    )
    for row in rows:
        way = "A text" if row.channel == "sms" else "A call"
        later = f" Allowed again from {row.next_at:%Y-%m-%d %H:%M} UTC." if row.next_at else ""
        reason = (
            f"{way} was allowed." if row.allowed else f"{way} was not allowed: {row.reason}{later}"
        )
        yield Entry(
            f"decision:{row.id}",
            row.at,
            "decision",
            f"contact.{row.channel}",
            reason,
            "allowed" if row.allowed else row.code,
            row.asked_by,
        )


def calls(having: Belongings) -> Iterable[Entry]:
    """Calls about the invoice: how each ended, and what it cost. What was said is with the call."""
    about = "t.invoice_id = ? ORDER BY t.call_id LIMIT ?"
    rows = [row.call for row in CallInvoice.all_with("call", about, having.invoice.id, MOST)]
    outcomes = outcomes_of(rows)
    for call in rows:
        yield from _of_call(call, outcomes[call.id])


def _of_call(call: Call, outcome: str) -> Iterable[Entry]:
    if call.state in {"refused", "cancelled"}:
        why = f"A call was not placed: {call.error or call.error_code or call.state}"
        yield Entry(
            f"call:{call.id}",
            call.created_at,
            "fact",
            "call.refused",
            why,
            call.state,
            call.asked_by,
        )
    elif call.ended_at is not None:
        cost = "" if call.cost is None else f" It cost {call.cost / 1_000_000:.2f} USD."
        what = outcome_in_words(outcome)
        yield Entry(
            f"call:{call.id}",
            call.ended_at,
            "fact",
            "call.ended",
            f"Call {call.id} has ended ({call.ended_reason or 'no reason told'}): {what}.{cost}",
            outcome,
            call.asked_by,
        )


def holds(having: Belongings) -> Iterable[Entry]:
    """Holds on the person. What people noted about them stays with the customer."""
    rows = (
        Hold.select()
        .where(Hold.customer == having.invoice.customer_id)
        .order_by(Hold.created_at)
        .limit(MOST)
    )
    for row in rows:
        lasts = f" until {row.until:%Y-%m-%d %H:%M} UTC" if row.until else ""
        rule = BY_ID.get(f"hold.{row.kind}")
        why = rule.what if rule is not None else f"{row.kind}."
        yield Entry(
            f"hold:{row.id}",
            row.created_at,
            "fact",
            "hold.placed",
            f"A hold was placed on the person{lasts}: {why}",
            row.kind,
            row.recorded_by,
        )
        if row.lifted_at is not None:
            yield Entry(
                f"hold:{row.id}:lifted",
                row.lifted_at,
                "fact",
                "hold.lifted",
                f"The hold ({row.kind}) on the person was lifted.",
                row.kind,
                row.lifted_by or "",
            )


def promises(having: Belongings) -> Iterable[Entry]:
    """Promises to pay, and what became of them."""
    rows = (
        Promise.select()
        .where(Promise.invoice == having.invoice.id)
        .order_by(Promise.id)
        .limit(MOST)
    )
    for row in rows:
        told = f"{money(row.amount, row.currency)} by {row.promised_for.isoformat()}"
        about = ("open", row.recorded_by, row.amount, row.currency)
        yield Entry(
            f"promise:{row.id}",
            row.created_at,
            "fact",
            "promise.made",
            f"The person promised to pay {told}. Until {row.decided_from:%Y-%m-%d %H:%M} UTC nobody"
            " asks again.",
            *about,
        )
        if not row.is_open:
            yield Entry(
                f"promise:{row.id}:settled",
                row.updated_at,
                "fact",
                f"promise.{row.state}",
                f"The promise of {told} {PROMISES[row.state]}"
                f" {money(row.paid, row.currency)} came in since.",
                row.state,
                "",
                row.paid,
                row.currency,
            )


def work_items(having: Belongings) -> Iterable[Entry]:
    """What waited for a person, and what they decided."""
    rows = (
        WorkItem.select()
        .where(WorkItem.invoice == having.invoice.id)
        .order_by(WorkItem.id)
        .limit(MOST)
    )
    for row in rows:
        yield Entry(
            f"work:{row.id}",
            row.created_at,
            "fact",
            f"work_item.{row.kind}",
            f"Work for a person: {row.words.rstrip('.')}.",
            row.state,
        )
        if row.resolved_at is not None:
            yield Entry(
                f"work:{row.id}:resolved",
                row.resolved_at,
                "fact",
                "work_item.resolved",
                f"{row.resolved_by} resolved it: {row.resolution}.",
                row.resolution or "",
                row.resolved_by or "",
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
        reason = f"{row.actor}: {noun.replace('_', ' ')} {verb.replace('_', ' ') or 'changed'}."
        yield Entry(f"audit:{row.id}", row.at, "audit", row.action, reason, "", row.actor)


def notices(having: Belongings) -> Iterable[Entry]:
    """Events sent to the clinic's software."""
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
            f"The clinic's software was sent {row.type}.",
        )


SOURCES: tuple[Source, ...] = (
    made,
    payments,
    refunds,
    disputes,
    events,
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
