"""Take one step of a keypad card entry during a call: start the session at Twilio, capture a field,
complete or cancel it.

Twice is harmless: a step has one effect under one key, and a session that is over takes no step.
"""

from datetime import timedelta

from actions.calling.keypad import stage_step
from delivery.attempt import recording
from delivery.registry import job
from effects.calling.keypad import KEYPAD_STEP
from effects.perform import perform
from effects.reserve import reserve
from models.calling.keypad_session import KeypadSession
from models.effects.effect import Effect
from models.transactions import transaction
from rules.calling.keypad import CANCEL, COMPLETE, PIECES, START
from runtime.clock import real_now

WITHIN = timedelta(minutes=2)  # the caller waits


@job(queue="calls", calls_out=True, attempts=4, timeout=20)
def enter_card(session_id: str, step: str, number: int) -> None:
    """Take step `step` of the session of row `session_id`; `number` tells its repetitions apart."""
    effect = _decide(session_id, step, number)
    if effect is None:
        return
    made = perform(effect)
    now = real_now()
    with recording():
        session = KeypadSession.locked(session_id)
        if made is None:
            session.record(now, state="failed", error="refused")
            return
        effect.record_confirmed(made["id"], KEYPAD_STEP.kept(made), now)
        if step == START and session.record(
            now, payment_sid=made["id"], state="capturing", capturing=PIECES[0]
        ):
            stage_step(session, PIECES[0])


def _decide(session_id: str, step: str, number: int) -> Effect | None:
    """Reserve the step, or return None if it is no longer wanted."""
    with transaction():
        session = KeypadSession.locked(session_id)
        known = Effect.one("key = ?", f"{KEYPAD_STEP.name}:{session_id}:{step}:{number}")
        if not _is_wanted(session, step):
            if known is not None and known.state in {"sending", "unknown"}:
                known.record_refused("not_wanted", "The entry is over.", real_now())
            return None
        request = {
            "session": session.id,
            "call": session.carrier_id,
            "payment": session.payment_sid or "",
            "step": step,
            "number": number,
        }
        return reserve(
            KEYPAD_STEP,
            f"{session_id}:{step}:{number}",
            request,
            session.invoice,
            "",
            f"call:{session.call_id}",
            "the caller pays by keypad",
            deadline=real_now() + WITHIN,
        )


def _is_wanted(session: KeypadSession, step: str) -> bool:
    if step == CANCEL:
        return session.payment_sid is not None and session.state == "failed"
    if step == START:
        return session.state == "starting"
    if step == COMPLETE:
        return session.state == "completing"
    return session.state == "capturing" and session.capturing == step
