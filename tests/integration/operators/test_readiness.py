"""`/readyz` names what is degraded, from signs of life rather than names that dead processes left
behind.
"""

import pathlib
import time

import pytest

from delivery.heartbeats import DETOUR
from delivery.pool import FROZEN, Pool
from delivery.relay import tick
from models.migrate import DIRECTORY
from models.transactions import execute
from runtime.settings import QUEUES
from tests.running.processes import reset_process


@pytest.fixture
def living(client, valkey):
    """The relay, the scheduler and a worker of each queue were seen just now."""
    redis = valkey.client()
    tick(redis)
    redis.set("payphone:scheduler:seen", int(time.time()))
    redis.hset("rq:worker:w1", "state", "idle")
    for queue in QUEUES:
        redis.sadd(f"rq:workers:{queue}", "rq:worker:w1")
    return redis


def test_an_installation_with_all_processes_alive_is_ready(client, living):
    answer = client.simulate_get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "reasons": []})


def test_missing_migrations_are_named(client, living):
    """Given processes of a newer release than the database, then they report the missing
    migration.
    """
    last = pathlib.Path(sorted(DIRECTORY.glob("[0-9]*.py"))[-1]).stem
    execute("DELETE FROM schema_migration WHERE name = ?", (last,))
    answer = client.simulate_get("/readyz")
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "degraded", "reasons": [f"database: lacks {last}"]},
    )


@pytest.mark.parametrize("who", ["relay", "scheduler"])
def test_a_missing_process_is_named(client, living, who):
    living.delete(f"payphone:{who}:seen")
    answer = client.simulate_get("/readyz")
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "degraded", "reasons": [f"{who}: not seen for a minute"]},
    )


def test_queues_of_a_killed_pool_are_named(client, living):
    living.delete("rq:worker:w1")  # it expired after its process was killed
    answer = client.simulate_get("/readyz")
    assert answer.json["reasons"] == [f"workers: nobody serves {queue}" for queue in QUEUES]


def test_a_pool_without_interactive_workers_is_degraded_with_advice(client, living):
    """Given pools without a worker of the interactive queue, then the reason says what to do."""
    living.delete("rq:workers:interactive")
    answer = client.simulate_get("/readyz")
    assert (answer.status_code, answer.json) == (
        200,
        {
            "status": "degraded",
            "reasons": [f"workers: nobody serves interactive: {DETOUR}"],
        },
    )


def test_a_redis_that_will_not_write_is_degraded(client, living):
    living.config_set("maxmemory", "1mb")
    try:
        answer = client.simulate_get("/readyz")
    finally:
        living.config_set("maxmemory", "0")
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "degraded", "reasons": ["redis: refuses writes (OutOfMemoryError)"]},
    )


def test_an_unreachable_redis_is_degraded(client, monkeypatch):
    from web.app import create_app

    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    reset_process()
    answer = type(client)(create_app()).simulate_get("/readyz")
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "degraded", "reasons": ["redis: ConnectionError"]},
    )


def test_a_frozen_supervisor_is_degraded(client, living):
    """Given a pool whose supervisor has not looked for half a minute, then its relay reports it; a
    live one is not reported.
    """
    pool = Pool({}, None, lambda: None)
    pool._looked_at[0] = time.monotonic()
    pool.watch(living)
    assert client.simulate_get("/readyz").json == {"status": "ok", "reasons": []}
    pool._looked_at[0] -= FROZEN + 1
    pool.watch(living)
    assert client.simulate_get("/readyz").json == {
        "status": "degraded",
        "reasons": [f"supervisor: frozen ({pool._name})"],
    }


def test_production_without_its_secret_key_is_degraded(client, living, monkeypatch):
    """Given no PAYPHONE_SECRET_KEY in production, then the reason says so before a clinic needs
    it.
    """
    monkeypatch.setenv("PAYPHONE_ENV", "production")
    monkeypatch.setenv("PAYPHONE_SECRET_KEY", "")
    reset_process()
    answer = client.simulate_get("/readyz").json
    assert answer["status"] == "degraded"
    assert [reason[:48] for reason in answer["reasons"]] == [
        "settings: PAYPHONE_SECRET_KEY is not set: webhoo"
    ]
    monkeypatch.setenv("PAYPHONE_SECRET_KEY", "k" * 40)
    reset_process()
    assert client.simulate_get("/readyz").json == {"status": "ok", "reasons": []}
