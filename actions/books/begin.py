"""Begin to backfill or reconcile a Stripe account, and give up a run whose job has died."""

from collections.abc import Iterable, Sequence

from models.accounts.audit_entry import AuditEntry
from models.books.backfill import Backfill
from models.books.reconciliation import Reconciliation
from models.delivery.stage import stage
from models.delivery.staged_job import find_staged
from models.transactions import transaction
from runtime.clock import real_now, real_seconds


def begin_backfill(stripe_account: str, since: int, rate: float, asked_by: str) -> Backfill:
    """Begin to read an account's events back to `since` (Unix seconds), processing `rate` missing
    events per second (0: all at once).
    """
    with transaction():
        run = Backfill.create(
            stripe_account=stripe_account,
            since=since,
            rate=rate,
            asked_by=asked_by,
            created_at=real_now(),
        )
        stage("read_stripe_events", f"{run.id}-0", run.id, 0, fair_to=stripe_account)
    return run


def begin_reconciliation(stripe_account: str, since: int, asked_by: str) -> Reconciliation:
    """Begin to compare an account's payments and refunds made since `since` (Unix seconds)."""
    about = {"asked_by": asked_by, "created_at": real_now()}
    with transaction():
        run = Reconciliation.create(
            stripe_account=stripe_account, since=since, until=int(real_seconds()), **about
        )
        stage("reconcile_stripe_page", f"{run.id}-0", run.id, 0, fair_to=stripe_account)
    return run


def begin_backfills(
    stripe_accounts: Iterable[str], since: int, rate: float, actor: str
) -> list[Backfill]:
    """Begin to backfill several Stripe accounts, at a person's request."""
    with transaction():
        runs = [begin_backfill(each, since, rate, actor) for each in stripe_accounts]
        _audit(actor, "events.backfill_asked", since, runs)
    return runs


def begin_reconciliations(
    stripe_accounts: Iterable[str], since: int, actor: str
) -> list[Reconciliation]:
    """Begin to reconcile several Stripe accounts, at a person's request."""
    with transaction():
        runs = [begin_reconciliation(each, since, actor) for each in stripe_accounts]
        _audit(actor, "events.reconcile_asked", since, runs)
    return runs


def _audit(actor: str, action: str, since: int, runs: Sequence[Backfill | Reconciliation]) -> None:
    AuditEntry.record(actor, action, "stripe", since=since, runs=[run.id for run in runs])


def give_up_if_its_job_died(run: Backfill | Reconciliation, job: str) -> bool:
    """End a run whose page's job is neither waiting nor running, so that it blocks no other run.
    Returns whether it was given up.
    """
    row = find_staged(job, f"{run.id}-{run.page}")
    died = row is None or row.state not in {"waiting", "running"}
    if died:
        run.record_failed("its job died; see the dead jobs", real_now())
    return died
