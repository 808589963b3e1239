"""Process a Stripe event: record its facts and recompute its invoice.

Twice is harmless: facts are merged by Stripe's ids, and an event with an outcome is left alone.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from actions.deployment.card.read_card_event import read_card_event
from actions.deployment.card.record_fee_event import Fee, fee_of, record_fee_event
from actions.payments.recompute import recompute
from actions.payments.record_intent import record_intent
from actions.payments.requested_in import requested_in
from actions.payments.returns.record_return import record_return
from actions.payments.stage_stripe_read import stage_stripe_read
from delivery.attempt import attempt_number, recording, release_batch
from delivery.locks import invoice_lock
from delivery.registry import job
from models.accounts.audit_entry import SYSTEM
from models.books.inbox_event import InboxEvent
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.transactions import serialize_on
from providers.errors import ProviderError
from providers.stripe import client as stripe_api
from providers.stripe.events import (
    ClaimedOwner,
    FetchDispute,
    FetchObject,
    FetchRefunds,
    Finding,
    Json,
    PaymentFinding,
    RefundFinding,
    Unreadable,
    read_dispute,
    read_event,
    read_intent,
    read_refund,
)
from providers.stripe.intents import get_intent
from rules.invoice_fold import is_known_refund_status
from rules.stripe_event_types import is_card_event, object_of
from rules.stripe_mode import refuse_mode
from runtime.clock import real_now
from runtime.errors import Conflict, NotYet
from runtime.killpoint import killpoint
from runtime.settings import get_settings

Answer = TypeVar("Answer")

PATIENCE = 4  # attempts for which an event may wait for the invoice it names


@dataclass(frozen=True, slots=True)
class Match:
    """Whose money an event is about: an invoice's, none of ours, or that of an invoice it must not
    touch (`refusal`).
    """

    invoice: Invoice | None = None
    refusal: str = ""


# attempts go on for over an hour, longer than most Stripe outages
@job(queue="webhooks", calls_out=True, attempts=12, timeout=15, quick=True)
def process_stripe_event(inbox_id: int) -> None:
    """Process the inbox row `inbox_id`."""
    event = InboxEvent.get_by_id(inbox_id)
    if event.outcome:
        return
    event.forget_client_secrets()
    content = json.loads(event.payload)
    refusal = refuse_mode(content, get_settings().stripe_secret_key)
    if refusal:
        _close(event, "refused", refusal)
        return
    if is_card_event(event.type):
        _read_card_event(event, content)
        return
    try:
        _process(event, content)
    except Unreadable as error:
        _close(event, "refused", f"{event.type} cannot be read: {error}")


def _read_card_event(event: InboxEvent, content: Json) -> None:
    """Record what the event means for the card with which a clinic pays the platform."""
    if event.account:
        _close(event, "ignored", f"{event.type} of a connected account says nothing about money")
        return
    news = read_card_event(event.type, object_of(content))
    with recording():
        is_new = news.write()
        outcome = "applied" if is_new else "unchanged" if news.is_ours else "ignored"
        event.record_outcome(outcome, real_now(), news.about)


def _process(event: InboxEvent, content: Json) -> None:
    """Record the event's facts. Raises Unreadable if the event is unclear and Stripe cannot clarify
    it.
    """
    finding = read_event(content)
    if isinstance(finding, FetchObject):
        finding = _ask(event, finding)
    if finding is None:
        _close(event, "ignored", f"{event.type} says nothing about money")
        return
    match = _match(event, finding)
    if match.refusal:
        _close(event, "refused", match.refusal)
    elif match.invoice is None:
        news = _news(event, finding)
        fee = None if event.account else fee_of(finding.intent_id, _belonging(finding))
        if fee is not None:
            _record_fee(event, fee, finding, news)
        else:
            _record_unmatched(event, finding, news)
    else:
        # under the lock, what is read at Stripe is written in the order in which it was read
        with invoice_lock(match.invoice.id):
            _record_matched(event, finding, _news(event, finding), match.invoice)


def _ask(event: InboxEvent, ask: FetchObject) -> Finding:
    """Read the object that the event leaves unclear at Stripe, in our own API version. Raises
    Unreadable.
    """
    release_batch()
    try:
        match ask.tells:
            case "payment":
                return read_intent(get_intent(ask.id, event.account))
            case "refund":
                return read_refund(stripe_api.get_refund(ask.id, event.account))
            case _:
                dispute = read_dispute(stripe_api.get_dispute(ask.id, event.account))
                return FetchDispute(dispute["payment_intent"], ask.id)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        raise Unreadable(f"{ask.why} Stripe's answer about {ask.id}: {error}") from error


def _match(event: InboxEvent, finding: Finding) -> Match:
    """The invoice of the payment with this intent, or else the one named in the metadata."""
    belonging = _belonging(finding)
    is_named = belonging.invoice_id.startswith("inv_")
    named = belonging.invoice_id if is_named else ""
    invoice = Invoice.of_intent(event.account, finding.intent_id, named)
    if invoice is None:
        if is_named and 0 < attempt_number() < PATIENCE:
            raise NotYet(f"Invoice {named} is not here yet; its event came first.")
        return Match()
    refusal = _refusal(event, belonging, invoice)
    if not refusal:
        return Match(invoice)
    payment = Payment.by_intent(event.account, finding.intent_id)
    return Match(payment.invoice) if payment is not None else Match(refusal=refusal)


def _belonging(finding: Finding) -> ClaimedOwner:
    """What the finding's own metadata claims; a hint has none."""
    if isinstance(finding, FetchRefunds | FetchDispute):
        return ClaimedOwner()
    return finding.belonging


