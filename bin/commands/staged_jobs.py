"""`jobs`: list jobs, and run dead jobs again."""

import click

from bin.commands.output import acting, complain, moment, say, show_list
from bin.commands.rate import rate_given
from delivery.registry import find_job, job_names
from delivery.rq.keys import rq_id
from models.delivery.job_names import names_of
from models.delivery.job_replay import replay, replay_all
from models.delivery.staged_job import StagedJob
from runtime.settings import QUEUES, get_settings

STATES = "waiting", "running", "done", "dead", "cancelled"


@click.group("jobs")
def staged_jobs() -> None:
    """Jobs, as the database records them."""


@staged_jobs.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state.")
@click.option("--name", help="Only jobs with this name.")
@click.option("--queue", type=click.Choice(QUEUES), help="Only jobs in this queue.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_jobs(state: str | None, name: str | None, queue: str | None, limit: int) -> None:
    """Show jobs, newest first."""
    query = StagedJob.select().order_by(StagedJob.id.desc())
    if state:
        query = query.where(StagedJob.state == state)
    if name:
        query = query.where(StagedJob.name.in_(names_of(name)))
    if queue:
        query = query.where(StagedJob.queue == queue)
    show_list(
        ("id", "name", "key", "queue", "state", "tries", "due", "ended", "last error"),
        query,
        _row,
        limit,
        "No such jobs.",
    )


def _row(job: StagedJob) -> tuple[object, ...]:
    # jobs in other states do not run again by themselves
    due = moment(job.due_at) if job.state in {"waiting", "running"} else ""
    tries = f"{job.attempts}/{job.max_attempts}"
    return (
        job.id,
        job.name,
        job.key,
        job.queue,
        job.state,
        tries,
        due,
        moment(job.finished_at),
        job.last_error,
    )


@staged_jobs.command()
@click.argument("ids", nargs=-1)
@click.option("--all-dead", is_flag=True, help="All dead jobs.")
@click.option("--name", help="With --all-dead: only jobs with this name.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    callback=rate_given,
    help="With --all-dead: jobs per second; 0: all at once. Default: BACKFILL_RATE.",
)
def retry(ids: tuple[str, ...], all_dead: bool, name: str | None, rate: float | None) -> None:
    """Run dead jobs again, with the same arguments and key. IDS are numbers, or ids from RQ's
    dashboard.

    Jobs that are not dead are skipped.
    """
    if bool(ids) == all_dead:
        raise click.UsageError("Give job IDS or --all-dead.")
    if (name or rate is not None) and not all_dead:
        raise click.UsageError("--name and --rate require --all-dead.")
    if (
        name
        and find_job(name) is None
        and not StagedJob.select().where(StagedJob.name == name).exists()
    ):
        raise click.BadParameter(
            f"there is no job {name!r}; known jobs: {', '.join(job_names())}.", param_hint="--name"
        )
    if all_dead:
        rate = get_settings().backfill_rate if rate is None else rate
        replayed = replay_all(acting(), name=name, rate=rate)
        spread = f", spread over {replayed / rate:.0f} s" if rate and replayed > rate else ""
        say(f"Replayed: {replayed}{spread}.")
        return
    left = [text for text in ids if not _retry_one(text)]
    if left:
        raise SystemExit(1)


def _retry_one(text: str) -> bool:
    """Replay one job, or say why not."""
    number = text.rpartition("-")[2]
    row = (
        StagedJob.get_or_none(StagedJob.id == int(number))
        if number.isdecimal() and len(number) < 19  # noqa: PLR2004 - fits in 64 bits
        else None
    )
    if row is None or text not in (str(row.id), rq_id(row.name, row.id)):
        complain(f"{text}: no such job.")
        return False
    if not replay(row.id, acting()):
        complain(f"{text}: the job is {row.state}; only dead jobs can be retried.")
        return False
    say(f"{text}: replayed.")
    return True
