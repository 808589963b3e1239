"""Promises to pay: recorded, and decided by what has been paid.

While a promise is open, the customer is not asked to pay (the gate's `promised`). It is kept as
soon as the invoice is paid; otherwise it is decided after its day and the days of grace.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from actions.contact.escalate import open_escalation
from models.accounts.audit_entry import AuditEntry
from models.contact.contact_course import ContactCourse
from models.contact.promise import Promise
from models.feed.emit import emit
from models.invoices.invoice import Invoice
from models.payments.invoice_facts import InvoiceFacts
from models.transactions import transaction
from rules.contact.promises import Outcome, outcome_of, terms_on
from rules.invoice_fold import UNPAID
from rules.money import not_in_steps
from runtime.clock import business_now
from runtime.errors import Refused

MOST_BROKEN = 2  # broken promises about an invoice, after which staff take over


def record_promise(invoice: Invoice, amount: int | None, promised_for: date, *, by: str) -> Promise:
    """Record a promise to pay `amount`, or all that is owed. It replaces an open promise about the
    invoice; the same promise again changes nothing. Raises Refused.
    """
    with transaction():
        invoice = Invoice.locked(invoice.id)
        _refuse_unpayable(invoice)
        amount = _checked_amount(invoice, amount)
        today = invoice.account.local_date(business_now())
        terms = terms_on(today)
        if not today <= promised_for <= today + timedelta(days=terms.farthest_days):
            last = (today + timedelta(days=terms.farthest_days)).isoformat()
            message = f"is {promised_for}; a day from {today} to {last} is accepted"
            raise Refused(  # the assistant reads this detail to the customer
                "invalid",
                f"A promise is for a day from {today} to {last}, not for {promised_for}. Nothing"
                " was recorded; agree on one of these days.",
                [{"field": "promisedFor", "message": message}],
            )
        facts = InvoiceFacts.of(invoice)
        open_one = Promise.of(invoice.id)
        if open_one is not None:
            if (open_one.amount, open_one.promised_for) == (amount, promised_for):
                return open_one
            paid = _paid_since(open_one, invoice, facts)
            open_one.record_settled("replaced", paid, business_now())
        days = timedelta(days=terms.grace_days + 1)
        decided_from = datetime.combine(
            promised_for + days, time(), ZoneInfo(invoice.account.time_zone)
        ).astimezone(UTC)
        promise = Promise.make(invoice, amount, promised_for, decided_from, by, facts.arrived)
        _emit("promise.made", promise)
        AuditEntry.record(
            by,
            "promise.made",
            f"invoice:{invoice.id}",
            invoice.account_id,
            promise_id=promise.id,
            amount=amount,
            currency=invoice.currency,
            promised_for=promised_for.isoformat(),
        )
        ContactCourse.recheck_customer(invoice.customer_id)
    return promise


def keep_promise_early(invoice: Invoice, facts: InvoiceFacts) -> None:
    """Keep the open promise before its day, if the locked invoice, whose amounts have just changed
    to `facts`, is paid as promised.
    """
    promise = Promise.of(invoice.id)
    if promise is None:
        return
    paid = _paid_since(promise, invoice, facts)
    has_come = paid > 0 or invoice.amount_paid > promise.paid_before
    if has_come and outcome_of(promise.amount, paid, invoice.outstanding) == "kept":
        _settle(promise, invoice, "kept", paid)


def decide_promise(invoice: Invoice) -> Promise | None:
    """Decide the open promise about a locked invoice, if its day is over, by what has been paid.
    Returns the promise, or None if there was nothing to decide.
    """
    promise = Promise.of(invoice.id)
    if promise is None or promise.decided_from > business_now():
        return None
    paid = _paid_since(promise, invoice, InvoiceFacts.of(invoice))
    outcome: Outcome = "moot"
    if invoice.status == "paid" or (invoice.status in UNPAID and not invoice.disputed):
        outcome = outcome_of(promise.amount, paid, invoice.outstanding)
    _settle(promise, invoice, outcome, paid)
    return promise


def _settle(promise: Promise, invoice: Invoice, outcome: Outcome, paid: int) -> None:
    follow_up = {"kept": "thanks", "partly_kept": "reminder", "broken": "reminder", "moot": ""}
    if not promise.record_settled(outcome, paid, business_now(), follow_up[outcome]):
        return
    ContactCourse.recheck_customer(invoice.customer_id)
    if outcome == "moot":
        return
    _emit("promise.kept" if outcome == "kept" else "promise.broken", promise)
    if outcome != "kept" and Promise.broken_before(invoice.id) >= MOST_BROKEN:
        about = {"promiseId": promise.id, "paid": paid, "currency": promise.currency}
        open_escalation(invoice.account, invoice.customer, invoice, "promises_broken", about)


def _paid_since(promise: Promise, invoice: Invoice, facts: InvoiceFacts) -> int:
    """What has arrived since the promise and was kept. Older money that goes back (or that a bank
    returns) does not count, because it is not the customer's doing.
    """
    before = promise.payments_before
    if before is None:  # made under a release that did not store them
        return max(0, invoice.amount_paid - promise.paid_before)
    kept = facts.kept(invoice)
    by_hand = {each.id: each.amount_received for each in facts.payments if each.method != "stripe"}
    entered = sum(kept.get(each, 0) for each in by_hand if each not in before)
    voided = sum(taken for each, taken in by_hand.items() if each in before and each not in kept)
    # a payment that was voided and entered again is a correction, not new money
    corrected = min(entered, voided)
    return sum(amount for each, amount in kept.items() if each not in before) - corrected


def _checked_amount(invoice: Invoice, amount: int | None) -> int:
    wanted = invoice.outstanding if amount is None else amount
    fault = not_in_steps(wanted, invoice.currency)
    if fault:
        raise Refused("invalid", fault, [{"field": "amount", "message": fault}])
    if wanted > invoice.outstanding:
        raise Refused(
            "amount_exceeds_balance",
            f"The promise is for {wanted}, and invoice {invoice.number} has {invoice.outstanding}"
            f" {invoice.currency} outstanding (minor units). Send at most that, or omit amount.",
        )
    return wanted


def _refuse_unpayable(invoice: Invoice) -> None:
    if invoice.status == "paid":
        raise Refused(
            "invoice_already_paid",
            f"Invoice {invoice.number} is paid; there is nothing to promise.",
        )
    if invoice.status not in UNPAID:
        raise Refused(
            "invoice_not_payable",
            f"Invoice {invoice.number} is {invoice.status.replace('_', ' ')}; only sent and overdue"
            " invoices take promises. Send it first if it is a draft.",
        )


def _emit(type: str, promise: Promise) -> None:
    about: dict[str, Any] = {
        "promiseId": promise.id,
        "invoiceId": promise.invoice_id,
        "customerId": promise.customer_id,
        "amount": promise.amount,
        "currency": promise.currency,
        "promisedFor": promise.promised_for.isoformat(),
        "state": promise.state,
        "paid": promise.paid,
    }
    emit(promise.account_id, type, about, f"invoice:{promise.invoice_id}")
