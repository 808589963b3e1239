"""The Procfile's processes under honcho, on a machine with nothing but `.venv`: they migrate, start
and keep running.
"""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from runtime.settings import ROOT
from tests.running.ports import free_port
from tests.running.processes import end
from tests.running.servers import wait_for

pytestmark = pytest.mark.slow  # starts processes


@pytest.fixture
def started(tmp_path):
    """`honcho start` without Redis and without `.venv` in PATH, on an empty SQLite file."""
    port = free_port()
    env = {
        "HOME": str(tmp_path),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PAYPHONE_STATE_DIR": str(tmp_path),
        "PORT": str(port),
        "PAYPHONE_SECRET_KEY": "k",
        "DATABASE_URL": f"sqlite:///{tmp_path}/payphone.db",
        "WORKERS": "1",
    }
    with (tmp_path / "honcho.log").open("wb") as log:
        command = [str(Path(sys.executable).parent / "honcho"), "start"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
        )
    yield process, port, tmp_path / "honcho.log"
    end(process)


def processes_of(state: Path) -> set[str]:
    """Return the names of the processes that keep their files in `state`."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"PAYPHONE_STATE_DIR={state}".encode() in (entry / "environ").read_bytes().split(
                b"\0"
            ):
                found.add((entry / "comm").read_text().strip())
        except OSError:
            continue
    return found


def test_every_process_of_the_procfile_starts_and_keeps_running(started, tmp_path):
    """Given a release phase that is done, then its process stays and the others keep running:
    honcho stops all when one ends.
    """
    process, port, log = started

    def ready() -> bool:
        return bool(
            httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).json()
            == {
                "status": "ok",
                "reasons": [],
            }
        )

    wait_for(ready, "everything is up", 200)  # four Pythons start at once
    wait_for(lambda: "sleep" in processes_of(tmp_path), "the release phase is over and stays")
    wait_for(ready, "everything is still up")
    assert process.poll() is None
    assert "stopped" not in log.read_text()
    process.send_signal(signal.SIGTERM)
    process.wait(120)
    wait_for(lambda: not processes_of(tmp_path), "nothing is left")
