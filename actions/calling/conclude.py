"""Act on the end of a call: its outcome, its transcript, and the events that go out."""

from collections.abc import Sequence
from datetime import datetime

from actions.calling.act_on_outcome import act_on_outcome, opt_out_caller
from actions.invoices.decide import note_if_it_fits
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.calling.call import Call
from models.calling.outcomes import PAID, PAID_BY_LINK
from models.calling.tool_call import ToolCall
from models.contact.promise import Promise
from models.feed.emit import emit
from models.invoices.invoice import Invoice
from models.payments.payment_confirmation import PaymentConfirmation
from providers.vapi.calls import VapiCall
from rules.calling.call_analysis import Consequences, Json, consequences_of, read_analysis
from rules.calling.call_summaries import note_of
from rules.calling.ended_reasons import meaning_of
from rules.cards.spoken_numbers import redact_spoken
from rules.contact.policy import outcome_of

IN_DOUBT = "in_doubt"


def conclude_call(call: Call, invoices: Sequence[Invoice], report: VapiCall, now: datetime) -> bool:
    """Record the report of a call that is over, in the open transaction, and return whether it was
    the first. Needs the locked call and its locked invoices.

    A further report changes nothing, with two exceptions: the analysis and the transcript are each
    acted on once, whichever report brings them, and it may settle an outcome in doubt.
    """
    said = read_analysis(report.said) | (call.said or {})
    is_first = call.reported_at is None
    follows = _consequences(call, said, report)
    outcome = _outcome(call, invoices, follows)
    is_heard = "outcome" in said and "outcome" not in (call.said or {})
    is_read = bool(report.transcript) and not call.transcript
    is_known = call.outcome == IN_DOUBT != outcome
    if not (is_first or is_heard or is_read or is_known):
        return False
    call.record_end(
        now,
        outcome=outcome,
        transcript=redact_spoken(report.transcript) or call.transcript,
        summary=redact_spoken(report.summary)[:2000] or call.summary,
        said=said,
        cost=call.cost if report.cost is None else report.cost,
        is_recorded=report.is_recorded or call.is_recorded,
    )
    if is_first or is_heard:
        act_on_outcome(call, follows, now)
    elif follows.stops:
        opt_out_caller(call, follows, now)
    if not is_first:
        return False
    words = note_of(call.id, outcome, follows.words if said.get("outcome") else "")
    for invoice in invoices:
        if call.direction == "outbound" or call.verified_at is not None:
            note_if_it_fits(invoice, words, now)
    AuditEntry.record(SYSTEM, "call.ended", f"call:{call.id}", call.account_id, outcome=outcome)
    emit(
        call.account_id,
        "call.ended",
        {
            "callId": call.id,
            "direction": call.direction,
            "customerId": call.customer_id,
            "invoiceIds": [invoice.id for invoice in invoices],
            "outcome": outcome,
            "endedReason": call.ended_reason,
        },
        f"invoice:{invoices[0].id}" if invoices else f"call:{call.id}",
    )
    return True


def opt_out_by_transcript(call: Call, report: VapiCall, now: datetime) -> None:
    """Record the opt-out in a transcript, in the open transaction, without waiting for the rest of
    the report. Needs the locked call.
    """
    follows = _consequences(call, {}, report)
    if follows.stops:
        opt_out_caller(call, follows, now)


def _consequences(call: Call, said: Json, report: VapiCall) -> Consequences:
    return consequences_of(
        said,
        report.transcript,
        is_outbound=call.direction == "outbound",
        is_verified=call.verified_at is not None,
        is_over=call.state == "ended",
    )


def _outcome(call: Call, invoices: Sequence[Invoice], follows: Consequences) -> str:
    """One of the policy's outcomes. Our own rows take precedence over the agent's analysis, and
    that over how the call ended.
    """
    ended = meaning_of(call.ended_reason).outcome or IN_DOUBT
    if not outcome_of(ended).conversation:
        return ended
    if PaymentConfirmation.settled_in(call.id, [invoice.id for invoice in invoices]):
        return PAID
    if ToolCall.paid_by_link([call.id]):
        return PAID_BY_LINK
    if Promise.has("customer_id = ? AND recorded_by = ?", call.customer_id, call.actor):
        return "promised"
    if follows.outcome and call.verified_at is None:
        return follows.outcome
    return "spoke" if call.verified_at is not None else ended
