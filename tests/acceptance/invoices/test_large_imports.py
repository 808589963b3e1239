"""An import of any length (F63): memory does not grow with the rows, and each error still names its
line.
"""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from bin.commands.invoices import import_run
from bin.commands.invoices.import_run import BATCH
from bin.commands.invoices.row_memory import SHOWN
from models.invoices.invoice import Invoice
from models.transactions import database
from tests import given
from tests.stories.operators import run

HEADING = "number,customer,dueDate,amount,currency,email\n"
AS_OFTEN_AS_PYTHON_DOES = 700, 10, 10  # it looks for garbage; the suite does so less often
ROOM = 50  # bytes for each row more: between two runs, what has nothing to do with their length


def rows(count: int, first: int = 0, amount: str = "10.50") -> Iterator[str]:
    return (
        f"{number},Person {number % 70},2099-01-31,{amount},USD,p{number % 70}@example.com\n"
        for number in range(first, first + count)
    )


@pytest.fixture
def peak(database_url, tmp_path):
    """Runs an import of so many rows; the most memory that Python held at once
    meanwhile, in bytes.
    """
    account = given.an_account()

    def measured(count: int, *options: str, exit_code: int = 0, **what) -> tuple[int, str]:
        path = tmp_path / "books.csv"
        with path.open("w") as file:
            file.write(HEADING)
            file.writelines(rows(count, **what))
        # What other tests left in this process would put the collection of cycles off for longer.
        gc.collect()
        gc.freeze()
        often = gc.get_threshold()
        gc.set_threshold(*AS_OFTEN_AS_PYTHON_DOES)
        tracemalloc.start()
        try:
            answer = run("invoices", "import", str(path), "--account", account.id, *options)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            gc.set_threshold(*often)
            gc.unfreeze()
        database.connect(reuse_if_open=True)
        assert answer.exit_code == exit_code, answer.output
        return most, answer.output

    return measured


@pytest.mark.slow
@pytest.mark.timeout(1200)  # all that Python allocates is counted, up to seven times
def test_memory_does_not_grow_with_the_rows_that_are_taken_in(peak, monkeypatch):
    monkeypatch.setattr(import_run, "BATCH", 100)
    # the short run is long enough to fill what is kept of the last so many
    warm, few, many = 200, 1000, 2500
    peak(warm, first=100_000)  # whatever is made once is made now
    took = []
    for begin in range(200_000, 500_000, 100_000):
        short = peak(few, first=begin)[0]
        long = peak(many, first=begin + 50_000)[0]
        took.append((short, long))
        if long - short < ROOM * (many - few):
            break  # what grows with the rows grows each time; what other threads held does not
    else:
        pytest.fail(f"{few} and {many} rows took so many bytes: {took}")
    assert Invoice.select().count() == warm + (few + many) * len(took)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows_that_are_bad(peak):
    peak(2 * BATCH, "--dry-run", amount="ten", exit_code=1)
    took = []
    for _ in range(3):
        short, _ = peak(2 * BATCH, "--dry-run", amount="ten", exit_code=1)
        long, told = peak(12 * BATCH, "--dry-run", amount="ten", exit_code=1)
        took.append((short, long))
        if long - short < ROOM * 3000:
            break
    else:
        pytest.fail(f"{2 * BATCH} and {12 * BATCH} bad rows took so many bytes: {took}")
    lines = [
        line.split(",")[0].rsplit(" ", 1)[1] for line in told.splitlines() if "error line" in line
    ]
    assert lines == [str(line) for line in range(2, 2 + SHOWN)]
    assert f"and {12 * BATCH - SHOWN} more" in told


def test_a_number_is_known_again_thousands_of_rows_later(database_url, tmp_path):
    """Given a file whose last row has the number of its first, with another amount, then both lines
    are named.
    """
    path = tmp_path / "books.csv"
    path.write_text(HEADING + "".join(rows(4 * BATCH)) + next(rows(1, amount="99.00")))
    answer = run("invoices", "import", str(path), "--account", given.an_account().id)
    assert f"line {4 * BATCH + 2}: invoice 0 is on line 2 with another amount" in answer.output
