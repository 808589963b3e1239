"""`python -m tests.acceptance.invoices.import_peak TOLD BATCH [ARGUMENTS]...`: runs `payphone
invoices import` with each of these arguments, JSON, one after the other, so many rows to a
transaction, and writes into the file TOLD of each the most memory that Python held at once
meanwhile (bytes), how it ended, and what it printed.

A process of its own, in which nothing else comes and goes: in a worker of the suite, what other
tests have left there is taken and given back meanwhile, and looks like memory of the import.
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

AS_OFTEN_AS_PYTHON_DOES = 700, 10, 10  # it looks for garbage


def measured(arguments: list[str]) -> tuple[int, int, str]:
    """One import."""
    gc.collect()
    tracemalloc.start()
    try:
        answer = run("invoices", "import", *arguments)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return most, answer.exit_code, answer.output


def main(told: str, batch: str, *each: str) -> None:
    """Import each, and tell."""
    gc.set_threshold(*AS_OFTEN_AS_PYTHON_DOES)
    import_run.BATCH = int(batch)
    transactions.use_database(get_settings().database_url)
    found: list[Any] = [measured(json.loads(arguments)) for arguments in each]
    Path(told).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
