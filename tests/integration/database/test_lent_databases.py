"""PostgreSQL databases that tests use one after the other: each test gets an empty one."""

import psycopg
import pytest


@pytest.fixture
def lent(request):
    """The server, its template, and a database lent from it."""
    if request.config.getoption("--db") == "sqlite":
        pytest.skip("is about PostgreSQL")
    server = request.getfixturevalue("postgres")
    template = request.getfixturevalue("_migrated_postgres")
    server.spare, kept = [], server.spare
    yield server, template, server.lend_database(template)
    server.spare += kept


def told(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            answer = connection.execute(statement)
        return answer.fetchone() if answer.description else None


A_BRAKE = (
    "INSERT INTO brake (account_id, what, paused, by, at, why)"
    " VALUES ('', 'texts', true, 'x', 0, 'x') RETURNING id"
)
FEWER_CONNECTIONS = """
    DO $$ BEGIN
        EXECUTE 'ALTER DATABASE ' || current_database() || ' CONNECTION LIMIT 9';
    END $$
"""


def test_a_returned_database_is_emptied_and_keeps_its_migrations(lent):
    server, template, url = lent
    applied = told(url, "SELECT count(*) FROM schema_migration")
    assert told(url, A_BRAKE) == (1,)
    server.give_back(url, template)
    server.take_back()
    assert server.lend_database(template) == url
    assert told(url, "SELECT count(*) FROM brake") == (0,)
    assert told(url, A_BRAKE) == (1,)
    assert told(url, "SELECT count(*) FROM schema_migration") == applied
    server.drop_database(url)


def test_rows_written_after_the_test_ended_are_emptied_too(lent):
    """Given a process that still writes after its test has ended, then its connection is cut and
    its rows are gone.
    """
    server, template, url = lent
    server.give_back(url, template)
    told(url, A_BRAKE)
    late = psycopg.connect(url)
    late.execute(A_BRAKE.replace("'texts'", "'calls'"))
    assert server.lend_database(template) == url
    with pytest.raises(psycopg.OperationalError):
        late.commit()
    assert told(url, "SELECT count(*) FROM brake") == (0,)
    server.drop_database(url)


def test_rows_with_a_secret_are_reported_to_the_sweep_at_the_end_of_the_suite(lent):
    server, template, url = lent
    left = server.directory / "rows.log"
    secret = f"pi_1_secret_{'x' * 24}"
    told(url, A_BRAKE)
    server.give_back(url, template)
    server.take_back()
    assert not left.exists()
    assert server.lend_database(template) == url
    told(url, A_BRAKE.replace("'x', 0", f"'{secret}', 0"))
    server.give_back(url, template)
    server.take_back()
    found = left.read_text()
    left.unlink()  # or the check after the suite would fail
    assert secret in found


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE brake ADD COLUMN more text",
        "ALTER TABLE brake DROP COLUMN why",
        "CREATE INDEX another ON brake (at)",
        "DROP INDEX staged_job_done",
        "CREATE TABLE another (id int)",
        "DELETE FROM schema_migration",
        "ANALYZE schema_migration",
        "UPDATE installation SET tag = 'others'",
        "DROP SCHEMA public CASCADE",
        FEWER_CONNECTIONS,
    ],
)
def test_a_database_with_a_changed_schema_is_not_lent_again(lent, change):
    server, template, url = lent
    told(url, change)
    server.give_back(url, template)
    server.take_back()
    assert server.spare == []
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        told(url, "SELECT 1")


def test_a_database_that_grew_is_not_lent_again(lent):
    server, template, url = lent
    told(
        url,
        "INSERT INTO brake (account_id, what, paused, by, at, why)"
        " SELECT n::text, 'texts', true, 'x', 0, repeat('x', 1000) FROM generate_series(1, 3000) n",
    )
    server.give_back(url, template)
    server.take_back()
    assert server.spare == []
