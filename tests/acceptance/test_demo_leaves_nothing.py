"""`bin/demo`: a busy port and a live key are told; however it ends, no process of its own is left."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, wait_for

OURS = ("STRIPE_", "PAYPHONE_", "TWILIO_", "DATABASE_", "REDIS_", "LOG_", "PORT", "PUBLIC_")
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
PLAIN["PATH"] = f"{Path(sys.executable).parent}:{PLAIN['PATH']}"  # as bin/setup.sh sets it
DESCRIPTION = ROOT / "var" / "demo.json"

pytestmark = pytest.mark.xdist_group("demo")  # one demo at a time in one folder


def demo(*arguments: str, **env: str) -> subprocess.Popen[bytes]:
    """`bin/demo` without its set-up, which the suite has done; SIGINT does what it does in a terminal."""
    restore = "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", restore, sys.executable, "-m", "simulation.demo", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=PLAIN | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def carrying(mark: str) -> list[str]:
    """The processes that carry the demo's mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"PAYPHONE_DEMO_ID={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_a_busy_port_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = demo("--once", PORT=str(taken.getsockname()[1]))
        said = process.communicate(timeout=30)[0].decode()
    assert process.returncode == 1
    assert "is taken by another program" in said


def test_a_live_key_is_refused():
    process = demo("--once", PORT="0", STRIPE_SECRET_KEY="sk_live_" + "x" * 20)
    said = process.communicate(timeout=30)[0].decode()
    assert (process.returncode, "live key" in said) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_is_left_however_it_ends(number):
    mark = f"test-{os.getpid()}-{time.monotonic_ns()}"
    process = demo("--no-story", PORT="0", PAYPHONE_DEMO_ID=mark)
    try:
        wait_for(DESCRIPTION.exists, "everything is up", seconds=40)
        about = json.loads(DESCRIPTION.read_text())
        assert DESCRIPTION.stat().st_mode & 0o777 == 0o600
        assert {str(pid) for pid in about["pids"].values()} <= set(carrying(mark))
        process.send_signal(number)
        wait_for(lambda: not carrying(mark), "nothing is left", seconds=20)
        process.wait(10)
    finally:
        process.kill()
        process.communicate()
    wait_for(lambda: not DESCRIPTION.exists(), "its description is gone")
