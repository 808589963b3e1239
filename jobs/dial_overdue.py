"""Place a requested call to a customer at most once, if the contact gate allows it.

Twice is harmless: the gate's answer, the balance, the attempt, its slot and the call's state commit
together, one process wins the right to place it, and an attempt with an unknown outcome is never
repeated. Only an attempt that certainly was not made is decided again.
"""

from datetime import datetime, timedelta
from typing import Any

from actions.calling.caller_line import CallerLine, caller_line, no_caller_number
from actions.calling.expire import expire_unplaced
from actions.calling.record_call_report import record_call_report
from actions.contact.gate_facts import load_gate_facts
from actions.people.number_lookups import request_look_up
from delivery.attempt import Snooze, own_queue, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.calling.call import CALL, call_from_ledger
from effects.perform_once import perform_once, was_not_sent
from effects.reserve import reserve
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.calling.waiting_calls import NO_SLOT, wake_waiting
from models.contact.contact_decision import ContactDecision
from models.contact.planned_contact import PlannedContact
from models.delivery.stage import stage
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.transactions import transaction
from rules.calling.outbound import render_call
from rules.contact.facts import Allowed, Answer, Refused
from rules.contact.gate import NOT_CHECKED, TRANSIENT, decide
from rules.deployment.payments_member import LONGEST_CALL
from runtime.clock import business_now, real_now
from runtime.settings import get_settings

# one budget for attempts that were certainly not made, for whatever reason
MOST_TRIES = 5
NEVER_PLACED = "Vapi could not place it in several attempts, none of which rang. Ask again later."
LEAVE_WITHIN = 60.0  # seconds to place a decided call; plus RINGS, the margin in LAWFUL hours
LOOK_AFTER = 15.0  # seconds until a call in doubt is first looked up
NO_SLOT_DELAY = 60.0  # freeing a slot wakes waiting calls; this covers a lease that expires
LONGEST_DELAY = 30.0
RINGS = 120  # seconds from Vapi's answer until the call is picked up
MARGIN = 300  # seconds after which no report can still arrive


@job(queue="calls", calls_out=True, attempts=10, timeout=20)
def dial_overdue(call_id: str) -> None:
    """Place the call of row `call_id`."""
    call = Call.get_by_id(call_id)
    with invoice_lock(call.invoice_ids[0]):
        effect = _decide(call)
        if not isinstance(effect, Effect):
            wake_waiting()  # the call may have been woken for a slot that it does not take
        if isinstance(effect, Snooze):
            raise effect
        if effect is None:
            return
        answer = perform_once(effect)
        now = real_now()
        with recording():
            _record(Call.locked(call.id), effect, answer, now)


def _decide(requested: Call) -> Effect | Snooze | None:
    """Ask the gate and reserve the attempt in one transaction. Returns the attempt under way, if
    there is one, or the Snooze to raise while the call has to wait.
    """
    with transaction():
        invoices = [Invoice.locked_with("account", each) for each in sorted(requested.invoice_ids)]
        now = real_now()
        call = Call.locked_with("customer", requested.id)
        if call.state == "sending":
            effect = Effect.get_by_id(call.effect_id)
            if not was_not_sent(effect):
                return effect
            call.record_not_placed(now)
            CallSlot.release(call.id)
        if call.state != "waiting" or expire_unplaced(call, now):
            return None
        if call.tries >= MOST_TRIES:
            call.record_refused("not_placed", NEVER_PLACED, now)
            return None
        return _ask_gate(call, invoices, now)


def _ask_gate(call: Call, invoices: list[Invoice], now: datetime) -> Effect | Snooze | None:
    """Decide about each invoice, with the rung's purpose if the ladder planned the call. The call
    covers the invoices that may be discussed now.
    """
    phone, moment = call.customer.preferred_phone, business_now()
    planned = PlannedContact.one("id = ?", call.planned_contact_id)
    purpose = planned.rung.purpose if planned else "reminder"
    answers: list[tuple[Invoice, Answer]] = []
    for invoice in invoices:
        known = load_gate_facts(
            invoice, call.customer, phone, "voice", moment, now, purpose=purpose
        )
        answers.append((invoice, decide(known.facts, moment)))
    allowed = [(invoice, answer) for invoice, answer in answers if isinstance(answer, Allowed)]
    if not allowed:
        return _refused(call, answers, phone, now)
    if Call.is_ringing(call.account_id, phone, now):  # another member of the household
        return Snooze(f"call {call.id}: another call to the number is under way", _patience(call))
    line = caller_line(call.account_id)
    if line is None:
        refusal = no_caller_number()
        call.record_refused(refusal.code, refusal.detail, now)
        return None
    return _reserve(call, allowed, line, phone, now)


