"""What is in a queue never runs unless it is one of our staged rows (faults 44, 46)."""

import pytest
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry
from rq.serializers import JSONSerializer, PickleSerializer

from delivery import relay
from delivery.rq import keys as rq_keys
from delivery.worker import Worker
from models.delivery.staged_job import StagedJob
from tests import given
from tests.faults.town import oracle
from tests.running.servers import wait_for

GARBAGE = [
    b"no such job",
    b"",
    b"\xff\xfe\x00",
    b"process_stripe_event-",
    b"process_stripe_event-999999999",
    b"process_stripe_event-99999999999999999999999999",
    "process_stripe_event-²".encode(),
    b"process_stripe_event-1:2",
    b"../../etc/passwd",
    b"tick-no-such-schedule",
    b"x" * 100_000,
]


def a_worker(redis, queue="webhooks"):
    return Worker(queue, redis, "test-worker", lambda _at: None)


@pytest.mark.parametrize("serializer", [JSONSerializer, PickleSerializer])
def test_a_planted_function_never_runs(town, serializer):
    """Given os.system enqueued through RQ itself, then a real pool refuses it and does our job."""
    redis, loot = town.valkey.client(), town.file("loot")
    planted = Queue("webhooks", connection=redis, serializer=serializer).enqueue(
        "os.system", f"touch {loot}"
    )
    event = given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
    town.stage(event)
    town.pool()
    oracle(town)
    failed = FailedJobRegistry("webhooks", connection=redis)
    wait_for(lambda: failed.get_job_ids() == [planted.id], "it is shown as failed")
    assert not loot.exists()
    shown = Job.fetch(planted.id, connection=redis, serializer=JSONSerializer)
    assert (shown.get_status(), shown.description) == (
        JobStatus.FAILED,
        "refused: not a staged job",
    )
    assert b"os.system" not in shown.data
    assert redis.llen("rq:queue:webhooks") == 0


@pytest.mark.one_database
@pytest.mark.parametrize("identity", GARBAGE, ids=lambda identity: repr(identity[:30]))
def test_garbage_in_the_queue_stops_no_other_job(client, valkey, identity):
    """Given garbage in the queue, then the worker goes on; what RQ can show is in its failed
    registry and can be read there.
    """
    redis = valkey.client()
    redis.rpush("rq:queue:webhooks", identity)
    event = given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
    given.received(event)
    worker = a_worker(redis)
    for _ in range(2):
        worker._step()
    assert given.states() == {"done": 1}
    failed = FailedJobRegistry(
        "webhooks", connection=redis, serializer=JSONSerializer
    ).get_job_ids()
    assert len(failed) == (0 if identity.startswith(b"tick-") else 1)
    for job_id in failed:
        assert (
            Job.fetch(job_id, connection=redis, serializer=JSONSerializer).func_name
            == "jobs.refused"
        )


def test_garbage_at_the_head_of_a_queue_does_not_stop_the_relay(client, valkey):
    """Given garbage at the head of a queue, then a due job is pushed behind it, once, however often
    the relay runs.
    """
    redis = valkey.client()
    for number, identity in enumerate(GARBAGE):
        redis.delete("rq:queue:webhooks")
        redis.rpush("rq:queue:webhooks", identity)
        due = given.a_job("a_test_job", number)
        for _ in range(2):
            relay.tick(redis)
        assert redis.lrange("rq:queue:webhooks", 0, -1) == [identity, f"a_test_job-{due}".encode()]


@pytest.mark.parametrize("hash_of", ["nothing", "another type", "junk"])
def test_a_job_with_a_missing_or_broken_rq_hash_is_still_done(client, valkey, hash_of):
    """Given RQ's hash missing or broken, then the job is done: our worker does not read the
    hash.
    """
    redis = valkey.client()
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice())))
    key = rq_keys.job_key(f"process_stripe_event-{StagedJob.get().id}")
    redis.delete(key)
    if hash_of == "another type":
        redis.set(key, "junk")
    elif hash_of == "junk":
        redis.hset(key, mapping={"data": b"\x80\x04junk", "status": "nonsense"})
    given.worked(redis)
    assert given.states() == {"done": 1}


def test_a_finished_job_that_is_requeued_stays_finished(client, valkey):
    """Given a finished job that is requeued in a dashboard, then it does not run, and RQ still says
    FINISHED.
    """
    redis, invoice = valkey.client(), given.an_invoice()
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(invoice)))
    given.worked(redis)
    row, version = StagedJob.get(), given.fresh(invoice).version
    identity = f"process_stripe_event-{row.id}"
    job = Job.fetch(identity, connection=redis, serializer=JSONSerializer)
    Queue("webhooks", connection=redis, serializer=JSONSerializer).enqueue_job(job)
    assert job.get_status() is JobStatus.QUEUED
    assert given.worked(redis) == 0
    assert (StagedJob.get().state, StagedJob.get().attempts, StagedJob.get().claim) == (
        "done",
        row.attempts,
        row.claim,
    )
    assert given.fresh(invoice).version == version
    assert (
        Job.fetch(identity, connection=redis, serializer=JSONSerializer).get_status()
        is JobStatus.FINISHED
    )
    assert FinishedJobRegistry("webhooks", connection=redis).get_job_ids() == [identity]
    assert FailedJobRegistry("webhooks", connection=redis).get_job_ids() == []


def test_a_dead_job_that_is_requeued_stays_dead(client, valkey):
    """Given a dead job that is requeued in RQ, then it does not run: only the row can be
    retried.
    """
    redis = valkey.client()
    job_id = given.a_job("process_stripe_event", 999_999, attempts=1)
    relay.tick(redis)
    given.worked(redis)
    assert StagedJob.get_by_id(job_id).state == "dead"
    identity = f"process_stripe_event-{job_id}"
    registry = FailedJobRegistry("webhooks", connection=redis, serializer=JSONSerializer)
    assert registry.get_job_ids() == [identity]
    registry.requeue(identity)
    assert given.worked(redis) == 0
    assert StagedJob.get_by_id(job_id).state == "dead"
    assert registry.get_job_ids() == [identity]
