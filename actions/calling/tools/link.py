"""A payment link for the caller: texted to a number of theirs, or read out."""

from actions.calling.tools.debts import chosen_bill
from actions.calling.tools.tool_request import ToolRequest
from actions.contact.request_text import pending_text, request_text, text_refusal
from actions.payments.chargeable import check_balance_chargeable
from actions.payments.make_link import plan_link
from actions.payments.payable import check_payable
from actions.payments.refused_attempts import attempting
from models.calling.call import Call
from models.calling.tool_call import ToolCall
from models.contact.message import Message
from models.invoices.invoice import Invoice
from models.payments.payment_link import PayAddress
from models.transactions import transaction
from rules.calling.tool_replies import OTHER_NUMBER, link_texted, link_to_read
from rules.contact.phones import phone_or_empty
from rules.contact.text_status import FAILED
from runtime.clock import business_now, real_now
from runtime.errors import Refused
from runtime.settings import INTERACTIVE

TEXT, READ_OUT = "text", "read_out"


def create_payment_link(request: ToolRequest) -> str:
    """Create the link for the oldest bill's balance, and text it once, or again if the text failed.
    If it may not be texted, return the URL to be read out. Raises Refused.
    """
    known = ToolCall.of_id(request.call, request.called.id)
    if known is not None:
        return known.answer
    # any other word is made up by the model, and is no separate wish
    by = READ_OUT if request.text("by").casefold() == READ_OUT else TEXT
    chosen = chosen_bill(request)
    known, _ = _find(request, request.call, chosen, by)
    if known is not None:  # answered without waiting for locks
        return known.answer
    with transaction():
        invoice = Invoice.locked_with("account", chosen.id)
        call = Call.locked(request.call.id)
        known, wish = _find(request, call, invoice, by)
        if known is not None:
            return known.answer
        with attempting(invoice, None, request.actor, wish):
            check_payable(invoice)
            check_balance_chargeable(invoice)
        line, subject = _make(request, invoice, by)
        about = {
            "customer_id": invoice.customer_id,
            "invoice_id": invoice.id,
            "amount": invoice.outstanding,
            "answer": line,
        }
        name, now, aside = request.called.name, real_now(), f"{wish}:refused"
        if subject:
            ToolCall.record(call, name, request.called.id, wish, now, subject=subject, **about)
        # a refused text is not kept under the wish itself, because the gate may allow it in an
        # hour; it is kept aside, because the customer may pay at the URL that was read out
        elif not ToolCall.has("call_id = ? AND wish = ?", call.id, aside):
            ToolCall.record(call, name, aside, aside, now, **about)
    return line


def _find(
    request: ToolRequest, call: Call, invoice: Invoice, by: str
) -> tuple[ToolCall | None, str]:
    """The same request, if it was granted before, and the wish by which it is known. After a text
    that failed, it is another wish.
    """
    first = wish = f"{request.called.name}:{invoice.id}:{invoice.outstanding}:{by}"
    known = ToolCall.find(call, request.called.id, wish)
    while by == TEXT and known is not None and known.wish == wish and _has_failed(known.subject):
        wish = f"{first}:{known.subject}"
        known = ToolCall.find(call, request.called.id, wish)
    return known, wish


def _has_failed(message_id: str) -> bool:
    message = Message.one("id = ?", message_id)
    return message is not None and message.status in FAILED


def _make(request: ToolRequest, invoice: Invoice, by: str) -> tuple[str, str]:
    """The answer, and the id of the row that was created, or "" if the gate refused the text."""
    phone = "" if by == READ_OUT else _phone(request, invoice)
    on_its_way = pending_text(invoice, phone) if phone else None
    refused = None
    if phone and on_its_way is None:
        refused = text_refusal(invoice, phone, request.actor)
    link = plan_link(invoice, request.actor, INTERACTIVE)
    if phone and refused is None:
        message = request_text(invoice, link, phone, request.actor, INTERACTIVE)
        return link_texted(message.to), message.id
    address = PayAddress.of(invoice, business_now())
    return link_to_read(address.url, refused is not None), "" if refused else link.id


def _phone(request: ToolRequest, invoice: Invoice) -> str:
    """The number on file, or the one on the line. Raises Refused for any other."""
    on_file = invoice.customer.preferred_phone
    allowed = {number for number in (on_file, invoice.customer.phone, request.line) if number}
    named = request.text("phoneNumber")
    if named:
        number = phone_or_empty(named)
    else:
        number = request.line if request.text("to") == "this_phone" else on_file or request.line
    if number not in allowed:
        raise Refused("invalid", OTHER_NUMBER)
    return number
