"""worker.py for tests: the same pool, which also knows the jobs of `jobs_for_tests`.

`PAYPHONE_TEST_GRACE`: the seconds that its supervisor gives a job after its timeout.
"""

import os

import tests.faults.jobs_for_tests  # noqa: F401
import worker
from delivery import pool

pool.KILL_GRACE = float(os.environ.get("PAYPHONE_TEST_GRACE", pool.KILL_GRACE))

if __name__ == "__main__":
    worker.main()
