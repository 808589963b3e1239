"""Moves business time in jumps; at each stop the scheduler's due scans are run."""

from collections.abc import Callable
from datetime import datetime, timedelta

import jobs  # noqa: F401 - registers every job
from models.base import to_micros
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.transactions import transaction
from runtime.clock import business_now, real_now
from runtime.clock_shift import shared_shift
from runtime.settings import get_settings
from simulation import terminal_output as say

SOON = timedelta(seconds=3)


def move_business_time(moment: datetime, delivered: Callable[[], bool]) -> None:
    """Set every process's business time to `moment`, run the scans that follow business time, and
    wait until what is then due has been done. Everything else follows real time, which is not
    changed.

    Raises ``RuntimeError`` if `moment` is not ahead.
    """
    if moment <= business_now():
        raise RuntimeError(f"Business time only moves forward, and {moment} has passed.")
    shift = moment - real_now()
    shared_shift(get_settings().payphone_business_clock).seconds = shift.total_seconds()
    key = f"business@{moment.isoformat()}"
    with transaction():
        stage("mark_overdue", key)
        stage("decide_promises", key)
        stage("scan_overdue", key)
    until_done(f"what is due on {moment:%d %B}", delivered)


def until_done(what: str, delivered: Callable[[], bool]) -> None:
    """Wait until no job is due and every webhook has been delivered."""
    say.wait_for(what, lambda: not _any_due() and delivered() and not _any_due(), 120)


def _any_due() -> bool:
    """Whether a job is running or due within ``SOON``; jobs that wait for later do not count."""
    due = (StagedJob.state == "running") | (
        (StagedJob.state == "waiting") & (StagedJob.due_at <= to_micros(real_now() + SOON))
    )
    return bool(StagedJob.select().where(due).exists())
