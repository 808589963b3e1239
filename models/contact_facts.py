"""What the contact gate is told, gathered from rows inside the transaction that decides."""

from datetime import datetime, timedelta

from models.account_sender import sender_of
from models.base import serialize_on
from models.brake import over_ceiling, paused
from models.consent import Consent
from models.customer import Customer
from models.inbox_event import InboxEvent
from models.invoice import Invoice
from models.message import Message
from models.opt_out import OptOut, person_key
from models.payment import Payment
from models.payment_attempt import PaymentAttempt
from models.payment_confirmation import PaymentConfirmation
from models.phone_suppression import PhoneSuppression
from rules.contact import Facts
from rules.whereabouts import zones_of
from runtime.settings import get_settings

BACKLOG = timedelta(minutes=10)  # an event that has waited this long means that all of them do
FORGIVEN = timedelta(days=1)  # an event that could not be taken in for a day stops its own invoice only


def sms_facts(invoice: Invoice, customer: Customer, phone: str, now: datetime, real: datetime) -> Facts:
    """The facts about texting `customer` at `phone` over a locked invoice; `now` is business time, `real` the real one.

    Holds the person until the transaction ends: what somebody says about being contacted commits before, and is
    seen, or after.
    """
    serialize_on(person_key(phone))
    account, sender = invoice.account_id, sender_of(invoice.account_id)
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
        over_ceiling=over_ceiling(account, "texts", now),
        books_current=books_are_current(invoice, real),
    )


def _sender_trouble(sender: dict[str, str]) -> str:
    settings = get_settings()
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        return "Texting is not set up: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are missing."
    if not settings.public_url:
        return "PUBLIC_URL is not set, so a text could not carry an address."
    return "" if sender else "The account has no sender, and TWILIO_MESSAGING_SERVICE_SID is not set."


def payment_is_under_way(invoice: Invoice) -> bool:
    """Whether money is on its way: a payment that its bank still processes, or a card that is being charged just now."""
    if Payment.select().where(Payment.invoice == invoice.id, Payment.status == "processing").exists():
        return True
    charging = PaymentConfirmation.select().join(PaymentAttempt).where(PaymentAttempt.invoice == invoice.id, PaymentConfirmation.state == "requested")
    return bool(charging.exists())


def books_are_current(invoice: Invoice, real: datetime) -> bool:
    """Whether no event waits that may change this invoice: one that names it, or a backlog of its Stripe account."""
    account = invoice.account.stripe_account or ""
    waiting = (InboxEvent.provider == "stripe") & (InboxEvent.account == account) & InboxEvent.outcome.is_null()
    behind = (InboxEvent.received_at < real - BACKLOG) & (InboxEvent.received_at > real - FORGIVEN)
    names = InboxEvent.payload.contains(invoice.id)
    return not InboxEvent.select().where(waiting & (behind | names)).exists()
