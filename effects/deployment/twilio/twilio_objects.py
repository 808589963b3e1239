"""What the kinds of effects at Twilio have in common that are made by tag and taken away by id.

Twilio takes no key. What was made is found by the tag in its name; what is asked for a second time
while it is so already changes nothing; and what is not there any more has been taken away.
"""

from collections.abc import Callable
from functools import partial

from effects.deployment import objects
from effects.deployment.objects import part
from effects.kind import Json, Kind
from models.effects.effect import Effect
from providers.twilio.refusals import NOT_FOUND

# takes away the object that its request names as `sid`
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
    """A kind that makes an object; its request has the `tag` that the object is named by."""
    return part(
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
    """A kind that brings something into a state, in which `find` finds it. To repeat that is as
    harmless as if there were a key; what it is part of is undone as a whole.
    """
    return part(
        name=name,
        provider="twilio",
        does=does,
        send=send,
        find=find,
        target_field=target_field,
    )