def _refused(
    call: Call, answers: list[tuple[Invoice, Answer]], phone: str, now: datetime
) -> Snooze | None:
    refusals = [(invoice, no) for invoice, no in answers if isinstance(no, Refused)]
    waits = next((no.code for _, no in refusals if no.code in TRANSIENT), "")
    if any(no.code == NOT_CHECKED for _, no in refusals):
        request_look_up(call.customer, phone, "voice", own_queue())
    if waits:
        return Snooze(f"call {call.id}: {waits}", _patience(call))
    decisions = [
        ContactDecision.record(no, now, **_about(call, invoice, phone)) for invoice, no in refusals
    ]
    first = refusals[0][1]
    call.record_refused(first.code, first.reason, now, decisions[0].id)
    return None


def _reserve(
    call: Call,
    allowed: list[tuple[Invoice, Allowed]],
    line: CallerLine,
    phone: str,
    now: datetime,
) -> Effect:
    """Commit the slot, the attempt, the decisions and the call's new state together, before
    anything is sent.
    """
    settings = get_settings()
    deadline = now + timedelta(seconds=LEAVE_WITHIN + RINGS + LONGEST_CALL + MARGIN)
    if not CallSlot.lease(call.id, deadline, now, settings.call_slots):
        # a slot freed before our row is waiting wakes nobody, so check again
        raise Snooze(NO_SLOT, NO_SLOT_DELAY, then=wake_waiting)
    leave_within = settings.shortened(LEAVE_WITHIN, settings.payphone_text_deadline)
    first, _ = allowed[0]
    request = render_call(
        call_id=call.id,
        phone_number_id=line.phone_number_id,
        to=phone,
        payments=line.payments,
        receptionist=line.receptionist,
        card_entry=line.card_entry,
    )
    effect = reserve(
        CALL,
        f"{call.id}:{call.tries + 1}",
        request,
        first,
        "",
        call.asked_by,
        f"invoice {', '.join(sorted(invoice.number for invoice, _ in allowed))}",
        now + timedelta(seconds=leave_within),
    )
    decisions = [
        ContactDecision.record(answer, now, effect.id, **_about(call, invoice, phone))
        for invoice, answer in allowed
    ]
    call.record_sending(
        effect,
        decisions[0].id,
        phone,
        line.number,
        line.phone_number_id,
        business_now(),
        deadline,
        now,
    )
    call.remove_other_invoices([invoice.id for invoice, _ in allowed])
    return effect


def _patience(call: Call) -> float:
    """Seconds until the next check, growing with the call's age."""
    age = (real_now() - call.created_at).total_seconds()
    return min(LONGEST_DELAY, max(1.0, age / 4))


def _about(call: Call, invoice: Invoice, phone: str) -> dict[str, Any]:
    ids = {
        "account_id": call.account_id,
        "customer_id": call.customer_id,
        "invoice_id": invoice.id,
    }
    return {**ids, "channel": "voice", "phone": phone or None, "asked_by": call.asked_by}


def _record(call: Call, effect: Effect, answer: dict[str, Any] | None, now: datetime) -> None:
    """Record the attempt's outcome: Vapi accepted the call, refused it, or it is unknown."""
    if answer is not None:
        record_call_report(call, call_from_ledger(effect, answer), now, effect)
    elif effect.state == "refused":
        CallSlot.release(call.id)
        call.record_refused(
            effect.error_code or "",
            CALL.why_refused(effect.error_code or "", effect.error or ""),
            now,
        )
    else:
        call.record_unknown(effect.error or "", now)
        stage(
            "reconcile_call",
            CALL.job_key(effect),
            effect.id,
            fair_to=call.account_id,
            delay=LOOK_AFTER,
        )
