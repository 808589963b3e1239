"""Redis frozen, restarted, emptied, full, or losing its answers: intake goes on, and every job is
done (faults 12–16).
"""

import contextlib
import signal
import statistics
import threading
import time

import pytest
from redis.exceptions import OutOfMemoryError
from rq import Queue

from delivery.relay import EPOCH_KEY, HEARTBEAT_KEY
from delivery.schedule import TICK_PREFIX
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.payments.payment import Payment
from runtime.redis.connection import WORKER_TIMEOUT
from tests import given
from tests.faults.town import PATIENT, all_children_of, all_settled, children_of, oracle
from tests.running.servers import wait_for
from tests.stand_ins.redis_proxy import LossyProxy


def paid_events(count):
    return [
        given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
        for _ in range(count)
    ]


def post_quickly(town, events):
    """Post the events; assert that each is answered 200, and most of them well before a worker's
    Redis timeout. The median tolerates one slow write to disk.
    """
    times = []
    for event in events:
        begun = time.monotonic()
        assert town.post(event) == 200
        times.append(time.monotonic() - begun)
    assert statistics.median_low(times) < WORKER_TIMEOUT / 2


def fill(redis):
    """Fill Redis to its limit of 5 MB, then lower the limit, because buffers that shrink leave some
    room.
    """
    redis.config_set("maxmemory", "5mb")
    index = 0
    with contextlib.suppress(OutOfMemoryError):
        while redis.set(f"filler:{index}", "x" * 10_000):
            index += 1
    redis.config_set("maxmemory", "4mb")


def test_a_redis_frozen_for_long_does_not_stop_the_intake(own_town):
    """Given a frozen Redis, when events arrive for longer than a worker's Redis timeout, then each
    is answered 200, the first ones quickly; once Redis answers again, everything is done once, by
    the same processes.
    """
    town = own_town
    web, pool = town.web(), town.pool(PAYPHONE_LEASE=PATIENT)
    town.post_until_accepted(paid_events(1)[0])
    all_settled()
    children = all_children_of(pool.pid, 3)
    town.valkey.send(signal.SIGSTOP)
    frozen_at = time.monotonic()
    post_quickly(town, paid_events(5))
    while time.monotonic() - frozen_at < WORKER_TIMEOUT + 1:
        assert town.post(paid_events(1)[0]) == 200
        threading.Event().wait(0.4)  # the pace of the events, not a wait for something
    assert given.states() == {"done": 1, "waiting": len(town.accepted) - 1}
    town.valkey.send(signal.SIGCONT)
    oracle(town)
    assert (web.poll(), pool.poll(), children_of(pool.pid)) == (None, None, children)
    assert Payment.select().count() == len(town.accepted) > 5
    assert {row.attempts for row in StagedJob.select()} == {1}


def on_disk(redis):
    """Wait until Redis has synced every write so far to its append-only file."""
    redis.set("marker", 1)
    assert redis.execute_command("WAITAOF", 1, 0, 100_000)[0] == 1


def pushed():
    """Return when each job was last pushed, which changes when it is pushed again."""
    return {row.id: row.pushed_at for row in StagedJob.select()}


def test_a_killed_redis_restores_its_queue_from_the_append_only_file(own_town):
    """Given a running job and others in the queue, when Redis is killed and restarted, then its
    append-only file restores the queue and registries, and those jobs are not pushed again; the
    relay pushes those that arrived in between.
    """
    town = own_town
    web, pool = (
        town.web(),
        town.pool("webhooks=1", ("-m", "tests.faults.worker_main"), PAYPHONE_LEASE=PATIENT),
    )
    given.a_job("wait_for_go", 1)
    wait_for(lambda: town.lines("began"), "one job runs")
    children = all_children_of(pool.pid, 2)
    for event in paid_events(3):
        town.post_until_accepted(event)
    redis = town.valkey.client()
    queue, registry = "rq:queue:webhooks", "rq:wip:webhooks"
    wait_for(lambda: len(set(redis.lrange(queue, 0, -1))) == 3, "three are queued")
    on_disk(redis)
    before, told = (
        pushed(),
        (
            redis.lrange(queue, 0, -1),
            redis.zrange(registry, 0, -1),
            redis.get(EPOCH_KEY),
        ),
    )
    assert (len(before), len(told[1])) == (4, 1)
    town.valkey.stop(signal.SIGKILL)
    post_quickly(town, paid_events(5))
    town.valkey.start()
    redis = town.valkey.client()
    assert (redis.lrange(queue, 0, 2), redis.zrange(registry, 0, -1), redis.get(EPOCH_KEY)) == told
    town.file("go").touch()
    oracle(town)
    assert {job_id: at for job_id, at in pushed().items() if job_id in before} == before, (
        "Redis had kept them: none was pushed again"
    )
    assert all(pushed().values()), "what Redis never had was pushed in the end"
    assert {row.attempts for row in StagedJob.select()} == {1}
    assert (web.poll(), pool.poll(), children_of(pool.pid)) == (None, None, children)
    wait_for(lambda: len(town.listed_workers()) == 1, "RQ lists the worker")


