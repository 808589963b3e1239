"""Calls that staff are asked to make: dropped once the customer may no longer be called, so that
staff do not call someone who has paid or opted out.
"""

from actions.contact.ladder.ask_gate import ask
from actions.contact.ladder.owing import Owing
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from rules.contact.facts import Refused
from rules.contact.ladder import SOON_OVER


def drop_calls(owing: Owing) -> None:
    """Close open call items about invoices no longer owed, or that the gate refuses for longer than
    a night, a cap or a sender's trouble lasts.
    """
    for planned in PlannedContact.to_be_called(owing.customer.id):
        why = _why_not(owing, planned)
        if why:
            WorkItem.close("call", planned.id, why)


def _why_not(owing: Owing, planned: PlannedContact) -> str:
    """Why the call is no longer to be made, or "" while it is."""
    invoices = owing.named(PlannedContactInvoice.ids_of(planned.id))
    if not invoices:
        return "invoice_paid"
    if owing.channel(planned.rung) != "voice":
        return "contact_request"
    refused = ask(owing, planned.rung, invoices).refused
    return refused.code if refused is not None and _lasts(refused) else ""


def _lasts(refused: Refused) -> bool:
    """Whether the refusal ends the call, rather than delaying it."""
    if refused.rule in {"promise", "cool_down"} or refused.rule.startswith("hold."):
        return True
    return refused.next_at is None and refused.code not in SOON_OVER
