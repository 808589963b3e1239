"""What callers want besides paying now: to pay later, to opt out, to speak with staff."""

import hashlib
from datetime import date, datetime
from typing import Any

from actions.calling.act_on_outcome import WRONG, numbers_of, open_unknown_opt_out_item
from actions.calling.tools.debts import chosen_bill
from actions.calling.tools.tool_request import ToolRequest
from actions.contact.escalate import open_escalation
from actions.contact.postpone import A_MOMENT, LATER, postpone_contact, requested_time
from actions.contact.promise import record_promise
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.tool_call import ToolCall
from models.contact.consent import Consent
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import serialize_on, transaction
from rules.calling.tool_definitions import REASONS
from rules.calling.tool_replies import (
    BAD_DAY,
    HUMAN,
    HUMAN_THEN,
    HUMAN_TOMORROW,
    NO_NUMBER,
    STOPPED,
    WRONG_NUMBER,
    promised,
)
from rules.contact.phones import phone_or_empty
from rules.contact.policy import WAYS
from rules.contact.work_items import HOLDS
from runtime.clock import business_now, real_now
from runtime.errors import Refused

_WHAT = {"calls": ("voice",), "texts": ("sms",)}


def record_promise_to_pay(request: ToolRequest) -> str:
    """Record a promise to pay the oldest bill on a day; contact pauses until then. Raises
    Refused.
    """
    try:
        day = date.fromisoformat(request.text("date"))
    except ValueError:
        raise Refused("invalid", BAD_DAY) from None
    known = ToolCall.of_id(request.call, request.called.id)
    if known is not None:
        return known.answer
    chosen = chosen_bill(request)
    if _is_promised(request, chosen, day):  # answered without waiting for locks
        return promised(day)
    with transaction():
        invoice, call = Invoice.locked(chosen.id), Call.locked(request.call.id)
        known = ToolCall.of_id(call, request.called.id)
        if known is None:
            promise = record_promise(invoice, None, day, by=request.actor)
            # a day that was promised before, and then another, is another promise
            wish = f"{request.called.name}:{promise.id}"
            known = ToolCall.find(call, request.called.id, wish) or _keep(
                request, call, wish, promised(day), promise.id, invoice
            )
    return known.answer


def _is_promised(request: ToolRequest, invoice: Invoice, day: date) -> bool:
    """Whether what is open is this very promise, made in this call."""
    known = Promise.of(invoice.id)
    made = None if known is None else (known.recorded_by, known.amount, known.promised_for)
    return made == (request.actor, invoice.outstanding, day)


def stop_contact(request: ToolRequest) -> str:
    """Record an opt-out at each known number of the caller: from calls, from texts, or from both if
    they name neither. A wrong number is also suppressed for this clinic. Raises Refused.
    """
    what, wrong = request.text("what"), request.text("why") == WRONG
    channels = CHANNELS if wrong else _WHAT.get(what, CHANNELS)
    line = WRONG_NUMBER if wrong else STOPPED.format(what=_in_words(channels))
    with transaction():
        call = Call.locked(request.call.id)
        # a wrong number concerns the line only, not the customer's own numbers
        shown = phone_or_empty(request.line)
        phones = [shown] * bool(shown) if wrong else numbers_of(call)
        wish = f"{request.called.name}:{'+'.join(channels)}:{wrong}:{call.customer_id or ''}"
        known = ToolCall.find(call, request.called.id, wish)
        if known is not None:
            return known.answer
        if phones:
            serialize_on(*map(person_key, phones))  # all numbers first, then the courses
            stops = [_stop(request, call, phone, channels, is_wrong=wrong) for phone in phones]
            _keep(request, call, wish, line, stops[0].id)
        else:
            open_unknown_opt_out_item(call)
    if not phones:
        raise Refused("invalid", NO_NUMBER)
    return line


def _stop(
    request: ToolRequest, call: Call, phone: str, channels: tuple[str, ...], *, is_wrong: bool
) -> OptOut:
    statement = OptOut.record(
        call.account_id,
        phone,
        "stop",
        channels,
        words=WRONG if is_wrong else "said so in a call",
        source="call",
        reference=call.id,
        recorded_by=request.actor,
    )
    if is_wrong and call.direction == "outbound":
        _suppress(call, phone)
    AuditEntry.record(
        request.actor,
        "opt_out.recorded",
        f"call:{call.id}",
        call.account_id,
        opt_out_id=statement.id,
        customer_id=call.customer_id,
    )
    return statement


