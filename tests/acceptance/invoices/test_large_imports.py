"""An import of any length (F63): memory does not grow with it, and each error names its line."""

import json
from collections.abc import Iterator

import pytest

from bin.commands.invoices.import_run import BATCH
from bin.commands.invoices.row_memory import SHOWN
from models.invoices.invoice import Invoice
from models.transactions import release_connection
from tests import given
from tests.stories.operators import run

HEADING = "number,customer,dueDate,amount,currency,email\n"
ROOM = 50  # bytes per further row, for variation between two runs that is not due to their length


def rows(count: int, first: int = 0, amount: str = "10.50") -> Iterator[str]:
    return (
        f"{number},Person {number % 70},2099-01-31,{amount},USD,p{number % 70}@example.com\n"
        for number in range(first, first + count)
    )


@pytest.fixture
def peaks(database_url, processes, tmp_path):
    """Run one import per row count, one after another in a separate process. For each, return
    Python's peak memory in bytes, the exit code and the output.
    """
    account = given.an_account()

    def measured(counts, *options, batch=BATCH, first=0, **what):
        arguments = []
        for number, count in enumerate(counts):
            path = tmp_path / f"books{number}.csv"
            with path.open("w") as file:
                file.write(HEADING)
                file.writelines(rows(count, first + number * 10_000, **what))
            arguments.append(json.dumps([str(path), "--account", account.id, *options]))
        told = tmp_path / "told.json"
        release_connection()
        program = "tests.acceptance.invoices.import_peak"
        process = processes("-m", program, str(told), str(batch), *arguments)
        assert process.wait(1200) == 0
        return json.loads(told.read_text())

    return measured


@pytest.mark.timeout(1200)  # tracemalloc counts every allocation, in up to nine imports
def test_memory_does_not_grow_with_the_imported_rows(peaks):
    # the short run is long enough to fill the bounded caches
    warm, few, many = 200, 1000, 2500
    took = []
    for begin in range(100_000, 400_000, 100_000):
        # whatever is allocated once is allocated in the warm-up
        told = peaks((warm, few, many), batch=100, first=begin)
        assert [exit_code for _, exit_code, _ in told] == [0, 0, 0], told
        (_, short, long) = (most for most, _, _ in told)
        took.append((short, long))
        if long - short < ROOM * (many - few):
            break  # what grows with the rows grows each time
    else:
        pytest.fail(f"{few} and {many} rows took so many bytes: {took}")
    assert Invoice.select().count() == (warm + few + many) * len(took)


def test_memory_does_not_grow_with_the_bad_rows(peaks):
    few, many = 2 * BATCH, 12 * BATCH
    took = []
    for _ in range(3):
        told = peaks((few, few, many), "--dry-run", amount="ten")
        assert [exit_code for _, exit_code, _ in told] == [1, 1, 1], told
        (_, short, long) = (most for most, _, _ in told)
        took.append((short, long))
        if long - short < ROOM * (many - few):
            break
    else:
        pytest.fail(f"{few} and {many} bad rows took so many bytes: {took}")
    told = told[-1][2]
    lines = [
        line.split(",")[0].rsplit(" ", 1)[1] for line in told.splitlines() if "error line" in line
    ]
    assert lines == [str(line) for line in range(2, 2 + SHOWN)]
    assert f"and {many - SHOWN} more" in told


def test_a_number_repeated_thousands_of_rows_later_is_reported(database_url, tmp_path):
    """Given a file whose last row repeats the number of its first with another amount, then both
    lines are named.
    """
    path = tmp_path / "books.csv"
    path.write_text(HEADING + "".join(rows(4 * BATCH)) + next(rows(1, amount="99.00")))
    answer = run("invoices", "import", str(path), "--account", given.an_account().id)
    assert f"line {4 * BATCH + 2}: invoice 0 is on line 2 with another amount" in answer.output