def test_an_emptied_redis_gets_freshly_pushed_jobs_again(town):
    """Given jobs in a queue whose head never looks lost, when Redis is emptied, then the new epoch
    alone has them pushed again.
    """
    redis = town.valkey.client()
    redis.set(EPOCH_KEY, 1)  # an old epoch
    town.pool("outgoing=1")
    town.stage(*paid_events(3))
    queue = [
        f"process_stripe_event-{row.id}".encode()
        for row in StagedJob.select().order_by(StagedJob.id)
    ]
    wait_for(
        lambda: redis.lrange("rq:queue:webhooks", 0, -1) == queue and redis.exists(HEARTBEAT_KEY),
        "they are queued, and the relay looks",
    )
    head = f"{TICK_PREFIX}of-nobody"
    with redis.pipeline(transaction=True) as pipe:
        pipe.flushall()
        pipe.rpush("rq:queue:webhooks", head)
        pipe.execute()
    wait_for(
        lambda: redis.lrange("rq:queue:webhooks", 0, -1) == [head.encode(), *queue],
        "each is queued again, once",
    )
    town.pool("webhooks=2", PAYPHONE_LEASE=PATIENT)
    oracle(town)
    assert {row.attempts for row in StagedJob.select()} == {1}


def test_emptying_redis_during_work_loses_and_repeats_no_job(town):
    """Given running and queued jobs, when Redis is emptied, then RQ lists the queued jobs again,
    all are done once, and RQ lists the workers again.
    """
    for number in range(4):
        given.a_job("wait_for_go", number, "messages", attempts=5)
    town.pool_with_test_jobs("messages=2", PAYPHONE_LEASE=PATIENT)
    wait_for(lambda: len(town.lines("began")) == 2, "two of them run")
    redis = town.valkey.client()
    redis.flushall()
    waiting = {f"wait_for_go-{row.id}" for row in StagedJob.select() if row.state == "waiting"}
    assert len(waiting) == 2
    queue = Queue("messages", connection=redis)
    wait_for(lambda: set(queue.get_job_ids()) == waiting, "RQ lists the queued jobs again")
    town.file("go").touch()
    all_settled()
    assert InboxEvent.select().count() == 4
    assert {row.attempts for row in StagedJob.select()} == {1}

    def listed():
        workers = town.listed_workers()
        return len(workers) == 2 and all(
            worker.queue_names() == ["messages"] and worker.birth_date and worker.pid
            for worker in workers
        )

    wait_for(listed, "RQ lists both workers whole")


def test_a_full_redis_does_not_stop_the_intake(own_town):
    """Given a full Redis that evicts nothing, then events are accepted, and processed once there is
    room.
    """
    town = own_town
    town.web()
    town.pool()
    town.post_until_accepted(paid_events(1)[0])
    all_settled()
    redis = town.valkey.client()
    fill(redis)
    post_quickly(town, paid_events(5))
    assert given.states() == {"done": 1, "waiting": 5}
    redis.config_set("maxmemory", "0")
    oracle(town)


def test_workers_drain_the_queue_of_a_full_redis(own_town):
    """Given jobs in the queue of a full Redis, when workers start, then the jobs are done while it
    is full.
    """
    town = own_town
    town.pool("outgoing=1")
    town.stage(*paid_events(3))
    redis = town.valkey.client()
    # each perhaps twice: nudged, and pushed by a relay to which this Redis is new
    wait_for(lambda: len(set(redis.lrange("rq:queue:webhooks", 0, -1))) == 3, "they are queued")
    fill(redis)
    town.pool("webhooks=1")
    oracle(town)
    with pytest.raises(OutOfMemoryError):
        redis.set("still", "full")
    assert not redis.keys("rq:job:process_stripe_event-*"), "what was popped makes room"


def test_a_read_only_redis_is_logged_once_per_process_and_work_resumes(own_town, capfd):
    """Given a Redis that is a read-only replica for some seconds, then each process logs it once;
    once it is writable, all jobs are done.
    """
    town, lines = own_town, []

    def told():
        lines.append(capfd.readouterr().err)
        return "".join(lines).count("Redis refuses writes")

    town.pool("webhooks=2")
    redis = town.valkey.client()
    wait_for(lambda: redis.exists(HEARTBEAT_KEY), "the relay looks")
    redis.replicaof("127.0.0.1", "1")
    town.stage(*paid_events(2))
    wait_for(lambda: told() >= 3, "two workers and the relay say so")
    threading.Event().wait(3.0)  # in which each of them tries several times
    assert told() == 3
    redis.replicaof("NO", "ONE")
    oracle(town)


@pytest.mark.parametrize("answer", ["of the nudge", "of the lock"])
def test_a_lost_answer_of_redis_neither_repeats_a_job_nor_holds_a_lock_too_long(town, answer):
    """Given a push whose answer is lost, then the job is done once; given a lock whose answer is
    lost, then it blocks no one longer than its lease.
    """
    lost = b"rq:queue:webhooks" if answer == "of the nudge" else b"payphone:lock"
    proxy = LossyProxy(town.valkey.socket, town.valkey.directory, lost)
    try:
        lossy = {"REDIS_URL": proxy.url}
        town.web(**(lossy if answer == "of the nudge" else {}))
        town.pool(
            **(lossy if answer == "of the lock" else {}),
            PAYPHONE_LOCK_LEASE="1",
            PAYPHONE_LEASE=PATIENT,
        )
        invoice = given.an_invoice()
        intent = given.an_intent(invoice)
        post_quickly(
            town,
            [
                given.an_event("payment_intent.succeeded", intent),
                given.an_event("refund.created", given.a_refund(intent, 500)),
            ],
        )
        oracle(town)
        assert proxy.losses > 0
        assert Payment.select().count() == 1
        assert {row.attempts for row in StagedJob.select()} == {1}
    finally:
        proxy.close()
        (town.valkey.directory / "proxy.sock").unlink()
