"""What the kinds of effects at Twilio have in common that are made by tag and taken away by id.

Twilio takes no key. What was made is found by the tag in its name; what is asked for a second time
while it is so already changes nothing; and what is not there any more has been taken away.
"""

from collections.abc import Callable

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.twilio.refusals import NOT_FOUND

DEPLOYED, UNDONE = "deploy_account", "undo_deployment_step"


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
    return Kind(
        name=name,
        provider="twilio",
        does=does,
        recorded_by=DEPLOYED,
        many_per_job=True,
        daily_limit=None,
        costs=Cost.NOTHING,
        undone_by=undone_by,
        expires=False,
        keep=("id",),
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
    return Kind(
        name=name,
        provider="twilio",
        does=does,
        recorded_by=DEPLOYED,
        many_per_job=True,
        daily_limit=None,
        costs=Cost.NOTHING,
        undone_by=None,
        expires=False,
        keep=("id",),
        send=send,
        find=find,
        target_field=target_field,
    )


def removal(
    name: str, does: str, *, delete: Callable[[str], None], read: Callable[[str], Json]
) -> Kind:
    """A kind that takes away the object that its request names as `sid`."""

    def send(effect: Effect) -> Json:
        delete(effect.request["sid"])
        return {"id": effect.request["sid"]}

    def find(effect: Effect) -> Json | None:
        try:
            read(effect.request["sid"])
        except ProviderError as error:
            if error.code == NOT_FOUND:
                return {"id": effect.request["sid"]}
            raise
        return None

    return Kind(
        name=name,
        provider="twilio",
        does=does,
        recorded_by=UNDONE,
        many_per_job=True,
        daily_limit=None,
        costs=Cost.NOTHING,
        undone_by=None,
        expires=False,
        keep=("id",),
        send=send,
        find=find,
        target_field="sid",
    )
