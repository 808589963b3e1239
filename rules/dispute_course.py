"""How a dispute may go on: its status has no order of its own, yet what is over does not come back
to life.

Statuses as Stripe names them. An inquiry that was closed may still become a dispute, and a verdict
may be appealed; any other late or stale word about what is over is not believed.
"""

CLOSED = frozenset({"won", "lost", "warning_closed", "prevented"})


def may_follow(known: str, reported: str) -> bool:
    """Whether a dispute known as `known` may now be `reported`."""
    if known == reported:
        return False
    if known not in CLOSED:
        return True
    return reported.startswith("appeal_") or (
        known == "warning_closed" and not reported.startswith("warning_")
    )
