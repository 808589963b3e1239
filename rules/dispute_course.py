"""Which changes of a dispute's status to believe: statuses arrive in no order, but a closed dispute
does not reopen by a late event.

Statuses are Stripe's. A closed inquiry can still become a dispute, and a verdict can be appealed;
any other report about a closed dispute is stale.
"""

from collections.abc import Iterable, Sequence

CLOSED = frozenset({"won", "lost", "warning_closed", "prevented"})


def may_follow(known: str, reported: str, moved: Sequence[tuple[int, str]] = ()) -> bool:
    """Whether a dispute known as `known` may now be `reported`. A verdict reversed by an appeal is
    believed, even if we missed the appeal, once the money that it `moved` agrees: some had come
    back, and it is withheld now if and only if the dispute is lost.
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


def begins_anew(known: str, reported: str) -> bool:
    """Whether a dispute known as `known` needs an answer, or has a verdict, of its own once it is
    `reported`: an inquiry has become a dispute, or a closed one was appealed or reversed.
    """
    has_escalated = known.startswith("warning_") and not reported.startswith("warning_")
    return known != reported and (has_escalated or known in CLOSED)


def withheld(amount: int, moved: Iterable[tuple[int, str]]) -> int:
    """How much a dispute of `amount` holds back, given its balance transactions `moved` (minor
    units, currency), in any order: all of it, or nothing.

    They are in the account's settlement currency, at the rate of their day, with adjustments
    between them: only the sign of their sum tells whether the money is gone. If the account has
    changed its currency in between, each currency's sum counts by its sign.
    """
    sums: dict[str, int] = {}
    for part, currency in moved:
        sums[currency] = sums.get(currency, 0) + part
    if len(sums) > 1:
        sums = {currency: (part > 0) - (part < 0) for currency, part in sums.items()}
    return amount if sum(sums.values()) < 0 else 0
