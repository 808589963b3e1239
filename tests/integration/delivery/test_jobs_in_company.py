"""If many quick jobs of one account wait, a worker takes several at once. Each still succeeds or
fails alone, and no other account waits for longer than one turn.
"""

import os
import signal
from types import SimpleNamespace

import pytest
from peewee import OperationalError
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from delivery import attempt, batch, outages, registry, relay
from delivery import worker as worker_module
from delivery.attempt import Snooze, recording, release_batch
from delivery.locks import invoice_lock
from delivery.registry import JobType
from delivery.rq import view as rq_view
from delivery.turns import LEAST
from delivery.worker import ALONE_SECONDS, AT_ONCE, SHARE, SLOW, Worker
from models.delivery.attempt import LEASE, claim_more, release_worker
from models.delivery.stage import Policy, register_policy, stage, stage_again
from models.delivery.staged_job import NewJob, StagedJob, insert_jobs
from models.delivery.turns import claim_next, waiting_accounts
from models.transactions import transaction
from tests import given
from tests.watching.counting import counted

QUEUE = "messages"
MANY = AT_ONCE * SHARE + SHARE + 1  # one for the first step, and enough for a full batch


@pytest.fixture
def redis(database_url, valkey):
    return valkey.client()


@pytest.fixture
def worker(redis, monkeypatch):
    """A worker that has sent its heartbeat, with a frozen clock."""
    monkeypatch.setattr(worker_module, "HEARTBEAT_SECONDS", 10_000)
    made = Worker(QUEUE, redis, "test-worker", lambda _at: None)
    made._goes_on = True
    made._beat()
    stop_clock(monkeypatch)
    return made


def stop_clock(monkeypatch):
    """Freeze the worker's clock; it moves only when a test changes `now`."""
    clock = SimpleNamespace(now=1_000.0)
    for module in (worker_module, batch):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def waiting(redis, monkeypatch):
    """Stages and pushes jobs that `act` performs with their numbers."""

    def make(act, numbers=range(MANY), fair_to="a", quick=True, attempts=3):
        kind = JobType("a_test_job", QUEUE, attempts, 60, 60.0, act, quick=quick)
        monkeypatch.setitem(registry._jobs, kind.name, kind)
        register_policy(kind.name, Policy(QUEUE, attempts))
        new = [NewJob(str(number), [number], fair_to) for number in numbers]
        insert_jobs(kind.name, new, QUEUE, attempts, 0.0, pushed=False)
        relay.tick(redis)

    return make


def row(number):
    return StagedJob.get(StagedJob.key == str(number))


def listed(redis):
    """Return the row ids in RQ's queue, in order."""
    entries = redis.lrange(f"rq:queue:{QUEUE}", 0, -1)
    return [int(entry.decode().rpartition("-")[2]) for entry in entries]


def waits():
    return sorted(one.id for one in StagedJob.select().where(StagedJob.state == "waiting"))


def test_many_jobs_that_write_nothing_cost_three_commits_and_two_trips(worker, redis, waiting):
    order = []
    waiting(order.append)
    worker._step()  # this step learns how many wait
    assert order == [0]
    with counted() as cost:
        worker._step()
    assert order == list(range(1 + AT_ONCE))
    # one for the first claim, one for the others' claims, one for the results
    assert cost.commits == 3
    assert cost.trips == 2
    assert given.states() == {"done": 1 + AT_ONCE, "waiting": MANY - 1 - AT_ONCE}
    assert sorted([*listed(redis), int(worker._next.identity.rpartition("-")[2])]) == waits()
    finished = FinishedJobRegistry(QUEUE, connection=redis)
    assert len(finished.get_job_ids()) == 1 + AT_ONCE
    assert not StartedJobRegistry(QUEUE, connection=redis).get_job_ids(cleanup=False)
    assert redis.hget("rq:worker:test-worker", "successful_job_count") == str(1 + AT_ONCE).encode()
    while worker._next.identity:
        worker._step()
    assert order == list(range(MANY))
    assert {one.attempts for one in StagedJob.select()} == {1}


