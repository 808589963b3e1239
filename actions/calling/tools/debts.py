"""What a verified customer owes, as far as this call is about it."""

from actions.calling.tools.tool_request import ToolRequest
from models.accounts.account_settings import AccountSettings
from models.calling.call import Call
from models.invoices.invoice import Invoice
from models.transactions import transaction
from rules.calling.tool_replies import NOTHING_DUE, bill, total_of
from rules.invoice_fold import UNPAID
from runtime.errors import Refused

MOST = 5  # bills that are read out in one call
_UNPAID = ", ".join(f"'{status}'" for status in sorted(UNPAID))
# an invoice disputed at a bank is not asked for
_OWED = f"status IN ({_UNPAID}) AND NOT disputed"
_OF_CALL = f"id IN (SELECT invoice_id FROM call_invoice WHERE call_id = ?) AND {_OWED}"
_OF_PERSON = f"account_id = ? AND customer_id = ? AND {_OWED}"
_OLDEST = "ORDER BY due_date, id LIMIT ?"


def get_unpaid_invoice(request: ToolRequest) -> str:
    """The bills, oldest first: amount, due date, and the project if the account has it read out."""
    named = request.text("invoiceId")
    # one more than are told, to know whether more exist
    found = [_told(request.call, named)] if named else unpaid_bills(request.call, MOST + 1)
    if not found:
        return NOTHING_DUE
    bills = found[:MOST]
    # most bills have no project: then the account's settings need not be read
    tells_project = (
        any(each.project for each in bills)
        and AccountSettings.of_account(request.call.account_id).send_project
    )
    lines = [
        bill(
            each.number,
            each.outstanding,
            each.currency,
            each.due_date,
            is_overdue=each.status == "overdue",
            project=(each.project or "") if tells_project else "",
        )
        for each in bills
    ]
    if len(lines) == 1:
        return f"1 bill is unpaid. {lines[0]}"
    total = total_of([(each.outstanding, each.currency) for each in bills])
    which = (
        f"{len(lines)} bills are unpaid, the oldest first."
        if len(lines) == len(found)
        else f"More than {MOST} bills are unpaid; these are the {MOST} oldest."
    )
    return f"{which} {' '.join(lines)} {total}"


def unpaid_bills(call: Call, most: int = MOST) -> list[Invoice]:
    """The oldest `most` unpaid bills that the call is about: those that it was placed for, or, for
    an inbound call, the customer's own.
    """
    if call.direction == "outbound":
        return Invoice.all(f"{_OF_CALL} {_OLDEST}", call.id, most)
    if call.customer_id is None:
        return []
    return Invoice.all(f"{_OF_PERSON} {_OLDEST}", call.account_id, call.customer_id, most)


def is_unpaid(call: Call, invoice_id: str) -> bool:
    """Whether this is an unpaid bill that the call is about, however many others are."""
    return _unpaid_bill(call, invoice_id) is not None


def _unpaid_bill(call: Call, invoice_id: str) -> Invoice | None:
    if call.direction == "outbound":
        return Invoice.one(f"{_OF_CALL} AND id = ?", call.id, invoice_id)
    if call.customer_id is None:
        return None
    return Invoice.one(f"{_OF_PERSON} AND id = ?", call.account_id, call.customer_id, invoice_id)


def _told(call: Call, invoice_id: str) -> Invoice:
    """The bill with this id, about which the call now is, if it was not before. Raises Refused."""
    found = _unpaid_bill(call, invoice_id)
    if found is None:
        raise Refused("not_found")
    if invoice_id not in call.invoice_ids:
        with transaction():
            call = Call.locked(call.id)
            if invoice_id not in call.invoice_ids:
                call.add_invoices([found])
    return found


def chosen_bill(request: ToolRequest) -> Invoice:
    """The bill that a tool acts on: the oldest unpaid one, whatever the model says. An id that the
    model gives must belong to this call. Raises Refused.
    """
    named = request.text("invoiceId")
    if named:
        invoice = _unpaid_bill(request.call, named)
        if invoice is None:
            raise Refused("not_found")
        return invoice
    oldest = unpaid_bills(request.call, 1)
    if not oldest:
        raise Refused("invoice_already_paid")
    return oldest[0]
