"""Request a call to one customer, about one or several of their invoices."""

from collections.abc import Sequence

from actions.calling.caller_line import caller_line, no_caller_number
from actions.contact.gate_facts import load_gate_facts
from models.calling.call import Call
from models.contact.contact_decision import ContactDecision
from models.contact.hold import customer_key
from models.delivery.stage import stage_again
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import serialize_on
from rules.contact import facts
from rules.contact.gate import TRANSIENT, decide
from runtime.clock import business_now, real_now
from runtime.errors import Refused


def call_refusal(
    invoices: Sequence[Invoice], customer: Customer, asked_by: str
) -> ContactDecision | None:
    """The gate's refusal, stored, of a call about these locked invoices, or None if one of them may
    be discussed now or in seconds. The job asks the gate again.
    """
    now, phone = business_now(), customer.preferred_phone
    first: ContactDecision | None = None
    refused: list[tuple[Invoice, facts.Refused]] = []
    for invoice in invoices:
        known = load_gate_facts(invoice, customer, phone, "voice", now, real_now())
        answer = decide(known.facts, now)
        if not isinstance(answer, facts.Refused) or answer.code in TRANSIENT:
            return None
        refused.append((invoice, answer))
    for invoice, answer in refused[:1]:
        first = ContactDecision.record(
            answer,
            real_now(),
            account_id=customer.account_id,
            customer_id=customer.id,
            invoice_id=invoice.id,
            channel="voice",
            phone=phone or None,
            asked_by=asked_by,
        )
    return first


def pending_call(invoices: Sequence[Invoice], customer: Customer) -> Call | None:
    """The customer's open call, if it is about these invoices. Raises Refused `call_in_doubt` while
    it is unknown whether one was placed, and `call_under_way` if it is about other invoices.
    """
    serialize_on(customer_key(customer.id))
    call = Call.pending(customer.id)
    if call is None:
        return None
    if call.state == "unknown":
        raise Refused(
            "call_in_doubt",
            f"It is not known yet whether call {call.id} to this person was placed, so another"
            " could be a second call.",
        )
    if not {invoice.id for invoice in invoices} <= set(call.invoice_ids):
        raise Refused(
            "call_under_way",
            f"A call to this person about another invoice is on its way ({call.id}, {call.state}).",
        )
    return call


def request_call(
    invoices: Sequence[Invoice],
    customer: Customer,
    *,
    asked_by: str,
    reason: str,
    planned_contact_id: str | None = None,
) -> Call:
    """Request a call to the customer about these invoices, with the job that places it, or return
    the open call about them. Needs an open transaction.

    The job asks the gate, in the transaction that reserves the attempt; to get its answer at once,
    ask `call_refusal` first. Raises Refused `no_caller_number`, `call_in_doubt` or
    `call_under_way`.
    """
    known = pending_call(invoices, customer)
    line = caller_line(customer.account_id)
    if known is None and line is None:
        raise no_caller_number()
    call = known or Call.request(
        invoices,
        customer,
        from_number=line.number if line else "",
        phone_number_id=line.phone_number_id if line else "",
        reason=reason,
        asked_by=asked_by,
        planned_contact_id=planned_contact_id,
        now=real_now(),
    )
    if call.state in {"waiting", "sending"}:
        stage_again("dial_overdue", call.id, call.id, fair_to=customer.account_id)
    return call
