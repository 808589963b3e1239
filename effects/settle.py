"""Ending a doubt: by the provider's own record, or by a person who has looked.

The consequence is carried by the job that owns the effect: settled and replayed in one transaction, it
finds the outcome in the row and records what it means. A job that is still at it is not interfered with.
"""

from typing import Any

from effects.kinds import KINDS
from effects.perform import reconcile
from models.audit_entry import AuditEntry
from models.base import is_postgres, transaction
from models.effect import Effect
from models.job_replay import replay
from models.staged_job import StagedJob
from runtime.clock import real_now
from runtime.errors import Conflict

OWNERS = {
    "payment_link": "create_payment_link", "refund": "refund_payment", "intent_create": "open_payment_intent", "intent_change": "change_payment_intent",
    "intent_confirm": "confirm_payment", "intent_cancel": "cancel_payment_intent", "link_deactivate": "retire_payment_link", "session_expire": "expire_session",
    "text": "settle_text",
}  # fmt: skip


def owner_of(effect: Effect) -> StagedJob | None:
    """The job that plans and records this effect; within a transaction it is locked until that ends."""
    name, key = OWNERS.get(effect.kind, ""), effect.key.split(":", 1)[1]
    query = StagedJob.select().where((StagedJob.name == name) & (StagedJob.key == key))
    return (query.for_update() if is_postgres() else query).first()


def reconcile_owner(effect: Effect, actor: str) -> dict[str, Any] | None:
    """Look a doubtful effect up; what is found is recorded by replaying its job, if that has given up. The object, or None."""
    found = reconcile(effect)
    if found is not None:
        with transaction():
            owner = owner_of(effect)
            if owner is not None:
                replay(owner.id, actor)
    return found


def settle_confirmed(effect_id: str, provider_id: str, actor: str) -> Effect:
    """Say that the effect happened and is `provider_id`, which is read at the provider first.

    Raises Conflict when the effect is settled, its job is still at it, or the object is another one's.
    """
    effect: Effect = Effect.get_by_id(effect_id)
    kind = KINDS[effect.kind]
    if kind.read is None:
        raise Conflict(f"Effect {effect.id} ({effect.kind}) is found by reconcile, not by an id.")
    _owner_at_rest(effect)
    made = kind.read(effect, provider_id)
    _check_is_its_own(effect, made)
    with transaction():
        owner = _owner_at_rest(effect)
        effect.record_confirmed(made["id"], kind.kept(made), real_now())
        _record(effect, actor, outcome="confirmed", provider_id=made["id"])
        replay(owner.id, actor)
    return effect


def settle_refused(effect_id: str, why: str, actor: str) -> Effect:
    """Say that the effect did not happen and will not. Raises Conflict when it is settled or its job is still at it."""
    effect: Effect = Effect.get_by_id(effect_id)
    with transaction():
        owner = _owner_at_rest(effect)
        effect.record_refused("settled_by_hand", why, real_now())
        _record(effect, actor, outcome="refused", why=why)
        replay(owner.id, actor)
    return effect


def _owner_at_rest(effect: Effect) -> StagedJob:
    """The effect's dead job: nothing of it can be on its way any more."""
    if effect.state in {"confirmed", "refused"}:
        raise Conflict(f"Effect {effect.id} is {effect.state} already.")
    owner = owner_of(effect)
    if owner is None or owner.state != "dead":
        state = "missing" if owner is None else owner.state
        raise Conflict(f"Effect {effect.id}: its job is {state}. A person settles it once the job is dead.")
    return owner


def _check_is_its_own(effect: Effect, made: dict[str, Any]) -> None:
    """Raises Conflict unless the object carries the effect's tag (a refund without one: its payment and amount)."""
    tag, asked = (made.get("metadata") or {}).get("attempt_id"), effect.request
    same_refund = effect.kind == "refund" and all(made[name] == asked[name] for name in ("payment_intent", "amount"))
    if tag == asked["metadata"]["attempt_id"] or (not tag and same_refund):
        return
    raise Conflict(f"{made['id']} is not what effect {effect.id} asked for: its attempt_id is {tag!r}, not {asked['metadata']['attempt_id']!r}.")


def _record(effect: Effect, actor: str, **detail: Any) -> None:
    AuditEntry.record(actor, "effect.settled", f"effect:{effect.id}", effect.account_id, kind=effect.kind, invoice_id=effect.invoice_id, **detail)
