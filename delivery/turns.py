"""Fair sharing: a worker divides its time among the accounts whose jobs wait in its queue.

Each account gets the same share of a worker's time, and so does each endpoint of one account.
Accounts with quick jobs take turns; an account with slow jobs is served less often, and delays the
others by one of its jobs at most. An account that waits alone gets all of the time.
"""

from collections.abc import Iterable

from models.delivery.turns import Waiting

LEAST = 0.05  # seconds that every turn counts for at least, so that quick jobs strictly alternate


class _Shares:
    """How many seconds each name has had. A name that returns gets no credit for its absence."""

    def __init__(self) -> None:
        self._had: dict[str, float] = {}
        self._present: set[str] = set()
        self._floor = 0.0
        self._last = ""

    def meet(self, present: set[str]) -> None:
        """Set the names that wait now."""
        for name in present - self._present:
            self._had[name] = max(self._had.get(name, 0.0), self._floor)
        self._present = present
        self._raise_floor()
        self._had = {
            name: had for name, had in self._had.items() if name in present or had > self._floor
        }

    def charge(self, name: str, seconds: float) -> None:
        """Add a turn of this length to what `name` has had."""
        self._had[name] = self._had.get(name, self._floor) + seconds
        self._last = name
        if name in self._present:
            self._raise_floor()

    def _raise_floor(self) -> None:
        self._floor = max(self._floor, min(self._had[name] for name in self._present))

    def rank(self, name: str) -> tuple[float, bool]:
        """The sort key of `name`, lowest first: the least time had, and among equals one that was
        not served last.
        """
        return self._had.get(name, self._floor), name == self._last


class Turns:
    """One worker's record of the time that it has given to each account and endpoint."""

    def __init__(self) -> None:
        self._accounts = _Shares()
        self._within: dict[str, _Shares] = {}

    def order(self, waiting: Iterable[Waiting]) -> list[str]:
        """The waiting `fair_to` values in the order to serve them: fewest running jobs in the
        queue, then least time had; compared by account first, then within the account.
        """
        waiting = list(waiting)
        if not waiting:
            return []
        running: dict[str, int] = {}
        members: dict[str, set[str]] = {}
        for one in waiting:
            account = _account(one.fair_to)
            running[account] = running.get(account, 0) + one.running
            members.setdefault(account, set()).add(one.fair_to)
        self._accounts.meet(set(members))
        self._within = {name: self._within.get(name) or _Shares() for name in members}
        for name, present in members.items():
            self._within[name].meet(present)

        def rank(one: Waiting) -> tuple[float, ...]:
            name = _account(one.fair_to)
            within = self._within[name].rank(one.fair_to)
            return running[name], *self._accounts.rank(name), one.running, *within

        return [one.fair_to for one in sorted(waiting, key=rank)]

    def charge(self, fair_to: str, seconds: float) -> None:
        """Record that a job of `fair_to` took this long."""
        name, seconds = _account(fair_to), max(LEAST, seconds)
        self._accounts.charge(name, seconds)
        self._within.setdefault(name, _Shares()).charge(fair_to, seconds)


def _account(fair_to: str) -> str:
    return fair_to.partition("/")[0]
