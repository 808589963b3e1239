"""Compare our payments and refunds of the last days with Stripe's, account by account, and read won
disputes again until their money is back.

Twice is harmless: an account that is being compared is skipped, and comparing changes only the
report.
"""

from actions.books.begin import begin_reconciliation, give_up_if_its_job_died
from actions.payments.stage_stripe_read import stage_stripe_read
from delivery.attempt import recording
from delivery.registry import job
from models.accounts.account import stripe_accounts
from models.accounts.audit_entry import SYSTEM
from models.books.reconciliation import Reconciliation
from models.payments.dispute import Dispute
from runtime.clock import real_seconds
from runtime.settings import get_settings

LOOK_BACK = 3 * 24 * 3600  # seconds


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def reconcile_stripe() -> None:
    """Begin comparing the platform's account and every connected account."""
    if not get_settings().stripe_secret_key:
        return  # an installation without Stripe has nothing to compare
    with recording():
        for stripe_account in stripe_accounts():
            running = Reconciliation.select().where(
                Reconciliation.stripe_account == stripe_account, Reconciliation.state == "running"
            )
            given_up = [give_up_if_its_job_died(run, "reconcile_stripe_page") for run in running]
            for dispute_id in Dispute.won_but_withheld(stripe_account):
                stage_stripe_read("dispute", dispute_id, stripe_account)
            if all(given_up):
                begin_reconciliation(stripe_account, int(real_seconds()) - LOOK_BACK, SYSTEM)
