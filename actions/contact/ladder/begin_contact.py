"""Begin a contact that the ladder asks for: a text with links, a call, or a work item for staff."""

from collections.abc import Sequence

from actions.calling.request_call import request_call
from actions.contact.escalate import open_escalation
from actions.contact.ladder.debtor import Debtor
from actions.contact.request_text import request_text
from actions.payments.make_link import plan_link
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from models.invoices.invoice import Invoice


def begin_contact(planned: PlannedContact, invoices: Sequence[Invoice], debtor: Debtor) -> None:
    """Begin the planned contact about locked invoices that the gate has just allowed."""
    PlannedContactInvoice.remove_others(planned.id, [invoice.id for invoice in invoices])
    if debtor.channel(planned.rung) == "sms":
        _text(planned, invoices, debtor)
    elif debtor.settings.calling == "manual":
        _have_called(planned, invoices, debtor)
    else:
        _call(planned, invoices, debtor)


def _call(planned: PlannedContact, invoices: Sequence[Invoice], debtor: Debtor) -> None:
    """Have the assistant call. The job that dials checks balance and gate again."""
    call = request_call(
        invoices,
        debtor.customer,
        asked_by=planned.asked_by,
        reason=f"day {planned.days} of the account's ladder",
        planned_contact_id=planned.id,
    )
    planned.record_performed(debtor.now, call_id=call.id)


def _text(planned: PlannedContact, invoices: Sequence[Invoice], debtor: Debtor) -> None:
    """Text the links. The job that sends them checks balance and gate again, and names the invoices
    still owed.
    """
    phone = debtor.customer.preferred_phone
    link = plan_link(invoices[0], planned.asked_by)
    message = request_text(invoices[0], link, phone, planned.asked_by)
    planned.record_performed(debtor.now, message_id=message.id)


def _have_called(planned: PlannedContact, invoices: Sequence[Invoice], debtor: Debtor) -> None:
    """Ask staff to call."""
    item = WorkItem.open(
        debtor.account.id,
        "call",
        planned.id,
        f"Call about {invoice_numbers(invoices)}.",
        customer_id=debtor.customer.id,
        invoice_id=invoices[0].id,
        suggested="called",
        due_at=debtor.now,
        context={"invoiceIds": [invoice.id for invoice in invoices], "days": planned.days},
    )
    planned.record_performed(debtor.now, work_item_id=item.id)


def escalate_to_staff(planned: PlannedContact, invoices: Sequence[Invoice], debtor: Debtor) -> None:
    """Escalate to staff: the ladder is finished."""
    item = open_escalation(
        debtor.account,
        debtor.customer,
        invoices[0],
        "unanswered",
        {"invoiceIds": [invoice.id for invoice in invoices], "days": planned.days},
        subject=planned.id,
    )
    planned.record_performed(debtor.now, work_item_id=item.id)


def invoice_numbers(invoices: Sequence[Invoice]) -> str:
    """The invoices' numbers, in words."""
    numbers = ", ".join(invoice.number for invoice in invoices)
    return f"invoice {numbers}" if len(invoices) == 1 else f"invoices {numbers}"
