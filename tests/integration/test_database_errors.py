"""Whatever is wrong with the database, at connect, execute, fetch or commit: the web answers 503
and whether anything was saved, and the log says in a sentence what to do.
"""

import contextlib
import sqlite3
from pathlib import Path

import psycopg
import pytest
from peewee import IntegrityError, OperationalError

from models import transactions
from models.books.inbox_event import InboxEvent
from models.database_errors import explain
from models.transactions import (
    OutcomeUnknown,
    execute,
    release_connection,
    transaction,
    use_database,
)
from runtime.log import LogThrottle
from tests import given
from web.http import middleware

STATES = {  # PostgreSQL's own codes for these states (its appendix A)
    "53100": "disk is full",
    "53300": "no free connection",
    "57P01": "cannot be reached",
    "58030": "disk is failing",
    "25006": "takes no writes",
    "XX001": "damaged",
    "57014": "took too long",
    "55P03": "Another program",
    "40P01": "conflicted",
}


def is_sqlite(url):
    return url.startswith("sqlite")


@contextlib.contextmanager
def full(url):
    execute(f"PRAGMA max_page_count = {execute('PRAGMA page_count').fetchone()[0]}")
    yield
    execute("PRAGMA max_page_count = 1073741823")


@contextlib.contextmanager
def read_only(url):
    execute("PRAGMA query_only = 1")
    yield
    execute("PRAGMA query_only = 0")


@contextlib.contextmanager
def locked(url):
    transactions.database.obj.patience = 0.02
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.close()
    del transactions.database.obj.patience


@contextlib.contextmanager
def gone(url):
    path = Path(url.removeprefix("sqlite:///"))
    away = path.rename(path.with_suffix(".away"))
    yield
    away.rename(path)


@contextlib.contextmanager
def a_folder(url):
    with gone(url):
        path = Path(url.removeprefix("sqlite:///"))
        path.mkdir()
        yield
        path.rmdir()


@contextlib.contextmanager
def no_database(url):
    with gone(url):
        path = Path(url.removeprefix("sqlite:///"))
        path.write_text("this is no database, but a text of some length" * 100)
        yield
        path.unlink()


ON_SQLITE = {
    full: "disk is full",
    read_only: "cannot be written",
    locked: "Another program",
    gone: "file is not there",
    a_folder: "file is not there",
    no_database: "damaged, or not a database",
}


@pytest.fixture
def post(client, monkeypatch):
    """Returns a function that sends an event and returns the answer and the errors logged."""
    told = []
    monkeypatch.setattr(middleware, "_throttle", LogThrottle(every=0))
    monkeypatch.setattr(middleware.log, "error", lambda event, **_values: told.append(event))
    event = given.an_event(
        "payment_intent.succeeded",
        given.an_intent(given.an_invoice())
        | {"description": "long enough to need a page of its own" * 500},
    )

    def send():
        told.clear()
        return client.simulate_post("/api/webhooks/stripe", **given.signed(event)), told

    return send


def assert_waited_for(answer, told, sentence):
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"]
    assert answer.json["code"] in {"unavailable", "outcome_unknown"}
    assert len(told) == 1
    assert sentence in told[0]


