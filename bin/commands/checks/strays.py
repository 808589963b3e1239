"""Strays: what is at a provider and belongs to nobody, and what is ours and gone there."""

from bin.commands.checks.finding import Finding, judged
from models.deployment.resource import Stray

LOOK = (
    "bin/payphone strays list shows them. An orphan may cost money until a person releases it; what"
    " is missing is made anew by deploying again."
)


def check_strays() -> Finding:
    """Whether the daily look has found any that nobody has seen to."""
    rows = Stray.all("state = 'open'")
    counted = {what: sum(row.what == what for row in rows) for what in ("orphan", "missing")}
    found = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
    return judged(bool(rows), "strays", found or "none", LOOK, "warn")
