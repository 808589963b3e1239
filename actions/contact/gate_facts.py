"""The facts for the contact gate, gathered inside the deciding transaction."""

from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from peewee import fn

from actions.payments.payable import payment_is_under_way
from models.base import serialize_on
from models.books.inbox_event import InboxEvent
from models.books.stripe_watermark import StripeWatermark
from models.contact.account_sender import sender_of
from models.contact.consent import Consent
from models.contact.message import Message
from models.contact.opt_out import OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.delivery.staged_job import StagedJob
from models.effects.daily_limit import over_ceiling
from models.effects.pause_switch import paused
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from rules.contact.gate import Books, Facts
from rules.contact.person_time_zones import zones_of
from rules.stripe_event_types import UNNAMED
from runtime.settings import get_settings

BACKLOG = timedelta(minutes=10)  # an event that has waited this long means that all of them do
# an event that was not taken in for a day stops its own invoice only
FORGIVEN = timedelta(days=1)


def sms_facts(
    invoice: Invoice, customer: Customer, phone: str, now: datetime, real: datetime
) -> Facts:
    """The facts about texting `customer` at `phone` over a locked invoice; `now` is business time,
    `real` the real one.

    Locks the person until the transaction ends: an opt-out or consent commits either before, and is
    seen, or after.
    """
    serialize_on(person_key(phone))
    account = invoice.account_id
    sender = sender_of(invoice.account_id)
    closed = PhoneSuppression.of(account, phone, "sms")
    return Facts(
        channel="sms",
        phone=phone,
        invoice_status=invoice.status,
        disputed=invoice.disputed,
        opted_out=OptOut.holds(account, tuple(sender.values()), phone, "sms"),
        suppressed=closed.reason if closed else "",
        consented=Consent.holds(customer.id, phone, "sms", now),
        sender_trouble=_sender_trouble(sender),
        paused=paused(account, "texts"),
        payment_processing=payment_is_under_way(invoice),
        zones=zones_of(phone, customer.address, customer.time_zone) if phone else (),
        recent=Message.recent(account, phone, now),
        ceiling_lifts_at=(
            invoice.account.next_midnight(now) if over_ceiling(account, "texts", now) else None
        ),
        books=books_of(invoice, real),
    )


def _sender_trouble(sender: dict[str, str]) -> str:
    settings = get_settings()
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        return "Texting is not set up: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are missing."
    if not settings.public_url:
        return "PUBLIC_URL is not set, so a text could not carry an address."
    return (
        "" if sender else "The account has no sender, and TWILIO_MESSAGING_SERVICE_SID is not set."
    )


def books_of(invoice: Invoice, real: datetime) -> Books:
    """Whether our rows hold all that Stripe may have said of this invoice.

    `stale`: its account's list of events was not read for hours. `behind`: an event waits that may
    change it. That is one that names it or an intent of it. It is also one whose invoice is not
    known, if it may be about any: one of money that went back, one that an older release received
    without looking at what it names, or any that has waited for long. Those hold back nothing any
    more once they could not be taken in, or have waited for a day.
    """
    account = invoice.account.stripe_account or ""
    if StripeWatermark.is_stale(account, real):
        return "stale"
    waiting = (
        (InboxEvent.provider == "stripe")
        & (InboxEvent.account == account)
        & InboxEvent.outcome.is_null()
    )
    unnamed = InboxEvent.type_is_one_of(UNNAMED) | InboxEvent.intent_id.is_null()
    anybody = (
        ((InboxEvent.received_at < real - BACKLOG) | unnamed)
        & (InboxEvent.received_at > real - FORGIVEN)
        & ~_invoice_is_known()
        & ~_could_not_be_taken_in()
    )
    intents = _intents(invoice)
    unread = reduce(or_, (InboxEvent.payload.contains(name) for name in (invoice.id, *intents)))
    names = (
        (InboxEvent.named_invoice_id == invoice.id)
        | InboxEvent.intent_id.in_(intents)
        | (InboxEvent.intent_id.is_null() & unread)
    )
    behind = InboxEvent.select().where(waiting & (anybody | names)).exists()
    return "behind" if behind else "current"


def _invoice_is_known() -> Any:
    """The condition that an event is about an invoice of ours: then it holds back that one only."""
    ours = (
        Payment.select(Payment.id).where(
            Payment.stripe_account == InboxEvent.account, Payment.intent_id == InboxEvent.intent_id
        ),
        PaymentAttempt.select(PaymentAttempt.id).where(
            PaymentAttempt.intent_id == InboxEvent.intent_id
        ),
        Invoice.select(Invoice.id).where(Invoice.id == InboxEvent.named_invoice_id),
    )
    return reduce(or_, (fn.EXISTS(rows) for rows in ours))


def _could_not_be_taken_in() -> Any:
    """The condition that an event's job is dead: it is shown to people, and waits for them."""
    dead = StagedJob.select(StagedJob.id).where(
        StagedJob.name == "process_stripe_event",
        StagedJob.key == InboxEvent.id.cast("TEXT"),
        StagedJob.state == "dead",
    )
    return fn.EXISTS(dead)


def _intents(invoice: Invoice) -> list[str]:
    """The PaymentIntents that are known to be about this invoice."""
    rows = [
        row
        for kind in (Payment, PaymentAttempt)
        for row in kind.select(kind.intent_id).where(kind.invoice == invoice.id)
    ]
    return sorted({row.intent_id for row in rows if row.intent_id})
