"""Record money taken by cash, check or bank transfer. The same reference is one payment."""

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
from rules.money import no_such_coin, too_much
from runtime.clock import business_now, real_now
from runtime.errors import Refused

AHEAD = timedelta(days=1)  # the clock or calendar of the person who took it can be ahead


class OfflinePayment(NamedTuple):
    """Money taken offline, as reported by staff or the clinic's software."""

    amount: int
    currency: str
    method: str
    reference: str
    received_at: datetime | date | None = None


def record_offline_payment(
    invoice_id: str, taken: OfflinePayment, actor: str
) -> tuple[Payment, bool]:
    """Record the payment once, and recompute its invoice. Return the payment, and whether it is
    new. Raises Refused for another amount under the same reference, a voided payment, another
    currency, or an implausible time or amount.
    """
    money = taken.amount, taken.currency
    refuse_amount(no_such_coin(*money) or too_much(*money), "amount")
    account = Invoice.get_by_id(invoice_id).account
    when = _moment(taken.received_at, account)
    with transaction():
        invoice = Invoice.locked(invoice_id)
        with attempting(invoice, taken.amount, actor):
            known = _recorded_before(invoice, taken)
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


def _recorded_before(invoice: Invoice, taken: OfflinePayment) -> Payment | None:
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


def _moment(given: datetime | date | None, account: Account) -> datetime:
    """Return when the money was received, in UTC; now if not given."""
    if given is None:
        return real_now()
    at = given if isinstance(given, datetime) else datetime.combine(given, time.min)
    at = (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(account.time_zone))).astimezone(UTC)
    if at > business_now() + AHEAD:
        raise _implausible(f"is in the future, at {at:%Y-%m-%d %H:%M} UTC")
    return at


def _implausible(what: str) -> Refused:
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
