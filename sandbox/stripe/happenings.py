"""What happens to Stripe's objects without a request when it falls due."""

from collections.abc import Callable

from sandbox.agenda import Agenda, Happening
from sandbox.stripe import checkout_sessions, paying, refunds
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, Json


def _expire(account: Account, session: Json) -> None:
    """Expire a session that is still open."""
    if session["status"] == "open":
        checkout_sessions.expired(account, session)


HAPPENINGS: dict[str, tuple[str, Callable[[Account, Json], object]]] = {
    "session expires": ("checkout.session", _expire),
    "refund fails": ("refund", refunds.fail),
    "refund succeeds": ("refund", refunds.succeed),
    "payment succeeds": (
        "payment_intent",
        lambda account, intent: paying.settle(account, intent, True),
    ),
    "payment fails": (
        "payment_intent",
        lambda account, intent: paying.settle(account, intent, False),
    ),
}


def register(agenda: Agenda, find: Callable[[str], Account]) -> None:
    """Map the agenda's names to functions."""
    for name, (kind, happen) in HAPPENINGS.items():
        agenda.happenings[name] = _bound(find, kind, happen)


def _bound(
    find: Callable[[str], Account], kind: str, happen: Callable[[Account, Json], object]
) -> Happening:
    """Return a happening that looks its object up and ignores a refusal: what was done by hand in
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
