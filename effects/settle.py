"""Settle effects in doubt, from the provider's own record or on the word of a person who has
looked.

The job that owns the effect records what the outcome means. Settling the effect and replaying the
job are one transaction, and the job then finds the outcome in the row. A job that is still running
or waiting is left alone.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from effects.kind import Kind
from effects.kinds import kind_of
from effects.perform import reconcile
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.job_replay import replay
from models.delivery.staged_job import StagedJob, find_staged
from models.effects.effect import BY_HAND, Effect
from models.transactions import transaction
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import Misconfigured, NotAllowed
from runtime.log import get_log

log = get_log("effects")

OVER = frozenset({"done", "cancelled"})  # states of a job that will record nothing more
# by then, whoever sends a text or call has sent it or will not, and has staged the job that looks
# it up
UNDER_WAY = timedelta(minutes=10)


def job_of(effect: Effect) -> StagedJob | None:
    """The job that records the outcome of this effect, if it exists."""
    kind = kind_of(effect)
    return find_staged(kind.recorded_by, kind.job_key(effect))


def owner_of(effect: Effect) -> StagedJob | None:
    """As `job_of`, but locks both until the transaction ends, in the order in which an attempt at
    the job writes to them.
    """
    Effect.locked(effect.id)
    owner = job_of(effect)
    return StagedJob.locked_or_none(owner.id) if owner is not None else None


def reconcile_owner(effect: Effect, actor: str) -> dict[str, Any] | None:
    """Look up an effect in doubt, and have its job record what is found by replaying it if it is
    dead. Returns the object found, or None.

    An effect that cannot happen any more is refused. A job that ended without the effect (because
    it was no longer wanted), or was deleted, records nothing: then only the effect's row is
    written.
    """
    kind = kind_of(effect)
    found = reconcile(effect)
    superseded = kind.superseded(effect) if found is None else ""
    if found is not None or superseded:
        with transaction():
            owner = owner_of(effect)
            if owner is not None and owner.state not in OVER:
                _replay(owner, actor)
            else:
                _end(effect, found, superseded, actor)
    return found


def end_own(
    kind: Kind, subject: str, invoice_id: str, if_found: Callable[[], None] = lambda: None
) -> None:
    """End the unsettled effects of `kind` that earlier attempts of the calling job reserved for its
    row `subject`, and that it no longer wants to send. Those that were sent are looked up: one that
    has happened is recorded in one transaction with `if_found`.
    """
    key = f"{kind.name}:{subject}"
    for effect in Effect.all("invoice_id = ? AND state IN ('sending', 'unknown')", invoice_id):
        if effect.key != key and not effect.key.startswith(f"{key}:"):
            continue
        if effect.generation == 1 and _end_unsent(effect, SYSTEM):
            continue
        try:
            found = reconcile(effect)
            superseded = kind.superseded(effect) if found is None else ""
        except ProviderError as error:  # the hourly reconciliation tries again
            _log_unreadable(effect, error)
            continue
        with transaction():
            if found is not None:
                if_found()
            _end(effect, found, superseded, SYSTEM)


def _end(effect: Effect, found: dict[str, Any] | None, superseded: str, actor: str) -> None:
    """Record the outcome that a lookup has shown in the effect's row, if it has shown one."""
    if found is not None:
        effect.record_confirmed(found["id"], kind_of(effect).kept(found), real_now())
        _record(effect, actor, outcome="confirmed", provider_id=found["id"])
    elif superseded:
        effect.record_refused("moot", superseded, real_now())
        _record(effect, actor, outcome="refused", why=superseded)


def end_unsent(effect: Effect, actor: str) -> None:
    """Refuse an effect that was reserved but never sent, because its worker died and its job then
    ended without it.
    """
    with transaction():
        owner = owner_of(effect)
        if owner is not None and owner.state in OVER:
            _end_unsent(Effect.get_by_id(effect.id), actor)


def _end_unsent(effect: Effect, actor: str) -> bool:
    """Refuse an effect that was never sent, and return whether that was so: a frozen sender might
    have sent it in the meantime, which leaves it in doubt.
    """
    why = "Its job ended without sending it."
    is_ended = effect.record_never_sent("not_wanted", why, real_now())
    if is_ended:
        _record(effect, actor, outcome="refused", why="never sent")
    return is_ended


def reconcile_or_log(effect: Effect, actor: str) -> bool:
    """Reconcile, and return whether the effect was found. If the provider's record cannot be read
    now, or a setting for that is missing, this is logged and the effect stays in doubt.
    """
    try:
        return reconcile_owner(effect, actor) is not None
    except (ProviderError, Misconfigured) as error:
        _log_unreadable(effect, error)
        return False


