"""Calls at Vapi: placed at most once, and found again by name, which is the effect's id.

Vapi takes no idempotency key. A call that cannot be found might still have been placed.
"""

from dataclasses import replace
from datetime import timedelta

from effects.kind import SKEW, Cost, Json, Kind
from models.effects.effect import Effect
from providers.vapi import calls
from providers.vapi.calls import VapiCall
from providers.vapi.control import end_call
from rules.contact.hours import REQUEST_LIFETIME
from runtime.clock import rfc3339


def shown(call: VapiCall) -> Json:
    """The fields of a call that the ledger keeps, under Vapi's names except `blocked`."""
    return {
        "id": call.id,
        "status": call.status,
        "name": call.name,
        "blocked": call.blocked,
        "startedAt": rfc3339(call.started_at) if call.started_at is not None else None,
        "endedReason": call.ended_reason,
    }


def call_from_ledger(effect: Effect, answer: Json) -> VapiCall:
    """The call as recorded in the ledger. Answers stored by older releases lack how it ended."""
    told = calls.read_call(answer | {"status": answer.get("status") or "queued"})
    return replace(told, name=effect.id, blocked=bool(answer.get("blocked")))


def _send(effect: Effect) -> Json:
    return shown(calls.create_call(effect.request, effect.id))


def _find(effect: Effect) -> Json | None:
    """Search the calls created around the time of sending, then those within an hour of it, because
    the sending process may have been frozen before the request left.
    """
    if effect.sent_at is None:
        return None
    for near in (timedelta(seconds=SKEW), REQUEST_LIFETIME):
        found = calls.find_call(effect.id, effect.sent_at - near, effect.sent_at + near)
        if found is not None:
            return shown(found)
    return None


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
    keep=("id", "status", "name", "blocked", "startedAt", "endedReason"),
    send=_send,
    find=_find,
    keyed=False,
    read=lambda _effect, call_id: shown(calls.get_call(call_id)),
    is_its_own=lambda effect, made: made.get("name") == effect.id,
)


# Ends a call in progress. Vapi takes no key, but ending a call that is over changes nothing.
def _end(effect: Effect) -> Json:
    end_call(effect.request["call"])
    return {"id": effect.request["call"]}


CALL_END = Kind(
    name="call_end",
    provider="vapi",
    does="End a call that must not continue",
    recorded_by="end_late_call",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=True,
    keep=("id",),
    send=_end,
    find=lambda _effect: None,
)
