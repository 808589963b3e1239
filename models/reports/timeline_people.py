"""The timeline's entries about the customer: consents and opt-outs, decisions of the gate, calls,
holds, promises, and work for the clinic's staff.
"""

from collections.abc import Iterable
from datetime import datetime

from models.calling.call import Call, CallInvoice
from models.calling.outcomes import outcomes_of
from models.contact.consent import Consent
from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.opt_out import OptOut
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.reports.timeline import MOST, Belongings, Entry
from rules.calling.call_summaries import outcome_in_words
from rules.calling.ended_reasons import MADE_BY_HAND
from rules.contact.policy import BY_ID, WAYS
from rules.timeline_text import PROMISES, money


def consents_and_opt_outs(having: Belongings) -> Iterable[Entry]:
    """Consents and opt-outs at any of the customer's numbers, without the customer's words."""
    customer = having.invoice.customer
    given = Consent.all("customer_id = ? ORDER BY created_at LIMIT ?", customer.id, MOST)
    for row in given:
        yield _wish(row, row.id, row.created_at, "consent.recorded", "agreed to", row.source)
        if row.revoked_at is not None:
            ended, why = f"{row.id}:ended", row.revoked_why or "revoked"
            yield _wish(row, ended, row.revoked_at, "consent.ended", "no longer agrees to", why)
    numbers = {customer.phone or "", customer.preferred_phone, *(row.phone for row in given)} - {""}
    at_them = OptOut.phone.in_(sorted(numbers))
    statements = OptOut.select().where(OptOut.account_id == customer.account_id, at_them)
    for said in statements.order_by(OptOut.at).limit(MOST):
        stops = said.wish == "stop"
        kind, what = ("opted_out", "wants no more") if stops else ("opted_in", "allows again")
        yield _wish(said, said.id, said.at, f"contact.{kind}", what, said.source)


def _wish(said: Consent | OptOut, id: str, at: datetime, kind: str, what: str, why: str) -> Entry:
    ways = " and ".join(WAYS[channel] for channel in sorted(said.channels))
    reason = f"The person {what} {ways}: {why.rstrip('.')}."
    return Entry(f"wish:{id}", at, "fact", kind, reason, "", said.recorded_by)


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
    """Calls about the invoice: how each ended, and its cost. Transcripts stay with the call."""
    about = "t.invoice_id = ? ORDER BY t.call_id LIMIT ?"
    rows = [row.call for row in CallInvoice.all_with("call", about, having.invoice.id, MOST)]
    outcomes = outcomes_of(rows)
    for call in rows:
        yield from _of_call(call, outcomes[call.id])


def _of_call(call: Call, outcome: str) -> Iterable[Entry]:
    if call.state == "refused":
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
        how = f"Call {call.id} ended ({call.ended_reason or 'no reason given'})"
        if call.ended_reason == MADE_BY_HAND:
            how = f"{call.asked_by} called by hand"
        yield Entry(
            f"call:{call.id}",
            call.ended_at,
            "fact",
            "call.ended",
            f"{how}: {what}.{cost}",
            outcome,
            call.asked_by,
        )


def holds(having: Belongings) -> Iterable[Entry]:
    """Holds on the customer. Notes about them stay with the customer."""
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
    """Promises to pay, and how they ended."""
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
            f"The person promised to pay {told}, and is not asked again until"
            f" {row.decided_from:%Y-%m-%d %H:%M} UTC.",
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
    """Work for the clinic's staff, and what they decided."""
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
