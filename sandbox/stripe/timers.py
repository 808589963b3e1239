"""What happens to Stripe's objects without a request when it falls due."""

from collections.abc import Callable

from sandbox.stripe import checkout_payment, checkout_sessions, refunds
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, Json
from sandbox.timers import Timer, Timers


def _expire(account: Account, session: Json) -> None:
    """Expire a session that is still open."""
    if session["status"] == "open":
        checkout_sessions.expired(account, session)


TIMERS: dict[str, tuple[str, Callable[[Account, Json], object]]] = {
    "session expires": ("checkout.session", _expire),
    "refund fails": ("refund", refunds.fail),
    "refund succeeds": ("refund", refunds.succeed),
    "payment succeeds": (
        "payment_intent",
        lambda account, intent: checkout_payment.settle(account, intent, True),
    ),
    "payment fails": (
        "payment_intent",
        lambda account, intent: checkout_payment.settle(account, intent, False),
    ),
}


def register(timers: Timers, find: Callable[[str], Account]) -> None:
    """Map the timers' names to functions."""
    for name, (kind, happen) in TIMERS.items():
        timers.callbacks[name] = _bound(find, kind, happen)


def _bound(
    find: Callable[[str], Account], kind: str, happen: Callable[[Account, Json], object]
) -> Timer:
    """Return a timer that looks its object up and ignores a refusal: what was done by hand in
    the meantime wins.
    """

    def happens(account_id: str, object_id: str) -> None:
        """Apply it to the object in its present state."""
        account = find(account_id)
        try:
            happen(account, account.get(kind, object_id))
        except ApiError:
            return

    return happens
