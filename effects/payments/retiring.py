"""Kinds that close what could still take money: an intent, a payment page, a payment link.

Closing twice is harmless, so each job may retry as often as it needs to. What was paid first is no
longer closed.
"""

from collections.abc import Callable

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect


def retiring(
    *,
    name: str,
    does: str,
    recorded_by: str,
    target_field: str,
    close: Callable[[str, str, str], Json],
    read: Callable[[str, str], Json],
    is_closed: Callable[[Json], bool],
    is_paid: Callable[[Json], bool] = lambda _made: False,
    when_paid: str = "",
) -> Kind:
    """A kind that closes the object whose id the request has under `target_field`.

    `close` takes the id, the Stripe account and the idempotency key, `read` the first two.
    `when_paid` says for staff why an object that `is_paid` is no longer closed.
    """

    def target(effect: Effect) -> Json:
        return read(effect.request[target_field], effect.stripe_account)

    def send(effect: Effect) -> Json:
        return close(effect.request[target_field], effect.stripe_account, effect.idempotency_key)

    def find(effect: Effect) -> Json | None:
        made = target(effect)
        return made if is_closed(made) else None

    def superseded(effect: Effect) -> str:
        return when_paid if when_paid and is_paid(target(effect)) else ""

    return Kind(
        name=name,
        provider="stripe",
        does=does,
        recorded_by=recorded_by,
        many_per_job=True,
        daily_limit=None,
        costs=Cost.NOTHING,
        undone_by=None,
        expires=False,
        keep=("id",),
        send=send,
        find=find,
        target_field=target_field,
        superseded=superseded,
    )
