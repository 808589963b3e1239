"""What follows from the end of a call: its outcome, what was said in it, and what goes out."""

from datetime import datetime

from models.calling.call import Call
from models.feed.emit import emit
from providers.vapi.calls import VapiCall
from rules.calling.ended_reasons import meaning_of
from rules.cards.card_numbers import redact


def conclude(call: Call, told: VapiCall, now: datetime) -> bool:
    """Record the report of a call that is over. Needs a locked call; whether it was the first one,
    for what comes again or later changes nothing.
    """
    if call.reported_at is not None:
        return False
    call.record_end(
        now,
        outcome=meaning_of(call.ended_reason).outcome or "in_doubt",
        transcript=redact(told.transcript),
        summary=redact(told.summary),
        said=told.said,
        cost=told.cost,
        is_recorded=told.is_recorded,
    )
    emit(
        call.account_id,
        "call.ended",
        {
            "callId": call.id,
            "direction": call.direction,
            "customerId": call.customer_id,
            "invoiceIds": call.invoice_ids,
            "outcome": call.outcome,
            "endedReason": call.ended_reason,
        },
        f"call:{call.id}",
    )
    return True
