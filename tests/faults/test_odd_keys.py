"""A Redis key of ours with content that we never wrote stops nothing: relay, workers, scheduler and
web go on, and everything accepted is done (H17).
"""

import pytest

from delivery import heartbeats, outages, relay, scheduler
from delivery import worker as worker_module
from delivery.locks import invoice_lock
from delivery.outages import OutageBackoff
from delivery.relay import EPOCH_KEY
from delivery.rq.keys import rq_id
from delivery.rq.odd_keys import _TYPES, drop_wrong_types
from delivery.worker import Worker
from models.delivery.staged_job import StagedJob
from models.transactions import database_time, is_postgres
from tests import given
from tests.faults.town import oracle
from tests.running.servers import wait_for

pytestmark = pytest.mark.one_database

ODD = {
    "string": lambda redis, key: redis.set(key, "not a number"),
    "empty": lambda redis, key: redis.set(key, ""),
    "bytes": lambda redis, key: redis.set(key, b"\xff\xfe"),
    "huge": lambda redis, key: redis.set(key, "9" * 40),
    "negative": lambda redis, key: redis.set(key, "-7"),
    "list": lambda redis, key: redis.rpush(key, b"\xff", "x"),
    "hash": lambda redis, key: redis.hset(key, b"\xff", b"\xff"),
    "set": lambda redis, key: redis.sadd(key, b"\xff"),
    "zset": lambda redis, key: redis.zadd(key, {b"\xff": 1.0, "x": float("inf")}),
    "stream": lambda redis, key: redis.xadd(key, {"a": b"\xff"}),
}
TEXTS = {"empty", "bytes", "huge", "negative"}  # only tried where text is expected
KEYS = [
    "rq:queues",
    "rq:workers",
    "rq:workers:webhooks",
    "rq:queue:webhooks",
    "rq:queue:periodic",
    "rq:wip:webhooks",
    "rq:finished:webhooks",
    "rq:failed:webhooks",
    "rq:worker:odd",
    "rq:worker:odd:executions",
    "rq:job:{job}",
    "rq:results:{job}",
    "rq:executions:{job}",
    "rq:execution:{job}:x",
    "rq:scheduler:scheduled_jobs",
    "rq:scheduler:odd",
    "rq:scheduler_lock",
    "rq:job:tick-mark-overdue",
    "payphone:epoch",
    "payphone:relay:seen",
    "payphone:scheduler:seen",
    "payphone:writable",
    "payphone:lock:invoice:{invoice}",
]


def an_event():
    return given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))


@pytest.fixture
def house(database_url, valkey, monkeypatch):
    """Redis, and a function that runs one round of each process in this one; no round may raise."""
    if is_postgres():
        pytest.skip("is about Redis")
    monkeypatch.setattr(outages, "SHORTEST", 0.001)
    monkeypatch.setattr(outages, "LONGEST", 0.001)
    monkeypatch.setattr(relay, "GRACE", 0)
    monkeypatch.setattr(worker_module, "POP_SECONDS", 0.02)
    redis = valkey.client()
    worker = Worker("webhooks", redis, "odd", lambda _at: None)
    worker._beat()

    def look():
        patience = OutageBackoff("test", redis)
        with patience.ride_out():
            relay.tick(redis)
        with worker._patience.ride_out():
            worker._beaten_at = 0.0
            worker._step()
        with patience.ride_out():
            table = scheduler._Scheduler(queue_name="periodic", connection=redis, interval=5)
            try:
                if table.acquire_lock():
                    table.enqueue_jobs()
            finally:
                table.remove_lock()

    return redis, look


def test_every_redis_key_of_ours_is_tested():
    """Given the table of keys that we write, then each has a key here."""
    for start, _ in _TYPES:
        assert any(key.startswith(start) for key in KEYS), start


