"""A log on a full disk, or in a pipe that is no longer read, stops no work: only log lines are
lost.
"""

import pytest

from tests import given
from tests.faults.town import all_children_of, oracle, send
from tests.running.ports import free_port
from tests.running.servers import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.any_database]  # starts processes

# these redirect a process's stderr there before it becomes the program
FULL = "os.dup2(os.open('/dev/full', os.O_WRONLY), 2)"
UNREAD = "pipe = os.pipe(); os.dup2(pipe[1], 2); os.close(pipe[0])"
BECOME = "import os, sys; {place}; os.execv(sys.executable, [sys.executable, {arguments}])"
GUNICORN = (
    "-m",
    "gunicorn",
    "-c",
    "web/server/gunicorn_conf.py",
    "-w",
    "1",
    "web.app:create_app()",
)


def become(place: str, *arguments: str) -> tuple[str, ...]:
    return "-c", BECOME.format(place=place, arguments=", ".join(map(repr, arguments)))


def paid_event():
    return given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))


@pytest.mark.parametrize("place", [FULL, UNREAD], ids=["full disk", "unread pipe"])
def test_work_goes_on_if_the_log_cannot_be_written(town, processes, place):
    """Given web and workers whose log cannot be written, then events are accepted and processed,
    and a killed worker is replaced.
    """
    town.port = free_port()
    web = processes(*become(place, *GUNICORN), PORT=str(town.port))
    wait_for(lambda: town.get("/healthz")[0] == 200, "the web answers")
    pool = town.pool("webhooks=1", become(place, "worker.py"))
    first = all_children_of(pool.pid, 2)
    assert town.post(paid_event()) == 200
    oracle(town)
    send(first[1], 9)
    wait_for(lambda: first[1] not in all_children_of(pool.pid, 2), "another one is there")
    assert town.post(paid_event()) == 200
    oracle(town)
    assert (web.poll(), pool.poll()) == (None, None)
