"""What kinds of effects at Vapi that create, change and delete objects have in common.

Vapi takes no key. A created object is found by the tag it carries, a change is confirmed when the
object matches the request, and an object that no longer exists counts as deleted. Requests are
{tag, body}, {id, tag, body} and {id}.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from effects.deployment import objects
from effects.deployment.objects import deployment_kind
from effects.kind import SKEW, Json, Kind
from models.effects.effect import Effect
from rules.deployment.drift import drift

Shown = Callable[[Json], Json]

# deletes an object; callers wait until nothing depends on it
removal = partial(objects.removal, provider="vapi", field="id", gone="not_found", keyed=False)


def with_version(made: Json) -> Json:
    """The fields of an object that the ledger keeps: its id, and its published version."""
    version = made.get("latestVersion")
    return {"id": made["id"], "version": version if isinstance(version, str) else ""}


def creation(
    name: str,
    does: str,
    *,
    create: Callable[[Effect], Json],
    find: Callable[[str, datetime], Json | None],
    read: Callable[[str], Json],
    carries: Callable[[Json, str], bool],
    undone_by: str,
    shown: Shown = with_version,
    keep: tuple[str, ...] = ("id", "version"),
) -> Kind:
    """A kind that creates an object. `find` takes the tag, and the earliest time it can have been
    created.
    """

    def found(effect: Effect, since: datetime) -> Json | None:
        made = find(effect.request["tag"], since - timedelta(seconds=SKEW))
        return None if made is None else shown(made)

    def read_again(_effect: Effect, object_id: str) -> Json:
        made = read(object_id)
        return made | shown(made)

    return deployment_kind(
        name=name,
        provider="vapi",
        does=does,
        undone_by=undone_by,
        keep=keep,
        send=lambda effect: shown(create(effect)),
        find=lambda effect: found(effect, effect.created_at),
        find_asked=found,
        read=read_again,
        is_its_own=lambda effect, made: carries(made, effect.request["tag"]),
        keyed=False,
    )


def change(
    name: str,
    does: str,
    *,
    update: Callable[[Effect], Json],
    read: Callable[[str], Json],
    shown: Shown = with_version,
    keep: tuple[str, ...] = ("id", "version"),
) -> Kind:
    """A kind that changes an object. Its body is complete, so a retry changes nothing.

    Vapi never shows secrets, so a body that matches proves nothing by itself: an object whose
    `updatedAt` still equals `seen` has not been changed.
    """

    def find(effect: Effect) -> Json | None:
        asked, found = effect.request, read(effect.request["id"])
        is_as_before = asked.get("seen") and asked["seen"] == found.get("updatedAt")
        return None if is_as_before or drift(asked["body"], found) else shown(found)

    return deployment_kind(
        name=name,
        provider="vapi",
        does=does,
        keep=keep,
        send=lambda effect: shown(update(effect)),
        find=find,
        target_field="id",
        keyed=False,
    )
