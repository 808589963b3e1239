"""Ending a doubt: by the provider's own record, or by a person who has looked.

The consequence is carried by the job that owns the effect: settled and replayed in one transaction,
it finds the outcome in the row and records what it means. A job that is still at it is not
interfered with.
"""

from typing import Any

from effects.kinds import KINDS
from effects.perform import reconcile
from models.accounts.audit_entry import AuditEntry
from models.base import is_postgres, transaction
from models.delivery.job_replay import replay
from models.delivery.staged_job import StagedJob
from models.effects.effect import BY_HAND, Effect
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import NotAllowed
from runtime.log import get_log

log = get_log("effects")

OWNERS = {
    "payment_link": "create_payment_link",
    "refund": "refund_payment",
    "intent_create": "open_payment_intent",
    "intent_change": "change_payment_intent",
    "intent_confirm": "confirm_payment",
    "intent_cancel": "cancel_payment_intent",
    "link_deactivate": "retire_payment_link",
    "session_expire": "retire_payment_link",
    "text": "settle_text",
}
OVER = frozenset({"done", "cancelled"})  # states of a job that records nothing any more
# the job's key is followed by a page, or by which try it is
OF_ONE_JOB = frozenset({"intent_cancel", "link_deactivate", "session_expire"})


def owner_of(effect: Effect) -> StagedJob | None:
    """The job that records what becomes of this effect; within a transaction it is locked until
    that ends.
    """
    name, key = OWNERS.get(effect.kind, ""), effect.key.split(":", 1)[1]
    key = key.split(":", 1)[0] if effect.kind in OF_ONE_JOB else key
    query = StagedJob.select().where((StagedJob.name == name) & (StagedJob.key == key))
    return (query.for_update() if is_postgres() else query).first()


def reconcile_owner(effect: Effect, actor: str) -> dict[str, Any] | None:
    """Look a doubtful effect up; what is found is recorded by replaying its job, if that has given
    up. The object, or None.

    What cannot happen any more did not happen. A job that ended without it (nobody wanted it any
    more), or is not kept any more, records nothing: then the row alone is told.
    """
    kind, found = KINDS[effect.kind], reconcile(effect)
    moot = kind.moot(effect) if found is None else ""
    if found is not None or moot:
        with transaction():
            owner = owner_of(effect)
            if owner is not None and owner.state not in OVER:
                _carry_on(owner, actor)
            elif found is not None:
                effect.record_confirmed(found["id"], kind.kept(found), real_now())
                _record(effect, actor, outcome="confirmed", provider_id=found["id"])
            else:
                effect.record_refused("moot", moot, real_now())
                _record(effect, actor, outcome="refused", why=moot)
    return found


def end_unsent(effect: Effect, actor: str) -> None:
    """An effect that was reserved and never sent, because its worker died and its job then ended
    without it, did not happen.
    """
    with transaction():
        owner, effect = owner_of(effect), Effect.get_by_id(effect.id)
        if (
            owner is not None
            and owner.state in OVER
            and effect.state == "sending"
            and effect.sent_at is None
        ):
            effect.record_refused("not_wanted", "Its job ended without sending it.", real_now())
            _record(effect, actor, outcome="refused", why="never sent")


def look_again(effect: Effect, actor: str) -> bool:
    """Reconcile, when a record that cannot be read just now is nothing new: the doubt stays,
    openly. Whether it was found.
    """
    try:
        return reconcile_owner(effect, actor) is not None
    except ProviderError as error:
        log.warning(
            "the provider's record cannot be read",
            effect_id=effect.id,
            kind=effect.kind,
            code=error.code,
            advice=error.advice,
        )
        return False


def settle_confirmed(effect_id: str, provider_id: str, actor: str, why: str = "") -> Effect:
    """Say that the effect happened and is `provider_id`, which is read at the provider first, or,
    for closing, is closed.

    Raises NotAllowed when the effect is settled, its job is still at it, or the object is another
    one's.
    """
    effect: Effect = Effect.get_by_id(effect_id)
    kind = KINDS[effect.kind]
    _check_is_at_rest(effect)
    if kind.closes:
        if provider_id != effect.request[kind.closes]:
            raise NotAllowed(
                f"Effect {effect.id} closes {effect.request[kind.closes]}, not {provider_id}."
            )
        made = kept = dict[str, Any](id=provider_id, by_hand=True)
    elif kind.read is not None:
        made = kind.read(effect, provider_id)
        _check_is_its_own(effect, made)
        kept = kind.kept(made)
    else:
        raise NotAllowed(f"Effect {effect.id} ({effect.kind}) is found by reconcile, not by an id.")
    with transaction():
        owner = _check_is_at_rest(effect)
        effect.record_confirmed(made["id"], kept, real_now())
        _record(effect, actor, outcome="confirmed", provider_id=made["id"], why=why)
        _carry_on(owner, actor)
    return effect


def settle_refused(effect_id: str, why: str, actor: str) -> Effect:
    """Say that the effect did not happen and will not. Raises NotAllowed when it is settled or its
    job is still at it.
    """
    effect: Effect = Effect.get_by_id(effect_id)
    with transaction():
        owner = _check_is_at_rest(effect)
        effect.record_refused(BY_HAND, why, real_now())
        _record(effect, actor, outcome="refused", why=why)
        _carry_on(owner, actor)
    return effect


def _check_is_at_rest(effect: Effect) -> StagedJob | None:
    """The effect's job, which is over: nothing of it can be on its way any more. Raises NotAllowed
    otherwise.
    """
    if effect.state in {"confirmed", "refused"}:
        raise NotAllowed(f"Effect {effect.id} is {effect.state} already.")
    owner = owner_of(effect)
    if owner is not None and owner.state in {"waiting", "running"}:
        raise NotAllowed(
            f"Effect {effect.id}: its job is {owner.state}. A person settles it once the job is"
            " dead."
        )
    return owner


def _carry_on(owner: StagedJob | None, actor: str) -> None:
    """Let a dead job record what the outcome means; one that ended without it has nothing to
    record.
    """
    if owner is not None:
        replay(owner.id, actor)


def _check_is_its_own(effect: Effect, made: dict[str, Any]) -> None:
    """Raises NotAllowed unless the object carries the effect's tag (a refund without one: its
    payment and amount).
    """
    asked = effect.request
    wanted, tag = (
        (asked.get("metadata") or {}).get("attempt_id"),
        (made.get("metadata") or {}).get("attempt_id"),
    )
    same_refund = effect.kind == "refund" and all(
        made[name] == asked[name] for name in ("payment_intent", "amount")
    )
    if tag != wanted and (tag or not same_refund):
        raise NotAllowed(
            f"{made['id']} is not what effect {effect.id} asked for: its attempt_id is {tag!r}, not"
            f" {wanted!r}."
        )


def _record(effect: Effect, actor: str, **detail: Any) -> None:
    AuditEntry.record(
        actor,
        "effect.settled",
        f"effect:{effect.id}",
        effect.account_id,
        kind=effect.kind,
        invoice_id=effect.invoice_id,
        **detail,
    )
