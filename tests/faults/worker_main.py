"""worker.py for tests: the same pool, with the jobs of `jobs_for_tests` registered too."""

import tests.faults.jobs_for_tests  # noqa: F401
import worker

if __name__ == "__main__":
    worker.main()
