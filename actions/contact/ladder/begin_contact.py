"""Begin a contact that the ladder asks for: a text with links, a call, or a work item for staff."""

from collections.abc import Sequence

from actions.calling.request_call import request_call
from actions.contact.ask_for_text import ask_for_text
from actions.contact.escalate import open_escalation
from actions.contact.ladder.owing import Owing
from actions.payments.make_link import plan_link
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from models.invoices.invoice import Invoice


def begin(planned: PlannedContact, invoices: Sequence[Invoice], owing: Owing) -> None:
    """Begin the planned contact about locked invoices that the gate has just allowed."""
    PlannedContactInvoice.remove_others(planned.id, [invoice.id for invoice in invoices])
    if owing.channel(planned.rung) == "sms":
        _text(planned, invoices, owing)
    elif owing.settings.calling == "manual":
        _have_called(planned, invoices, owing)
    else:
        _call(planned, invoices, owing)


def _call(planned: PlannedContact, invoices: Sequence[Invoice], owing: Owing) -> None:
    """Have the assistant call. The job that dials checks balance and gate again."""
    call = request_call(
        invoices,
        owing.customer,
        asked_by=planned.asked_by,
        reason=f"day {planned.days} of the account's ladder",
        planned_contact_id=planned.id,
    )
    planned.record_performed(owing.now, call_id=call.id)


def _text(planned: PlannedContact, invoices: Sequence[Invoice], owing: Owing) -> None:
    """Text the links. The job that sends them checks balance and gate again, and names the invoices
    still owed.
    """
    phone = owing.customer.preferred_phone
    link = plan_link(invoices[0], planned.asked_by)
    message = ask_for_text(invoices[0], link, phone, planned.asked_by)
    planned.record_performed(owing.now, message_id=message.id)


def _have_called(planned: PlannedContact, invoices: Sequence[Invoice], owing: Owing) -> None:
    """Ask staff to call."""
    item = WorkItem.open(
        owing.account.id,
        "call",
        planned.id,
        f"Call about {named(invoices)}.",
        customer_id=owing.customer.id,
        invoice_id=invoices[0].id,
        suggested="called",
        due_at=owing.now,
        context={"invoiceIds": [invoice.id for invoice in invoices], "days": planned.days},
    )
    planned.record_performed(owing.now, work_item_id=item.id)


def hand_over(planned: PlannedContact, invoices: Sequence[Invoice], owing: Owing) -> None:
    """Escalate to staff: the ladder is finished."""
    item = open_escalation(
        owing.account,
        owing.customer,
        invoices[0],
        "unanswered",
        {"invoiceIds": [invoice.id for invoice in invoices], "days": planned.days},
        subject=planned.id,
    )
    planned.record_performed(owing.now, work_item_id=item.id)


def named(invoices: Sequence[Invoice]) -> str:
    """The invoices' numbers, in words."""
    numbers = ", ".join(invoice.number for invoice in invoices)
    return f"invoice {numbers}" if len(invoices) == 1 else f"invoices {numbers}"
