"""The timetable under stress: two schedulers, broken or missing entries, a Redis that is down,
changes of summer time (faults 30, 32, 45).
"""

import signal
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from peewee import OperationalError
from rq.job import Job
from rq_scheduler import Scheduler as ForeignScheduler

from delivery import scheduler, worker
from delivery.registry import find_job
from delivery.schedule import TICK_PREFIX, Schedule, stage_tick, timetable, use_timetable
from delivery.scheduler import SEEN_KEY
from jobs.timetable import load_timetable
from models.delivery.staged_job import StagedJob
from tests import given
from tests.running.servers import wait_for

SCHEDULED = "rq:scheduler:scheduled_jobs"


def occurrences():
    return Counter(row.key for row in given.jobs_staged() if "@" in row.key)


def names():
    return {row.key.partition("@")[0] for row in given.jobs_staged() if "@" in row.key}


@pytest.fixture
def ticking(database_url, valkey):
    """Run one round of a scheduler in this process; return what is in the queue `periodic`."""

    def look(connection=None):
        table = scheduler._Scheduler(
            queue_name="periodic", connection=connection or valkey.client(), interval=5
        )
        table.enqueue_jobs()
        return [
            identity.decode() for identity in valkey.client().lrange("rq:queue:periodic", 0, -1)
        ]

    return look


def test_two_schedulers_at_once_stage_each_occurrence_once(town):
    """Given two schedulers and two periodic workers, then each occurrence in the timetable is
    staged once.
    """
    redis, at = town.valkey.client(), time.time() - 60
    first, second = town.scheduler(), town.scheduler()
    town.pool("periodic=2")
    wait_for(lambda: names() == set(timetable()), "each schedule has ticked")
    for name in timetable():
        redis.rpush("rq:queue:periodic", *[f"{TICK_PREFIX}{name}"] * 5)
    wait_for(lambda: redis.llen("rq:queue:periodic") == 0, "all ticks are taken")
    assert all(count == 1 for count in occurrences().values())
    for name, _, number in (key.partition("@") for key in occurrences()):
        occurrence = timetable()[name].occurrence
        assert occurrence(at) <= int(number) <= occurrence(time.time())
    for process in (first, second):
        process.send_signal(signal.SIGTERM)
    # SIGTERM if it was still starting
    assert {process.wait(120) for process in (first, second)} <= {0, -signal.SIGTERM}


def test_repeated_ticks_stage_an_occurrence_once(database_url, valkey):
    decades = 1_000_000_000  # seconds: no occurrence ends while the test runs
    use_timetable((Schedule("seldom", "mark_overdue", every=decades),))
    assert [stage_tick("seldom") for _ in range(8)].count(True) <= 1
    assert StagedJob.select().count() == 1
    assert stage_tick("unknown") is False


