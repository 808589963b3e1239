"""RQ's own classes show what the rows say: queues, names, states, attempts, workers."""

import os
import time

import pytest
from rq import Queue
from rq import Worker as RQWorker
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from delivery import registry, relay
from delivery.attempt import Snooze
from delivery.registry import JobType
from delivery.rq import keys as rq_keys
from delivery.rq import repair as rq_repair
from delivery.rq import view as rq_view
from delivery.worker import Worker
from models.delivery.attempt import claim_job
from models.delivery.staged_job import StagedJob
from tests import given

QUEUE = "messages"


@pytest.fixture
def redis(database_url, valkey):
    return valkey.client()


@pytest.fixture
def a_kind():
    """Returns a function that registers a job type for this test only and stages one job."""
    made = []

    def make(function, attempts=3):
        kind = JobType("a_test_job", QUEUE, attempts, 60, 60.0, function)
        registry._jobs[kind.name] = kind
        made.append(kind.name)
        return given.a_job(kind.name, 7, QUEUE, attempts)

    yield make
    for name in made:
        del registry._jobs[name]


def a_worker(redis, name="test-worker"):
    worker = Worker(QUEUE, redis, name, lambda _at: None)
    worker._heartbeat()
    return worker


def shown(redis, job_id):
    return Job.fetch(f"a_test_job-{job_id}", connection=redis, serializer=JSONSerializer)


def ids(kind, redis):
    found = kind(QUEUE, connection=redis, serializer=JSONSerializer)
    return found.get_job_ids(cleanup=False)


def test_a_pushed_job_is_shown_as_queued(redis, a_kind):
    job_id = a_kind(lambda _number: None)
    relay.tick(redis)
    queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
    assert QUEUE in {each.name for each in Queue.all(connection=redis)}
    assert queue.get_job_ids() == [f"a_test_job-{job_id}"]
    job = queue.jobs[0]
    assert (job.get_status(), job.func_name, job.args, job.origin) == (
        JobStatus.QUEUED,
        "jobs.a_test_job",
        [job_id],
        QUEUE,
    )
    assert job.description == f"a_test_job {job_id}"
    assert job.enqueued_at


def test_a_job_is_started_while_it_runs_and_finished_when_its_row_is_done(redis, a_kind):
    seen = {}

    def look(_number):
        job = shown(redis, StagedJob.get().id)
        seen["status"], seen["worker"], seen["meta"] = job.get_status(), job.worker_name, job.meta
        seen["started"] = StartedJobRegistry(QUEUE, connection=redis).get_job_ids(cleanup=False)
        seen["state"] = next(iter(RQWorker.all(connection=redis))).get_state()

    job_id = a_kind(look)
    relay.tick(redis)
    worker = a_worker(redis)
    worker._step()
    identity = f"a_test_job-{job_id}"
    assert seen == {
        "status": JobStatus.STARTED,
        "worker": "test-worker",
        "meta": {"attempt": 1, "of": 3},
        "started": [identity],
        "state": "busy",
    }
    job = shown(redis, job_id)
    assert (job.get_status(), StagedJob.get().state) == (JobStatus.FINISHED, "done")
    assert (
        ids(FinishedJobRegistry, redis),
        ids(StartedJobRegistry, redis),
        ids(FailedJobRegistry, redis),
    ) == ([identity], [], [])
    assert job.latest_result().type.name == "SUCCESSFUL"
    assert job.ended_at >= job.started_at
    assert 0 < redis.ttl(rq_keys.job_key(identity)) <= rq_keys.RESULT_TTL
    listed = RQWorker.all(connection=redis)
    assert [
        (each.name, each.pid, each.queue_names(), each.get_state(), each.successful_job_count)
        for each in listed
    ] == [("test-worker", os.getpid(), [QUEUE], "idle", 1)]


def test_failed_attempts_are_seen_with_the_time_of_the_next(redis, a_kind):
    def fail(_number):
        raise ValueError("about Ada Payer")

    job_id = a_kind(fail)
    worker = a_worker(redis)
    for attempt in (1, 2, 3):
        given.make_due()
        relay.tick(redis)
        worker._step()
        job = shown(redis, job_id)
        assert (job.get_status(), ids(FailedJobRegistry, redis)) == (
            JobStatus.FAILED,
            [f"a_test_job-{job_id}"],
        )
        assert (job.meta["attempt"], job.meta["of"], job.meta["dead"]) == (attempt, 3, attempt == 3)
        assert (job.meta["nextAttemptAt"] is None) == (attempt == 3)
        assert [result.type.name for result in job.results()] == ["FAILED"] * attempt
        assert job.latest_result().exc_string == "ValueError"
    assert StagedJob.get().state == "dead"


def test_a_retried_job_leaves_the_failed_registry(redis, a_kind):
    outcomes = [ValueError("no"), None]

    def act(_number):
        if error := outcomes.pop(0):
            raise error

    job_id = a_kind(act)
    worker = a_worker(redis)
    relay.tick(redis)
    worker._step()
    given.make_due()
    relay.tick(redis)
    assert (shown(redis, job_id).get_status(), ids(FailedJobRegistry, redis)) == (
        JobStatus.QUEUED,
        [],
    )
    worker._step()
    assert (shown(redis, job_id).get_status(), ids(FailedJobRegistry, redis)) == (
        JobStatus.FINISHED,
        [],
    )


def test_a_snoozed_job_is_neither_started_nor_failed(redis, a_kind):
    def wait(_number):
        raise Snooze("locked", 60)

    job_id = a_kind(wait)
    relay.tick(redis)
    a_worker(redis)._step()
    assert shown(redis, job_id).get_status() is JobStatus.SCHEDULED
    assert (
        ids(StartedJobRegistry, redis),
        ids(FailedJobRegistry, redis),
        ids(FinishedJobRegistry, redis),
    ) == ([], [], [])


