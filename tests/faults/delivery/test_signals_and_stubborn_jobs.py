"""SIGTERM once drains, twice kills; jobs that fail, overrun or do not stop (fault 33)."""

import signal

from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from tests import given
from tests.faults.town import PATIENT, all_settled, children_of, is_alive, send
from tests.running.servers import wait_for


def a_running_job(town):
    given.a_job("wait_for_go", 1, "messages", attempts=5)
    pool = town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    wait_for(lambda: town.lines("began"), "the job runs")
    return pool


def test_one_sigterm_drains_the_pool(town):
    """Given a running job and a waiting one, when the pool gets SIGTERM, then the first is finished
    and the second left.
    """
    pool = a_running_job(town)
    pool.send_signal(signal.SIGTERM)
    given.a_job("wait_for_go", 2, "messages", attempts=5)
    wait_for(lambda: len(children_of(pool.pid)) == 1, "the relay has gone, the worker is drained")
    town.file("go").touch()
    assert pool.wait(120) == 0
    assert {row.key: (row.state, row.attempts) for row in StagedJob.select()} == {
        "1": ("done", 1),
        "2": ("waiting", 0),
    }
    assert town.listed_workers() == []
    town.pool_with_test_jobs()
    all_settled()
    assert InboxEvent.select().count() == 2


def test_a_second_sigterm_kills_the_workers_and_the_job_is_repeated(town):
    pool = a_running_job(town)
    workers = children_of(pool.pid)
    pool.send_signal(signal.SIGTERM)
    wait_for(lambda: len(children_of(pool.pid)) == 1, "the relay has gone")
    pool.send_signal(signal.SIGTERM)
    pool.wait(120)
    assert not any(map(is_alive, workers))
    assert given.states() == {"running": 1}
    given.leases_end()
    town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    wait_for(lambda: len(town.lines("began")) == 2, "a new pool starts it again")
    town.file("go").touch()
    all_settled()
    assert InboxEvent.select().count() == 1


def test_a_job_with_a_broad_except_is_stopped_by_its_timeout(town):
    """Given a job with a broad `except`, then the timeout, which is no Exception, stops both
    attempts, and the job is dead.
    """
    job_id = given.a_job("take_too_long", 1, "messages", attempts=2)
    town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT, PAYPHONE_TEST_GRACE="60")
    all_settled()
    row = StagedJob.get_by_id(job_id)
    assert (row.state, row.attempts) == ("dead", 2)
    assert row.last_error.startswith("JobTimeout")
    assert town.lines("swallowed") == []


def test_a_job_that_swallows_its_timeout_is_killed_by_the_supervisor(town):
    """Given a job that swallows its timeout, then its worker is killed, and other jobs get their
    turn.
    """
    job_id = given.a_job("never_stop", 1, "messages", attempts=1)
    pool = town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    stubborn = int(
        wait_for(lambda: town.lines("swallowed"), "it swallows its timeout")[0].split()[1]
    )
    wait_for(lambda: not is_alive(stubborn), "it is killed")
    given.a_job("wait_for_go", 2, "messages", attempts=5)
    town.file("go").touch()
    all_settled()
    assert StagedJob.get_by_id(job_id).state == "dead"
    assert StagedJob.get(StagedJob.key == "2").state == "done"
    assert pool.poll() is None


def test_failed_attempts_are_listed_with_the_time_of_the_next_one(town):
    """Given failed attempts, then each is in RQ's failed registry with the time of the next one,
    and without the error's message.
    """
    job_id = given.a_job("always_fail", 7, "messages", attempts=3)
    town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    redis, identity = town.valkey.client(), f"always_fail-{job_id}"

    def failed_with(attempt):
        job = Job.fetch(identity, connection=redis, serializer=JSONSerializer)
        if job.get_status(refresh=False) is not JobStatus.FAILED or job.meta["attempt"] != attempt:
            return None
        assert FailedJobRegistry("messages", connection=redis).get_job_ids() == [identity]
        return job

    first = wait_for(lambda: failed_with(1), "the first failure is seen")
    assert first.meta["of"] == 3
    assert first.meta["nextAttemptAt"] is not None
    given.make_due()
    wait_for(lambda: failed_with(2), "the second failure is seen")
    given.make_due()
    all_settled()
    last = wait_for(lambda: failed_with(3), "the last failure is seen")
    assert (last.meta["nextAttemptAt"], last.meta["dead"]) == (None, True)
    assert [result.exc_string for result in last.results()] == ["RuntimeError"] * 3
    assert len(town.lines("began")) == 3
    assert "Ada Payer" in StagedJob.get_by_id(job_id).last_error
    kept = b" ".join(
        value
        for key in redis.keys("rq:*")
        if redis.type(key) == b"hash"
        for value in redis.hgetall(key).values()
    )
    assert b"Ada" not in kept


def test_an_idle_pool_stops_at_once(town):
    pool = town.pool_with_test_jobs("messages=1,webhooks=1")
    wait_for(lambda: len(town.listed_workers()) == 2, "both are listed")
    workers = children_of(pool.pid)
    send(pool.pid, signal.SIGINT)
    assert pool.wait(120) == 0
    assert not any(map(is_alive, workers))
    assert town.listed_workers() == []