@pytest.mark.parametrize("key", KEYS)
def test_a_redis_key_with_odd_content_stops_no_process(key, house, client):
    """Given a key with other content, when each process runs, then the accepted event is processed,
    and `/readyz` and the heartbeats work.
    """
    redis, look = house
    is_text = dict(_TYPES).get(key) == "string" or key.startswith("payphone:")
    for odd_name, odd in ODD.items():
        if not is_text and odd_name in TEXTS:
            continue
        inbox_id = given.received(an_event())
        job = StagedJob.get(StagedJob.key == str(inbox_id))
        name = key.format(job=rq_id(job.name, job.id), invoice="inv_x")
        redis.delete(name)
        odd(redis, name)
        assert client.simulate_get("/readyz").status_code == 200
        looks = 0
        while StagedJob.get_by_id(job.id).state != "done" or looks < 3:
            look()
            looks += 1
            assert looks < 9, f"{odd_name}: the job is not done"
        assert heartbeats.read_heartbeats(redis, database_time()).relay is not None
        with invoice_lock("inv_x", wait=0.1):
            pass
        assert redis.zscore("rq:scheduler:scheduled_jobs", "tick-mark-overdue") is not None


@pytest.mark.parametrize("written", ["9" * 40, "-1", "tomorrow", "", "future"])
def test_an_invalid_epoch_is_replaced(written, house):
    """Given an epoch that is no time, or lies in the future, then it is replaced, and a pushed job
    is not pushed again at every tick.
    """
    redis, _ = house
    redis.set(EPOCH_KEY, database_time() + 10**12 if written == "future" else written)
    given.received(an_event())
    redis.delete("rq:queue:webhooks")
    relay.tick(redis)
    pushed = redis.llen("rq:queue:webhooks")
    for _ in range(3):
        relay.tick(redis)
    assert redis.llen("rq:queue:webhooks") == pushed == 1
    assert 0 < int(redis.get(EPOCH_KEY)) <= database_time()


@pytest.mark.parametrize("due", [-5.0, float("inf"), 4_000_000_000_000.0])
def test_a_tick_with_an_invalid_due_time_is_restored(due, house):
    redis, look = house
    look()
    redis.zadd("rq:scheduler:scheduled_jobs", {"tick-mark-overdue": due})
    look()
    assert 0 < redis.zscore("rq:scheduler:scheduled_jobs", "tick-mark-overdue") < 4_000_000_000


def test_only_our_own_keys_of_a_wrong_type_are_deleted(house):
    """Given keys of others, and keys of ours that are correct, then they stay."""
    redis, look = house
    look()
    redis.rpush("somebody:else", "1")
    redis.set("rq:something:else", "1")
    redis.delete("rq:workers")
    redis.set("rq:workers", "odd")
    before = set(redis.keys("*"))
    assert drop_wrong_types(redis) == 1
    assert set(redis.keys("*")) == before - {b"rq:workers"}
    assert drop_wrong_types(redis) == 0


def test_real_processes_go_on_if_every_redis_key_has_odd_content(own_town):
    """Given a Redis in which every key of ours holds something else, then real processes of every
    kind keep running, repair it, and do everything that was accepted.
    """
    town = own_town
    redis = town.valkey.client()
    web, pool, ticking = town.web(), town.pool(), town.scheduler()
    wait_for(lambda: len(town.listed_workers()) == 2, "the workers are there")
    for key in KEYS:
        name = key.format(job="process_stripe_event-1", invoice="inv_x")
        redis.delete(name)
        ODD["list" if key.startswith(("payphone:", "rq:scheduler_lock")) else "string"](redis, name)
    events = [an_event() for _ in range(3)]
    for event in events:
        town.post_until_accepted(event)
    oracle(town)
    wait_for(
        lambda: redis.zscore("rq:scheduler:scheduled_jobs", "tick-mark-overdue"),
        "the timetable is back",
    )
    wait_for(lambda: len(town.listed_workers()) == 2, "the workers are listed again")
    assert [process.poll() for process in (web, pool, ticking)] == [None] * 3
