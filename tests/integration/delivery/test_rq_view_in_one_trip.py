"""A job's start and end are shown in RQ by one script each, even if Redis has lost the script, is
full or holds odd keys. The end also fetches the next id and releases locks.
"""

import json

import pytest
from redis.exceptions import OutOfMemoryError, ResponseError
from rq.job import Job, JobStatus
from rq.registry import FinishedJobRegistry
from rq.serializers import JSONSerializer

from delivery import registry, relay
from delivery import worker as worker_module
from delivery.attempt import Outcome, recording
from delivery.locks import invoice_lock
from delivery.registry import JobType
from delivery.rq import scripts as rq_scripts
from delivery.rq import view as rq_view
from delivery.worker import Worker
from models.delivery.attempt import claim_job
from models.delivery.staged_job import StagedJob
from tests import given
from tests.watching.counting import counted

QUEUE = "rq:queue:messages"
LOCK = "payphone:lock:invoice:inv_x"


@pytest.fixture
def redis(database_url, valkey):
    return valkey.client()


@pytest.fixture
def waiting(redis, monkeypatch):
    """Stages and queues `many` jobs of one function; returns their ids."""

    def make(function, many=1):
        kind = JobType("a_test_job", "messages", 3, 60, 60.0, function)
        monkeypatch.setitem(registry._jobs, kind.name, kind)
        # one heartbeat, at the start: a later one would be another trip
        monkeypatch.setattr(worker_module, "HEARTBEAT_SECONDS", 120)
        ids = [given.a_job(kind.name, number, "messages", 3) for number in range(many)]
        relay.tick(redis)
        assert redis.llen(QUEUE) == many
        return ids

    return make


def a_worker(redis, goes_on=False):
    worker = Worker("messages", redis, "test-worker", lambda _at: None)
    worker._goes_on = goes_on
    return worker


def shown(redis, job_id):
    return Job.fetch(f"a_test_job-{job_id}", connection=redis, serializer=JSONSerializer)


def test_scripts_that_redis_has_lost_are_loaded_again(redis, waiting):
    """Given a Redis that has lost the scripts, as after a restart or failover, then they are sent
    again.
    """
    job_id, _ = waiting(lambda _number: redis.script_flush(), 2)
    redis.script_flush()
    a_worker(redis)._step()
    assert shown(redis, job_id).get_status() is JobStatus.FINISHED


def test_under_a_backlog_ending_a_job_also_fetches_the_next_id(redis, waiting):
    ids = waiting(lambda _number: None, 3)
    worker = a_worker(redis, goes_on=True)
    worker._beat()
    worker._step()
    with counted() as cost:
        worker._step()
    assert cost.trips == 2, "begun, and ended: nothing was asked for the next"
    assert redis.lrange(QUEUE, 0, -1) == []
    worker._step()
    assert [StagedJob.get_by_id(one).state for one in ids] == ["done"] * 3
    assert worker._next.identity is None


def test_a_worker_that_leaves_puts_back_what_it_had_popped(redis, waiting):
    ids = waiting(lambda _number: None, 3)
    worker = a_worker(redis, goes_on=True)
    worker._step()
    worker._say_goodbye()
    assert redis.lrange(QUEUE, 0, -1) == [f"a_test_job-{one}".encode() for one in ids[1:]]


def test_a_stopping_worker_pops_no_further_id(redis, waiting):
    worker = a_worker(redis, goes_on=True)
    waiting(lambda _number: worker._stop(15, None), 2)
    worker._step()
    assert (redis.llen(QUEUE), worker._next.identity) == (1, None)


def test_a_jobs_lock_is_released_in_the_trip_that_shows_its_end(redis, waiting):
    """Given a job recorded as done under its lock, then one trip releases the lock and shows the
    end.
    """

    def act(_number):
        with invoice_lock("inv_x"), recording():
            assert redis.exists(LOCK)

    waiting(act, 2)
    worker = a_worker(redis)
    worker._step()  # loads the scripts
    with counted() as cost:
        worker._step()
    assert given.states() == {"done": 2}
    assert not redis.exists(LOCK)
    # pop, start, lock, this test's own read, end
    assert cost.trips == 5


def test_a_lock_left_before_the_job_ends_is_released_at_once(redis, waiting):
    """Given a job that goes on after leaving its lock, then the lock is released at once."""
    seen = []

    def act(_number):
        with invoice_lock("inv_x"):
            pass
        seen.append(redis.exists(LOCK))

    waiting(act)
    a_worker(redis)._step()
    assert (seen, StagedJob.get().state) == ([0], "done")


