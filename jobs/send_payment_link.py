"""Send a requested text, with the invoice's short URL or with words of its own, at most once, if
the contact gate allows it.

Twice is harmless: the gate's answer, the attempt and the message's state commit together, one
process wins the right to send it, and an attempt with an unknown outcome is never repeated. Only an
attempt that certainly was not sent is decided again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from actions.contact.gate_facts import load_gate_facts
from actions.contact.record_text_report import (
    act_on_failure,
    expire_unsent,
    record_text_report,
)
from actions.contact.request_text import LINK_DELAY
from actions.payments.payable import payment_is_under_way
from actions.people.number_lookups import request_look_up
from actions.people.unanswered import reopen_unanswered
from delivery.attempt import Snooze, own_queue, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.contact.text import TEXT
from effects.perform_once import perform_once, was_not_sent
from effects.reserve import reserve
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.message_template import template_for
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.delivery.stage import stage, stage_again
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_link import PayAddress, PaymentLink
from models.transactions import transaction
from rules.contact.facts import Allowed, Facts, Purpose, Refused
from rules.contact.gate import NOT_CHECKED, TRANSIENT, decide, may_contact
from rules.contact.ladder import MOST_NAMED
from rules.contact.offers import is_offer
from rules.contact.templates import LOCALES, Rendered, links_of, measured, render
from rules.invoice_fold import UNPAID
from rules.money import in_words
from runtime.clock import business_now, real_now
from runtime.settings import get_settings

LEAVE_WITHIN = 60.0  # seconds within which a decided text must be sent
LOOK_AFTER = 15.0  # seconds until a text in doubt is first looked up
LONGEST_DELAY = 30.0
LONGEST_VALIDITY = 36_000  # seconds; Twilio's most


@job(queue="messages", calls_out=True, attempts=10, timeout=20)
def send_payment_link(message_id: str) -> None:
    """Send the text of row `message_id`."""
    message = Message.get_by_id(message_id)
    with invoice_lock(message.invoice_id):
        effect = _decide(message)
        if isinstance(effect, Snooze):
            raise effect
        if effect is None:
            return
        answer = perform_once(effect)
        now = real_now()
        with recording():
            _record(Message.locked(message.id), effect, answer, now)


def _decide(asked: Message) -> Effect | Snooze | None:
    """Ask the gate and reserve the attempt in one transaction. Returns the attempt under way, if
    there is one, or the Snooze to raise while the text has to wait. Raises Snooze itself once it
    has staged a missing link.
    """
    with transaction():
        planned = PlannedContact.of_message(asked.id)
        invoice, others = _locked(asked, planned)
        now = real_now()
        message = Message.locked_with("customer", asked.id)
        if message.status == "sending":
            effect = Effect.get_by_id(message.effect_id)
            if not was_not_sent(effect):
                return effect
            message.record_not_sent(now)
        if message.status != "waiting":
            return None
        if expire_unsent(message, now):
            reopen_unanswered(message)
            return None
        if message.is_ready:
            return _ask_gate(invoice, others, planned, message, None, now)
        link = PaymentLink.newest(invoice)
        if not _make_link(invoice, message, link):
            return _ask_gate(invoice, others, planned, message, link, now)
    raise Snooze(f"the payment link of invoice {asked.invoice_id} is being made", _patience(asked))


def _locked(asked: Message, planned: PlannedContact | None) -> tuple[Invoice, list[Invoice]]:
    """The text's invoice, and the others that the ladder names with it, longest due first. Locked
    together, by id, as all code that locks several invoices does.
    """
    if planned is None:
        return Invoice.locked_with("account", asked.invoice_id), []
    ids = {asked.invoice_id, *PlannedContactInvoice.ids_of(planned.id)}
    found = Invoice.locked_with_accounts(sorted(ids))
    found.sort(key=lambda one: (one.id != asked.invoice_id, one.due_date, one.id))
    return found[0], found[1:]


def _make_link(invoice: Invoice, message: Message, link: PaymentLink | None) -> bool:
    """Stage the creation of a link for the present balance, and return True; False if it exists,
    was refused, or there is nothing to collect.
    """
    if link is not None and link.state in {"active", "refused"}:
        return False
    if invoice.status not in UNPAID or invoice.disputed or payment_is_under_way(invoice):
        return False
    planned = PaymentLink.plan(invoice, real_now())
    stage_again(
        "create_payment_link",
        planned.id,
        planned.id,
        fair_to=message.account_id,
        queue=own_queue(),
    )
    return True


def _patience(message: Message) -> float:
    """Seconds until the next check: one at first, later up to thirty."""
    age = (real_now() - message.created_at).total_seconds()
    return min(LONGEST_DELAY, max(LINK_DELAY, age / 4))


def _why_no_link(link: PaymentLink) -> str:
    """Explain why there is no link to send: Stripe's own words, and what to do about them."""
    said = link.error or "it gave no reason"
    return (
        f"Stripe refused to make the payment link: {said.rstrip('.')}. Correct what it names, and"
        " ask for the link again."
    )


