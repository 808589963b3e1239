"""Money: whether our books agree with Stripe's, whether refunds arrived, and what is paused or at
its ceiling.
"""

from collections.abc import Iterator

from bin.commands.checks.finding import Finding, judged
from models.deployment.setup import SHARED, Setup
from models.reports.figures import (
    count_ceilings,
    count_differences,
    count_failed_refunds,
    count_fee_trouble,
    count_paused,
    count_to_refund,
)
from models.reports.running_total import wrong_totals

BRAKES = (
    "See bin/payphone brakes for who paused it and why; bin/payphone resume WHAT [--account ac_…]"
    " resumes it."
)
CEILINGS = (
    "See bin/payphone ceiling WHAT --account ac_… (the log names it: daily ceiling reached); --set"
    " raises it; it resets at midnight."
)
DIFFERENCES = (
    "See bin/payphone events reconcile --latest, and docs/operations/books.md, Our books and"
    " Stripe's differ."
)
REFUNDS = (
    "Payers did not get their money back. See refund.failed in the feed; request the refund again,"
    " or return the money another way."
)
UNOWED = (
    "Invoices paid after they were cancelled, or paid more than was owed. The feed's"
    " payment.unexpected names each payment; refund it, or agree with the payer to keep it."
)
FEES = (
    "Answer a dispute in Stripe's dashboard by its due date; return by hand what could not be"
    " refunded, then run bin/payphone deployments settle DEPLOYMENT charge --why …. The audit log"
    " names the deployment: deployment.fee_disputed, deployment.undo_failed."
)
CARDS = (
    "One card for many clinics can be one owner's, or card testing: check the accounts (audit log:"
    " payment_method.shared), and the card in Stripe's dashboard."
)


def check_totals() -> Finding:
    """Check that the running totals agree with the rows. Reads all rows."""
    wrong = wrong_totals()
    return judged(
        bool(wrong),
        "totals",
        f"differ from the rows: {', '.join(wrong)}" if wrong else "agree with the rows",
        "Run bin/payphone recount.",
    )


def check_money() -> Iterator[Finding]:
    """Check books, refunds, brakes and ceilings in our tables."""
    differences, failed = count_differences(), count_failed_refunds()
    yield judged(bool(differences), "book differences", _listed(differences), DIFFERENCES)
    yield judged(bool(failed), "failed refunds", str(failed or "none"), REFUNDS, "warn")
    unowed = count_to_refund()
    yield judged(bool(unowed), "money to give back", str(unowed or "none"), UNOWED, "warn")
    for what, counts, advice in (
        ("brakes", count_paused(), BRAKES),
        ("ceilings reached", count_ceilings(), CEILINGS),
    ):
        yield judged(any(counts.values()), what, _listed(counts), advice, "warn")


def check_cards() -> Iterator[Finding]:
    """Check whether one card pays for many accounts."""
    shared = Setup.shared_fingerprints(SHARED)
    named = ", ".join(f"{card} in {count} accounts" for card, count in shared[:5])
    yield judged(bool(shared), "shared cards", named or "none", CARDS, "warn")


def check_fees() -> Iterator[Finding]:
    """Check for setup fees that are disputed or could not be refunded."""
    trouble = count_fee_trouble()
    yield judged(any(trouble.values()), "setup fees", _listed(trouble), FEES, "warn")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "none"
