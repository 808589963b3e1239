"""Calls that a person at the clinic is asked to make: dropped once the person may not be called any
more, so that nobody rings who has paid or wants to be left alone.
"""

from actions.contact.ladder.ask_gate import ask
from actions.contact.ladder.owing import Owing
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from rules.contact.facts import Refused
from rules.contact.ladder import SOON_OVER


def drop_calls(owing: Owing) -> None:
    """Close the open items of calls about what is not owed any more, or that the gate refuses for
    longer than a night, a cap or a sender's trouble lasts.
    """
    for planned in PlannedContact.to_be_called(owing.customer.id):
        why = _why_not(owing, planned)
        if why:
            WorkItem.close("call", planned.id, why)


def _why_not(owing: Owing, planned: PlannedContact) -> str:
    """Why nobody is to make the call any more; empty while somebody is."""
    invoices = owing.named(PlannedContactInvoice.ids_of(planned.id))
    if not invoices:
        return "invoice_paid"
    if owing.channel(planned.rung) != "voice":
        return "contact_request"
    refused = ask(owing, planned.rung, invoices).refused
    return refused.code if refused is not None and _lasts(refused) else ""


def _lasts(refused: Refused) -> bool:
    """Whether the call is off, and not merely for now."""
    if refused.rule in {"promise", "cool_down"} or refused.rule.startswith("hold."):
        return True
    return refused.next_at is None and refused.code not in SOON_OVER
