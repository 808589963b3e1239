"""Calls at Vapi: placed at most once, found again by the name they carry, the effect's id.

Vapi takes no key. A call that is not found may have been placed all the same.
"""

from datetime import timedelta

from effects.kind import SKEW, Cost, Json, Kind
from models.effects.effect import Effect
from providers.vapi import calls
from providers.vapi.calls import VapiCall


def shown(call: VapiCall) -> Json:
    """What the ledger keeps of a call."""
    return {"id": call.id, "status": call.status, "name": call.name, "blocked": call.blocked}


def _send(effect: Effect) -> Json:
    return shown(calls.create_call(effect.request, effect.id))


def _find(effect: Effect) -> Json | None:
    if effect.sent_at is None:
        return None
    found = calls.find_call(effect.id, effect.sent_at - timedelta(seconds=SKEW))
    return None if found is None else shown(found)


CALL = Kind(
    name="call",
    provider="vapi",
    does="Call a person",
    recorded_by="reconcile_call",
    many_per_job=False,
    daily_limit="calls",
    costs=Cost.PROVIDER_FEE,
    undone_by=None,
    expires=True,
    keep=("id", "status", "name", "blocked"),
    send=_send,
    find=_find,
    keyed=False,
    read=lambda _effect, call_id: shown(calls.get_call(call_id)),
    is_its_own=lambda effect, made: made.get("name") == effect.id,
)
