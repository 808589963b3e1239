"""Business time that a test moves for all running processes at once."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from runtime.clock import business_now, real_now
from runtime.clock_shift import make_shared_shift
from runtime.settings import get_settings

DAYS = 86_400.0
# prints the bounds within which business time is ahead of real time at each input line, since a
# process can be suspended between two reads
ASKED = """
import sys
from runtime.clock import business_now, real_now
for _ in sys.stdin:
    before, told, after = real_now(), business_now(), real_now()
    print((told - after).total_seconds(), (told - before).total_seconds(), flush=True)
"""


@pytest.mark.slow
def test_every_process_sees_a_jump_at_once(tmp_path):
    """Given processes that have read the clock, when business time jumps, then each reads the new
    time next.
    """
    path = tmp_path / "clock"
    shift = make_shared_shift(path, 0.0)
    env = os.environ | {"PAYPHONE_ENV": "test", "PAYPHONE_BUSINESS_CLOCK": str(path)}
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", ASKED],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        for _ in range(2)
    ]

    def all_see(shift: float) -> None:
        for process in asked:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in asked:
            least, most = map(float, process.stdout.readline().split())
            assert least <= shift <= most

    try:
        all_see(0.0)
        shift.seconds = 30 * DAYS
        all_see(30 * DAYS)
        shift.seconds += DAYS
        all_see(31 * DAYS)
    finally:
        for process in asked:
            process.communicate()


def test_a_shared_clock_overrides_a_shift_but_never_in_production(tmp_path, monkeypatch):
    make_shared_shift(tmp_path / "clock", DAYS)
    monkeypatch.setenv("PAYPHONE_BUSINESS_CLOCK", str(tmp_path / "clock"))
    monkeypatch.setenv("PAYPHONE_BUSINESS_SHIFT", "5")
    get_settings.cache_clear()
    assert round((business_now() - real_now()) / timedelta(days=1), 3) == 1
    monkeypatch.setenv("PAYPHONE_ENV", "production")
    get_settings.cache_clear()
    assert abs(business_now() - real_now()) < timedelta(minutes=1)
