"""What kinds of effects at Twilio that create by tag and delete by id have in common.

Twilio takes no key. An object is found by the tag in its name. Requesting a state that is already
reached changes nothing. An object that no longer exists counts as deleted.
"""

from collections.abc import Callable
from functools import partial

from effects.deployment import objects
from effects.deployment.objects import deployment_kind
from effects.kind import Json, Kind
from models.effects.effect import Effect
from providers.twilio.refusals import NOT_FOUND

# deletes the object whose id its request has under `sid`
removal = partial(objects.removal, provider="twilio", field="sid", gone=NOT_FOUND)


def creation(
    name: str,
    does: str,
    *,
    create: Callable[[Effect], Json],
    find: Callable[[Effect], Json | None],
    read: Callable[[str], Json],
    undone_by: str,
) -> Kind:
    """A kind that creates an object, named by the `tag` in its request."""
    return deployment_kind(
        name=name,
        provider="twilio",
        does=does,
        undone_by=undone_by,
        send=create,
        find=find,
        is_its_own=lambda effect, made: bool(made.get("friendly_name") == effect.request["tag"]),
        keyed=False,
        read=lambda _effect, sid: read(sid),
    )


def state(
    name: str,
    does: str,
    *,
    send: Callable[[Effect], Json],
    find: Callable[[Effect], Json | None],
    target_field: str,
) -> Kind:
    """A kind that brings something into a state, which `find` recognises. Repeating it is as
    harmless as if there were a key, and it is undone with the object it belongs to.
    """
    return deployment_kind(
        name=name,
        provider="twilio",
        does=does,
        send=send,
        find=find,
        target_field=target_field,
    )
