"""Redis frozen, restarted, emptied, full, or losing its answers: intake goes on, everything is done (faults 12–16)."""

import contextlib
import signal
import time

import pytest
from redis.exceptions import OutOfMemoryError

from models.inbox_event import InboxEvent
from models.payment import Payment
from models.staged_job import StagedJob
from tests import given
from tests.conftest import wait_for
from tests.faults.redis_proxy import LossyProxy
from tests.faults.town import all_settled, oracle


def paid_events(count):
    return [given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice())) for _ in range(count)]


def post_quickly(town, events):
    """Each is answered 200 within a second, as the issue bounds it."""
    for event in events:
        begun = time.monotonic()
        assert town.post(event) == 200
        assert time.monotonic() - begun < 1.0


def fill(redis):
    """To its limit of 5 MB; then the limit is lowered, for buffers that come and go leave room to breathe."""
    redis.config_set("maxmemory", "5mb")
    index = 0
    with contextlib.suppress(OutOfMemoryError):
        while redis.set(f"filler:{index}", "x" * 10_000):
            index += 1
    redis.config_set("maxmemory", "4mb")


def test_a_frozen_redis_does_not_stop_the_intake(own_town):
    """Given a frozen Redis, when events come in, then each is answered within a second, and done after the thaw."""
    town = own_town
    town.web()
    town.pool()
    town.post_until_accepted(paid_events(1)[0])
    all_settled()
    town.valkey.send(signal.SIGSTOP)
    post_quickly(town, paid_events(5))
    assert given.states() == {"done": 1, "waiting": 5}
    town.valkey.send(signal.SIGCONT)
    oracle(town)


def test_no_redis_at_all_does_not_stop_the_intake(own_town):
    """Given a Redis that is killed, when it comes back with its append-only file, then all is done, by the same pool."""
    town = own_town
    town.web()
    pool = town.pool()
    town.post_until_accepted(paid_events(1)[0])
    all_settled()
    town.valkey.stop(signal.SIGKILL)
    post_quickly(town, paid_events(5))
    town.valkey.start()
    oracle(town)
    assert pool.poll() is None
    wait_for(lambda: len(town.listed_workers()) == 2, "RQ lists both workers")


def test_redis_is_emptied_under_work(town):
    """Given running and queued jobs, when Redis is emptied, then all are done once, and RQ lists workers and jobs again."""
    for number in range(4):
        given.a_job("wait_for_go", number, "messages", attempts=5)
    town.test_pool("messages=2")
    wait_for(lambda: len(town.lines("began")) == 2, "two of them run")
    redis = town.valkey.client()
    redis.flushall()
    town.file("go").touch()
    all_settled()
    assert InboxEvent.select().count() == 4
    assert {row.attempts for row in StagedJob.select()} == {1}

    def listed():
        workers = town.listed_workers()
        return len(workers) == 2 and all(worker.queue_names() == ["messages"] and worker.birth_date and worker.pid for worker in workers)

    wait_for(listed, "RQ lists both workers whole", 8)


def test_a_full_redis_does_not_stop_the_intake(own_town):
    """Given a Redis at its memory's end that evicts nothing, then events are kept, and done when there is room."""
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


@pytest.mark.parametrize("answer", ["of the nudge", "of the lock"])
def test_redis_does_as_told_and_its_answer_is_lost(town, answer):
    """What was pushed though nobody heard so is done once; a lock taken unheard blocks nobody for longer than its lease."""
    lost = b"RPUSH" if answer == "of the nudge" else b"payphone:lock"
    proxy = LossyProxy(town.valkey.socket, town.valkey.directory, lost)
    try:
        lossy = {"REDIS_URL": proxy.url}
        town.web(**(lossy if answer == "of the nudge" else {}))
        town.pool(**(lossy if answer == "of the lock" else {}), PAYPHONE_LOCK_LEASE="1")
        invoice = given.an_invoice()
        intent = given.an_intent(invoice)
        post_quickly(town, [given.an_event("payment_intent.succeeded", intent), given.an_event("refund.created", given.a_refund(intent, 500))])
        oracle(town)
        assert proxy.losses > 0
        assert Payment.select().count() == 1
        assert {row.attempts for row in StagedJob.select()} == {1}
    finally:
        proxy.close()
        (town.valkey.directory / "proxy.sock").unlink()
