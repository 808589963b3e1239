"""`bin/demo`: it reports a busy port, refuses a live key, and however it ends, leaves no process
behind.
"""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.private_files import modes_under
from runtime.settings import ROOT
from tests.running.servers import wait_for

pytestmark = pytest.mark.slow  # starts processes

STARTS_WITHIN = 200  # seconds; six processes start, each with its own Python
OURS = ("STRIPE_", "PAYPHONE_", "TWILIO_", "DATABASE_", "REDIS_", "LOG_", "PORT", "PUBLIC_")
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
PLAIN["PATH"] = f"{Path(sys.executable).parent}:{PLAIN['PATH']}"  # as bin/setup.sh sets it


def demo(state: Path, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
    """Start `bin/demo` without its set-up, which the suite has done, and with SIGINT enabled."""
    restore = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        " os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", restore, sys.executable, "-m", "simulation.demo", *arguments]
    own = {"PORT": "0", "PAYPHONE_STATE_DIR": str(state)}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=PLAIN | own | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def payphone(state: Path, *arguments: str) -> str:
    """Run `bin/payphone --demo` and return its output."""
    command = [sys.executable, "-m", "bin.commands", "--demo", *arguments]
    said = subprocess.run(
        command,
        cwd=ROOT,
        env=PLAIN | {"PAYPHONE_STATE_DIR": str(state)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return (said.stdout + said.stderr).decode()


def carrying(mark: str) -> dict[str, str]:
    """Return the processes that carry the demo's mark, with the command line of each."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"PAYPHONE_DEMO_ID={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found[entry.name] = (entry / "cmdline").read_text()
        except OSError:
            continue
    return found


def assert_hides_its_secrets(state: Path, mark: str) -> None:
    """Assert that no secret of the demo is in the process list, and that no other user can read its
    files.
    """
    settings = json.loads((state / "demo" / "settings.json").read_text())
    secret = [
        value
        for name, value in settings.items()
        if any(word in name for word in ("SECRET", "TOKEN", "PASSWORD", "KEY"))
    ]
    secret.append(settings["REDIS_URL"].split(":")[2].split("@")[0])
    shown = carrying(mark).values()
    assert len(secret) > 5
    assert len(shown) > 5
    assert not [line for line in shown for value in secret if value in line]
    modes = modes_under(state)
    del modes[state / "demo.json"]
    assert len(modes) > 10
    assert not [path for path, mode in modes.items() if mode & 0o077]


def test_the_demo_reports_a_busy_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = demo(tmp_path, "--once", PORT=str(taken.getsockname()[1]))
        said = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 1
    assert "is taken by another program" in said


def test_the_demo_refuses_a_live_key(tmp_path):
    process = demo(tmp_path, "--once", PORT="0", STRIPE_SECRET_KEY="sk_live_" + "x" * 20)
    said = process.communicate(timeout=120)[0].decode()
    assert (process.returncode, "live key" in said) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_the_demo_leaves_no_process_when_interrupted_or_killed(number, tmp_path):
    mark = f"test-{os.getpid()}-{time.monotonic_ns()}"
    description = tmp_path / "demo.json"
    description.write_text("{}")  # as a power cut leaves it
    process = demo(tmp_path, "--no-story", PAYPHONE_DEMO_ID=mark)
    try:
        wait_for(
            lambda: description.exists() and description.read_text() != "{}",
            "everything is up",
            STARTS_WITHIN,
        )
        about = json.loads(description.read_text())
        assert description.stat().st_mode & 0o777 == 0o600
        started = json.loads((tmp_path / "demo" / "pids.json").read_text())
        assert set(about["pids"].items()) < set(started.items())
        assert {str(pid) for pid in started.values()} <= set(carrying(mark)), (
            "one of them would not be found again: Valkey, say"
        )
        assert_hides_its_secrets(tmp_path, mark)
        assert "all applied" in payphone(tmp_path, "doctor"), (
            "the command line speaks to the running demo"
        )
        process.send_signal(number)
        wait_for(lambda: not carrying(mark), "nothing is left")
        process.wait(120)
    finally:
        process.kill()
        print(process.communicate()[0].decode())
    wait_for(lambda: not description.exists(), "its description is gone")


def test_the_command_line_reaches_a_custom_demo_and_a_second_is_refused(tmp_path):
    """Given a demo with a database of its own, when the command line runs in another shell, then it
    uses that database, and the settings file is readable by its user only; a second demo in the
    same folder is refused; after SIGTERM, nothing is left.
    """
    mark = f"test-{os.getpid()}-{time.monotonic_ns()}"
    url = f"sqlite:///{tmp_path / 'given.db'}"
    description = tmp_path / "demo.json"
    process = demo(
        tmp_path,
        "--no-story",
        PAYPHONE_DEMO_ID=mark,
        DATABASE_URL=url,
        STRIPE_WEBHOOK_SECRET="whsec_given",
    )
    try:
        wait_for(description.exists, "everything is up", STARTS_WITHIN)
        kept = tmp_path / "demo" / "settings.json"
        assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        told = json.loads(kept.read_text())
        assert (told["DATABASE_URL"], told["STRIPE_WEBHOOK_SECRET"], "HOME" in told) == (
            url,
            "whsec_given",
            False,
        )
        assert "account" in payphone(tmp_path, "account", "create", "From another shell")
        with sqlite3.connect(tmp_path / "given.db") as given:
            assert given.execute(
                "SELECT count(*) FROM account WHERE name = 'From another shell'"
            ).fetchone() == (1,)
        second = demo(tmp_path, "--once")
        said = second.communicate(timeout=120)[0].decode()
        assert (second.returncode, "is running in this folder already" in said) == (1, True)
        assert description.exists(), "the second took the first one's description away"
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: not carrying(mark), "nothing is left")
        process.wait(120)
    finally:
        process.kill()
        print(process.communicate()[0].decode())
    wait_for(lambda: not description.exists(), "its description is gone")
    assert "No demo is running in this folder" in payphone(tmp_path, "doctor")
