"""How a dispute may go on: its status has no order of its own, yet what is over does not come back
to life.

Statuses as Stripe names them. An inquiry that was closed may still become a dispute, and a verdict
may be appealed; any other late or stale word about what is over is not believed.
"""

from collections.abc import Iterable, Sequence

CLOSED = frozenset({"won", "lost", "warning_closed", "prevented"})


def may_follow(known: str, reported: str, moved: Sequence[tuple[int, str]] = ()) -> bool:
    """Whether a dispute known as `known` may now be `reported`. A verdict that an appeal has turned
    round is believed, also where nothing was heard of that, once the money that it `moved` agrees:
    some had come back, and is withheld now just where the dispute is lost.
    """
    if known == reported:
        return False
    if known not in CLOSED:
        return True
    if {known, reported} == {"won", "lost"}:
        has_come_back = any(amount > 0 for amount, _ in moved)
        return has_come_back and bool(withheld(1, moved)) == (reported == "lost")
    return reported.startswith("appeal_") or (
        known == "warning_closed" and not reported.startswith("warning_")
    )


def withheld(amount: int, moved: Iterable[tuple[int, str]]) -> int:
    """What a dispute of `amount` holds back, given the balance transactions that it `moved` (minor
    units, currency), in any order: all of it, or nothing.

    They are in the currency that the account settles in, at the rate of their day, with
    adjustments between: only the sign of their sum tells whether the money is gone. Should an
    account have changed its currency meanwhile, each currency's sum counts by its sign.
    """
    sums: dict[str, int] = {}
    for part, currency in moved:
        sums[currency] = sums.get(currency, 0) + part
    if len(sums) > 1:
        sums = {currency: (part > 0) - (part < 0) for currency, part in sums.items()}
    return amount if sum(sums.values()) < 0 else 0
