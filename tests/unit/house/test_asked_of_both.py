"""What a test asks that is left to SQLite is asked from the same place by others on both databases:
else the whole suite fails.
"""

from types import SimpleNamespace

import pytest

from models import transactions
from models.deployment.installation import installation_tag
from tests.watching.asked_of_both import AskedOfBoth, place_of, shape_of

pytestmark = pytest.mark.any_database


def item(*marks, database="sqlite"):
    """A collected test as the plugin reads it."""
    return SimpleNamespace(
        nodeid=f"tests/test_doors.py::test_open[{database}]",
        callspec=SimpleNamespace(params={"database_url": database}),
        get_closest_marker=lambda name: name if name in marks else None,
    )


@pytest.fixture
def plugin(database_url, monkeypatch):
    """One that watches what is asked from here on."""
    made = AskedOfBoth(is_whole=True)
    any_database = transactions.database.obj.__class__.__mro__
    [base] = [each for each in any_database if each.__name__ == "AnyDatabase"]
    monkeypatch.setattr(base, "execute_sql", base.execute_sql)  # as it was, in the end
    made.pytest_sessionstart()
    made.pytest_collection_modifyitems([item(database="postgres")])
    return made


def runs(plugin, test, ask):
    going = plugin.pytest_runtest_protocol(test)
    next(going)
    ask()
    with pytest.raises(StopIteration):
        next(going)


def ends(plugin, **session):
    session = SimpleNamespace(config=SimpleNamespace(), exitstatus=0, **session)
    plugin.pytest_sessionfinish(session)
    return session.exitstatus


WELL = {"testsfailed": 0, "shouldstop": False}


def test_what_only_a_test_on_one_database_asks_is_named(plugin):
    runs(plugin, item("any_database"), installation_tag)
    assert ends(plugin, **WELL) == pytest.ExitCode.TESTS_FAILED
    [told] = plugin.found
    assert told.startswith("models/deployment/installation.py:")
    assert "tests/test_doors.py::test_open[sqlite]" in told


@pytest.mark.parametrize("marks", [(), ("any_database", "each_database")])
def test_what_others_ask_on_both_is_not(plugin, marks):
    runs(plugin, item("any_database"), installation_tag)
    runs(plugin, item(*marks), installation_tag)
    assert ends(plugin, **WELL) == 0
    assert (plugin.found, len(plugin.by_one), len(plugin.by_both)) == ([], 1, 1)


def test_what_runs_on_sqlite_only_proves_nothing(plugin):
    """Given a test whose like on PostgreSQL is left out, then what it asks is not asked on both."""
    runs(plugin, item("any_database"), installation_tag)
    plugin.pytest_collection_modifyitems([])
    runs(plugin, item("one_database"), installation_tag)
    assert ends(plugin, **WELL) == pytest.ExitCode.TESTS_FAILED


def test_what_a_test_asks_itself_does_not_count(plugin):
    runs(plugin, item("any_database"), transactions.database_time)
    assert (plugin.by_one, ends(plugin, **WELL)) == ({}, 0)


def test_on_postgresql_nothing_is_watched(plugin):
    runs(plugin, item("each_database", database="postgres"), installation_tag)
    assert plugin.by_both == set()


@pytest.mark.parametrize("broken", [{"testsfailed": 1}, {"shouldstop": "-x"}])
def test_a_suite_that_broke_off_has_not_seen_all(plugin, broken):
    runs(plugin, item("any_database"), installation_tag)
    assert ends(plugin, **WELL | broken) == 0


def test_what_a_worker_saw_counts(plugin):
    runs(plugin, item("any_database"), installation_tag)
    worker = SimpleNamespace(config=SimpleNamespace(workeroutput={}))
    plugin.pytest_sessionfinish(worker)
    other = AskedOfBoth(is_whole=True)
    other.pytest_testnodedown(worker.config)
    assert ends(other, **WELL) == pytest.ExitCode.TESTS_FAILED
    assert other.by_one == plugin.by_one


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("SELECT 1 WHERE id IN (?, ?, ?)", "SELECT 1 WHERE id IN (?)"),
        ("INSERT INTO a VALUES (?, ?), (?, ?), (?, ?)", "INSERT INTO a VALUES (?)"),
        ("SELECT a, b FROM c WHERE d = ?", "SELECT a, b FROM c WHERE d = ?"),
    ],
)
def test_a_statement_is_the_same_with_more_values(text, shape):
    assert shape_of(text) == shape


def test_a_test_is_no_place_of_ours():
    assert place_of(None) == ""
