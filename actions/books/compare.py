"""Compare one object at Stripe with ours, and record the difference. Nothing is corrected here, but
an open intent for a wrong amount is read again, which has it changed back.

Kinds: `payment_missing` and `refund_missing` (Stripe has it, we do not), `payment_differs` and
`refund_differs` (another amount or outcome), `payment_refused` (it names an invoice of another
account), `intent_differs` (it is still open, for another amount), `payment_unknown` and
`refund_unknown` (we have it, Stripe does not), `received` and `returned` (an invoice's own sums are
not those of its facts).
"""

from datetime import timedelta
from typing import Any, NamedTuple

from actions.payments.requested_in import requested_in
from actions.payments.stage_stripe_read import stage_stripe_read
from models.books.reconciliation import Difference, Reconciliation, Sighting
from models.invoices.invoice import Invoice
from models.payments.invoice_facts import InvoiceFacts
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.refund import Refund
from providers.stripe.events import (
    ClaimedOwner,
    PaymentFinding,
    Unreadable,
    read_intent,
    read_refund,
)
from rules.invoice_fold import KEPT
from rules.payment_merge import CHANGEABLE
from runtime.clock import business_now, real_now

Json = dict[str, Any]
LATELY = timedelta(minutes=10)  # an attempt that changed since may differ only for a moment


class FoundDifference(NamedTuple):
    """A difference: its kind and the amounts in minor units."""

    kind: str
    ours: int
    theirs: int
    currency: str


class Verdict(NamedTuple):
    """The invoice that the object belongs to (None: it is not ours), and the difference, if any."""

    invoice: Invoice | None
    found: FoundDifference | None


def compare_intent(stripe_account: str, intent: Json) -> Verdict:
    """Compare a PaymentIntent with our payment. An intent that cannot be read counts as not ours:
    its event reports the fault.
    """
    try:
        finding = read_intent(intent)
    except Unreadable:
        return Verdict(None, None)
    payment = Payment.by_intent(stripe_account, finding.intent_id)
    invoice = (
        payment.invoice
        if payment is not None
        else Invoice.get_or_none(Invoice.id == finding.belonging.invoice_id)
    )
    if invoice is None:
        return Verdict(None, None)
    theirs, currency = finding.report.amount_received, finding.report.currency
    ours = payment.amount_received if payment is not None else 0
    if theirs == ours and (payment is None or not ours or payment.currency == currency):
        return Verdict(invoice, _compare_open(finding))
    kind = (
        "payment_differs"
        if payment is not None
        else "payment_missing"
        if _may_pay(stripe_account, finding.belonging, invoice)
        else "payment_refused"
    )
    return Verdict(invoice, FoundDifference(kind, ours, theirs, currency))


def _compare_open(finding: PaymentFinding) -> FoundDifference | None:
    """Compare the amount for which an intent of ours can still be paid."""
    report = finding.report
    if report.status not in CHANGEABLE:
        return None
    attempt = PaymentAttempt.not_as_confirmed(finding.intent_id, report.amount)
    if attempt is None or real_now() - attempt.updated_at < LATELY:
        return None
    return FoundDifference("intent_differs", attempt.intent_amount, report.amount, report.currency)


def compare_refund(stripe_account: str, refund: Json) -> Verdict:
    """Compare a refund with ours."""
    try:
        finding = read_refund(refund).refund
    except Unreadable:
        return Verdict(None, None)
    payment = Payment.by_intent(stripe_account, finding["payment_intent"])
    if payment is None:
        return Verdict(None, None)
    known = Refund.get_or_none(Refund.refund_id == finding["id"])
    theirs = finding["amount"] if finding["status"] not in KEPT else 0
    ours = known.amount if known is not None and known.status not in KEPT else 0
    kind = "refund_missing" if known is None else "refund_differs"
    return Verdict(
        payment.invoice,
        None if theirs == ours else FoundDifference(kind, ours, theirs, finding["currency"]),
    )


def _may_pay(stripe_account: str, claimed: ClaimedOwner, invoice: Invoice) -> bool:
    if claimed.account_id != invoice.account_id:
        return False
    here = invoice.account.stripe_account or ""
    return stripe_account in {here, requested_in(claimed.attempt_id, invoice.id)}


