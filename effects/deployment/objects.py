"""What the kinds of effects have in common that make, change and take away objects of a deployment.

What each does is undone as a whole, costs nothing by itself, and may be done by one step several
times; what is not there any more has been taken away.
"""

from collections.abc import Callable
from functools import partial

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import unless

DEPLOYED, UNDONE = "deploy_account", "undo_deployment_step"

# a kind that says all but what it is called, does and asks
part = partial(
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
    """A kind that takes away the object that its request names as `field`; `gone` is how the
    provider refuses what is not there any more.
    """

    def send(effect: Effect) -> Json:
        delete(effect.request[field])
        return {"id": effect.request[field]}

    def find(effect: Effect) -> Json | None:
        is_gone = unless(gone, read, effect.request[field]) is None
        return {"id": effect.request[field]} if is_gone else None

    return part(
        name=name,
        provider=provider,
        does=does,
        recorded_by=recorded_by,
        send=send,
        find=find,
        target_field=field,
        keyed=keyed,
    )
