"""Kill-points kill the process in tests only, at the named place, and only once if a mark file is
named.
"""

import signal
import subprocess
import sys

import pytest

from runtime.settings import ROOT

pytestmark = pytest.mark.slow  # starts processes

TRY = "from runtime.killpoint import killpoint; killpoint('here'); print('alive')"


def outcome(**env):
    done = subprocess.run(
        [sys.executable, "-c", TRY],
        cwd=ROOT,
        env={"PATH": "", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode


def test_a_kill_point_kills_only_at_the_named_place():
    assert outcome(PAYPHONE_ENV="test", PAYPHONE_KILL_AT="here") == -signal.SIGKILL
    assert outcome(PAYPHONE_ENV="test", PAYPHONE_KILL_AT="there") == 0
    assert outcome(PAYPHONE_ENV="test") == 0


@pytest.mark.parametrize("env", ["production", "demo"])
def test_kill_points_are_ignored_outside_tests(env):
    assert outcome(PAYPHONE_ENV=env, PAYPHONE_KILL_AT="here") == 0


def test_a_kill_point_with_a_mark_file_kills_only_once(tmp_path):
    once = {"PAYPHONE_ENV": "test", "PAYPHONE_KILL_AT": f"here@{tmp_path / 'mark'}"}
    assert [outcome(**once) for _ in range(2)] == [-signal.SIGKILL, 0]
    assert int((tmp_path / "mark").read_text()) > 0
