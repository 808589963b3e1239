"""Tell a call's assistant that the clinic wants a card entered on the keypad.

Twice is harmless: nothing is sent once an entry was started in the call, or the call has ended.
"""

from datetime import timedelta

from delivery.attempt import recording
from delivery.registry import job
from effects.calling.keypad import KEYPAD_ORDER
from effects.perform import perform
from effects.reserve import reserve
from models.calling.keypad_session import KeypadSession
from models.effects.effect import Effect
from models.transactions import transaction
from runtime.clock import real_now

WITHIN = timedelta(minutes=2)  # the caller is on the line


@job(queue="calls", calls_out=True, attempts=4, timeout=20)
def order_card_entry(session_id: str) -> None:
    """Tell the assistant in the call of session `session_id`."""
    effect = _decide(session_id)
    if effect is None:
        return
    made = perform(effect)
    with recording():
        session, now = KeypadSession.locked(session_id), real_now()
        if made is not None:
            effect.record_confirmed(made["id"], KEYPAD_ORDER.kept(made), now)
        elif session.state == "ordered":
            session.record(now, state="failed", error="not_begun")


def _decide(session_id: str) -> Effect | None:
    """Reserve the order, or return None if it is no longer wanted."""
    with transaction():
        session, now = KeypadSession.locked(session_id), real_now()
        known = Effect.one("key = ?", f"{KEYPAD_ORDER.name}:{session_id}")
        if session.state != "ordered" or now > session.created_at + WITHIN:
            if known is not None and known.state in {"sending", "unknown"}:
                known.record_refused("not_wanted", "The entry has begun, or it is too late.", now)
            return None
        return reserve(
            KEYPAD_ORDER,
            session_id,
            {"session": session_id, "call": session.call.vapi_id},
            session.invoice,
            "",
            f"call:{session.call_id}",
            "the clinic orders a card entry",
            deadline=session.created_at + WITHIN,
        )
