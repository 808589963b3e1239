"""Perform a staged job in the request that staged it, when a person waits for the answer.

The job is staged to be due a little later, so that no worker takes it in the meantime. After the
commit the request claims it early. If the request dies or cannot finish the job, the workers
continue from the row.
"""

import threading
from collections.abc import Iterable

from delivery import nudge
from delivery.attempt import Outcome, perform
from delivery.registry import find_job
from models.delivery.attempt import claim_job
from models.delivery.stage import stage
from models.delivery.staged_job import find_staged, move_to, reserve_due, revive_job
from runtime.log import get_log
from runtime.settings import INTERACTIVE

HEAD_START = 15.0  # seconds that the request has before a worker may take the job

log = get_log("perform_now")


def stage_now(name: str, key: str | int, *args: str | int, fair_to: str = "") -> int | None:
    """Stage the job `name` for the request to perform after its commit, and return the row's id.

    Workers of the interactive queue finish what the request cannot. A finished job with this key
    runs again. One that is due but not begun is taken over, because Redis may be down. Returns None
    if the job is running, or waits for its next attempt.
    """
    staged = stage(name, key, *args, fair_to=fair_to, queue=INTERACTIVE, delay=HEAD_START)
    if staged is None and (
        revive_job(name, str(key), HEAD_START) or reserve_due(name, str(key), HEAD_START)
    ):
        move_to(INTERACTIVE, name, str(key))
        return staged_id(name, key)
    return staged


def perform_now(job_id: int | None) -> Outcome | None:
    """Claim the job early and perform it here.

    Returns None if another process has it or has finished it, if this release does not know it, or
    if `job_id` is None.
    """
    if job_id is None:
        return None
    claimed = claim_job(job_id, f"web:{threading.get_ident()}", early=True)
    job_type = find_job(claimed.name) if claimed else None
    if claimed is None or job_type is None:
        return None
    outcome = perform(claimed, job_type, alarm=False)
    if outcome.state in {"done", "dead"}:
        nudge.correct(claimed, outcome.state)
    log.info("performed in the request", job=claimed.name, job_id=claimed.id, state=outcome.state)
    return outcome


def perform_all(job_ids: Iterable[int | None]) -> None:
    """Perform the jobs returned by `take_due` and `stage_now`, one after the other."""
    for job_id in job_ids:
        perform_now(job_id)


def take_due(name: str, key: str | int) -> int | None:
    """Reserve a due job that has not begun, for the request to perform after its commit, and return
    its id; None if there is none.
    """
    return staged_id(name, key) if reserve_due(name, str(key), HEAD_START) else None


def staged_id(name: str, key: str | int) -> int | None:
    """The id of the job staged under this key, or None."""
    row = find_staged(name, str(key))
    return row.id if row else None
