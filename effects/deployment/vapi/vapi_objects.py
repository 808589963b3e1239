"""What the kinds of effects at Vapi have in common: made, changed and taken away by tag and by id.

Vapi takes no key. What was made is found by the tag it carries; a change has happened when the
object is as it was asked to be; and what is not there any more has been taken away. Requests are
{tag, body}, {id, tag, body} and {id}.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from effects.deployment import objects
from effects.deployment.objects import part
from effects.kind import SKEW, Json, Kind
from models.effects.effect import Effect
from rules.deployment.drift import drift

Shown = Callable[[Json], Json]

# takes an object away; while something depends on it, it waits for that to go
removal = partial(objects.removal, provider="vapi", field="id", gone="not_found", keyed=False)


def with_version(made: Json) -> Json:
    """What is recorded of an object: its id, and the version that is published."""
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
    """A kind that makes an object. `find` takes the tag, and since when it can have been made."""

    def found(effect: Effect, since: datetime) -> Json | None:
        made = find(effect.request["tag"], since - timedelta(seconds=SKEW))
        return None if made is None else shown(made)

    def read_again(_effect: Effect, object_id: str) -> Json:
        made = read(object_id)
        return made | shown(made)

    return part(
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
    """A kind that changes an object. Its body is whole, so that a repetition changes nothing.

    What Vapi shows tells nothing of a secret: an object that has not changed since it was `seen`
    before is as it was.
    """

    def find(effect: Effect) -> Json | None:
        asked, found = effect.request, read(effect.request["id"])
        is_as_before = asked.get("seen") and asked["seen"] == found.get("updatedAt")
        return None if is_as_before or drift(asked["body"], found) else shown(found)

    return part(
        name=name,
        provider="vapi",
        does=does,
        keep=keep,
        send=lambda effect: shown(update(effect)),
        find=find,
        target_field="id",
        keyed=False,
    )