def _log_unreadable(effect: Effect, error: ProviderError | Misconfigured) -> None:
    code, advice = "not_configured", str(error)
    if isinstance(error, ProviderError):
        code, advice = error.code, error.advice
    log.warning(
        "the provider's record cannot be read",
        effect_id=effect.id,
        kind=effect.kind,
        code=code,
        advice=advice,
    )


def settle_confirmed(effect_id: str, provider_id: str, actor: str, why: str = "") -> Effect:
    """Record that the effect happened and is `provider_id`. The object is read at the provider
    first, unless the effect was to close it.

    Raises NotAllowed if the effect is settled, its job is not over, or the object belongs to
    something else, and ProviderError if the object cannot be read.
    """
    effect: Effect = Effect.get_by_id(effect_id)
    kind = kind_of(effect)
    _check_may_be_settled(effect)
    if kind.target_field:
        target = effect.request[kind.target_field]
        if provider_id != target:
            raise NotAllowed(f"Effect {effect.id} closes {target}, not {provider_id}.")
        made = kept = dict[str, Any](id=provider_id, by_hand=True)
    elif kind.read is not None:
        made = kind.read(effect, provider_id)
        _check_is_its_own(kind, effect, made)
        kept = kind.kept(made)
    else:
        raise NotAllowed(f"Effect {effect.id} ({effect.kind}) is found by reconcile, not by an id.")
    with transaction():
        owner = _check_may_be_settled(effect)
        effect.record_confirmed(made["id"], kept, real_now())
        _record(effect, actor, outcome="confirmed", provider_id=made["id"], why=why)
        _replay(owner, actor)
    return effect


def settle_refused(effect_id: str, why: str, actor: str) -> Effect:
    """Record that the effect did not happen and will not. Raises NotAllowed if it is settled, or
    its job is not over.
    """
    effect: Effect = Effect.get_by_id(effect_id)
    with transaction():
        owner = _check_may_be_settled(effect)
        effect.record_refused(BY_HAND, why, real_now())
        _record(effect, actor, outcome="refused", why=why)
        _replay(owner, actor)
    return effect


def settle_unread(effect_id: str, actor: str, why: str) -> Effect:
    """Record that the effect happened, on the word of a person who has no object to name. Raises
    NotAllowed if it is settled, or its job is not over.
    """
    effect: Effect = Effect.get_by_id(effect_id)
    with transaction():
        owner = _check_may_be_settled(effect)
        effect.record_confirmed("", {"id": "", "by_hand": True}, real_now())
        _record(effect, actor, outcome="confirmed", why=why)
        _replay(owner, actor)
    return effect


def _check_may_be_settled(effect: Effect) -> StagedJob | None:
    """Return the effect's job, if it has one. Raises NotAllowed if the effect is settled, its job
    is not over or not yet staged (a request might still be in flight), or only a newer release
    knows that job.
    """
    if effect.state in {"confirmed", "refused"}:
        raise NotAllowed(f"Effect {effect.id} is {effect.state} already.")
    if not kind_of(effect).recorded_by:
        raise NotAllowed(
            f"Effect {effect.id} ({effect.kind}) is a newer release's. Settle it with that release."
        )
    owner = owner_of(effect)
    if owner is not None and owner.state in {"waiting", "running"}:
        raise NotAllowed(
            f"Effect {effect.id}: its job is {owner.state}. A person settles it once the job is"
            " dead."
        )
    if owner is None and effect.state == "sending" and real_now() - effect.created_at < UNDER_WAY:
        raise NotAllowed(
            f"Effect {effect.id} may be on its way at this moment. A person settles it"
            f" {UNDER_WAY // timedelta(minutes=1)} minutes after its decision, if it is still in"
            " doubt."
        )
    return owner


def _replay(owner: StagedJob | None, actor: str) -> None:
    """Replay a dead job so that it records what the outcome means. Jobs that ended otherwise have
    nothing to record.
    """
    if owner is not None:
        replay(owner.id, actor)


def _check_is_its_own(kind: Kind, effect: Effect, made: dict[str, Any]) -> None:
    """Raises NotAllowed unless the object is the one that the effect requested."""
    if not kind.is_its_own(effect, made):
        tag = (made.get("metadata") or {}).get("attempt_id")
        wanted = (effect.request.get("metadata") or {}).get("attempt_id")
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
