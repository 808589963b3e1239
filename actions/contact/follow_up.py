"""Follow up a promise: decide it when due by what has been paid, then thank or remind the customer
by a text through the gate. This goes on beside the ladder, but never on the same day.
"""

from datetime import datetime, timedelta

from actions.contact.gate_facts import books_of
from actions.contact.ladder.debtor import rungs_of
from actions.contact.promise import decide_promise
from actions.contact.request_text import KIND, request_text, text_refusal
from actions.payments.make_link import plan_link
from actions.payments.payable import payment_is_under_way
from actions.people.text_answer import stage_text, why_not_texted
from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import SYSTEM
from models.contact.hold import customer_key
from models.contact.message import Message
from models.contact.planned_contact import PlannedContact
from models.contact.promise import Promise
from models.invoices.invoice import Invoice
from models.reports.ladder_course import course_of
from models.transactions import serialize_on, transaction
from rules.contact.staff_texts import THANKS
from rules.contact.templates import language_of, render
from rules.invoice_fold import UNPAID
from runtime.clock import business_now, real_now

PATIENCE = timedelta(days=3)  # from the decision; a later text would seem out of context


def decide_when_known(promise: Promise) -> bool:
    """Decide a promise whose day is over, and return True. False if a payment may be missing here
    or is under way: then it is tried again later.
    """
    with transaction():
        invoice = Invoice.locked_with("account", promise.invoice_id)
        if books_of(invoice, real_now()) != "current" or payment_is_under_way(invoice):
            return False
        return decide_promise(invoice) is not None


def follow_up(decided: Promise) -> None:
    """Send the text that follows a decided promise, once: at the next lawful moment, if it is
    within PATIENCE.
    """
    with transaction():
        invoice = Invoice.locked_with("account", decided.invoice_id)
        promise = Promise.locked(decided.id)
        if promise.follow_at is None or promise.follow_at > business_now():
            return
        again_at = _thank(invoice) if promise.follow_up == "thanks" else _remind(invoice)
        patient_until = (promise.settled_at or business_now()) + PATIENCE
        is_late = again_at is not None and again_at > patient_until
        promise.record_followed_up(None if is_late else again_at)


def _thank(invoice: Invoice) -> datetime | None:
    """Send thanks, or return when they may be sent; None if sent, or if waiting does not help."""
    customer = invoice.customer
    language, phone = language_of(customer.language), customer.preferred_phone
    rendered = render(THANKS[language], language, {"clinic": invoice.account.name})
    refused = why_not_texted(invoice, phone, rendered.body)
    if refused is not None:
        return refused.next_at
    stage_text(invoice, "thanks", phone, rendered, language, SYSTEM)
    return None


def _is_left_to_ladder(invoice: Invoice) -> bool:
    """Whether a reminder is left to the ladder: the customer has heard from the clinic today or is
    about to, the ladder's contacts wait for approval, or the account has no ladder.
    """
    account, customer = invoice.account, invoice.customer
    settings = AccountSettings.of_account(account.id)
    if settings.first_contacts == "draft" or not rungs_of(settings):
        return True
    serialize_on(customer_key(customer.id))
    if PlannedContact.open_for(customer.id) is not None or Message.is_pending_for(
        customer.id, KIND
    ):
        return True
    heard = course_of(customer.id, account.time_zone, [invoice]).heard
    return heard.last_on is not None and heard.last_on >= account.local_date(business_now())


def _remind(invoice: Invoice) -> datetime | None:
    """Send a link for what is still owed, or return when it may be sent; None if sent, or if it is
    not needed.
    """
    phone = invoice.customer.preferred_phone
    if invoice.status not in UNPAID or _is_left_to_ladder(invoice):
        return None
    refused = text_refusal(invoice, phone, SYSTEM)
    if refused is not None:
        again_at: datetime | None = refused.next_at
        return again_at
    request_text(invoice, plan_link(invoice, SYSTEM), phone, SYSTEM)
    return None
