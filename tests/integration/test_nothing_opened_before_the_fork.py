"""gunicorn's master loads the application and then forks: all workers would share whatever it had
opened.
"""

from pathlib import Path

import httpx

from tests.running.servers import wait_for
from tests.running.website import serve

ALONE = """
import os
from web.server import request_metrics
del os.environ["PROMETHEUS_MULTIPROC_DIR"]
request_metrics.count_in_memory_without_files()
request_metrics._requests.labels("GET", "/", 200).inc()
assert request_metrics.request_registry().get_sample_value(
    "payphone_http_requests_total", {"method": "GET", "route": "/", "status": "200"}
) == 1.0
"""


def open_in(pid):
    """Return the targets of a process's open descriptors, without those that vanish during the
    look.
    """
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except OSError:
            continue
    return found


def test_the_master_has_opened_no_connection_file_or_thread(database_url, valkey, processes):
    """Given a website that has answered requests using the database and Redis, then its master has
    one thread and its listening socket, and neither the database nor counter files open.
    """
    masters = []

    def start(*command, **env):
        masters.append(processes(*command, **env))
        return masters[-1]

    url = serve(start)
    assert httpx.get(f"{url}/readyz", timeout=60).status_code in {200, 503}
    (master,) = masters
    children = f"/proc/{master.pid}/task/{master.pid}/children"

    def both_workers():
        started = Path(children).read_text().split()
        return started if len(started) == 2 else None

    workers = wait_for(both_workers, "both workers are there")
    assert len(list(Path(f"/proc/{master.pid}/task").iterdir())) == 1
    opened = open_in(master.pid)
    assert len([one for one in opened if one.startswith("socket:")]) == 1, opened
    assert not [one for one in opened if "payphone-metrics" in one], opened
    if database_url.startswith("sqlite:///"):
        name = Path(database_url.removeprefix("sqlite:///")).name
        assert not [one for one in opened if name in one], opened
    served = [one for worker in workers for one in open_in(worker)]
    assert [one for one in served if one.startswith("socket:")], "this look sees what is open"
    loaded = Path(f"/proc/{master.pid}/maps").read_text()
    assert "pydantic_core" in loaded, "the master has the application in its memory"


def test_a_worker_without_room_for_counters_counts_in_memory(processes, tmp_path):
    """Given a folder for counters that the master named, when a worker finds no space there, then
    it counts in memory and writes no file.
    """
    process = processes("-c", ALONE, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    assert process.wait(240) == 0
    assert list(tmp_path.iterdir()) == []
