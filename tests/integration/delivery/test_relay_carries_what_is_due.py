"""The relay pushes each due job once, again if it was lost, and nothing else."""

import threading
import time

import pytest

from delivery import outages, relay, worker
from delivery.pool import KILL_GRACE
from delivery.registry import MAX_TIMEOUT
from delivery.relay import EPOCH_KEY
from delivery.route import RENEWED_FOR, SILENT
from delivery.rq import keys as rq_keys
from delivery.rq import view as rq_view
from jobs.mark_overdue import mark_overdue
from jobs.process_stripe_event import process_stripe_event
from models import transactions
from models.delivery.attempt import claim_job, release_worker
from models.delivery.staged_job import StagedJob, take_due
from models.transactions import STATEMENT_SECONDS, execute, release_connection, transaction
from tests import given


@pytest.fixture(autouse=True)
def _database(database_url):
    """Run each test on both databases."""


@pytest.fixture
def redis(valkey, monkeypatch):
    """A Redis whose epoch is old; GRACE is longer than any test."""
    monkeypatch.setattr(relay, "GRACE", 3_600_000_000)
    client = valkey.client()
    client.set(EPOCH_KEY, 1)
    return client


def queued(redis, queue="webhooks"):
    return [
        int(identity.decode().rpartition("-")[2])
        for identity in redis.lrange(f"rq:queue:{queue}", 0, -1)
    ]


def pushed_long_ago():
    StagedJob.update(pushed_at=StagedJob.pushed_at - 2 * relay.GRACE).execute()


def test_the_relay_pushes_due_jobs_once(redis):
    due, later = given.a_job("a_test_job", 1), given.a_job("a_test_job", 2, delay=60)
    assert relay.tick(redis) == 1
    assert relay.tick(redis) == 0
    assert queued(redis) == [due]
    given.make_due()
    assert relay.tick(redis) == 1
    assert queued(redis) == [due, later]


def test_the_relay_pushes_no_running_or_finished_job(redis):
    running, over = given.a_job("a_test_job", 1), given.a_job("a_test_job", 2)
    claim_job(running, "w1")
    StagedJob.update(state="done").where(StagedJob.id == over).execute()
    assert relay.tick(redis) == 0


def test_all_due_jobs_are_pushed_again_after_redis_is_emptied(redis):
    """Given queued jobs, when Redis is emptied, then a new epoch begins and they are pushed
    again.
    """
    ids = [given.a_job("a_test_job", number) for number in range(3)]
    relay.tick(redis)
    redis.flushall()
    assert relay.tick(redis) == 3
    assert queued(redis) == ids
    assert relay.tick(redis) == 0


def test_a_job_popped_but_never_claimed_is_pushed_again(redis):
    """Given a job popped by a worker that died before its claim, then it is pushed again once GRACE
    is over.
    """
    job_id = given.a_job("a_test_job", 1)
    relay.tick(redis)
    redis.lpop("rq:queue:webhooks")
    assert relay.tick(redis) == 0, "it may still be on its way to the row"
    pushed_long_ago()
    assert relay.tick(redis) == 1
    assert queued(redis) == [job_id]


def test_a_job_lost_from_a_busy_queue_is_pushed_again(redis):
    """Given a job pushed before the head of its queue, then it is lost and pushed again."""
    lost = given.a_job("a_test_job", 1)
    relay.tick(redis)
    redis.lpop("rq:queue:webhooks")
    pushed_long_ago()
    waiting = given.a_job("a_test_job", 2)
    with transaction():
        StagedJob.update(pushed_at=given.database_now()).where(StagedJob.id == waiting).execute()
    rq_view.push(redis, [rq_view.Pushable(waiting, "a_test_job", "webhooks")])
    assert relay.tick(redis) == 1
    assert queued(redis) == [waiting, lost]


def test_a_long_queue_is_not_pushed_twice(redis):
    """Given jobs that wait in the queue for long, then they do not count as lost."""
    for number in range(5):
        given.a_job("a_test_job", number)
    relay.tick(redis)
    pushed_long_ago()
    assert relay.tick(redis) == 0
    assert len(queued(redis)) == 5


def test_two_relays_at_once_never_push_the_same_job(redis):
    """Each job is taken by one relay: SKIP LOCKED on PostgreSQL, one writer at a time on SQLite."""
    for number in range(300):
        given.a_job("a_test_job", number)
    taken, gate = [], threading.Barrier(4)

    def look():
        gate.wait()
        for _ in range(6):
            taken.extend(job.id for job in take_due(60, 1, {}))
        release_connection()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 300


def test_a_relay_skips_rows_locked_by_another(redis):
    """Given a row locked by another relay's transaction, then it is skipped (PostgreSQL)."""
    if not transactions.is_postgres():
        pytest.skip("SQLite has one writer at a time")
    held, free = given.a_job("a_test_job", 1), given.a_job("a_test_job", 2)
    found = []

    def other():
        found.extend(job.id for job in take_due(10, 1, {}))
        release_connection()

    with transaction():
        transactions.database.execute_sql(
            "SELECT id FROM staged_job WHERE id = %s FOR UPDATE", (held,)
        )
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(120)
        assert not thread.is_alive()
    assert found == [free]