@pytest.mark.parametrize("trouble", ON_SQLITE, ids=lambda trouble: trouble.__name__)
def test_an_unusable_sqlite_file_answers_503_until_it_recovers(trouble, post, database_url):
    """Given an unusable file, then a request is answered 503; afterwards it is accepted."""
    if not is_sqlite(database_url):
        pytest.skip("is about SQLite")
    with trouble(database_url):
        answer, told = post()
        assert_waited_for(answer, told, ON_SQLITE[trouble])
    assert post()[0].status_code == 200
    assert InboxEvent.select().count() == 1


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("when", ["at the statement", "at the commit"])
def test_a_postgres_error_answers_503_until_it_recovers(state, when, post, database_url):
    """Given a PostgreSQL that raises an error of this code, at the statement or at the commit, then
    a request is answered 503; afterwards it is accepted.
    """
    if is_sqlite(database_url):
        pytest.skip("is about PostgreSQL")
    execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'it is so' USING ERRCODE = '{state}'; END $$"
    )
    deferred = "DEFERRABLE INITIALLY DEFERRED" if when == "at the commit" else ""
    execute(
        f"CREATE CONSTRAINT TRIGGER t AFTER INSERT ON inbox_event {deferred}"
        " FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    answer, told = post()
    assert_waited_for(answer, told, STATES[state])
    execute("DROP TRIGGER t ON inbox_event")
    assert post()[0].status_code == 200
    assert InboxEvent.select().count() == 1


def test_a_read_only_closed_or_renamed_postgres_answers_503(post, database_url, postgres):
    if is_sqlite(database_url):
        pytest.skip("is about PostgreSQL")
    name = database_url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
    for trouble, mended, sentence in (
        ("SET default_transaction_read_only = on", "RESET ALL", "takes no writes"),
        ("ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true", "cannot be reached"),
        ("RENAME TO elsewhere", "", "no such database"),
    ):
        release_connection()
        postgres.terminate_backends()
        postgres.run(f"ALTER DATABASE {name} {trouble}")
        answer, told = post()
        assert_waited_for(answer, told, sentence)
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(
                f"ALTER DATABASE {name} {mended}"
                if mended
                else f"ALTER DATABASE elsewhere RENAME TO {name}"
            )
        release_connection()
        postgres.terminate_backends()
        assert post()[0].status_code == 200


@pytest.mark.parametrize(
    "fetch",
    [
        lambda cursor: cursor.fetchall(),
        list,
        lambda cursor: [cursor.fetchone(), cursor.fetchone()],
        lambda cursor: cursor.fetchmany(5),
    ],
)
def test_a_sqlite_error_while_fetching_is_an_operational_error(fetch, database_url):
    """SQLite runs a statement while its rows are fetched, so it can fail there."""
    if not is_sqlite(database_url):
        pytest.skip("PostgreSQL's rows are in memory")

    def second(number):
        if number == 2:
            raise ValueError
        return number

    transactions.database.connection().create_function("second", 1, second)
    cursor = execute("SELECT second(x) FROM (SELECT 1 AS x UNION ALL SELECT 2)")
    with pytest.raises(OperationalError):
        fetch(cursor)
    assert execute("SELECT 1").fetchone() == (1,)


def test_a_constraint_broken_while_sqlite_fetches_is_an_integrity_error(database_url):
    """Given a constraint that is checked when the fetch commits the statement, then an
    IntegrityError is raised, as elsewhere.
    """
    if not is_sqlite(database_url):
        pytest.skip("PostgreSQL's rows are in memory")
    execute("CREATE TABLE child (of TEXT REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(IntegrityError):
        execute("INSERT INTO child VALUES ('nobody') RETURNING of").fetchall()


def test_a_transaction_ended_by_the_database_runs_no_after_commit_work(database_url):
    """Given a transaction that the database ended before our rollback, then its after-commit work
    is not done, and the original error is raised.
    """
    done = []

    def ended():
        with transaction():
            transactions.after_commit(done.extend, 1)
            if is_sqlite(database_url):
                execute("ROLLBACK")
            else:
                transactions.database.connection().close()
            raise OperationalError("it ended")

    with pytest.raises(OperationalError, match="it ended"):
        ended()
    with transaction():
        execute("SELECT 1").fetchall()
    assert done == []


def test_a_file_moved_during_a_transaction_is_an_unknown_outcome(database_url, tmp_path):
    """Given a file moved away between a statement and its commit, then the commit raises
    OutcomeUnknown.
    """
    if not is_sqlite(database_url):
        pytest.skip("is about SQLite's file")
    path = Path(database_url.removeprefix("sqlite:///"))

    def replaced():
        with transaction():
            execute("CREATE TABLE written (x INTEGER)").fetchall()
            path.rename(tmp_path / "elsewhere")

    with pytest.raises(OutcomeUnknown) as raised:
        replaced()
    assert "file is not there" in explain(raised.value)


def test_an_exhausted_connection_pool_is_an_operational_error(database_url, monkeypatch):
    if is_sqlite(database_url):
        pytest.skip("SQLite has no pool")
    use_database(database_url)
    monkeypatch.setattr(transactions.database.obj, "_max_connections", 0.5)
    monkeypatch.setattr(transactions.database.obj, "_in_use", {"one": None})
    monkeypatch.setattr(transactions.database.obj, "_wait_timeout", 0.01)
    with pytest.raises(OperationalError):
        execute("SELECT 1")
    monkeypatch.undo()
    use_database(database_url)