@pytest.mark.parametrize("why", ["few wait", "it is not quick", "somebody else waits"])
def test_few_or_slow_jobs_or_a_waiting_other_account_prevent_batching(worker, redis, waiting, why):
    order = []
    few = range(2 * SHARE)
    waiting(order.append, few if why == "few wait" else range(MANY), quick="quick" not in why)
    if why == "somebody else waits":
        waiting(order.append, [1_000], fair_to="b")
    worker._step()
    worker._step()
    assert len(order) == 2


def test_a_failing_job_does_not_fail_its_batch(worker, redis, waiting):
    def act(number):
        match number:
            case 3:
                raise RuntimeError("it fails")
            case 4:
                raise Snooze("not now", 60.0)
            case 5:
                with recording():
                    raise ValueError("it fails as it writes")

    waiting(act)
    worker._step()
    worker._step()
    assert given.states() == {"done": 1 + AT_ONCE - 3, "waiting": MANY - 1 - AT_ONCE + 3}
    assert [(row(n).attempts, row(n).last_error) for n in (3, 4, 5)] == [
        (1, "RuntimeError: it fails"),
        (0, "not now"),
        (1, "ValueError: it fails as it writes"),
    ]
    failed = [f"a_test_job-{row(number).id}" for number in (3, 5)]
    assert sorted(FailedJobRegistry(QUEUE, connection=redis).get_job_ids()) == sorted(failed)
    job = Job.fetch(f"a_test_job-{row(4).id}", connection=redis, serializer=JSONSerializer)
    assert job.get_status() is JobStatus.SCHEDULED


def test_a_job_attempted_before_is_not_batched(worker, redis, waiting):
    """Given jobs attempted before, which might have killed their worker, then they are not done in
    a batch.
    """
    order = []
    waiting(order.append)
    StagedJob.update(attempts=1).where(StagedJob.key << ["2", "4"]).execute()
    worker._step()
    worker._step()
    assert not {2, 4} & set(order)
    assert len(order) > 2
    while worker._next.identity:
        worker._step()
    assert sorted(order) == list(range(MANY))


def test_jobs_limited_to_one_attempt_are_not_batched(worker, waiting):
    order = []
    waiting(order.append, attempts=1)
    worker._step()
    worker._step()
    assert order == [0, 1]


def test_jobs_left_over_in_a_slow_batch_are_given_back(worker, redis, waiting, monkeypatch):
    """Given one slow job in a batch, then the others are given back with no attempt used up, and
    all run in the end.
    """
    clock, order = stop_clock(monkeypatch), []

    def act(number):
        order.append(number)
        clock.now += LEAST * 2 if number == 3 else 0.0

    waiting(act)
    worker._step()
    worker._step()
    assert order == [0, 1, 2, 3]
    assert given.states() == {"done": 4, "waiting": MANY - 4}
    assert {one.attempts for one in StagedJob.select().where(StagedJob.state == "waiting")} == {0}
    assert not StartedJobRegistry(QUEUE, connection=redis).get_job_ids(cleanup=False)
    # the job at the head of the queue is next; those given back are behind it
    is_next = int(worker._next.identity.rpartition("-")[2])
    assert is_next == row(1 + AT_ONCE).id
    assert [*listed(redis), is_next] == [*waits()[: AT_ONCE - 3], *waits()[AT_ONCE - 2 :], is_next]
    worker._step()
    assert len(order) == 5, "for a while it takes one at a time"
    clock.now += ALONE_SECONDS
    worker._step()
    assert len(order) > 6
    while worker._next.identity:
        worker._step()
    assert sorted(order) == list(range(MANY))


def test_a_stopping_worker_starts_no_further_job_of_its_batch(worker, redis, waiting):
    order = []

    def act(number):
        order.append(number)
        worker._goes_on = number != 3

    waiting(act)
    worker._step()
    worker._step()
    assert order == [0, 1, 2, 3]
    assert given.states() == {"done": 4, "waiting": MANY - 4}
    assert worker._next.identity is None


