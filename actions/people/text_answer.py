"""Text a customer who waits for an answer: in staff's own words, or thanks for a payment.

It passes the same gate as every text, with one difference: it asks for no money, so an invoice that
is paid, promised or disputed does not prevent it.
"""

from actions.contact.gate_facts import load_gate_facts
from actions.contact.request_text import contact_refused
from models.accounts.audit_entry import AuditEntry
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.work_item import WorkItem
from models.delivery.stage import stage_again
from models.invoices.invoice import Invoice
from rules.contact import facts
from rules.contact.gate import TRANSIENT, decide
from rules.contact.offers import is_offer
from rules.contact.staff_texts import TEMPLATE, reply_errors
from rules.contact.templates import Rendered, language_of, render
from runtime.clock import business_now, real_now
from runtime.errors import Refused
from runtime.settings import INTERACTIVE

KIND = "answer"


def answer_item(item: WorkItem, text: str, actor: str) -> Message:
    """Text the customer of a locked item, in the open transaction. Raises Refused: `invalid` for
    words that may not be texted, `conflict` if the item has no invoice or an answer is on its way,
    or `contact_refused` by the gate.
    """
    if faults := reply_errors(text):
        raise Refused(
            "invalid",
            f"The text {faults[0]}.",
            [{"field": "text", "message": fault} for fault in faults],
        )
    if item.invoice_id is None:
        raise Refused(
            "conflict",
            "The item is about no invoice, so no text can be sent. Call the person instead, and"
            " resolve it with done.",
        )
    invoice = Invoice.locked_with("account", item.invoice_id)
    language = language_of(invoice.customer.language)
    phone = str(item.context.get("phone") or invoice.customer.preferred_phone)
    known = Message.pending(invoice.id, KIND)
    if known is not None:
        raise Refused(
            "conflict",
            f"An answer about invoice {invoice.number} is on its way ({known.id}, {known.status})."
            " Wait until it has arrived.",
        )
    rendered = render(TEMPLATE, language, {"clinic": invoice.account.name, "answer": text.strip()})
    refused = why_not_texted(invoice, phone, rendered.body)
    if refused is not None:
        raise _as_error(refused)
    AuditEntry.record(
        actor,
        "work_item.answered",
        f"invoice:{invoice.id}",
        invoice.account_id,
        work_item_id=item.id,
        segments=rendered.segments,
    )
    return stage_text(invoice, KIND, phone, rendered, language, actor, INTERACTIVE)


def why_not_texted(invoice: Invoice, phone: str, words: str) -> facts.Refused | None:
    """The gate's refusal, at this moment, of a text that the customer waits for. None if it may be
    sent now or in seconds.
    """
    now = business_now()
    known = load_gate_facts(
        invoice, invoice.customer, phone, "sms", now, real_now(), is_offer(words), "answer"
    )
    answer = decide(known.facts, now)
    if not isinstance(answer, facts.Refused) or answer.code in TRANSIENT:
        return None
    return answer


def stage_text(
    invoice: Invoice,
    kind: str,
    phone: str,
    rendered: Rendered,
    language: str,
    asked_by: str,
    queue: str = "",
) -> Message:
    """Create a text whose words are ready, and stage the job that asks the gate again and sends
    it.
    """
    message = Message.request(
        invoice, kind, phone, language, asked_by, real_now(), rendered.body, rendered.segments
    )
    stage_again(
        "send_payment_link", message.id, message.id, fair_to=invoice.account_id, queue=queue
    )
    return message


def _as_error(refused: facts.Refused) -> Refused:
    """The refusal as returned to the client. It is not stored as a decision, because the request is
    rolled back.
    """
    unkept = ContactDecision(code=refused.code, reason=refused.reason, next_at=refused.next_at)
    return contact_refused(unkept)
