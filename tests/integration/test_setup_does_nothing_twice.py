"""bin/setup.sh, which every command sources, installs when a lock file is new, and runs nothing
when all is set up.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).resolve().parents[2]
PIP = "-m pip install"
SHIM = """#!/bin/sh
echo "$(basename "$0") $*" >>"{calls}"
case "$*" in *pip*) [ ! -p "{gate}" ] || read -r _ <"{gate}"; exit "$(cat "{verdict}")" ;; esac
"""


class Checkout:
    """A folder with the commands, two small lock files, and a .venv whose programs only record
    their calls.
    """

    def __init__(self, place: Path) -> None:
        self.place, self.calls, self.verdict = place, place / "calls", place / "verdict"
        self.gate = place / "gate"  # if this exists, pip waits until it is written to
        shutil.copytree(ROOT / "bin", place / "bin")
        for lock in ("requirements.lock", "requirements-dev.lock"):
            (place / lock).write_text("falcon==4.2.0\n")
        (place / ".venv" / "bin").mkdir(parents=True)
        for name in ("python", "pip"):
            shim = place / ".venv" / "bin" / name
            shim.write_text(SHIM.format(calls=self.calls, verdict=self.verdict, gate=self.gate))
            shim.chmod(0o755)
        self.let_pip(0)

    def let_pip(self, code: int) -> None:
        self.verdict.write_text(str(code))

    def run(self, *command: str) -> tuple[int, list[str], str]:
        """Return the exit code, the calls of .venv's programs, and stderr."""
        self.calls.write_text("")
        started = self.start(*command)
        _, said = started.communicate()
        return started.returncode, self.called(), said

    def start(self, *command: str) -> "subprocess.Popen[str]":
        # a search for python outside the .venv finds the shim too
        path = f"{self.place / '.venv' / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            [self.place / "bin" / command[0], *command[1:]],
            cwd="/",
            env=os.environ | {"PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


COMMANDS = {
    "demo": (("demo", "--once"), "requirements.lock", "python -m simulation.demo --once"),
    "payphone": (("payphone", "doctor"), "requirements.lock", "python -m bin.commands doctor"),
    "test": (
        ("test", "tests/unit"),
        "requirements-dev.lock",
        "python -m pytest -n auto --dist loadgroup tests/unit",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_finished_setup_is_not_repeated(checkout, name):
    """Given a first run, which installs its lock file, then the next ones run only their own
    program, silently.
    """
    command, lock, own = COMMANDS[name]
    code, calls, _ = checkout.run(*command)
    assert (code, [call for call in calls if PIP in call]) == (0, [calls[-2]])
    assert calls[-2].endswith(f"-r {lock}")
    assert calls[-1] == own
    for _ in range(2):
        assert checkout.run(*command) == (0, [own], "")


def test_the_development_lock_includes_the_runtime_lock(checkout):
    checkout.run(*COMMANDS["test"][0])
    assert checkout.run(*COMMANDS["demo"][0])[1] == [COMMANDS["demo"][2]]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_changed_lock_file_is_installed(checkout, name):
    command, lock, own = COMMANDS[name]
    checkout.run(*command)
    (checkout.place / lock).write_text("falcon==4.2.1\n")
    _, calls, said = checkout.run(*command)
    assert PIP in calls[-2]
    assert f"Setting up .venv from {lock} (1 packages" in said
    assert checkout.run(*command)[1] == [own]


def test_a_failed_installation_is_retried(checkout):
    """Given a setup that fails, then nothing starts, the output says so, and no stamp is left, not
    even for a lock file that is restored.
    """
    command, _, own = COMMANDS["demo"]
    checkout.run(*command)
    checkout.let_pip(1)
    for version in ("4.2.1", "4.2.1", "4.2.0"):
        (checkout.place / "requirements.lock").write_text(f"falcon=={version}\n")
        code, calls, said = checkout.run(*command)
        assert code == 1
        assert PIP in calls[-1]
        assert "Setting up failed" in said
    checkout.let_pip(0)
    assert checkout.run(*command)[1][-1] == own


def test_an_environment_without_pip_is_completed(checkout, monkeypatch):
    """Given a first run that was interrupted before .venv had pip, then the next one adds it."""
    monkeypatch.setenv("PYTHON", str(checkout.place / ".venv" / "bin" / "python"))
    pip = checkout.place / ".venv" / "bin" / "pip"
    pip.unlink()
    code, calls, _ = checkout.run(*COMMANDS["demo"][0])
    assert (code, "python -m venv .venv" in calls) == (0, True)


def test_processes_that_start_together_set_up_once(checkout):
    """Given a Procfile's processes that start together after the lock file has changed, then one
    sets up and the others wait: two pips in one folder would break it.
    """
    checkout.calls.write_text("")
    os.mkfifo(checkout.gate)
    started = [checkout.start("run", "python", str(number)) for number in range(3)]
    gate = checkout.gate.open("w")  # blocks until a pip waits there
    checkout.gate.unlink()  # later ones would not wait
    gate.write("\n" * len(started))
    gate.close()
    ended = [process.wait() for process in started]
    assert ended == [0, 0, 0]
    called = checkout.called()
    assert len([call for call in called if PIP in call]) == 1
    assert sorted(call for call in called if PIP not in call) == [f"python {n}" for n in range(3)]
