"""Explain what the contact gate would answer, with every reason. Nothing is decided, reserved or
stored.
"""

from dataclasses import dataclass
from datetime import datetime

from actions.contact.gate_facts import load_gate_facts
from actions.contact.request_text import KIND
from models.contact.message_template import template_for
from models.invoices.invoice import Invoice
from rules.contact.facts import Answer, Facts, Purpose, Refused
from rules.contact.gate import all_refusals, decide
from rules.contact.offers import is_offer
from rules.contact.policy import Channel
from runtime.clock import real_now


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer at a moment, all reasons against it, and the facts that they follow from."""

    at: datetime
    answer: Answer
    reasons: tuple[Refused, ...]
    facts: Facts


def evaluate(
    invoice: Invoice, phone: str, channel: Channel, at: datetime, purpose: Purpose
) -> Evaluation:
    """Evaluate the gate at `at`, from what is known now."""
    customer, words = invoice.customer, ""
    if channel == "sms":
        words, _ = template_for(invoice.account_id, KIND, customer.language)
    facts = load_gate_facts(
        invoice, customer, phone, channel, at, real_now(), is_offer(words), purpose
    ).facts
    return Evaluation(at, decide(facts, at), all_refusals(facts, at), facts)
