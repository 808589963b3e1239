"""Request that a link be texted. The gate is asked at once, so that the client learns of a
refusal.
"""

from actions.contact.gate_facts import load_gate_facts
from actions.contact.record_text_report import expire_unsent
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.message_template import template_for
from models.delivery.stage import stage_again
from models.invoices.invoice import Invoice
from models.payments.payment_link import PaymentLink
from rules.contact import facts as contact
from rules.contact.gate import TRANSIENT, decide
from rules.contact.offers import is_offer
from runtime.clock import business_now, real_now, rfc3339
from runtime.errors import Refused

KIND = "payment_link"
UNDECIDED = ("waiting", "sending")
LINK_DELAY = 1.0  # seconds for the link to be created before the text first looks for it


def pending_text(invoice: Invoice, phone: str) -> Message | None:
    """The pending text about the invoice that was requested before, if any. Raises Refused
    `conflict` if it goes to another number.
    """
    message = Message.pending(invoice.id, KIND)
    if message is not None and expire_unsent(Message.locked(message.id), real_now()):
        return None
    if message is not None and message.to != phone:
        raise Refused(
            "conflict",
            f"A text about invoice {invoice.number} is on its way to another number ({message.id},"
            f" {message.status}).",
        )
    return message


def text_refusal(invoice: Invoice, phone: str, asked_by: str) -> ContactDecision | None:
    """The gate's refusal, stored, or None if the text may be sent now or in seconds. The job asks
    the gate again.
    """
    words, _ = template_for(invoice.account_id, KIND, invoice.customer.language)
    known = load_gate_facts(
        invoice, invoice.customer, phone, "sms", business_now(), real_now(), is_offer(words)
    )
    answer = decide(known.facts, business_now())
    if not isinstance(answer, contact.Refused) or answer.code in TRANSIENT:
        return None
    ids = {
        "account_id": invoice.account_id,
        "customer_id": invoice.customer_id,
        "invoice_id": invoice.id,
    }
    return ContactDecision.record(
        answer, real_now(), **ids, channel="sms", phone=phone or None, asked_by=asked_by
    )


def request_text(
    invoice: Invoice, link: PaymentLink, phone: str, asked_by: str, queue: str = ""
) -> Message:
    """Create the text, and stage the job that sends it once the link exists, in `queue` if given.

    A job that has given up runs again while the text has no outcome: it asks the gate again, and an
    attempt that might have been sent is never repeated. A text that is on its way or in doubt is
    only returned.
    """
    message = Message.request(invoice, KIND, phone, invoice.customer.language, asked_by, real_now())
    if message.status in UNDECIDED:
        stage_again(
            "send_payment_link",
            message.id,
            message.id,
            fair_to=invoice.account_id,
            queue=queue,
            delay=0.0 if link.state == "active" else LINK_DELAY,
        )
    return message


def contact_refused(decision: ContactDecision) -> Refused:
    """The error that tells the client of a refusal by the gate."""
    at = decision.next_at
    return Refused(
        "contact_refused",
        decision.reason,
        reasonCode=decision.code,
        reason=decision.reason,
        nextAllowedAt=None if at is None else rfc3339(at),
    )