def test_a_lock_is_released_before_the_next_job_of_the_batch(worker, redis, waiting):
    """Given jobs that all lock one invoice, then none waits for the lock of the one before."""

    def act(number):
        with invoice_lock("inv_x", wait=0.0), recording():
            pass

    waiting(act)
    worker._step()
    worker._step()
    assert given.states()["done"] == 1 + AT_ONCE


def test_a_job_that_lost_its_claim_is_not_recorded_with_the_batch(worker, redis, waiting):
    """Given a job of the batch whose claim is lost before the results are recorded, then only the
    others are recorded.
    """

    def act(number):
        if number == 5:
            StagedJob.update(claim=StagedJob.claim + 1).where(StagedJob.key == "3").execute()

    waiting(act)
    worker._step()
    worker._step()
    assert row(3).state == "running"
    assert given.states()["done"] == AT_ONCE


def test_a_job_staged_again_during_the_batch_runs_again(worker, redis, waiting):
    def act(number):
        if number == 5:
            with transaction():
                stage_again("a_test_job", "3", 3, fair_to="a")

    waiting(act)
    worker._step()
    worker._step()
    assert (row(3).state, row(3).attempts) == ("waiting", 0)


def test_batch_results_are_recorded_after_a_database_outage(worker, redis, waiting, monkeypatch):
    """Given a record of the batch that fails once, then performed jobs are not done again, and the
    rest are given back.
    """
    order = []

    def act(number):
        order.append(number)
        worker._goes_on = number != 3

    waiting(act)
    worker._step()
    finish = attempt.finish_job

    def fail(_job):
        raise OperationalError("the database is away")

    monkeypatch.setattr(attempt, "finish_job", fail)
    with pytest.raises(OperationalError):
        worker._step()
    monkeypatch.setattr(attempt, "finish_job", finish)
    worker._goes_on = True
    worker._step()
    assert {one.state for one in StagedJob.select()} == {"done", "waiting"}
    relay.tick(redis)
    in_hand = int(worker._next.identity.rpartition("-")[2])
    assert sorted([*listed(redis), in_hand]) == waits(), "the relay has pushed what was given back"
    while worker._next.identity or listed(redis):
        worker._step()
    assert sorted(order) == list(range(MANY))
    assert given.states() == {"done": MANY}


@pytest.mark.parametrize("outlasts", [False, True])
def test_a_job_interrupted_by_an_outage_waits_for_no_lease(worker, waiting, monkeypatch, outlasts):
    """Given a database that goes away during a job, so that not even that can be recorded, then the
    worker gives the job back once the database is back; an outage that outlasts the job's lease
    leaves it to the relay, and the worker goes on.
    """

    def away(*_given):
        raise OperationalError("the database is away")

    waiting(away, [1])
    clock = stop_clock(monkeypatch)
    fail_job = attempt.fail_job
    for name in ("snooze_job", "fail_job"):
        monkeypatch.setattr(attempt, name, away)
    for _ in range(3):
        with pytest.raises(OperationalError):
            worker._step()
    if outlasts:
        clock.now += LEASE
        worker._step()
        assert row(1).state == "running"
        return
    monkeypatch.setattr(attempt, "fail_job", fail_job)
    worker._step()
    assert (row(1).state, row(1).attempts) == ("waiting", 1)
    assert row(1).last_error == "NotYet: the database was away"


def test_a_dead_workers_whole_batch_is_released(worker, redis, waiting):
    class Dead(BaseException):
        pass

    def act(number):
        if number == 3:
            raise Dead

    waiting(act)
    worker._step()
    with pytest.raises(Dead):
        worker._step()
    released = release_worker("test-worker")
    assert len(released) == AT_ONCE
    assert {one.state for one in released} == {"waiting"}