def _ask_gate(
    invoice: Invoice,
    others: Sequence[Invoice],
    planned: PlannedContact | None,
    message: Message,
    link: PaymentLink | None,
    now: datetime,
) -> Effect | Snooze | None:
    """Ask the gate about the invoice, and about the others. If one of the others is refused, the
    text goes out without it.
    """
    kind, purpose = (planned.template, planned.purpose) if planned else (message.kind, "reminder")
    words = (
        (message.body, message.language)
        if message.is_ready
        else template_for(message.account_id, kind or message.kind, message.language)
    )
    known = load_gate_facts(
        invoice,
        message.customer,
        message.to,
        "sms",
        business_now(),
        now,
        is_offer(words[0]),
        "answer" if message.is_ready else cast(Purpose, purpose),
    )
    answer = decide(known.facts, business_now())
    if isinstance(answer, Refused):
        if answer.code == NOT_CHECKED:
            request_look_up(message.customer, message.to, "sms", own_queue())
        if answer.code in TRANSIENT:
            return Snooze(f"text {message.id}: {answer.code}", _patience(message))
        ContactDecision.record(answer, now, **_about(message))
        message.record_refused(answer.code, answer.reason, now)
        reopen_unanswered(message)
        return None
    if message.is_ready:
        return _reserve(invoice, message, measured(message.body), known.sender, answer, now)
    if link is not None and link.state == "active":
        text = _written(invoice, others, planned, message, words, known.facts)
        return _reserve(invoice, message, text, known.sender, answer, now)
    if link is not None and link.state == "refused":
        message.record_refused("link_refused", _why_no_link(link), now)
        return None
    raise Snooze(
        f"the payment link of invoice {invoice.id} has just been retired", _patience(message)
    )


def _reserve(
    invoice: Invoice,
    message: Message,
    text: Rendered,
    sender: dict[str, str],
    answer: Allowed,
    now: datetime,
) -> Effect:
    """Commit the attempt, the decision and the message's new state together, before anything is
    sent.
    """
    settings = get_settings()
    leave_within = settings.shortened(LEAVE_WITHIN, settings.payphone_text_deadline)
    lasts = int((answer.until - business_now()).total_seconds() - LEAVE_WITHIN)
    request = {
        "To": message.to,
        "Body": text.body,
        "ValidityPeriod": max(1, min(LONGEST_VALIDITY, lasts)),
        **sender,
    }
    effect = reserve(
        TEXT,
        f"{message.id}:{message.tries + 1}",
        request,
        invoice,
        "",
        message.asked_by,
        f"{message.kind.replace('_', ' ')} of invoice {invoice.number}",
        now + timedelta(seconds=leave_within),
    )
    message.record_sending(
        effect, next(iter(sender.values())), text.body, text.segments, business_now(), now
    )
    ContactDecision.record(answer, now, effect.id, **_about(message))
    return effect


def _written(
    invoice: Invoice,
    others: Sequence[Invoice],
    planned: PlannedContact | None,
    message: Message,
    words: tuple[str, str],
    facts: Facts,
) -> Rendered:
    """The text about the invoice, and about the others as far as the gate allows."""
    allowed = _covered_too(others, message, facts) if others else []
    of_several = _words_of_several(message, facts) if allowed else None
    if of_several is None:
        allowed = []
    if planned is not None:
        PlannedContactInvoice.remove_others(planned.id, [invoice.id, *(one.id for one in allowed)])
    if of_several is None:
        return _text(invoice, words)
    return _text_of_several([invoice, *allowed[: MOST_NAMED - 1]], of_several)


def _text(invoice: Invoice, words: tuple[str, str]) -> Rendered:
    template, language = words
    url = PayAddress.of(invoice, business_now()).url
    amount = in_words(invoice.outstanding, invoice.currency, LOCALES[language])
    return render(
        template, language, {"clinic": invoice.account.name, "url": url, "amount": amount}
    )


def _covered_too(others: Sequence[Invoice], message: Message, facts: Facts) -> list[Invoice]:
    """The other invoices that the text covers: those still owed that the gate allows. The text
    names only the first MOST_NAMED - 1 of them; the rest are included without asking the gate.
    """
    found: list[Invoice] = []
    for place, other in enumerate(others):
        if len(found) == MOST_NAMED - 1:
            return [*found, *others[place:]]
        known = load_gate_facts(
            other,
            message.customer,
            message.to,
            "sms",
            business_now(),
            real_now(),
            facts.is_offer,
            facts.purpose,
        )
        if isinstance(may_contact(known.facts, business_now()), Allowed):
            found.append(other)
    return found


def _words_of_several(message: Message, facts: Facts) -> tuple[str, str] | None:
    """The template for several invoices and its language, or None if it makes an offer that the
    gate does not allow.
    """
    words = template_for(message.account_id, "payment_links", message.language)
    answer = may_contact(replace(facts, is_offer=is_offer(words[0])), business_now())
    return words if isinstance(answer, Allowed) else None


def _text_of_several(invoices: Sequence[Invoice], words: tuple[str, str]) -> Rendered:
    template, language = words
    links = [(one.number, PayAddress.of(one, business_now()).url) for one in invoices]
    values = {
        "clinic": invoices[0].account.name,
        "links": links_of(links),
        "count": str(len(links)),
    }
    return render(template, language, values)


def _about(message: Message) -> dict[str, Any]:
    ids = {
        "account_id": message.account_id,
        "customer_id": message.customer_id,
        "invoice_id": message.invoice_id,
    }
    return {**ids, "channel": "sms", "phone": message.to, "asked_by": message.asked_by}


def _record(message: Message, effect: Effect, answer: dict[str, Any] | None, now: datetime) -> None:
    """Record the attempt's outcome: Twilio accepted it, refused it, or it is unknown."""
    if answer is not None:
        record_text_report(
            message, answer["status"], answer["id"], answer["error_code"], now, effect
        )
    elif effect.state == "refused":
        message.record_refused(effect.error_code or "", effect.error or "", now)
        act_on_failure(message, effect.error_code or "", now)
        reopen_unanswered(message)
    else:
        message.record_report("unknown", None, "unknown", now)
        stage(
            "reconcile_text",
            TEXT.job_key(effect),
            effect.id,
            fair_to=message.account_id,
            delay=LOOK_AFTER,
        )
