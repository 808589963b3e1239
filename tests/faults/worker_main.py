"""worker.py for tests: the same pool, with the jobs of `jobs_for_tests` registered too.

`PAYPHONE_TEST_GRACE`: seconds that its supervisor leaves to a job whose time is over.
"""

import os

import tests.faults.jobs_for_tests  # noqa: F401
import worker
from delivery import pool

pool.KILL_GRACE = float(os.environ.get("PAYPHONE_TEST_GRACE", pool.KILL_GRACE))

if __name__ == "__main__":
    worker.main()