def test_a_full_redis_does_not_keep_a_batch_from_being_performed(worker, redis, waiting):
    """Given a full Redis, then the jobs taken are performed, and no lock is left."""
    order = []

    def act(number):
        order.append(number)
        with invoice_lock("inv_x"), recording():
            pass

    waiting(act)
    worker._step()
    limit = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", 1)
    try:
        worker._step()
    finally:
        redis.config_set("maxmemory", limit)
    assert order == list(range(1 + AT_ONCE))
    assert given.states() == {"done": 1 + AT_ONCE, "waiting": MANY - 1 - AT_ONCE}
    assert len(listed(redis)) == len(waits())


def test_a_job_that_kills_its_worker_is_batched_only_the_first_time(worker, redis, waiting):
    """Given a job that kills its worker at each attempt, then others are in its batch only the
    first time.
    """

    class Dead(BaseException):
        pass

    def act(number):
        if number == 1:
            raise Dead

    waiting(act)
    worker._step()
    for attempt_number in (1, 2, 3):
        with pytest.raises(Dead):
            worker._step()
        released = release_worker("test-worker")
        assert len(released) == (AT_ONCE if attempt_number == 1 else 1)
        StagedJob.update(due_at=0).where(StagedJob.key == "1").execute()
        redis.lpush(f"rq:queue:{QUEUE}", f"a_test_job-{row(1).id}")
        worker._batch, worker._behind = None, MANY
    assert row(1).state == "dead"


def test_a_failing_batch_claim_gives_the_first_job_back(worker, redis, waiting, monkeypatch):
    order = []
    waiting(order.append)
    worker._step()
    claim = worker_module.claim_more

    def fail(*_args):
        raise OperationalError("the database is away")

    monkeypatch.setattr(worker_module, "claim_more", fail)
    with pytest.raises(OperationalError):
        worker._step()
    monkeypatch.setattr(worker_module, "claim_more", claim)
    worker._step()
    assert {one.attempts for one in StagedJob.select().where(StagedJob.state == "waiting")} == {0}
    assert not StagedJob.select().where(StagedJob.state == "running").count()


def test_a_slow_batch_claim_leaves_the_first_job_to_run_alone(worker, redis, waiting, monkeypatch):
    """Given a second claim so slow that the first job's lease has run for a while, then that job is
    performed alone.
    """
    clock, order, claim = stop_clock(monkeypatch), [], worker_module.claim_more

    def take_long(*args):
        clock.now += SLOW * 2
        return claim(*args)

    waiting(order.append)
    worker._step()
    monkeypatch.setattr(worker_module, "claim_more", take_long)
    worker._step()
    assert order == [0, 1]
    assert given.states() == {"done": 2, "waiting": MANY - 2}
    assert {one.attempts for one in StagedJob.select().where(StagedJob.state == "waiting")} == {0}


def test_rq_keeps_the_status_that_other_workers_set_during_a_batch(worker, redis, waiting):
    """Given a failed job that another worker has done before the batch ends, then RQ shows it as
    finished; given a finished one that is staged again, then RQ shows it as queued.
    """
    other = Worker(QUEUE, redis, "other-worker", lambda _at: None)
    tried = []

    def act(number):
        tried.append(number)
        if number == 3 and tried.count(3) == 1:
            raise RuntimeError("it fails")
        if number == 5:
            given.make_due()
            other.take(f"a_test_job-{row(3).id}")
            StagedJob.update(state="waiting", pushed_at=None).where(StagedJob.key == "4").execute()
            redis.ltrim(f"rq:queue:{QUEUE}", 1, 0)
            relay.tick(redis)

    waiting(act)
    worker._step()
    worker._step()
    assert (row(3).state, row(3).attempts) == ("done", 2)
    shown = {
        number: Job.fetch(
            f"a_test_job-{row(number).id}", connection=redis, serializer=JSONSerializer
        ).get_status()
        for number in (3, 4)
    }
    assert shown == {3: JobStatus.FINISHED, 4: JobStatus.QUEUED}
    assert not FailedJobRegistry(QUEUE, connection=redis).get_job_ids()
    assert redis.ttl(f"rq:job:a_test_job-{row(4).id}") == -1


