"""After a failover the old primary refuses writes while its connections live on: every process
follows the name in REDIS_URL to the new primary.
"""

from contextlib import suppress

import pytest
from limits import parse
from redis.exceptions import MasterDownError, ReadOnlyError

from delivery import nudge
from delivery.heartbeats import read_heartbeats
from delivery.locks import invoice_lock
from models.delivery.staged_job import Pushable
from models.transactions import database_time
from runtime.redis.connection import connect_redis, disconnect_if_replica
from runtime.settings import get_settings
from tests.running.processes import reset_process
from web.http.guards import rate_limiter


@pytest.fixture(params=["yes", "no"])
def moved(own_valkey, valkey, database_url, monkeypatch, request):
    """Returns a function that makes the old server a replica, which may answer nothing at all as
    long as it has no primary (`replica-serve-stale-data no`), and the name lead to the new one.
    """
    own_valkey.client().config_set("replica-serve-stale-data", request.param)
    name = own_valkey.directory / "redis.sock"
    name.symlink_to(own_valkey.socket)
    monkeypatch.setenv("REDIS_URL", f"unix://{name}")
    monkeypatch.setattr(nudge, "PAUSE", 0.0)
    reset_process()

    def move():
        own_valkey.client().replicaof("127.0.0.1", "1")
        name.unlink()
        name.symlink_to(valkey.socket)
        return valkey.client()

    return move


def test_pushes_follow_the_name(moved):
    """Given a process that has pushed into the old primary, then its first push after the failover
    fails, and the next one reaches the new primary.
    """
    job = Pushable(1, "process_stripe_event", "webhooks")
    nudge.push([job])
    primary = moved()
    nudge.push([job])
    assert not primary.exists("rq:queue:webhooks")
    nudge.push([job])
    assert primary.lrange("rq:queue:webhooks", 0, -1) == [b"process_stripe_event-1"]


def test_locks_follow_the_name(moved):
    """Given a worker that has taken locks from the old primary, then it goes on without one after
    the failover, and takes the next from the new primary.
    """

    def held():
        with invoice_lock("inv_1"):
            return primary.keys("payphone:lock:*")

    with invoice_lock("inv_1"):
        primary = moved()
    assert held() == []
    assert held() == [b"payphone:lock:invoice:inv_1"]


def test_readiness_follows_the_name(moved):
    """Given a web process that has found Redis read-only, then it looks at the new primary next."""
    redis = connect_redis(get_settings().redis_url)
    assert read_heartbeats(redis, database_time()).refusal == ""
    moved()
    with suppress(MasterDownError):
        assert read_heartbeats(redis, database_time()).refusal == "ReadOnlyError"
    assert read_heartbeats(redis, database_time()).refusal == ""


def test_rate_limits_follow_the_name(moved, monkeypatch):
    """Given a web process that counts in the old primary, then it counts one hit in memory after
    the failover, and the next in the new primary.
    """
    monkeypatch.setattr(rate_limiter, "PAUSE", 0.0)
    limiter, few = rate_limiter.RateLimiter(), parse("5/minute")
    assert limiter.hit(few, "a")
    primary = moved()
    assert limiter.hit(few, "a")
    assert not primary.keys("payphone:limit*")
    assert limiter.hit(few, "a")
    assert len(primary.keys("payphone:limit*")) == 1


def test_an_answer_that_another_thread_awaits_arrives(valkey):
    """Given a thread that waits for Redis while another finds it to be a replica, then it gets its
    answer: its connection is not closed under it, which would raise no error of Redis.
    """
    redis = connect_redis(f"unix://{valkey.socket}")
    theirs = redis.connection_pool.get_connection()
    theirs.send_command("PING")
    redis.ping()
    disconnect_if_replica(redis, ReadOnlyError("a replica"))
    assert theirs.read_response() in {b"PONG", "PONG"}