def test_a_lock_now_held_by_another_is_not_released(redis, waiting):
    def act(_number):
        with invoice_lock("inv_x"), recording():
            redis.set(LOCK, "another's", ex=60)

    waiting(act)
    a_worker(redis)._step()
    assert redis.get(LOCK) == b"another's"


def test_a_lock_is_released_even_if_the_start_could_not_be_shown(redis, waiting, monkeypatch):
    """Given a start that could not be shown, then no end is shown, and the lock is still
    released.
    """

    def refuse(*_args):
        raise ResponseError("something")

    def act(_number):
        with invoice_lock("inv_x"), recording():
            pass

    waiting(act)
    monkeypatch.setattr(rq_view, "start", refuse)
    a_worker(redis)._step()
    assert (StagedJob.get().state, redis.exists(LOCK)) == ("done", 0)


def test_a_key_of_the_wrong_type_does_not_stop_the_rest_from_being_shown(redis, waiting):
    """Given a key of the wrong type, when a job starts and ends, then all else is shown, and the
    error is raised.
    """
    (job_id,) = waiting(lambda _number: None)
    claimed = claim_job(job_id, "w1")
    redis.set(f"rq:executions:a_test_job-{job_id}", "odd")
    with pytest.raises(ResponseError, match=r"^WRONGTYPE"):
        rq_view.start(redis, [claimed], "w1")
    assert shown(redis, job_id).get_status() is JobStatus.STARTED
    assert redis.hget("rq:worker:w1", "state") == b"busy"
    redis.delete(f"rq:executions:a_test_job-{job_id}")
    (execution,) = rq_view.start(redis, [claimed], "w1")
    redis.set(f"rq:results:a_test_job-{job_id}", "odd")
    with pytest.raises(ResponseError, match=r"^WRONGTYPE"):
        rq_view.end(redis, [rq_view.finished(claimed, execution)])
    assert FinishedJobRegistry("messages", connection=redis).get_job_ids() == [
        f"a_test_job-{job_id}"
    ]
    assert redis.hget("rq:worker:w1", "state") == b"idle"


def test_a_full_redis_still_removes_the_started_job_and_its_lock(redis, waiting):
    """Given a full Redis, when an attempt ends, then it is no longer shown as started and its lock
    is free; writes that need room raise an error.
    """
    job_id, _ = waiting(lambda _number: None, 2)
    claimed = claim_job(job_id, "w1")
    (execution,) = rq_view.start(redis, [claimed], "w1")
    redis.set(LOCK, "ours", ex=60)
    limit = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            rq_view.end(
                redis,
                [rq_view.finished(claimed, execution)],
                rq_view.Closing({LOCK: "ours"}, pops="messages"),
            )
        assert (redis.zcard("rq:wip:messages"), redis.exists(LOCK)) == (0, 0)
        assert redis.llen(QUEUE) == 2, "what could not be told of is not popped"
        with pytest.raises(OutOfMemoryError):
            rq_view.start(redis, [claimed], "w1")
        assert not redis.exists(f"rq:job:a_test_job-{job_id}"), "it was popped: it makes room"
    finally:
        redis.config_set("maxmemory", limit)


def test_the_popped_id_is_put_back_in_the_trip_that_starts_another_job(redis, waiting):
    """Given a turn of another account's job, then the popped id is put back in the same trip that
    starts that job.
    """
    first, second = waiting(lambda _number: None, 2)
    popped = redis.lpop(QUEUE).decode()
    claimed = claim_job(second, "w1")
    redis.script_load(rq_scripts.BEGIN._text)  # whichever test is the first to need it
    with counted() as cost:
        rq_view.start(redis, [claimed], "w1", rq_view.Instead("messages", popped, is_back=True))
    assert cost.trips == 1
    assert redis.lrange(QUEUE, 0, -1) == [f"a_test_job-{first}".encode()]


def test_rq_reads_what_the_scripts_write(redis, waiting):
    """Given a job's hash as the scripts write it, then RQ can read every field of it."""
    (job_id,) = waiting(lambda _number: None)
    assert a_worker(redis).take(redis.lpop(QUEUE).decode()) == Outcome("done")
    job = shown(redis, job_id)
    assert (job.func_name, job.args, job.kwargs, job.timeout, job.origin) == (
        "jobs.a_test_job",
        [job_id],
        {},
        60,
        "messages",
    )
    assert job.get_meta() == {"attempt": 1, "of": 3}
    assert json.loads(job.data) == ["jobs.a_test_job", None, [job_id], {}]
    assert job.created_at <= job.enqueued_at <= job.started_at <= job.ended_at
