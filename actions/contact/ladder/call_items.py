"""Calls that staff are asked to make: dropped once the customer may no longer be called, so that
staff do not call someone who has paid or opted out.
"""

from actions.contact.ladder.ask_gate import ask_gate
from actions.contact.ladder.debtor import Debtor
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from rules.contact.facts import Refused
from rules.contact.ladder import SOON_OVER


def close_stale_call_items(debtor: Debtor) -> None:
    """Close open call items about invoices no longer owed, or that the gate refuses for longer than
    a night, a cap or a sender's trouble lasts.
    """
    for planned in PlannedContact.to_be_called(debtor.customer.id):
        why = _why_not(debtor, planned)
        if why:
            WorkItem.close("call", planned.id, why)


def _why_not(debtor: Debtor, planned: PlannedContact) -> str:
    """Why the call is no longer to be made, or "" while it is."""
    invoices = debtor.named(PlannedContactInvoice.ids_of(planned.id))
    if not invoices:
        return "invoice_paid"
    if debtor.channel(planned.rung) != "voice":
        return "contact_request"
    refused = ask_gate(debtor, planned.rung, invoices).refused
    return refused.code if refused is not None and _lasts(refused) else ""


def _lasts(refused: Refused) -> bool:
    """Whether the refusal ends the call, rather than delaying it."""
    if refused.rule in {"promise", "cool_down"} or refused.rule.startswith("hold."):
        return True
    return refused.next_at is None and refused.code not in SOON_OVER
