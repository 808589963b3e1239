"""Recording money that was taken by cash, check or bank transfer; the same reference is one
payment.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from actions.payments.chargeable import refuse_amount
from actions.payments.recompute import recompute
from actions.payments.refused_attempts import attempting
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.transactions import transaction
from rules.money import no_such_coin
from runtime.clock import business_now, real_now
from runtime.errors import Refused

AHEAD = timedelta(days=1)  # clocks and calendars of people may be ahead of ours


class Taken(NamedTuple):
    """Money that was taken, as somebody says."""

    amount: int
    currency: str
    method: str
    reference: str
    received_at: datetime | date | None = None


def record_offline_payment(invoice_id: str, taken: Taken, actor: str) -> tuple[Payment, bool]:
    """Record the payment once, and recompute its invoice. Answers the payment, and whether it is
    new. Raises Refused: another amount under the same reference, a voided one, or a time or an
    amount that cannot be meant.
    """
    refuse_amount(no_such_coin(taken.amount, taken.currency), "amount")
    account = Invoice.get_by_id(invoice_id).account
    when = _moment(taken.received_at, account)
    with transaction():
        invoice = Invoice.locked(invoice_id)
        with attempting(invoice, taken.amount, actor):
            known = _known(invoice, taken)
        AuditEntry.record(
            actor,
            "payment.repeated" if known else "payment.taken",
            f"invoice:{invoice.id}",
            invoice.account_id,
            invoice_id=invoice.id,
            amount=taken.amount,
            currency=taken.currency,
            method=taken.method,
        )
        payment = known or Payment.record_taken(
            invoice, taken.method, taken.reference, taken.amount, when
        )
        recompute(invoice)
    return payment, known is None


def _known(invoice: Invoice, taken: Taken) -> Payment | None:
    if taken.currency != invoice.currency:
        raise Refused(
            "currency_mismatch",
            f"Invoice {invoice.number} is in {invoice.currency}, the payment in {taken.currency}.",
        )
    known: Payment | None = Payment.get_or_none(
        (Payment.invoice == invoice)
        & (Payment.method == taken.method)
        & (Payment.reference == taken.reference)
    )
    if known is not None and known.voided_at is not None:
        raise Refused(
            "payment_voided",
            f"{taken.method} {taken.reference} was voided. If the money did arrive, record it under"
            " another reference.",
        )
    if known is not None and known.amount_received != taken.amount:
        raise Refused(
            "payment_conflict",
            f"{taken.method} {taken.reference} is recorded with {known.amount_received}"
            f" {known.currency} (minor units), not {taken.amount}.",
        )
    return known


def _moment(said: datetime | date | None, account: Account) -> datetime:
    """When money came in, in UTC; now, if nothing is said."""
    if said is None:
        return real_now()
    at = said if isinstance(said, datetime) else datetime.combine(said, time.min)
    at = (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(account.time_zone))).astimezone(UTC)
    if at > business_now() + AHEAD:
        raise _mistyped(f"is in the future, at {at:%Y-%m-%d %H:%M} UTC")
    return at


def _mistyped(what: str) -> Refused:
    return Refused(
        "invalid",
        f"receivedAt {what}. Send the time when the money came in.",
        [
            {
                "field": "receivedAt",
                "message": f"{what}; a time that has come is accepted; correct it",
            }
        ],
    )
