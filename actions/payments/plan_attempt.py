"""Plan an attempt to pay an invoice: its one open intent, for the wanted amount."""

from actions.payments.chargeable import check_balance_chargeable, check_chargeable
from actions.payments.payable import check_charges_run, check_payable
from actions.payments.retire_open_payments import retire_payments_elsewhere
from delivery.perform_now import stage_now
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from rules.money import in_words
from runtime.clock import real_now
from runtime.errors import Refused


def plan_attempt(
    invoice: Invoice, amount: int | None, receipt_email: str | None, asked_by: str
) -> tuple[PaymentAttempt, list[int | None]]:
    """Return the locked invoice's open attempt for `amount`, and the jobs that create or update its
    intent.

    An intent's amount is only ever lowered: a higher one needs another attempt, because a payer who
    was shown less agreed to less. Without a `receipt_email` the receipt goes where the intent
    already sends it, or to the customer. Raises Refused if the invoice is not payable, the amount
    exceeds the balance or is one that Stripe does not charge, charges are paused or at their
    ceiling, or a charge is under way.
    """
    check_payable(invoice)
    check_charges_run(invoice.account_id)
    wanted = invoice.outstanding if amount is None else amount
    if wanted > invoice.outstanding:
        raise Refused(
            "amount_exceeds_balance",
            f"{in_words(invoice.outstanding, invoice.currency, 'en_US')} is owed on invoice"
            f" {invoice.number}; {in_words(wanted, invoice.currency, 'en_US')} was requested.",
        )
    if amount is None:
        check_balance_chargeable(invoice)
    else:
        check_chargeable(amount, invoice.currency, "amount", "payment_refused")
    retire_payments_elsewhere(invoice)
    live, now, customer = PaymentAttempt.live(invoice), real_now(), invoice.customer
    if live is None:
        attempt = PaymentAttempt.plan(
            invoice, wanted, receipt_email or customer.email, asked_by, now
        )
        about = {"invoice_id": invoice.id, "amount": wanted, "currency": invoice.currency}
        AuditEntry.record(
            attempt.asked_by,
            "payment.planned",
            f"payment_attempt:{attempt.id}",
            invoice.account_id,
            **about,
        )
        return attempt, _open(attempt)
    change = {
        "amount": wanted,
        "stripe_customer_id": customer.stripe_customer_id,
        "receipt_email": receipt_email or live.receipt_email,
    }
    if all(getattr(live, name) == value for name, value in change.items()):
        return live, stage_intent_jobs(live)
    if live.state == "planned":
        raise Refused(
            "payment_in_progress",
            f"Another payment of invoice {invoice.number} is being prepared; try again in a"
            " moment.",
        )
    # a payer's page may hold the intent's secret, and shows the lower amount
    if wanted > max(live.amount, live.intent_amount):
        live.record_retiring(now)
        return plan_attempt(invoice, wanted, receipt_email or live.receipt_email, asked_by)
    live.record_change_wanted(now, **change)
    return live, stage_intent_jobs(live)


def stage_intent_jobs(attempt: PaymentAttempt) -> list[int | None]:
    """Return the jobs that bring the intent to the wanted state, staged or revived; an empty list
    if it is already there.
    """
    if attempt.is_in_place:
        return []
    if attempt.state == "planned":
        return _open(attempt)
    return [
        stage_now(
            "change_payment_intent",
            f"{attempt.id}:{attempt.amount_version}",
            attempt.id,
            attempt.amount_version,
            fair_to=attempt.account_id,
        )
    ]


def _open(attempt: PaymentAttempt) -> list[int | None]:
    """Return the job that creates the intent, after the jobs that cancel intents the payer could
    still pay beside it.
    """
    closing = [
        stage_now("cancel_payment_intent", older.id, older.id, fair_to=older.account_id)
        for older in PaymentAttempt.closing(attempt.invoice_id)
    ]
    opening = stage_now("open_payment_intent", attempt.id, attempt.id, fair_to=attempt.account_id)
    return [*closing, opening]
