"""Ending a call that is going on. Vapi takes no key; told twice, a call that is over stays so."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.vapi.control import end_call


def _send(effect: Effect) -> Json:
    end_call(effect.request["call"])
    return {"id": effect.request["call"]}


CALL_END = Kind(
    name="call_end",
    provider="vapi",
    does="End a call that may not go on",
    recorded_by="end_late_call",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=True,
    keep=("id",),
    send=_send,
    find=lambda _effect: None,
)
