"""Our payments and refunds of the last days are compared with Stripe's, account by account.

Twice is harmless: an account that is being compared is skipped, and comparing changes only the report.
"""

from delivery.attempt import recording
from delivery.registry import job
from jobs.backfill_stripe_events import stripe_accounts
from jobs.compare_with_stripe import begin_reconciliation, compare_with_stripe
from models.audit_entry import SYSTEM
from models.reconciliation import Reconciliation
from models.staged_job import StagedJob
from runtime.clock import real_now, real_seconds
from runtime.settings import get_settings

LOOK_BACK = 3 * 24 * 3600  # seconds


@job(queue="periodic", attempts=3, timeout=20)
def reconcile_stripe() -> None:
    """Begin to compare the platform's account and every connected one."""
    if not get_settings().stripe_secret_key:
        return  # an installation without Stripe has nothing to compare
    with recording():
        for stripe_account in stripe_accounts():
            if not _is_being_compared(stripe_account):
                begin_reconciliation(stripe_account, int(real_seconds()) - LOOK_BACK, SYSTEM)


def _is_being_compared(stripe_account: str) -> bool:
    """Whether a run of this account goes on; one whose job has died is given up, so that it blocks nothing."""
    going_on = False
    for run in Reconciliation.select().where(Reconciliation.stripe_account == stripe_account, Reconciliation.state == "running"):
        same = (StagedJob.name == compare_with_stripe.name) & (StagedJob.key == f"{run.id}-{run.page}")
        if StagedJob.select().where(same, StagedJob.state.in_(("waiting", "running"))).exists():
            going_on = True
        else:
            run.record_failed("its job died; see the dead jobs", real_now())
    return going_on