def _refusal(event: InboxEvent, belonging: ClaimedOwner, invoice: Invoice) -> str:
    """Why the event must not change the invoice (unless its payment is known), or ""."""
    if invoice.account_id != belonging.account_id:
        return (
            f"metadata account_id {belonging.account_id!r} is not the account of invoice"
            f" {invoice.id}"
        )
    here = invoice.account.stripe_account or ""
    asked = belonging.attempt_id, belonging.invoice_id
    if event.account != here and event.account != requested_in(*asked):
        whose = event.account or "of the platform"
        return f"invoice {invoice.id} is not paid to Stripe account {whose}"
    return ""


def _news(event: InboxEvent, finding: Finding) -> list[Json]:
    """The refunds or the dispute that the event contains, or, if it is only a hint, as read from
    Stripe. Raises Unreadable.
    """
    match finding:
        case RefundFinding():
            return [finding.refund]
        case FetchRefunds():
            intent_id = finding.intent_id
            listed = _asked(
                f"the refunds of {intent_id}",
                lambda: stripe_api.list_refunds(intent_id, event.account),
            )
            return [read_refund(refund).refund for refund in listed]
        case FetchDispute():
            dispute_id = finding.dispute_id
            dispute = _asked(
                f"dispute {dispute_id[:100]}",
                lambda: stripe_api.get_dispute(dispute_id, event.account),
            )
            return [read_dispute(dispute)]
        case _:
            return []


def _asked(what: str, ask: Callable[[], Answer]) -> Answer:
    """Stripe's answer about `what`, as it is now. Raises Unreadable if Stripe refuses it, as for an
    id of the other mode.
    """
    release_batch()
    try:
        return ask()
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        raise Unreadable(f"Stripe's answer about {what}: {error}") from error


def _record_matched(
    event: InboxEvent, finding: Finding, news: list[Json], invoice: Invoice
) -> None:
    now = real_now()
    with recording():
        serialize_on(finding.intent_id)
        fresh = Invoice.locked(invoice.id)
        fresh.account = invoice.account
        killpoint("event.in_transaction")
        if isinstance(finding, PaymentFinding):
            is_new = record_intent(
                fresh, event.account, finding, SYSTEM, False, event_id=event.event_id
            )
        else:
            is_new = _record(event, finding, news, fresh)
            recompute(fresh)
        outcome = "applied" if is_new else "unchanged"
        event.record_outcome(outcome, now, _doubt(finding), invoice_id=fresh.id)


def _record(
    event: InboxEvent, finding: Finding, news: list[Json], invoice: Invoice | None = None
) -> bool:
    """Record refunds or a dispute, and return whether any is new."""
    is_new, about = False, {"event_id": event.event_id}
    for subject in news:
        is_new |= record_return(event.account, subject, real_now(), invoice, **about)
    _ask_again_about_refunds(
        event, finding, news, invoice.account_id if invoice is not None else ""
    )
    return is_new


def _ask_again_about_refunds(
    event: InboxEvent, finding: Finding, news: list[Json], whose: str
) -> None:
    """Ask Stripe again about refunds whose status is missing or unknown to us."""
    for subject in news:
        if subject["object"] == "refund" and (
            _doubt(finding) or not is_known_refund_status(subject["status"])
        ):
            stage_stripe_read("refund", subject["id"], event.account, whose)


def _doubt(finding: Finding) -> str | None:
    doubt = finding.doubt if isinstance(finding, PaymentFinding | RefundFinding) else ""
    return f"Stripe is asked again: {doubt}." if doubt else None


def _record_unmatched(event: InboxEvent, finding: Finding, news: list[Json]) -> None:
    """Record an event that matches no invoice of ours. Refunds and disputes are stored all the
    same, because their payment may be reported later.
    """
    now = real_now()
    with recording():
        serialize_on(finding.intent_id)
        if Payment.by_intent(event.account, finding.intent_id):
            raise Conflict(f"The payment of {finding.intent_id} has just been recorded.")
        _record(event, finding, news)
        event.record_unmatched(finding.intent_id, now)


def _record_fee(event: InboxEvent, fee: Fee, finding: Finding, news: list[Json]) -> None:
    """Record an event about a deployment's setup fee, which belongs to no invoice."""
    with recording():
        record_fee_event(fee, news)
        _ask_again_about_refunds(event, finding, news, fee.account_id)
        event.record_outcome("applied", real_now(), fee.about)


def _close(event: InboxEvent, outcome: str, reason: str) -> None:
    with recording():
        event.record_outcome(outcome, real_now(), reason)
