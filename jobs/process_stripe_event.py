"""A Stripe event is taken in: its facts are recorded and its invoice stands where they put it.

Twice is harmless: facts are merged by Stripe's ids, and an event with an outcome is left alone.
"""

import json
from dataclasses import dataclass
from typing import Any

from delivery.attempt import attempt_number, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from models.account import Account
from models.base import serialize_on
from models.inbox_event import InboxEvent
from models.invoice import Invoice
from models.payment import Payment
from models.refund import Refund
from models.standing import local_date, lock_invoice, refold
from providers import stripe_api
from providers.stripe_events import Belonging, Finding, LookAtRefunds, PaymentFinding, RefundFinding, read_event
from runtime.clock import business_now, real_now
from runtime.errors import Conflict, NotYet
from runtime.killpoint import killpoint

PATIENCE = 4  # attempts that an event may wait for the invoice it names


@dataclass(frozen=True, slots=True)
class Match:
    """Whose money an event speaks of: an invoice, nobody's, or one it has no business with (`refusal`)."""

    invoice: Invoice | None = None
    refusal: str = ""


@job(queue="webhooks", attempts=8, timeout=15)
def process_stripe_event(inbox_id: int) -> None:
    """Take in the inbox row `inbox_id`."""
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
        _take_in_unmatched(event, finding)
    else:
        refunds = _refunds(event, finding)
        with invoice_lock(match.invoice.id):
            _take_in(event, finding, refunds, match.invoice)


def _match(event: InboxEvent, finding: Finding) -> Match:
    """The invoice of the intent we know, else the one that the metadata names."""
    payment = Payment.by_intent(event.account, finding.intent_id)
    if payment is not None:
        return Match(payment.invoice)
    belonging = Belonging() if isinstance(finding, LookAtRefunds) else finding.belonging
    if not belonging.invoice_id.startswith("inv_"):
        return Match()
    invoice = Invoice.get_or_none(Invoice.id == belonging.invoice_id)
    if invoice is None:
        if 0 < attempt_number() < PATIENCE:
            raise NotYet(f"Invoice {belonging.invoice_id} is not here yet; its event came first.")
        return Match()
    if invoice.account_id != belonging.account_id:
        return Match(refusal=f"metadata account_id {belonging.account_id!r} is not the account of invoice {invoice.id}")
    if (invoice.account.stripe_account or "") != event.account:
        return Match(refusal=f"invoice {invoice.id} is not paid to Stripe account {event.account or 'of the platform'}")
    return Match(invoice)


def _refunds(event: InboxEvent, finding: Finding) -> list[dict[str, Any]]:
    if isinstance(finding, RefundFinding):
        return [finding.refund]
    if isinstance(finding, LookAtRefunds):
        return stripe_api.list_refunds(finding.intent_id, event.account)
    return []


def _take_in(event: InboxEvent, finding: Finding, refunds: list[dict[str, Any]], invoice: Invoice) -> None:
    now = real_now()
    with recording():
        serialize_on(finding.intent_id)
        fresh = lock_invoice(invoice.id)
        killpoint("event.in_transaction")
        news = False
        if isinstance(finding, PaymentFinding):
            news = Payment.record_report(fresh, event.account, finding.intent_id, finding.report, now)
        for refund in refunds:
            news |= Refund.record_report(event.account, refund, now)
        refold(fresh, now, local_date(Account.get_by_id(fresh.account_id), business_now()))
        event.record_outcome("applied" if news else "unchanged", now, invoice_id=fresh.id)


def _take_in_unmatched(event: InboxEvent, finding: Finding) -> None:
    """Nothing of ours, as far as we know. A refund is kept all the same: its payment may be reported later."""
    now = real_now()
    with recording():
        serialize_on(finding.intent_id)
        if Payment.by_intent(event.account, finding.intent_id):
            raise Conflict(f"The payment of {finding.intent_id} has just been recorded.")
        if isinstance(finding, RefundFinding):
            Refund.record_report(event.account, finding.refund, now)
        event.record_outcome("unmatched", now, reason=f"{finding.intent_id} belongs to no invoice here")


def _close(event: InboxEvent, outcome: str, reason: str) -> None:
    with recording():
        event.record_outcome(outcome, real_now(), reason)