def test_a_job_about_to_wait_releases_the_rest_of_its_batch(worker, redis, waiting):
    """Given a job about to call a provider, then the rest of its batch is free for other workers,
    and the results so far are recorded and shown.
    """
    seen = []

    def act(number):
        if number == 3:
            release_batch()
            seen.append((given.states(), listed(redis)))
            started = StartedJobRegistry(QUEUE, connection=redis).get_job_ids(cleanup=False)
            assert started == [f"a_test_job-{row(3).id}"]
            assert redis.hget("rq:worker:test-worker", "state") == b"busy"
            release_batch()  # the second time nothing is left to release

    waiting(act)
    worker._step()
    worker._step()
    ((states, queue),) = seen
    assert states == {"done": 3, "running": 1, "waiting": MANY - 4}
    assert sorted(queue) == sorted(one.id for one in StagedJob if int(one.key) > 3)
    assert given.states() == {"done": 4, "waiting": MANY - 4}
    assert redis.hget("rq:worker:test-worker", "state") == b"idle"


def test_an_accounts_turns_are_counted_by_its_busy_workers(worker, redis, waiting):
    """Given one worker with many jobs of one account, and two workers with one each of another,
    then the first account counts fewer workers.
    """
    waiting(lambda _number: None, range(20), fair_to="a")
    waiting(lambda _number: None, range(100, 110), fair_to="b")
    first = claim_next(QUEUE, "a", "w1")
    claim_more(first, "w1", 10)
    for name in ("w2", "w3"):
        claim_next(QUEUE, "b", name)
    found = waiting_accounts(row(105).id, QUEUE, "").waiting
    assert {one.fair_to: one.running for one in found} == {"a": 1, "b": 2}


def test_an_interactive_job_runs_before_jobs_given_back(worker, redis, waiting, monkeypatch):
    """Given interactive jobs that are pushed to the head of this queue, when one comes while the
    batch is slow, then it is next, before the jobs given back.
    """
    clock, order = stop_clock(monkeypatch), []

    def act(number):
        order.append(number)
        clock.now += LEAST * 2 if number in range(3, 1_000) else 0.0
        if number == 3:
            with transaction():
                stage("a_test_job", 1_000, 1_000, fair_to="b", queue="interactive")
            redis.lpush(f"rq:queue:{QUEUE}", f"a_test_job-{row(1_000).id}")

    waiting(act)
    worker._step()
    worker._step()
    worker._step()
    assert order == [0, 1, 2, 3, 1_000]


def test_a_stopping_worker_records_its_batch_after_a_failed_try(
    worker, redis, waiting, monkeypatch
):
    """Given SIGTERM and a record of the batch that fails once, then each job is recorded or given
    back before the worker ends.
    """
    finish, failed = attempt.finish_job, []

    def fail_once(job):
        if not failed:
            failed.append(job)
            raise OperationalError("the database is away")
        return finish(job)

    def act(number):
        if number == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    waiting(act)
    monkeypatch.setattr(attempt, "finish_job", fail_once)
    monkeypatch.setattr(outages, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _s: 0))
    worker._behind, before = MANY, signal.getsignal(signal.SIGTERM)
    worker._next = rq_view.Next(redis.lpop(f"rq:queue:{QUEUE}").decode(), MANY)
    try:
        worker.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert failed
    assert given.states() == {"done": 4, "waiting": MANY - 4}
    assert {one.attempts for one in StagedJob.select().where(StagedJob.state == "waiting")} == {0}


def test_a_job_that_cannot_be_recorded_does_not_hold_up_the_others(
    worker, redis, waiting, monkeypatch
):
    finish = attempt.finish_job

    def fail(job):
        if job.args == [3]:
            raise OperationalError("its row is locked")
        return finish(job)

    waiting(lambda _number: None)
    worker._step()
    monkeypatch.setattr(attempt, "finish_job", fail)
    with pytest.raises(OperationalError):
        worker._step()
    worker._step()
    assert given.states()["running"] == 1
    assert given.states()["done"] >= AT_ONCE
