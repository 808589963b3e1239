"""The timeline's entries about an invoice's money: paid, returned, disputed."""

from collections.abc import Iterable

from models.payments.payment import Payment
from models.payments.refund_request import refundable
from models.reports.timeline import Belongings, Entry
from rules.declines import advice
from rules.dispute_course import CLOSED
from rules.invoice_fold import CLOSING_MARKS
from rules.timeline_text import money, paid_after_closing, refund_failed


def payments(having: Belongings) -> Iterable[Entry]:
    """Payments, including failed ones."""
    for row in having.payments:
        of = money(row.amount, row.currency)
        received = money(row.amount_received, row.currency)
        declined = [advice(code) for state, code in row.charges.values() if state == "failed"]
        summary = (
            f"A payment of {of} ({row.method.replace('_', ' ')}): {row.status}, {received}"
            " received."
        )
        reason = " ".join([summary, *dict.fromkeys(declined)])
        yield Entry(
            f"payment:{row.id}",
            row.created_at,
            "fact",
            "payment",
            reason,
            row.status,
            "",
            row.amount_received,
            row.currency,
        )
        if _is_kept_after_closing(having, row):
            yield Entry(
                f"payment:{row.id}:unexpected",
                row.updated_at,
                "fact",
                "payment.unexpected",
                paid_after_closing(having.invoice.mark, received, row.id, row.method),
                row.status,
                "",
                row.amount_received,
                row.currency,
            )
        if row.voided_at is not None:
            voided = (
                f"The payment of {of} ({row.method.replace('_', ' ')}) was voided and no longer"
                f" counts: {row.void_reason}."
            )
            yield Entry(
                f"payment:{row.id}:voided",
                row.voided_at,
                "fact",
                "payment.voided",
                voided,
                row.status,
                "",
                row.amount,
                row.currency,
            )


def _is_kept_after_closing(having: Belongings, payment: Payment) -> bool:
    """Whether a payment of an invoice that was closed by hand is still with the clinic."""
    is_closed = having.invoice.mark in CLOSING_MARKS and payment.voided_at is None
    return is_closed and payment.amount_received > 0 and refundable(payment) > 0


def refunds(having: Belongings) -> Iterable[Entry]:
    """Refunds."""
    for row in having.refunds:
        of = money(row.amount, row.currency)
        about = (row.status, "", row.amount, row.currency)
        yield Entry(
            f"refund:{row.refund_id}",
            row.created_at,
            "fact",
            "refund",
            f"A refund of {of}: {row.status}.",
            *about,
        )
        if row.status in {"failed", "canceled"}:
            yield Entry(
                f"refund:{row.refund_id}:failed",
                row.updated_at,
                "fact",
                "refund.failed",
                refund_failed(of, row.failure_reason),
                *about,
            )


def disputes(having: Belongings) -> Iterable[Entry]:
    """Disputes."""
    for row in having.disputes:
        due = (
            f" Send evidence in Stripe's dashboard by {row.due_by:%Y-%m-%d %H:%M} UTC."
            if row.needs_evidence and row.due_by
            else ""
        )
        rest = f"{row.status}.{due}" + (
            "" if row.status in CLOSED else " Nothing is collected until it is over."
        )
        reason = (
            f"The cardholder disputes {money(row.amount, row.currency)}"
            f" ({row.reason or 'no reason given'}): {rest}"
        )
        yield Entry(
            f"dispute:{row.dispute_id}",
            row.created_at,
            "fact",
            "dispute",
            reason,
            row.status,
            "",
            row.amount,
            row.currency,
        )