def test_duplicate_queue_entries_are_claimed_once(redis):
    job_id = given.a_job("no_such_job_in_this_release", 1)
    relay.tick(redis)
    redis.rpush("rq:queue:webhooks", *redis.lrange("rq:queue:webhooks", 0, -1) * 3)
    assert given.worked(redis) == 1
    assert StagedJob.get_by_id(job_id).claim == 1


def test_an_unknown_job_waits_for_a_newer_release_without_using_up_attempts(redis):
    """Given a newer release's job, then an old worker uses up no attempt of it, and retries it
    after a minute.
    """
    job_id = given.a_job("no_such_job_in_this_release", 1, attempts=3)
    for _ in range(5):
        given.make_due()
        given.relayed(redis)
        before = given.database_now()
        assert given.worked(redis) == 1
        row = StagedJob.get_by_id(job_id)
        assert (row.state, row.attempts, row.last_error) == (
            "waiting",
            0,
            "this release has no such job",
        )
        assert before <= row.due_at - 60_000_000 <= given.database_now()


def test_an_unknown_job_that_kills_newer_workers_still_ends_dead(redis):
    """Given a newer release's job that kills its workers, then the old release's tries do not keep
    it from ending dead.
    """
    job_id = given.a_job("no_such_job_in_this_release", 1, attempts=2)
    for number in range(2):
        given.make_due()
        given.relayed(redis)
        given.worked(redis)
        given.make_due()
        assert claim_job(job_id, f"newer-{number}") is not None
        release_worker(f"newer-{number}")
    assert StagedJob.get_by_id(job_id).state == "dead"


def test_rq_gets_each_jobs_own_timeout(redis):
    for job in (process_stripe_event, mark_overdue):
        assert rq_keys.job_hash(job.name, 1, job.queue, "")["timeout"] == job.timeout
    assert process_stripe_event.timeout != mark_overdue.timeout


def test_a_database_without_tables_is_logged_once(redis, monkeypatch):
    """Given a database without tables, then the relay logs that once, not at every look."""
    execute("DROP TABLE staged_job")
    told, looks = [], iter([False, False, False, True])
    monkeypatch.setattr(relay, "TICK", 0.01)
    monkeypatch.setattr(outages, "SHORTEST", 0.01)
    monkeypatch.setattr(outages.log, "warning", lambda event, **_values: told.append(event))
    relay.run(redis, lambda: next(looks), lambda _at: None)
    assert told == ["The database is not at this release's schema. Run bin/payphone migrate."]


def test_the_relay_sets_a_deadline_for_each_pass(redis, monkeypatch):
    """Given a relay, then it sets a deadline for each look, longer than two statement timeouts, so
    that the supervisor can replace one that hangs.
    """
    told, looks = [], iter([False, False, True])
    monkeypatch.setattr(relay, "TICK", 0.0)
    begun = time.monotonic()
    relay.run(redis, lambda: next(looks), told.append)
    assert len(told) == 2
    assert begun + relay.LOOK_SECONDS <= told[0] < told[1] <= time.monotonic() + relay.LOOK_SECONDS
    assert relay.LOOK_SECONDS > 2 * STATEMENT_SECONDS


def an_interactive_job(number):
    return given.a_job("a_test_job", number, queue="interactive")


@pytest.mark.parametrize("left", [RENEWED_FOR, RENEWED_FOR - SILENT - 1])
def test_interactive_jobs_do_not_wait_for_a_silent_worker(redis, left):
    """Given a worker of the interactive queue that died with its machine, whose key lives on in
    Redis, then interactive jobs move to other queues once it has been silent for longer than the
    longest job, also those queued before.
    """
    redis.sadd("rq:workers:interactive", "rq:worker:gone")
    redis.hset("rq:worker:gone", "state", "idle")
    redis.expire("rq:worker:gone", RENEWED_FOR)
    first = an_interactive_job(1)
    relay.tick(redis)
    assert queued(redis, "interactive") == [first]
    redis.expire("rq:worker:gone", int(left))
    second = an_interactive_job(2)
    relay.tick(redis)
    is_silent = left < RENEWED_FOR
    assert queued(redis, "interactive") == ([] if is_silent else [first, second])
    assert sorted(queued(redis)) == ([first, second] if is_silent else [])


def test_a_worker_performing_the_longest_job_does_not_count_as_silent():
    """`delivery.route` relies on these limits of workers and jobs."""
    assert RENEWED_FOR == worker.WORKER_TTL
    assert worker.HEARTBEAT_SECONDS + MAX_TIMEOUT + KILL_GRACE < SILENT