def record_comparison(run: Reconciliation, subject: Json, verdict: Verdict) -> bool:
    """Record that the object was seen, and how it differs. Returns whether it is ours at all."""
    if verdict.invoice is None:
        return False
    Sighting.insert(
        run=run.id, subject=subject["id"], invoice_id=verdict.invoice.id
    ).on_conflict_ignore().execute()
    if verdict.found is None:
        return True
    heals = verdict.found.kind == "intent_differs"
    record_difference(
        run, verdict.found, subject["id"], verdict.invoice, "healed" if heals else "open"
    )
    if heals:
        whose = verdict.invoice.account_id
        stage_stripe_read("payment", subject["id"], run.stripe_account, whose)
    return True


def record_unknown(run: Reconciliation, row: Payment | Refund) -> None:
    """Record that Stripe does not know a payment or refund that counts in our books."""
    if isinstance(row, Payment):
        record_difference(
            run,
            FoundDifference("payment_unknown", row.amount_received, 0, row.currency),
            row.intent_id or "",
            row.invoice,
        )
        return
    payment = Payment.by_intent(row.stripe_account, row.intent_id)
    record_difference(
        run,
        FoundDifference("refund_unknown", row.amount, 0, row.currency),
        row.refund_id,
        payment.invoice if payment is not None else None,
    )


def compare_books(run: Reconciliation, invoice: Invoice) -> None:
    """Compare an invoice's sums with the sums of its facts, unless one of its facts already has a
    difference, or the invoice has changed since it was read.
    """
    if (
        Difference.select()
        .where(Difference.run == run.id, Difference.invoice_id == invoice.id)
        .exists()
    ):
        return
    right = InvoiceFacts.of(invoice).amounts(invoice, invoice.account.local_date(business_now()))
    sums = (
        ("received", invoice.amount_received, right.amount_received),
        ("returned", invoice.amount_returned, right.amount_returned),
    )
    differing = [each for each in sums if each[1] != each[2]]
    # on PostgreSQL its facts may be newer than the row that was read before them
    if differing and Invoice.get_by_id(invoice.id).version == invoice.version:
        for kind, ours, theirs in differing:
            record_difference(
                run, FoundDifference(kind, ours, theirs, invoice.currency), invoice.id, invoice
            )


def record_difference(
    run: Reconciliation,
    found: FoundDifference,
    subject: str,
    invoice: Invoice | None,
    state: str = "open",
) -> None:
    """Record a difference, once per run."""
    whose = (
        {"account_id": invoice.account_id, "invoice_id": invoice.id} if invoice is not None else {}
    )
    Difference.insert(
        run=run.id, subject=subject, state=state, found_at=real_now(), **found._asdict(), **whose
    ).on_conflict_ignore().execute()


# `|| ''` keeps the planner from walking the index on ids, past all older rows; it filters on time
_UNSIGHTED = (
    "stripe_account = ? AND created_at >= ? AND {counts} AND {id} || '' > ? AND NOT EXISTS (SELECT"
    " 1 FROM reconciliation_sighting s WHERE s.run_id = ? AND s.subject = {subject}) ORDER BY"
    " {id} || '' LIMIT ?"
)
_UNSIGHTED_PAYMENTS = _UNSIGHTED.format(
    counts="amount_received > 0 AND intent_id IS NOT NULL", id="id", subject="payment.intent_id"
)
_UNSIGHTED_REFUNDS = _UNSIGHTED.format(
    counts=f"status NOT IN ({', '.join(map(repr, sorted(KEPT)))})",
    id="refund_id",
    subject="refund.refund_id",
)


def unsighted_payments(run: Reconciliation, after: str, limit: int) -> list[Payment]:
    """Payments of this Stripe account since the start of the run's period that its list did not
    show, by id.
    """
    since = run.since * 1_000_000
    return Payment.all(_UNSIGHTED_PAYMENTS, run.stripe_account, since, after, run.id, limit)


def unsighted_refunds(run: Reconciliation, after: str, limit: int) -> list[Refund]:
    """Refunds of this Stripe account since the start of the run's period that its list did not
    show, by id.
    """
    since = run.since * 1_000_000
    return Refund.all(_UNSIGHTED_REFUNDS, run.stripe_account, since, after, run.id, limit)


def sighted_invoices(run: Reconciliation, after: str, limit: int) -> list[Invoice]:
    """The invoices that the run has seen, by id."""
    met = Sighting.select(Sighting.invoice_id).where(Sighting.run == run.id)
    return list(
        Invoice.select()
        .where(Invoice.id.in_(met), Invoice.id > after)
        .order_by(Invoice.id)
        .limit(limit)
    )
