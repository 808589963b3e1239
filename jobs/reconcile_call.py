"""Look up a call in doubt in Vapi's list, and record its outcome.

Twice is harmless: a lookup calls nobody, and reports are merged by rank. Not finding the call
proves nothing: after some attempts the job is dead, which shows the doubt to staff. A report from
Vapi or `effects reconcile` still settles it.
"""

from actions.calling.record_call_report import call_of, record_call_report
from delivery.attempt import recording
from delivery.registry import job
from effects.calling.call import CALL, call_from_ledger
from effects.perform import reconcile
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.effects.effect import Effect
from providers.vapi.calls import VapiCall
from runtime.clock import real_now
from runtime.errors import NotYet


@job(queue="calls", calls_out=True, attempts=6, timeout=20, backoff=15.0)
def reconcile_call(effect_id: str) -> None:
    """Settle effect `effect_id`, a call."""
    effect = Effect.get_by_id(effect_id)
    found = reconcile(effect) if effect.in_doubt else None
    if effect.in_doubt and found is None:
        raise NotYet(
            f"Call {effect.id} is not in Vapi's list. It will not be placed again; a report or a"
            " person settles it."
        )
    with recording():
        now = real_now()
        call = call_of(VapiCall("", "", effect.id))
        if call is None:
            return
        call = Call.locked(call.id)
        effect = Effect.get_by_id(effect_id)
        report = found or (CALL.kept(effect.answer or {}) if effect.state == "confirmed" else None)
        if report is not None:
            record_call_report(call, call_from_ledger(effect, report), now, effect)
        elif call.effect_id == effect.id and call.state in {"sending", "unknown"}:
            CallSlot.release(call.id)
            call.record_refused(effect.error_code or "", effect.error or "", now)