def test_a_snoozed_job_that_never_comes_back_does_not_stay_in_redis(redis, a_kind):
    """Given a job that was put off, then its hash expires one day, since the job may be cancelled,
    or performed by a request; once it is pushed again, it does not.
    """

    def wait(_number):
        raise Snooze("locked", 60)

    key = rq_keys.job_key(f"a_test_job-{a_kind(wait)}")
    relay.tick(redis)
    a_worker(redis)._step()
    assert redis.ttl(key) > 0
    given.make_due()
    relay.tick(redis)
    assert redis.ttl(key) == -1


def test_a_duplicate_of_a_running_job_changes_nothing_in_rq(redis, a_kind):
    """Given a job that another worker runs, when a copy is popped, then RQ still shows it as
    started by the other.
    """
    job_id = a_kind(lambda _number: None)
    relay.tick(redis)
    claimed = claim_job(job_id, "another")
    rq_view.start(redis, [claimed], "another")
    before = redis.hgetall(rq_keys.job_key(f"a_test_job-{job_id}"))
    a_worker(redis)._step()
    assert redis.hgetall(rq_keys.job_key(f"a_test_job-{job_id}")) == before
    assert shown(redis, job_id).get_status() is JobStatus.STARTED
    assert ids(StartedJobRegistry, redis) == [f"a_test_job-{job_id}"]


def test_a_jobs_end_is_shown_after_redis_is_emptied_during_its_run(redis, a_kind):
    """Given a Redis that is emptied while a job runs, then the job's end is written in full, and
    the worker is listed again at its next heartbeat.
    """

    def lose_everything(_number):
        redis.flushall()

    job_id = a_kind(lose_everything)
    relay.tick(redis)
    worker = a_worker(redis)
    worker._step()
    job = shown(redis, job_id)
    assert (job.get_status(), job.func_name, job.origin) == (
        JobStatus.FINISHED,
        "jobs.a_test_job",
        QUEUE,
    )
    worker._beaten_at = time.monotonic() - 60
    worker._heartbeat()
    listed = RQWorker.all(connection=redis)
    assert [(each.name, each.queue_names(), each.pid) for each in listed] == [
        ("test-worker", [QUEUE], os.getpid())
    ]
    assert listed[0].birth_date is not None


def test_a_finished_job_left_as_started_by_a_dead_worker_is_repaired(redis, a_kind, monkeypatch):
    """Given a worker killed after its commit and before it updated RQ, then the relay moves the job
    to the finished ones.
    """
    monkeypatch.setattr(relay, "SETTLING", 3_600.0)
    job_id = a_kind(lambda _number: None)
    relay.tick(redis)
    claimed = claim_job(job_id, "dead-worker")
    rq_view.start(redis, [claimed], "dead-worker")
    StagedJob.update(state="done").execute()
    relay.tick(redis)
    assert ids(StartedJobRegistry, redis), "it may be about to say so itself"
    monkeypatch.setattr(relay, "SETTLING", -1.0)
    relay.tick(redis)
    assert (ids(StartedJobRegistry, redis), ids(FinishedJobRegistry, redis)) == (
        [],
        [f"a_test_job-{job_id}"],
    )
    assert shown(redis, job_id).get_status() is JobStatus.FINISHED


def test_a_running_job_stays_shown_as_started(redis, a_kind, monkeypatch):
    job_id = a_kind(lambda _number: None)
    relay.tick(redis)
    rq_view.start(redis, [claim_job(job_id, "test-worker")], "test-worker")
    monkeypatch.setattr(relay, "SETTLING", -1.0)
    relay.tick(redis)
    assert (ids(StartedJobRegistry, redis), shown(redis, job_id).get_status()) == (
        [f"a_test_job-{job_id}"],
        JobStatus.STARTED,
    )


def test_rqs_own_cleanup_runs_no_job_again(redis, a_kind):
    """Given RQ's own cleanup, as a dashboard's counts trigger it, then no job runs again or
    twice.
    """
    a_kind(lambda _number: None)
    relay.tick(redis)
    a_worker(redis)._step()
    for kind in (StartedJobRegistry, FinishedJobRegistry, FailedJobRegistry):
        kind(QUEUE, connection=redis, serializer=JSONSerializer).cleanup(
            timestamp=time.time() + 200
        )
    assert redis.llen(f"rq:queue:{QUEUE}") == 0
    assert StagedJob.get().attempts == 1


def test_a_worker_that_leaves_is_no_longer_listed(redis, database_url):
    worker = a_worker(redis)
    assert len(RQWorker.all(connection=redis)) == 1
    worker._say_goodbye()
    assert RQWorker.all(connection=redis) == []


def test_a_killed_worker_serves_no_queue(redis):
    """Given a killed worker, whose name RQ keeps in its sets though its key has expired, then it
    does not count and is removed.
    """
    a_worker(redis)._heartbeat()
    redis.sadd(f"rq:workers:{QUEUE}", "rq:worker:killed")
    redis.sadd("rq:workers", "rq:worker:killed")
    assert rq_repair.live_workers(redis, [QUEUE, "calls"]) == {QUEUE: 1, "calls": 0}
    rq_repair.remove_silent_workers(redis, [QUEUE])
    assert (
        redis.smembers("rq:workers")
        == redis.smembers(f"rq:workers:{QUEUE}")
        == {b"rq:worker:test-worker"}
    )
