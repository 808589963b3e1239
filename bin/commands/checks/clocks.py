"""Clocks: those of this machine, the database and Redis must agree."""

from collections.abc import Callable

from bin.commands.checks.finding import Finding
from runtime.clock import real_seconds

WARN = 2.0  # seconds
FAIL = 30.0  # as long as a lease
SYNCHRONISE = (
    "Synchronise all clocks (chrony, systemd-timesyncd): leases, signatures and due times depend on"
    " them."
)


def compare(whose: str, read: Callable[[], float]) -> Finding:
    """Judge how far a clock (in seconds since the epoch) is off from this machine's at the middle
    of the round trip.
    """
    before = real_seconds()
    theirs = read()
    after = real_seconds()
    skew = theirs - (before + after) / 2
    doubt = (after - before) / 2
    found = (
        f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine"
        if abs(skew) >= 0.1  # noqa: PLR2004 - what is shown has one decimal
        else "agrees with this machine"
    )
    what, off = f"clock of {whose}", abs(skew) - doubt
    if off < WARN:
        return Finding("ok", what, found)
    return Finding("fail" if off >= FAIL else "warn", what, found, SYNCHRONISE)
