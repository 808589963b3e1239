"""The relay: push every due job into RQ that no nudge has pushed, and release the jobs of workers
that died.

Any number of relays can run, because a job that is pushed twice is claimed once. An epoch key in
Redis shows when Redis was emptied: jobs pushed before that are pushed again. So is a job that was
pushed but never claimed, and was pushed before the job that now heads its queue: it was lost on the
way.
"""

import time
from collections.abc import Callable
from typing import cast

from redis import Redis

from delivery.outages import OutageBackoff
from delivery.route import carry_over, detours, routed
from delivery.rq import keys as rq_keys
from delivery.rq import repair as rq_repair
from delivery.rq import view as rq_view
from models.delivery.attempt import release_expired
from models.delivery.staged_job import StagedJob, take_due
from models.transactions import database_time
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.settings import QUEUES

EPOCH_KEY = "payphone:epoch"
BATCH = 500
TICK = 0.5  # seconds between looks
GRACE = 2_000_000  # microseconds before a pushed job that does not show up counts as lost
SETTLING = 3.0  # seconds by which RQ's view of an attempt may lag behind its row
FORGET_EVERY = 30.0  # seconds between removals of killed workers from RQ's sets
# seconds for one look and the pause after it; the pool replaces a relay that hangs for longer
LOOK_SECONDS = 60.0
HEARTBEAT_KEY = "payphone:relay:seen"
FROZEN_KEY = "payphone:supervisor:frozen"  # holds the name of the pool whose supervisor is frozen

log = get_log("relay")


def _epoch(redis: Redis, now: int) -> int:
    """When this Redis was last found empty (microseconds). Starts a new epoch if it is now."""
    known = _moment(redis, now)
    if known is None:
        redis.set(EPOCH_KEY, now)
        log.warning("Redis is new or was emptied: pushing every due job again")
    return now if known is None else known


def _moment(redis: Redis, now: int) -> int | None:
    """The epoch in Redis, or None if there is none or we cannot have written it."""
    written = cast("bytes | None", redis.get(EPOCH_KEY))
    if written is None or not written.isdigit():
        return None
    return moment if (moment := int(written)) <= now else None


def _lost_before(redis: Redis, now: int, by: dict[str, str]) -> dict[str, int]:
    """For each queue, the push time (microseconds) before which an unclaimed job must have been
    lost. A queue with a detour in `by` gets the value of the queue used instead.
    """
    with redis.pipeline(transaction=False) as pipe:
        # RQ's dashboard lists only the queues in this set, even if they are empty
        pipe.sadd("rq:queues", *map(rq_keys.queue_key, QUEUES))
        for queue in QUEUES:
            pipe.lindex(rq_keys.queue_key(queue), 0)
        _, *heads = pipe.execute()
    ids = {
        queue: rq_keys.parse_rq_id(head.decode("utf-8", "replace"))
        for queue, head in zip(QUEUES, heads, strict=True)
        if head
    }
    rows = StagedJob.select(StagedJob.id, StagedJob.queue, StagedJob.pushed_at).where(
        StagedJob.id.in_([i for i in ids.values() if i] or [0])
    )
    pushed = {(row.queue, row.id): row.pushed_at for row in rows}
    # A head that is not a pushed job of this queue (a tick, a foreign entry, a job in backoff or on
    # a detour) proves nothing. It will soon leave the queue; until then no job counts as lost.
    heads_pushed = {
        queue: pushed.get((queue, ids[queue] or 0)) or 0 if queue in ids else now
        for queue in QUEUES
    }
    return {queue: heads_pushed[by.get(queue, queue)] - GRACE for queue in QUEUES}


def _mend(redis: Redis) -> None:
    """Correct attempts that RQ shows as started although they are over, because their worker died
    after its commit or could not reach Redis.
    """
    shown = rq_repair.long_started(redis, QUEUES, SETTLING)
    if not shown:
        return
    ids = {member: rq_keys.parse_rq_id(member.rpartition(":")[0]) for _, member in shown}
    rows = {
        row.id: row
        for row in StagedJob.select().where(StagedJob.id.in_([i for i in ids.values() if i] or [0]))
    }
    for queue, member in shown:
        row = rows.get(ids[member] or 0)
        rq_repair.remove_stale_attempt(
            redis, queue, member, row.state if row else None, row.worker if row else None
        )


def tick(redis: Redis) -> int:
    """One look: release expired leases and push due jobs. Returns how many jobs were pushed."""
    released = release_expired()
    for job in released:
        log.warning("lease expired", job=job.name, job_id=job.id, state=job.state)
    rq_repair.abandon(redis, released)
    _mend(redis)
    by = detours(redis)
    carry_over(redis, by)
    # Read before the queues are: a job pushed after that cannot count as lost.
    now = database_time()
    lost_before = _lost_before(redis, now, by)
    due = take_due(BATCH, _epoch(redis, now), lost_before)
    if due:
        killpoint("relay.after_take")
        rq_view.push(redis, routed(due, by))
        killpoint("relay.after_push")
    redis.set(HEARTBEAT_KEY, now, ex=60)
    return len(due)


def run(
    redis: Redis,
    stopping: Callable[[], bool],
    deadline: Callable[[float], None],
    beside: Callable[[], None] = lambda: None,
) -> None:
    """Look every half second, or again at once after a full batch, until `stopping()`.

    `deadline` is called with the time by which a look must be over; `beside` is called in each
    look.
    """
    forgotten_at = 0.0
    waiting = OutageBackoff("relay", redis)
    while not stopping():
        deadline(time.monotonic() + LOOK_SECONDS)
        busy = False
        with waiting.ride_out():
            if time.monotonic() - forgotten_at > FORGET_EVERY:
                rq_repair.remove_silent_workers(redis, QUEUES)
                forgotten_at = time.monotonic()
            beside()
            busy = tick(redis) == BATCH
        if not busy:
            time.sleep(TICK)
