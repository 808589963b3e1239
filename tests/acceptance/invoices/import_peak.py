"""Measures the memory of imports: `python -m tests.acceptance.invoices.import_peak TOLD BATCH
[ARGUMENTS]...`.

Runs `payphone invoices import` with each of the arguments (JSON) in turn, BATCH rows to a
transaction. For each it writes Python's peak memory in bytes, the exit code and the output to the
file TOLD.

It is a process of its own, because in a worker of the suite, memory of other tests would count as
the import's.
"""

import gc
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

from bin.commands.invoices import import_run
from models import transactions
from runtime.settings import get_settings
from tests.stories.operators import run

AS_OFTEN_AS_PYTHON_DOES = 700, 10, 10  # thresholds of its garbage collector


def measured(arguments: list[str]) -> tuple[int, int, str]:
    """Run one import; return its peak memory in bytes, exit code and output."""
    gc.collect()
    tracemalloc.start()
    try:
        answer = run("invoices", "import", *arguments)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return most, answer.exit_code, answer.output


def main(told: str, batch: str, *each: str) -> None:
    """Run each import, and write the results."""
    gc.set_threshold(*AS_OFTEN_AS_PYTHON_DOES)
    import_run.BATCH = int(batch)
    transactions.use_database(get_settings().database_url)
    found: list[Any] = [measured(json.loads(arguments)) for arguments in each]
    Path(told).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
