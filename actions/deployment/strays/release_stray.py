"""Releasing what belongs to nobody: a person asks for it, one by one, and says why."""

from typing import Any

from actions.deployment.strays.find_strays import GONE, Json, belongs_to_us, is_orphan
from actions.deployment.strays.places import PLACES, Place
from effects.reserve import reserve_for_account
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.stage import stage_again
from models.deployment.resource import Stray
from models.effects.effect import Effect
from models.transactions import transaction
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import NotAllowed

MISSING = (
    "Stray {id} is missing at {provider}: there is nothing to release. Deploy the account again,"
    " which makes it anew (where its number is gone, take it down first); the report ends then."
)
LET_BE = (
    "It is no stray any more: it has another name at its provider, or belongs to an account. It was"
    " left there."
)


def place_of(stray: Stray) -> Place:
    """Where it is."""
    return PLACES[f"{stray.provider}.{stray.kind}"]


def release_stray(stray_id: str, actor: str, why: str) -> Stray:
    """Have an orphan taken away at its provider. Raises NotAllowed for what is none any more, and
    for what is missing.
    """
    with transaction():
        stray = Stray.locked_if_there(stray_id)
        if stray is None:
            raise NotAllowed(f"There is no stray {stray_id}; bin/payphone strays list shows them.")
        if stray.what == "missing":
            raise NotAllowed(MISSING.format(id=stray.id, provider=stray.provider))
        if stray.state != "open":
            raise NotAllowed(f"Stray {stray.id} is {stray.state}; only an open one is released.")
        if belongs_to_us(place_of(stray), stray.provider_id):
            raise NotAllowed(
                f"{stray.provider_id} belongs to an account by now; it is no stray any more."
            )
        stray.record(state="releasing", closed_by=actor, detail="")
        AuditEntry.record(
            actor,
            "stray.release_requested",
            f"stray:{stray.id}",
            stray.account_id,
            provider_id=stray.provider_id,
            why=why[:500],
        )
        stage_again("release_stray", stray.id, stray.id, fair_to="")
    return stray


def look_at(stray: Stray) -> Json | None:
    """The stray as it is at its provider now; None where it is gone. Called outside a transaction.
    Raises ProviderError while that cannot be told.
    """
    try:
        return place_of(stray).read(stray.provider_id)
    except ProviderError as error:
        if error.code not in GONE:
            raise
        return None


def plan_release(stray: Stray, seen: Json | None) -> Effect | None:
    """What takes it away, as it was just seen; None when that is over, and for what has become
    somebody's since a person asked. The stray is locked.
    """
    if stray.state != "releasing":
        return None
    place = place_of(stray)
    if seen is not None and not is_orphan(place, seen):
        _let_be(stray, place)
        return None
    where = "kind = ? AND key LIKE ? AND state = 'refused'"
    refused = len(Effect.all(where, place.delete.name, f"%:{stray.id}%"))
    return reserve_for_account(
        place.delete,
        f"{stray.id}:{refused}" if refused else stray.id,
        place.request(stray.provider_id),
        stray.account_id or "",
        stray.closed_by,
        "it belongs to nobody",
    )


def _let_be(stray: Stray, place: Place) -> None:
    for begun in Effect.all("kind = ? AND key LIKE ?", place.delete.name, f"%:{stray.id}%"):
        if begun.state in {"sending", "unknown"}:
            begun.record_refused("not_wanted", LET_BE, real_now())
    AuditEntry.record(
        SYSTEM,
        "stray.let_be",
        f"stray:{stray.id}",
        stray.account_id,
        provider_id=stray.provider_id,
        asked_by=stray.closed_by,
    )
    stray.record(state="gone", closed_by=SYSTEM, detail=LET_BE)


def record_released(stray: Stray, effect: Effect, answer: dict[str, Any] | None) -> None:
    """It is away, or its provider refused."""
    if answer is None:
        stray.record(state="open", closed_by="", detail=effect.error or "refused")
        return
    effect.record_confirmed(answer["id"], {"id": answer["id"]}, real_now())
    stray.record(state="released")
    AuditEntry.record(
        stray.closed_by,
        "stray.released",
        f"stray:{stray.id}",
        stray.account_id,
        provider_id=stray.provider_id,
    )
