"""Taking turns: within a queue, a worker's time is shared by those whose work waits.

Each account has the same share of a worker's time, and so has each endpoint of one account. Quick
work of several is done in turn; who is slow is served less often, and keeps nobody else waiting for
longer than one job of theirs. Alone, they have all of it.
"""

from collections.abc import Iterable

from models.delivery.turns import Waiting

LEAST = 0.05  # seconds that a turn counts at least, so that quick work is done strictly in turn


class _Shares:
    """How many seconds each of several has had. Who comes (back) gets no credit for having been
    away.
    """

    def __init__(self) -> None:
        self._had: dict[str, float] = {}
        self._present: set[str] = set()
        self._floor = 0.0
        self._last = ""

    def meet(self, present: set[str]) -> None:
        """Those who wait now."""
        for name in present - self._present:
            self._had[name] = max(self._had.get(name, 0.0), self._floor)
        self._present = present
        self._raise_floor()
        self._had = {
            name: had for name, had in self._had.items() if name in present or had > self._floor
        }

    def charge(self, name: str, seconds: float) -> None:
        """One has had a turn of this length."""
        self._had[name] = self._had.get(name, self._floor) + seconds
        self._last = name
        if name in self._present:
            self._raise_floor()

    def _raise_floor(self) -> None:
        self._floor = max(self._floor, min(self._had[name] for name in self._present))

    def rank(self, name: str) -> tuple[float, bool]:
        """Whoever has the lowest is served first: the one who had least, and of equals one who was
        not served last.
        """
        return self._had.get(name, self._floor), name == self._last


class Turns:
    """One worker's account of the time that it has given to whom."""

    def __init__(self) -> None:
        self._accounts = _Shares()
        self._within: dict[str, _Shares] = {}

    def order(self, waiting: Iterable[Waiting]) -> list[str]:
        """Those who wait, the next to be served first: fewest jobs being performed by the queue's
        workers, then least time had; of accounts, then within one.
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
        """Somebody's job took this long."""
        name, seconds = _account(fair_to), max(LEAST, seconds)
        self._accounts.charge(name, seconds)
        self._within.setdefault(name, _Shares()).charge(fair_to, seconds)


def _account(fair_to: str) -> str:
    return fair_to.partition("/")[0]
