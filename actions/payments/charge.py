"""Charge a card for an invoice, for web, backend and phone alike."""

import time
from dataclasses import dataclass, field
from datetime import timedelta

from actions.payments.payable import (
    CEILING_REACHED,
    check_books_are_read,
    check_charges_run,
    payment_is_under_way,
)
from actions.payments.plan_attempt import plan_attempt, stage_intent_jobs
from actions.payments.retire_open_payments import retire_open_payments
from delivery.perform_now import perform_now, stage_now, take_due
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from rules.declines import advice, public_code
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.settings import INTERACTIVE

# seconds that a request waits for the invoice's link to be closed before the card is charged
LINK_PATIENCE = 3.0
PAUSE = 0.05
REPEATED_WITHIN = timedelta(minutes=5)
# why a requested charge was not made: our code → the problem's code and detail
WITHDRAWN = {
    "not_payable": (
        "invoice_not_payable",
        "The balance changed before the card was charged; nothing was charged.",
    ),
    "too_late": (
        "invoice_not_payable",
        "The card could not be charged in time; nothing was charged. Try again.",
    ),
    "charges_paused": ("charges_paused", "An operator has paused charges; nothing was charged."),
    "ceiling_reached": ("ceiling_reached", CEILING_REACHED),
    "payment_in_progress": (
        "payment_in_progress",
        "Another payment of this invoice is on its way; nothing was charged.",
    ),
    "amount_refused": ("payment_refused", "Stripe refused this amount; nothing was charged."),
    "settled_by_hand": ("payment_refused", "An operator checked at Stripe: nothing was charged."),
    "no_saved_card": (
        "no_saved_card",
        "The customer has no card saved at Stripe; nothing was charged.",
    ),
}


@dataclass(frozen=True, slots=True)
class Charge:
    """A requested charge: the jobs that make it, and the jobs that close the invoice's link first
    if no worker has done so.
    """

    confirmation_id: str
    attempt_id: str
    invoice_id: str
    jobs: list[int | None]
    closing: list[int | None] = field(default_factory=list)

    def perform(self) -> None:
        """Make the charge now, after the commit, once the invoice's link takes no more money."""
        for job_id in self.closing:
            perform_now(job_id)
        until = time.monotonic() + LINK_PATIENCE
        while _retiring_links(self.invoice_id) and time.monotonic() < until:
            time.sleep(PAUSE)
        for job_id in self.jobs:
            perform_now(job_id)


def charge_by_phone(
    invoice: Invoice, amount: int | None, card: str | None, asked_by: str, call_id: str | None
) -> Charge:
    """Charge the locked invoice's balance, or `amount` of it, as a mail or telephone order. Without
    a `card`, charge the customer's saved card at Stripe. Raises Refused.
    """
    if card is None and not invoice.customer.stripe_customer_id:
        raise Refused(
            "no_saved_card",
            f"Customer {invoice.customer_id} has no stripeCustomerId, so there is no saved card.",
        )
    attempt, jobs = plan_attempt(invoice, amount, None, asked_by)
    how = {"by_phone": True, "off_session": card is None, "call_id": call_id}
    return charge(invoice, attempt, card, asked_by, jobs, **how)


def charge(
    invoice: Invoice,
    attempt: PaymentAttempt,
    card: str | None,
    asked_by: str,
    jobs: list[int | None],
    **how: bool | str | None,
) -> Charge:
    """Stage a charge of the locked invoice's attempt, and retire its link first. Raises Refused."""
    if payment_is_under_way(invoice):
        raise Refused(
            "payment_in_progress",
            f"Invoice {invoice.number} is being paid right now; try again in a moment.",
        )
    check_charges_run(invoice.account_id)
    check_books_are_read(invoice)
    confirmation = PaymentConfirmation.request(attempt, card, asked_by, real_now(), **how)
    AuditEntry.record(
        asked_by,
        "payment.requested",
        f"payment_confirmation:{confirmation.id}",
        invoice.account_id,
        invoice_id=invoice.id,
        amount=attempt.amount,
        currency=attempt.currency,
        by_phone=confirmation.by_phone,
    )
    retire_open_payments(invoice, attempts=False, queue=INTERACTIVE)
    charging = stage_now(
        "confirm_payment", confirmation.id, confirmation.id, fair_to=invoice.account_id
    )
    return Charge(confirmation.id, attempt.id, invoice.id, [*jobs, charging])


def resume(confirmation_id: str) -> Charge:
    """Return a charge that was requested before, with those of its jobs that are due and unclaimed.
    Needs an open transaction.
    """
    confirmation = PaymentConfirmation.get_by_id(confirmation_id)
    attempt = confirmation.attempt
    jobs: list[int | None] = []
    closing: list[int | None] = []
    if confirmation.state == "requested":
        closing += [
            take_due("retire_payment_link", each) for each in _retiring_links(attempt.invoice_id)
        ]
        jobs += stage_intent_jobs(attempt) if attempt.is_live else []
        jobs += [take_due("confirm_payment", confirmation.id)]
    return Charge(confirmation.id, attempt.id, attempt.invoice_id, jobs, closing)


def check_not_repeated(invoice: Invoice, amount: int | None, card: str | None) -> None:
    """Raises Refused when the same card was charged the same amount for the locked invoice within
    the last minutes: more likely a request sent twice than a second payment.
    """
    wanted = invoice.outstanding if amount is None else amount
    same_card = (
        PaymentConfirmation.payment_method_id == card
        if card
        else PaymentConfirmation.payment_method_id.is_null()
    )
    charged = (
        PaymentConfirmation.select()
        .join(PaymentAttempt)
        .where(
            PaymentAttempt.invoice == invoice.id,
            PaymentConfirmation.state == "settled",
            PaymentConfirmation.amount == wanted,
            PaymentConfirmation.created_at > real_now() - REPEATED_WITHIN,
            same_card,
        )
    )
    if charged.exists():
        raise Refused(
            "payment_repeated",
            f"This card was charged {wanted} {invoice.currency} (minor units) for invoice"
            f" {invoice.number} in the last {REPEATED_WITHIN.seconds // 60} minutes. To charge it"
            " once more, send repeat: true.",
        )


def why_not_charged(confirmation: PaymentConfirmation) -> Refused:
    """Return why a declined or refused confirmation charged nothing."""
    code = confirmation.code or ""
    if (
        code == "not_payable"
        and Invoice.get_by_id(confirmation.attempt.invoice_id).status == "paid"
    ):
        return Refused(
            "invoice_already_paid",
            "The invoice was paid another way first; the card was not charged.",
        )
    if code in WITHDRAWN:
        return Refused(*WITHDRAWN[code])
    if confirmation.state == "refused":
        return Refused(
            "payment_refused",
            f"Stripe refused the charge; nothing was charged: {confirmation.error}",
        )
    return declined(code)


def declined(code: str) -> Refused:
    """Return the refusal for a declined card."""
    words = advice(code)
    return Refused("card_declined", words, declineCode=public_code(code), advice=words)


def _retiring_links(invoice_id: str) -> list[str]:
    """Return the ids of the invoice's links that are still being retired at Stripe."""
    closing = (PaymentLink.invoice == invoice_id) & (PaymentLink.state == "retiring")
    return [link.id for link in PaymentLink.select(PaymentLink.id).where(closing)]
