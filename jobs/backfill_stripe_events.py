"""Read every Stripe account's events from its watermark, so that undelivered events are processed.

Twice is harmless: an account whose list is being read is skipped, and events are stored once.
"""

from datetime import timedelta

from actions.books.begin import begin_backfill, give_up_if_its_job_died
from delivery.attempt import recording
from delivery.registry import job
from models.accounts.account import stripe_accounts
from models.accounts.audit_entry import SYSTEM
from models.books.backfill import Backfill
from models.books.stripe_watermark import READABLE_SECONDS, StripeWatermark
from runtime.clock import real_now, real_seconds
from runtime.settings import get_settings

OVERLAP = 3600  # seconds before the watermark: an event may be listed later than it was created
LAST_DAYS = 3 * 24 * 3600  # seconds read again once a day, whatever the watermark says
DAY = timedelta(days=1)


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def backfill_stripe_events() -> None:
    """Begin a backfill of the platform's account and of every connected account."""
    if not get_settings().stripe_secret_key:
        return  # an installation without Stripe has no events to miss
    with recording():
        for stripe_account in stripe_accounts():
            running = Backfill.select().where(
                Backfill.stripe_account == stripe_account, Backfill.state == "running"
            )
            given_up = [give_up_if_its_job_died(run, "read_stripe_events") for run in running]
            if all(given_up):
                begin_backfill(
                    stripe_account, _since(stripe_account), get_settings().backfill_rate, SYSTEM
                )


def _since(stripe_account: str) -> int:
    """The Unix time to read from: the watermark minus an overlap; once a day, the last days in
    full; without a watermark, everything Stripe still lists.
    """
    oldest = int(real_seconds()) - READABLE_SECONDS
    known = StripeWatermark.of(stripe_account)
    if known is None:
        return oldest
    days_ago = int(real_seconds()) - LAST_DAYS
    same = (
        (Backfill.stripe_account == stripe_account)
        & (Backfill.state == "done")
        & (Backfill.created_at > real_now() - DAY)
    )
    was_deep = (
        Backfill.select()
        .where(same, Backfill.since <= days_ago + int(DAY.total_seconds()))
        .exists()
    )
    return max(
        oldest, known.created - OVERLAP if was_deep else min(days_ago, known.created - OVERLAP)
    )
