"""`tests.at` runs a program, its children and its databases at another time."""

import shutil
import subprocess
import sys

import pytest

from runtime.settings import ROOT

pytestmark = pytest.mark.slow  # starts processes

TOLD = (
    "import datetime, sqlite3; print(datetime.datetime.now(datetime.UTC),"
    " sqlite3.connect(':memory:').execute('select datetime()').fetchone()[0], sep=chr(10))"
)
ASKED = (
    f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TOLD!r}], check=True);"
    " sys.exit(3)"
)


def at(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.at", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.skipif(not shutil.which("cc"), reason="tests.at needs a C compiler")
def test_a_program_and_its_database_see_the_requested_time():
    """Given an hour before New York's clocks change, then Python and SQLite both show it, and the
    exit code is passed on.
    """
    done = at("2027-03-14T02:01-04:00", sys.executable, "-c", ASKED)
    assert [line[:14] for line in done.stdout.splitlines()] == ["2027-03-14 06:"] * 2, done.stderr
    assert done.returncode == 3


@pytest.mark.parametrize(
    "words", [(), ("2027-03-14T06:58Z",), ("2027-03-14T06:58", "true"), ("tomorrow", "true")]
)
def test_a_time_without_offset_or_without_a_command_is_refused(words):
    done = at(*words)
    assert (done.returncode, "Say when, with its offset, and what to run" in done.stderr) == (
        1,
        True,
    )
