"""With `--few`, only the first case of each function runs; with `--db both`, only the first case of
a function marked `one_database` runs on both databases.
"""

from types import SimpleNamespace

import pytest

from tests.further_cases import FurtherCases, any_case, databases, on_postgres


def item(name: str, database: str, *, marked: bool = True):
    """A collected test as the plugin reads it."""
    return SimpleNamespace(
        nodeid=f"tests/test_doors.py::{name}[{database}-x]",
        callspec=SimpleNamespace(params={"database_url": database}),
        get_closest_marker=lambda name: name if marked and name == "one_database" else None,
    )


def without_database():
    return SimpleNamespace(
        nodeid="tests/test_doors.py::test_open", get_closest_marker=lambda name: name
    )


@pytest.fixture
def run():
    """Applies the plugin to collected tests; returns those that run and those reported as
    deselected.
    """

    def _run(*items, count=on_postgres):
        left_out = []
        hook = SimpleNamespace(pytest_deselected=lambda **told: left_out.extend(told["items"]))
        kept = list(items)
        FurtherCases(count).pytest_collection_modifyitems(SimpleNamespace(hook=hook), kept)
        return kept, left_out

    return _run


def test_the_first_case_runs_on_both_databases_and_the_others_on_sqlite(run):
    first, second = item("test_shut", "sqlite"), item("test_shut", "postgres")
    third, fourth = item("test_shut", "sqlite"), item("test_shut", "postgres")
    assert run(first, second, third, fourth) == ([first, second, third], [fourth])


def test_each_function_has_a_first_case(run):
    doors = [item("test_shut", "postgres"), item("test_locked", "postgres")]
    assert run(*doors) == (doors, [])


def test_unmarked_cases_run_on_both_databases(run):
    cases = [item("test_paid", "postgres", marked=False) for _ in range(3)]
    assert run(*cases) == (cases, [])


def test_cases_without_a_database_run(run):
    cases = [without_database(), without_database()]
    assert run(*cases) == (cases, [])


def test_with_few_only_the_first_case_of_each_function_runs(run):
    names = ["a.py::test_shut[sqlite-1]", "a.py::test_shut[sqlite-2]", "a.py::test_open"]
    names += ["b.py::test_shut[x]", "b.py::test_shut[y]"]
    first, second, other, elsewhere, again = (SimpleNamespace(nodeid=name) for name in names)
    asked = (first, second, other, elsewhere, again)
    assert run(*asked, count=any_case) == ([first, other, elsewhere], [second, again])


def test_with_db_both_only_tests_that_use_a_database_run_on_both():
    assert databases("both", matters=True) == ["sqlite", "postgres"]
    assert databases("both", matters=False) == ["sqlite"]
    assert databases("postgres", matters=False) == ["postgres"]
    assert databases("sqlite", matters=True) == ["sqlite"]
