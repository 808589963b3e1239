"""A Stripe event is processed: its facts are recorded and its invoice is recomputed.

Twice is harmless: facts are merged by Stripe's ids, and an event with an outcome is left alone.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from actions.payments.recompute import recompute
from actions.payments.record_intent import record_intent
from delivery.attempt import attempt_number, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.base import serialize_on
from models.books.inbox_event import InboxEvent
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_link import PaymentLink
from models.payments.refund import Refund
from providers.stripe import client as stripe_api
from providers.stripe.events import (
    Belonging,
    Finding,
    Json,
    LookAtDispute,
    LookAtRefunds,
    PaymentFinding,
    RefundFinding,
    read_event,
)
from runtime.clock import real_now
from runtime.errors import Conflict, NotYet
from runtime.killpoint import killpoint

PATIENCE = 4  # attempts that an event may wait for the invoice it names


@dataclass(frozen=True, slots=True)
class Match:
    """Whose money an event is about: an invoice's, nobody's here, or that of an invoice it must not
    touch (`refusal`).
    """

    invoice: Invoice | None = None
    refusal: str = ""


@job(
    queue="webhooks", calls_out=True, attempts=12, timeout=15
)  # over an hour: longer than Stripe is usually away
def process_stripe_event(inbox_id: int) -> None:
    """Process the inbox row `inbox_id`."""
    event = InboxEvent.get_by_id(inbox_id)
    if event.outcome:
        return
    finding = read_event(json.loads(event.payload))
    if finding is None:
        _close(event, "ignored", f"{event.type} says nothing about money")
        return
    match = _match(event, finding)
    if match.refusal:
        _close(event, "refused", match.refusal)
    elif match.invoice is None:
        _record_unmatched(event, finding, _news(event, finding))
    else:
        # what is read at Stripe is written in the order in which it was read
        with invoice_lock(match.invoice.id):
            _record_matched(event, finding, _news(event, finding), match.invoice)


def _match(event: InboxEvent, finding: Finding) -> Match:
    """The invoice of the payment with this intent, else the one that the metadata name."""
    payment = Payment.by_intent(event.account, finding.intent_id)
    if payment is not None:
        return Match(payment.invoice)
    belonging = (
        Belonging() if isinstance(finding, LookAtRefunds | LookAtDispute) else finding.belonging
    )
    if not belonging.invoice_id.startswith("inv_"):
        return Match()
    invoice = Invoice.get_or_none(Invoice.id == belonging.invoice_id)
    if invoice is None:
        if 0 < attempt_number() < PATIENCE:
            raise NotYet(f"Invoice {belonging.invoice_id} is not here yet; its event came first.")
        return Match()
    if invoice.account_id != belonging.account_id:
        return Match(
            refusal=(
                f"metadata account_id {belonging.account_id!r} is not the account of invoice"
                f" {invoice.id}"
            )
        )
    if event.account not in {invoice.account.stripe_account or "", _asked_in(belonging)}:
        return Match(
            refusal=(
                f"invoice {invoice.id} is not paid to Stripe account"
                f" {event.account or 'of the platform'}"
            )
        )
    return Match(invoice)


def _asked_in(belonging: Belonging) -> str | None:
    """The Stripe account in which our own row of this attempt asked for the money: the clinic may
    have another one by now.
    """
    for rows in (PaymentLink, PaymentAttempt):
        row = rows.get_or_none(
            (rows.id == belonging.attempt_id) & (rows.invoice == belonging.invoice_id)
        )
        if row is not None:
            return str(row.stripe_account)
    return None


def _news(event: InboxEvent, finding: Finding) -> list[Json]:
    """The refunds or the dispute that the event contains, or, when it is only a hint, that are read
    at Stripe.
    """
    match finding:
        case RefundFinding():
            return [finding.refund]
        case LookAtRefunds():
            return stripe_api.list_refunds(finding.intent_id, event.account)
        case LookAtDispute():
            return [stripe_api.get_dispute(finding.dispute_id, event.account)]
        case _:
            return []


def _record_matched(
    event: InboxEvent, finding: Finding, news: list[Json], invoice: Invoice
) -> None:
    now = real_now()
    with recording():
        serialize_on(finding.intent_id)
        fresh = Invoice.locked(invoice.id)
        killpoint("event.in_transaction")
        if isinstance(finding, PaymentFinding):
            is_new = record_intent(fresh, event.account, finding, SYSTEM, event_id=event.event_id)
        else:
            is_new = sum(_record(event, subject, now, fresh) for subject in news) > 0
            recompute(fresh)
        event.record_outcome("applied" if is_new else "unchanged", now, invoice_id=fresh.id)


def _record(
    event: InboxEvent, subject: Json, now: datetime, invoice: Invoice | None = None
) -> bool:
    """Record a refund or a dispute, and audit it if it is new; whether it was."""
    kind, noun = (Dispute, "dispute") if subject["object"] == "dispute" else (Refund, "refund")
    is_new = kind.record_report(event.account, subject, now)
    if is_new:
        about = {
            "event_id": event.event_id,
            "amount": subject["amount"],
            "currency": subject["currency"],
            "intent_id": subject["payment_intent"],
        }
        AuditEntry.record(
            SYSTEM,
            f"{noun}.{subject['status']}",
            f"{noun}:{subject['id']}",
            invoice.account_id if invoice else None,
            **about,
        )
    return is_new


def _record_unmatched(event: InboxEvent, finding: Finding, news: list[Json]) -> None:
    """Not ours, as far as we know. Refunds and disputes are kept all the same, for their payment
    may be reported later.
    """
    now = real_now()
    with recording():
        serialize_on(finding.intent_id)
        if Payment.by_intent(event.account, finding.intent_id):
            raise Conflict(f"The payment of {finding.intent_id} has just been recorded.")
        for subject in news:
            _record(event, subject, now)
        event.record_unmatched(finding.intent_id, now)


def _close(event: InboxEvent, outcome: str, reason: str) -> None:
    with recording():
        event.record_outcome(outcome, real_now(), reason)
