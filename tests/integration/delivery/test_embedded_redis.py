"""Without REDIS_URL the worker pool starts its own Valkey, one per machine, and every process finds
it.
"""

import os
import signal
from pathlib import Path

import pytest
from rq import Queue

from runtime.errors import Misconfigured
from runtime.redis import embedded, embedded_server
from runtime.redis.connection import connect_redis
from runtime.settings import get_settings
from tests.faults.town import is_alive
from tests.running.processes import end, reset_process
from tests.running.servers import wait_for


def server():
    """Return a client of the embedded server with a timeout that allows for a busy machine."""
    return connect_redis(None, timeout=120)


def test_pools_share_one_embedded_server(database_url, processes, monkeypatch, tmp_path_factory):
    place = Path(tmp_path_factory.mktemp("e", numbered=True))
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("PAYPHONE_STATE_DIR", str(place))
    reset_process()
    first = processes("worker.py")
    wait_for(lambda: server().ping(), "the embedded server answers")
    assert server().config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    wait_for(lambda: server().scard("rq:workers"), "a worker has registered there")
    workers = sum(get_settings().worker_counts.values())
    second = processes("worker.py")
    wait_for(
        lambda: server().scard("rq:workers") == 2 * workers,
        "a second pool shares the first one's server, and all of both are there",
    )
    assert end(second) == 0
    assert server().ping()
    assert len(Queue.all(connection=server())) > 0
    assert end(first, signal.SIGTERM) == 0
    assert not embedded.folder().joinpath("valkey.sock").exists()


def test_a_remaining_pool_restarts_a_server_that_died(
    database_url, processes, monkeypatch, tmp_path_factory
):
    """Given two pools, when the server is killed, or its own pool ends, then a new server starts
    and workers register there.
    """
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("PAYPHONE_STATE_DIR", str(tmp_path_factory.mktemp("e", numbered=True)))
    reset_process()
    first, second = processes("worker.py"), processes("worker.py")
    wait_for(lambda: server().scard("rq:workers") > 7, "both pools are there")
    before = server().info("server")["process_id"]
    os.kill(before, signal.SIGKILL)
    wait_for(
        lambda: server().info("server")["process_id"] != before,
        "there is another server",
    )
    killed = server().info("server")["process_id"]
    owner = (
        first
        if Path(f"/proc/{killed}/stat").read_text().rsplit(")", 1)[1].split()[1] == str(first.pid)
        else second
    )
    assert end(owner) == 0
    wait_for(
        lambda: server().info("server")["process_id"] != killed,
        "the pool that is left has started one",
    )
    server().flushall()
    wait_for(lambda: server().scard("rq:workers") > 0, "its workers have registered there")


def test_a_killed_pools_server_saves_its_data_and_exits(
    database_url, processes, monkeypatch, tmp_path_factory
):
    """Given a pool that is killed, then its server saves its data and ends, and the next pool's
    server loads it.
    """
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("PAYPHONE_STATE_DIR", str(tmp_path_factory.mktemp("e", numbered=True)))
    reset_process()
    pool = processes("worker.py")
    wait_for(lambda: server().ping(), "the embedded server answers")
    pid = server().info("server")["process_id"]
    server().set("kept", "so")
    pool.kill()
    wait_for(lambda: not is_alive(pid), "the server has ended")
    processes("worker.py")
    wait_for(lambda: server().ping(), "the next pool's server answers")
    assert server().get("kept") == b"so"


@pytest.mark.slow
def test_synced_data_survives_a_killed_server(monkeypatch, tmp_path_factory):
    """Given a server that is killed, when the next one starts in its place, then it has all that
    was written to disk.
    """
    monkeypatch.setenv("PAYPHONE_STATE_DIR", str(tmp_path_factory.mktemp("e", numbered=True)))
    reset_process()
    for life in ("first", "second"):
        process = embedded_server.start()
        wait_for(lambda: server().ping(), f"the {life} server answers")
        try:
            redis = server()
            if life == "second":
                assert redis.lrange("rq:queue:webhooks", 0, -1) == [b"a_test_job-1"]
            redis.rpush("rq:queue:webhooks", "a_test_job-1")
            assert redis.execute_command("WAITAOF", 1, 0, 90_000)[0] == 1, "it is on the disk"
        finally:
            process.kill()
            process.wait()


def test_a_state_folder_too_deep_for_a_socket_is_an_error(monkeypatch):
    monkeypatch.setenv("PAYPHONE_STATE_DIR", "/" + "deep/" * 40)
    reset_process()
    with pytest.raises(Misconfigured, match="too long for a socket"):
        embedded.socket_url()
