"""Work items about overpayments and disputes."""

from typing import Any

from actions.contact.escalate import open_escalation
from models.contact.work_item import WorkItem
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from rules.money import in_words

SETTLED = "over"  # the resolution of an item that was settled without staff


def overpaid_amount(invoice: Invoice) -> int:
    """The amount received that was not owed, in minor units: all of it if the invoice was
    cancelled.
    """
    return invoice.amount_paid if invoice.mark == "cancelled" else invoice.overpaid


def update_overpayment_item(invoice: Invoice, before: int) -> None:
    """Open, update or close the item of a locked invoice that was just recomputed; `before` is the
    previous `overpaid_amount`. A resolved item opens again only if more comes in.
    """
    amount = overpaid_amount(invoice)
    if amount == before and invoice.mark != "cancelled":
        return
    if amount <= 0:
        WorkItem.close("overpayment", invoice.id, SETTLED)
        return
    words, context = _overpayment(invoice, amount)
    item = WorkItem.open(
        invoice.account_id,
        "overpayment",
        invoice.id,
        words,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        suggested="refund",
        context=context,
    )
    if not item.is_new and (item.is_open or amount > before):
        item.open_again(words, context)


def reopen_refunded_item(invoice: Invoice) -> None:
    """Reopen the item that staff resolved by a refund, which Stripe has refused, unless nothing is
    overpaid any more. The invoice is locked.
    """
    which = "kind = 'overpayment' AND subject = ? AND resolution = 'refund'"
    item, amount = WorkItem.one(which, invoice.id), overpaid_amount(invoice)
    if item is not None and amount > 0:
        item.open_again(*_overpayment(invoice, amount))


def _overpayment(invoice: Invoice, amount: int) -> tuple[str, dict[str, Any]]:
    words = (
        f"{in_words(amount, invoice.currency, 'en_US')} was received for invoice {invoice.number}"
        " that was not owed. Refund it, or keep it as a credit."
    )
    return words, {"amount": amount, "currency": invoice.currency, "mark": invoice.mark}


def is_newly_lost(dispute: Dispute) -> bool:
    """Whether the dispute was lost and this was not announced yet."""
    return dispute.status == "lost" and dispute.announced != "closed"


def update_dispute_item(invoice: Invoice, dispute: Dispute, step: str) -> None:
    """Open or close the item of a dispute; one that begins anew opens it again. An invoice whose
    dispute was lost is owed again, by a customer who has denied it to their bank: staff decide
    about that, and a hold stops reminders until then.
    """
    if step == "closed":
        WorkItem.close("dispute", dispute.dispute_id, SETTLED)
        if dispute.status == "lost":
            _escalate_lost(invoice, dispute)
        return
    words = (
        f"A cardholder disputes {in_words(dispute.amount, dispute.currency, 'en_US')} of invoice"
        f" {invoice.number} ({dispute.reason or 'no reason given'}). Answer in Stripe's dashboard."
    )
    context = {
        "disputeId": dispute.dispute_id,
        "amount": dispute.amount,
        "currency": dispute.currency,
        "reason": dispute.reason,
    }
    item = WorkItem.open(
        invoice.account_id,
        "dispute",
        dispute.dispute_id,
        words,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        suggested="done",
        due_at=dispute.due_by,
        context=context,
    )
    if not item.is_new and not item.is_open:
        item.open_again(words, context)
    update_dispute_deadline(dispute)


def update_dispute_deadline(dispute: Dispute) -> None:
    """Move the due date of an open dispute's open item to Stripe's deadline, if that has moved."""
    item = WorkItem.one("kind = 'dispute' AND subject = ? AND state = 'open'", dispute.dispute_id)
    if item is not None and dispute.due_by not in {None, item.due_at}:
        item.record_due(dispute.due_by)


def _escalate_lost(invoice: Invoice, dispute: Dispute) -> None:
    context = {
        "disputeId": dispute.dispute_id,
        "amount": dispute.amount,
        "currency": dispute.currency,
    }
    open_escalation(
        invoice.account,
        invoice.customer,
        invoice,
        "dispute_lost",
        context,
        subject=dispute.dispute_id,
        suggested="done",
        hold="dispute",
    )
