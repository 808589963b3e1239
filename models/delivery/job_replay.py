"""Audited replay of dead jobs: the only way for a person to make a dead job run again."""

from models.accounts.audit_entry import AuditEntry
from models.delivery.job_names import names_of
from models.delivery.staged_job import StagedJob, replay_job
from models.transactions import transaction


def replay(job_id: int, actor: str, delay: float = 0.0) -> bool:
    """Make the dead job `job_id` run again in `delay` seconds, with the same key and arguments.

    Returns False, and writes nothing, if it is not dead.
    """
    with transaction():
        if not replay_job(job_id, delay):
            return False
        row = StagedJob.get_by_id(job_id)
        AuditEntry.record(
            actor, "job.replayed", f"job:{job_id}", name=row.name, key=row.key, queue=row.queue
        )
        return True


def replay_all(
    actor: str, queue: str | None = None, name: str | None = None, rate: float = 0.0
) -> int:
    """Replay all dead jobs, optionally of one queue or one name, at `rate` per second (0: all at
    once). Returns how many there were.
    """
    query = StagedJob.select(StagedJob.id).where(StagedJob.state == "dead").order_by(StagedJob.id)
    if queue is not None:
        query = query.where(StagedJob.queue == queue)
    if name is not None:
        query = query.where(StagedJob.name.in_(names_of(name)))
    replayed = 0
    for row in list(query):
        replayed += replay(row.id, actor, replayed / rate if rate else 0.0)
    return replayed