def test_a_tick_popped_while_the_database_is_down_is_not_lost(database_url, valkey, monkeypatch):
    """Given a tick popped while the database is down, then it is not lost, since the next one comes
    a whole period later.
    """
    redis = valkey.client()
    redis.rpush("rq:queue:periodic", f"{TICK_PREFIX}mark-overdue")
    serves = worker.Worker("periodic", redis, "test-worker", lambda _at: None)

    def is_away(_name):
        raise OperationalError("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "stage_tick", is_away)
        with pytest.raises(OperationalError):
            serves._step()
    assert occurrences() == {}
    serves._step()
    assert names() == {"mark-overdue"}


def test_a_lost_tick_is_repeated_within_minutes(hands, ticking, valkey):
    """Given a worker killed with its ticks, when ten minutes are over, then daily schedules have
    ticked again, and each job is staged once.
    """
    midnight = 1_780_012_800
    hands(midnight + 1.0)
    daily = {name for name, line in timetable().items() if line.every == 86_400}
    assert {f"{TICK_PREFIX}{name}" for name in daily} <= set(ticking())
    for minutes in (10, 20):
        valkey.client().delete("rq:queue:periodic")
        hands(midnight + minutes * 60.0)
        for tick in ticking():
            stage_tick(tick.removeprefix(TICK_PREFIX))
        assert {name: occurrences()[f"{name}@{midnight}"] for name in daily} == dict.fromkeys(
            daily, 1
        )


def test_each_schedule_has_one_entry_after_repeated_checks(ticking, valkey):
    for _ in range(3):
        ticking()
    entries = {identity.decode() for identity in valkey.client().zrange(SCHEDULED, 0, -1)}
    assert entries == {f"{TICK_PREFIX}{name}" for name in timetable()}


def test_a_missing_scheduler_entry_is_restored(ticking, valkey):
    """Given rq-scheduler killed between removing an entry and adding it again, then the entry is
    restored.
    """
    ticking()
    valkey.client().zrem(SCHEDULED, f"{TICK_PREFIX}mark-overdue")
    valkey.client().delete("rq:queue:periodic")
    assert f"{TICK_PREFIX}mark-overdue" in ticking()


def test_the_timetable_is_restored_in_an_emptied_redis(ticking, valkey):
    ticking()
    valkey.client().flushall()
    assert len(ticking()) == len(timetable())


@pytest.fixture
def hands(monkeypatch):
    """Set the clock of the scheduler, rq-scheduler and the ticks; the machine's time zone is New
    York.
    """
    moment = [time.time()]

    class Clock(datetime):
        @classmethod
        def utcnow(cls):
            return datetime.fromtimestamp(moment[0], UTC).replace(tzinfo=None)

    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        patch.setattr(time, "time", lambda: moment[0])
        patch.setattr("rq_scheduler.scheduler.datetime", Clock)
        yield lambda at: moment.__setitem__(0, at)
    time.tzset()


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", ["2026-03-08T07:00:00", "2026-11-01T06:00:00"], ids=["gap", "fold"]
)
def test_a_clock_change_adds_and_loses_no_occurrence(hands, ticking, valkey, change):
    """Given the real timetable and New York's clocks set forward or back, when two hours on either
    side pass, then each occurrence is staged once, as on any other night (fault 30).
    """
    at = int(datetime.fromisoformat(change).replace(tzinfo=UTC).timestamp())
    night = range(at - 2 * 3600, at + 2 * 3600)
    assert time.localtime(at - 1).tm_isdst != time.localtime(at + 1).tm_isdst, "this is the moment"
    for moment in night[::60]:
        hands(moment + 0.5)
        for tick in ticking():
            stage_tick(tick.removeprefix(TICK_PREFIX))
        valkey.client().delete("rq:queue:periodic")
    wanted = {
        f"{name}@{line.occurrence(moment)}"
        for name, line in timetable().items()
        for moment in night[::60]
    }
    assert occurrences() == dict.fromkeys(wanted, 1)


UNREADABLE = {
    "no hash": lambda redis, key: redis.delete(key),
    "another type": lambda redis, key: redis.set(key, "junk"),
    "junk": lambda redis, key: redis.hset(
        key, mapping={"data": b"\x80\x04junk", "created_at": "junk"}
    ),
    "a pickle": lambda redis, key: redis.hset(
        key, mapping={"data": b"\x80\x04]\x94.", "created_at": "2026-11-22T00:00:00Z"}
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_scheduler_entry_does_not_stop_the_others(ticking, valkey, kind):
    redis = valkey.client()
    for identity in ("a-junk", "\u00e9-junk"):
        UNREADABLE[kind](redis, f"rq:job:{identity}")
        redis.zadd(SCHEDULED, {identity: 0})
    redis.zadd(SCHEDULED, {b"\xff\xfe": 0})
    assert len(ticking()) == len(timetable())
    assert redis.zcard(SCHEDULED) == len(timetable()), "what cannot be read is dropped"


def test_a_foreign_entry_is_never_run(ticking, valkey, tmp_path):
    """Given a function planted through rq-scheduler, then it does not run."""
    redis = valkey.client()
    planted = ForeignScheduler(connection=redis, queue_name="periodic").cron(
        "* * * * *", "os.system", args=[f"touch {tmp_path / 'loot'}"]
    )
    redis.zadd(SCHEDULED, {planted.id: 0})
    assert planted.id not in ticking()
    assert redis.zscore(SCHEDULED, planted.id) is None
    assert Job.exists(planted.id, connection=redis)
    given.worked(redis, "periodic")
    assert not (tmp_path / "loot").exists()


@pytest.mark.parametrize("trouble", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "killed"])
def test_a_scheduler_survives_a_lost_redis_and_stops_without_it(own_town, trouble):
    """Given a Redis that is frozen or killed, then the scheduler survives, and SIGTERM ends it
    without Redis.
    """
    redis = own_town.valkey.client()
    process = own_town.scheduler()
    wait_for(lambda: redis.exists(SEEN_KEY), "it has ticked")
    if trouble == signal.SIGKILL:
        own_town.valkey.stop(signal.SIGKILL)
        own_town.valkey.start()
        redis = own_town.valkey.client()
        redis.flushall()
        wait_for(
            lambda: redis.zcard(SCHEDULED) == len(timetable()), "it has put the timetable back"
        )
        own_town.valkey.stop(signal.SIGKILL)
    else:
        own_town.valkey.send(trouble)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0


def test_the_timetable_contains_only_known_periodic_jobs():
    load_timetable()
    assert timetable()
    for name, schedule in timetable().items():
        assert find_job(schedule.job).queue == "periodic"
        assert name.replace("-", "").isalnum()
