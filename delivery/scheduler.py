"""rq-scheduler, made to tick our timetable and to survive what would stop it.

Entries have fixed ids and are JSON. Each look puts back missing entries and drops unreadable ones,
at which rq-scheduler would fail and skip all later entries. Redis may be down. Two schedulers may
tick at the same time, because the database makes each occurrence unique.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from redis.exceptions import RedisError
from rq_scheduler.scheduler import Scheduler

from delivery.outages import explain_redis
from delivery.registry import find_job
from delivery.rq.json_job import JsonJob
from delivery.rq.odd_keys import drop_if_endless, drop_wrong_types, is_wrong_type
from delivery.schedule import TICK_PREFIX, Schedule, timetable
from runtime.clock import real_seconds
from runtime.log import LogThrottle, get_log
from runtime.redis.connection import connect_redis

LOOK = 5  # seconds between looks
# The longest interval in seconds between two ticks of a line of the timetable. Most of these ticks
# change nothing, because the database stages an occurrence once; they make up for lost ticks.
AGAIN = 300
PATIENCE = 2.0  # seconds to wait for an answer from Redis
SEEN_KEY = "payphone:scheduler:seen"

log = get_log("scheduler")


class _Scheduler(Scheduler):
    """An rq-scheduler that checks its own table at every look."""

    job_class = JsonJob  # its function is only a name that RQ never calls

    def get_jobs(
        self, until: Any = None, with_times: bool = False, offset: Any = None, length: Any = None
    ) -> Iterator[Any]:
        """As the original, except that unreadable entries are dropped and logged."""
        latest = until if until is not None else "+inf"
        for raw in self.connection.zrangebyscore(self.scheduled_jobs_key, 0, latest):
            identity = raw.decode("utf-8", "replace")
            try:
                job = self.job_class.fetch(identity, connection=self.connection)
                job.func_name  # noqa: B018 - decoding is lazy; it must fail here or not at all
                known = identity.removeprefix(TICK_PREFIX) in timetable()
            except Exception as error:  # noqa: BLE001
                log.error(
                    "a timetable entry cannot be read",
                    entry=identity[:80],
                    error=type(error).__name__,
                )
                known = False
            if known:
                yield job
            else:
                log.error("dropped a timetable entry that is not ours", entry=identity[:80])
                self.connection.zrem(self.scheduled_jobs_key, raw)

    def _install_signal_handlers(self) -> None:
        """Install none: rq-scheduler's handlers talk to Redis first, so that without Redis a
        SIGTERM would not end the process.
        """

    def acquire_lock(self) -> Any:
        """As the original, but first delete a lock without an expiry: no scheduler sets one."""
        return super().acquire_lock() or (
            drop_if_endless(self.connection, self.scheduler_lock_key) and super().acquire_lock()
        )

    def register_death(self) -> None:
        """Remove this scheduler's name from the list, if Redis is up."""
        with suppress(RedisError):
            super().register_death()

    def remove_lock(self) -> None:
        """Release the lock, if Redis is up; otherwise it expires."""
        with suppress(RedisError):
            super().remove_lock()

    def enqueue_jobs(self) -> Any:
        """Put back missing entries, then tick those that are due."""
        for schedule in timetable().values():
            _register(self, schedule)
        self.connection.set(SEEN_KEY, int(real_seconds()), ex=60)
        return super().enqueue_jobs()


def _register(scheduler: _Scheduler, schedule: Schedule) -> None:
    identity = f"{TICK_PREFIX}{schedule.name}"
    due = scheduler.connection.zscore(scheduler.scheduled_jobs_key, identity)
    interval = min(schedule.every, AGAIN)
    if due is not None and 0 <= due <= real_seconds() + interval:
        return  # keep it; any other time would never come, or come much too late
    ticked = find_job(schedule.job)
    if ticked is None:
        raise KeyError(f"The timetable names {schedule.job}, and no job has that name.")
    first = datetime.fromtimestamp(schedule.occurrence(real_seconds()), UTC).replace(tzinfo=None)
    named = {
        "id": identity,
        "description": f"tick {schedule.name}",
        "queue_name": ticked.queue,
    }
    scheduler.schedule(
        first,
        f"delivery.tick.{schedule.job}",
        args=[schedule.name],
        interval=interval,
        **named,
    )


def _leave(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


class Ticker:
    """Runs rq-scheduler, and restarts it after an outage of Redis."""

    def __init__(self, redis_url: str | None) -> None:
        os.environ["TZ"] = "UTC"
        time.tzset()
        self._redis_url = redis_url

    def run_forever(self) -> None:
        """Tick until SIGTERM or SIGINT ends the process, whether Redis is up or not."""
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, _leave)
        throttle = LogThrottle()
        while True:
            try:
                _Scheduler(
                    queue_name="periodic",
                    connection=connect_redis(self._redis_url, timeout=PATIENCE),
                    interval=LOOK,
                ).run()
            except RedisError as error:
                if is_wrong_type(error):
                    with suppress(RedisError):
                        drop_wrong_types(connect_redis(self._redis_url, timeout=PATIENCE))
                if throttle.is_due(type(error).__name__):
                    log.warning(explain_redis(error), error=type(error).__name__)
                time.sleep(1.0)
