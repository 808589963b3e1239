"""Compare one page of Stripe's payments or refunds with ours, and stage the next; differences are
recorded, not corrected.

Twice is harmless: comparing changes only the report, which records each difference once.
"""

from actions.books.compare_page import PHASES
from delivery.attempt import recording
from delivery.registry import job
from jobs.read_stripe_events import NO_ACCESS
from models.books.reconciliation import Reconciliation
from models.delivery.stage import stage
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.log import get_log

log = get_log("reconcile")


@job(queue="periodic", calls_out=True, attempts=8, timeout=20, formerly=("compare_with_stripe",))
def reconcile_stripe_page(run_id: int, page: int) -> None:
    """Compare page `page` of run `run_id`."""
    run = Reconciliation.get_by_id(run_id)
    if run.state != "running" or run.page != page:
        return
    try:
        write = PHASES[run.phase](run)
    except ProviderError as error:
        if error.outcome != "refused" and error.code != NO_ACCESS:
            raise
        log.error(
            "Stripe's payments cannot be read for comparison",
            stripe_account=run.stripe_account or "platform",
            code=error.code,
        )
        with recording():
            run.record_failed(str(error), real_now())
        return
    with recording():
        write()
        if run.state == "running":
            key = f"{run.id}-{run.page}"
            stage("reconcile_stripe_page", key, run.id, run.page, fair_to=run.stripe_account)
