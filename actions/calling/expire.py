"""Give up a call that could not be placed in time."""

from datetime import datetime

from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.effects.effect import Effect


def expire_unplaced(call: Call, now: datetime) -> bool:
    """Give up a call that was requested too long ago and never placed. Returns whether it did."""
    effect = Effect.one("id = ?", call.effect_id) if call.state == "sending" else None
    unplaced = call.state == "waiting" or (effect is not None and effect.state == "refused")
    if not unplaced or not call.is_too_old(now):
        return False
    CallSlot.release(call.id)
    call.record_refused(
        "expired", "It could not be placed within an hour of the request. Ask again.", now
    )
    return True