def request_human(request: ToolRequest) -> str:
    """Escalate to staff. Some reasons also put a hold on the customer, and so does a time at which
    they want to be called.
    """
    reason = request.text("reason")
    reason = reason if reason in REASONS else "asked_for_person"
    with transaction():
        call = Call.locked_with("account", request.call.id)
        known = ToolCall.of_id(call, request.called.id)
        if known is not None:  # a repeat must not undo later requests
            return known.answer
        due = _postpone(request, call)
        line = _answer(request, call, due)
        wish = ":".join([request.called.name, reason, *_digest(request.text("when"))])
        item = _open_item(request, call, reason, due)
        known = ToolCall.find(call, request.called.id, wish)
        if known is not None:
            return known.answer
        _keep(request, call, wish, line, item.id)
    return line


def _digest(when: str) -> list[str]:
    """A digest that tells one time from another. The words themselves are the caller's, and the
    moment meant by "in two hours" differs each time.
    """
    words = " ".join(when.casefold().split())
    return [hashlib.sha256(words.encode()).hexdigest()[:16]] if words else []


def _answer(request: ToolRequest, call: Call, due: datetime | None) -> str:
    """Tell the caller when the clinic will contact them, promising no more than is recorded. An
    unknown caller cannot be put off.
    """
    if due is None or call.customer_id is None:
        return HUMAN
    if requested_time(request.text("when"), request.line) is None:
        return HUMAN_TOMORROW
    return HUMAN_THEN if due > business_now() else HUMAN


def _postpone(request: ToolRequest, call: Call) -> datetime | None:
    """When staff should call back, or None if the caller named no time. Puts a hold on a known
    customer until then, or until tomorrow if their words are not understood.
    """
    words = request.text("when")
    if not words:
        return None
    if call.customer_id is None:
        return requested_time(words, request.line) or requested_time(LATER, request.line)
    customer = Customer.get_by_id(call.customer_id)
    due = postpone_contact(customer, words, request.line, request.actor, call_id=call.id)
    return due or postpone_contact(customer, LATER, request.line, request.actor, call_id=call.id)


def _open_item(request: ToolRequest, call: Call, reason: str, due: datetime | None) -> WorkItem:
    """Open or update the caller's item. The time named last counts, but a matter more urgent than a
    call is not put off with the call.
    """
    due = None if reason in HOLDS else due
    context = {
        "callId": call.id,
        "phone": request.line,
        "verified": call.verified_at is not None,
    }
    if words := request.text("when"):
        context["when"] = words
    item = _item(request, call, reason, due, context)
    if words and item.is_open and item.context.get("when") != words:
        item.record_context({**item.context, "when": words})
    is_due = item.due_at is not None and due is not None and abs(item.due_at - due) < A_MOMENT
    if due is not None and not is_due and item.is_open:
        item.record_due(due)
    return item


def _item(
    request: ToolRequest, call: Call, reason: str, due: datetime | None, context: dict[str, Any]
) -> WorkItem:
    if call.customer_id is None:  # an unknown caller
        words = "An unknown caller asks to be called back."
        about = f"{call.id}:{reason}"
        return WorkItem.open(call.account_id, "call", about, words, due_at=due, context=context)
    customer = Customer.get_by_id(call.customer_id)
    return open_escalation(
        call.account, customer, None, reason, context, due, subject=call.id, by=request.actor
    )


def _suppress(call: Call, phone: str) -> None:
    """Suppress a wrong number on every channel, and void consents for it."""
    now = real_now()
    why = f"The person on call {call.id} said it is a wrong number"
    for channel in CHANNELS:
        PhoneSuppression.suppress(call.account_id, phone, channel, WRONG, why, now)
    if call.customer_id is not None:
        Consent.void(call.customer_id, phone, WRONG, now)


def _in_words(channels: tuple[str, ...]) -> str:
    return " or ".join(WAYS[channel] for channel in sorted(channels, reverse=True))


def _keep(
    request: ToolRequest,
    call: Call,
    wish: str,
    line: str,
    subject: str,
    invoice: Invoice | None = None,
) -> ToolCall:
    return ToolCall.record(
        call,
        request.called.name,
        request.called.id,
        wish,
        real_now(),
        customer_id=call.customer_id,
        invoice_id=None if invoice is None else invoice.id,
        amount=None if invoice is None else invoice.outstanding,
        subject=subject,
        answer=line,
    )
