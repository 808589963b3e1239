"""End a call that Vapi had queued and that was answered when the customer must not be called.

Vapi places a call later if it has no capacity, and documents no way to cancel a queued call. By
then it may be night, or the customer may have opted out or paid. Twice is harmless: a call that is
over stays so, and a call that has gone on for minutes is left alone.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from actions.contact.gate_facts import load_gate_facts
from delivery.attempt import recording
from delivery.registry import job
from effects.calling.call import CALL_END
from effects.perform import perform
from effects.reserve import reserve
from models.calling.call import Call
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.transactions import transaction
from rules.contact.gate import all_refusals
from runtime.clock import business_now, real_now
from runtime.log import get_log
from runtime.settings import get_settings

WITHIN = timedelta(minutes=2)  # after the answer: later, the customer is in conversation
# codes that count attempts, this call included, or do not say whether it may go on
NO_REASON = frozenset(
    {
        "person_cap",
        "debt_cap",
        "account_ceiling",
        "number_not_checked",
        "books_stale",
        "books_not_current",
    }
)
NO_KEY = "a call was answered too late, and VAPI_PUBLIC_KEY is not set, so it could not be ended"

log = get_log("calls")


@job(queue="calls", calls_out=True, attempts=4, timeout=20)
def end_late_call(call_id: str) -> None:
    """End the call of row `call_id`, unless it may go on."""
    effect = _decide(call_id)
    if effect is None:
        return
    made = perform(effect)
    if made is not None:
        with recording():
            effect.record_confirmed(made["id"], CALL_END.kept(made), real_now())


def _decide(call_id: str) -> Effect | None:
    """Reserve an effect that ends the call, if none of its invoices may be discussed now."""
    requested = Call.get_by_id(call_id)
    with transaction():
        invoices = [Invoice.locked_with("account", each) for each in sorted(requested.invoice_ids)]
        call, now = Call.locked_with("customer", call_id), real_now()
        deadline = (call.started_at or now) + WITHIN
        known = Effect.one("key = ?", f"{CALL_END.name}:{call_id}")
        if call.state != "in_progress" or now > deadline:
            if known is not None and known.state in {"sending", "unknown"}:
                _settle(known, call, now)
            return None
        codes = [_refusal_code(call, invoice) for invoice in invoices]
        if known is None and not all(codes):
            return None
        if not get_settings().vapi_public_key:
            log.error(NO_KEY, call_id=call.id)
            return None
        request = {"call": call.vapi_id}
        why = f"answered late: {codes[0]}"
        return reserve(CALL_END, call.id, request, invoices[0], "", call.actor, why, deadline)


def _settle(known: Effect, call: Call, now: datetime) -> None:
    """Settle a reserved end whose call needs no ending any more. If Vapi was asked and the call is
    over, assume that the request ended it.
    """
    if call.state == "ended" and call.vapi_id and known.sent_at is not None:
        known.record_confirmed(call.vapi_id, {"id": call.vapi_id}, now)
    else:
        known.record_refused("not_wanted", "It is over, or the conversation has begun.", now)


def _refusal_code(call: Call, invoice: Invoice) -> str:
    """The gate's code against discussing the invoice now, or "" if it is allowed. A conversation
    since the call was decided counts against it, except the call's own.
    """
    now = business_now()
    facts = load_gate_facts(invoice, call.customer, call.to, "voice", now, real_now()).facts
    others = tuple(one for one in facts.history if one.at != call.attempted_at)
    facts = replace(facts, history=others)
    return next((no.code for no in all_refusals(facts, now) if no.code not in NO_REASON), "")
