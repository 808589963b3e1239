"""What kinds of effects that create, change and delete a deployment's objects have in common.

A deployment is undone as a whole, these effects cost nothing by themselves, and one step may have
several of them. An object that no longer exists counts as deleted.
"""

from collections.abc import Callable
from functools import partial

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import none_if_missing

DEPLOYED, UNDONE = "deploy_account", "undo_deployment_step"

# a Kind with all but its name, its description and its calls filled in
deployment_kind = partial(
    Kind,
    recorded_by=DEPLOYED,
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
)


def removal(
    name: str,
    does: str,
    *,
    provider: str,
    field: str,
    gone: str,
    delete: Callable[[str], None],
    read: Callable[[str], Json],
    keyed: bool = True,
    recorded_by: str = UNDONE,
) -> Kind:
    """A kind that deletes the object whose id its request has under `field`. `gone` is the code
    with which the provider refuses an object that no longer exists.
    """

    def send(effect: Effect) -> Json:
        delete(effect.request[field])
        return {"id": effect.request[field]}

    def find(effect: Effect) -> Json | None:
        is_gone = none_if_missing(gone, read, effect.request[field]) is None
        return {"id": effect.request[field]} if is_gone else None

    return deployment_kind(
        name=name,
        provider=provider,
        does=does,
        recorded_by=recorded_by,
        send=send,
        find=find,
        target_field=field,
        keyed=keyed,
    )
