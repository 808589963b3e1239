"""A condition on the database's clock limits the range of an index. PostgreSQL evaluates a volatile
clock for each row and would read the whole index.
"""

import logging

import pytest

from delivery import relay
from jobs.delete_expired_rows import delete_expired_rows
from models.delivery.attempt import claim_job
from models.transactions import database, execute, is_postgres
from tests import given
from tests.integration.database.test_lists_use_indexes import explained

# statements that look for due or old rows, with the condition on the index
BOUNDED = {
    "UPDATE staged_job SET pushed_at": ("due_at <= ", "due_at<?"),
    "DELETE FROM staged_job": ("finished_at < ", "finished_at<?"),
    "DELETE FROM idempotency_key": ("created_at < ", "created_at<?"),
    "DELETE FROM oauth_state": ("expires_at < ", "expires_at<?"),
    "DELETE FROM operator_session": ("expires_at < ", "expires_at<?"),
}
# jobs due tomorrow, and twice as many that are done
MANY = (
    "INSERT INTO staged_job (name, key, queue, args, state, attempts, max_attempts, claim, due_at,"
    " created_at, finished_at) WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g"
    " WHERE n < 6000) SELECT 'a_test_job', 'many-' || n, 'webhooks', '[]', CASE WHEN n < 2000 THEN"
    " 'waiting' ELSE 'done' END, 0, 8, 0, {now} + 86400000000, {now}, CASE WHEN n < 2000 THEN NULL"
    " ELSE {now} END FROM g"
)


@pytest.fixture
def plans(client, valkey, caplog):
    """The query plans, by statement, of pushing and claiming a job, deleting old rows and reading
    the metrics.
    """
    job = given.a_job("a_test_job", 1)
    execute(MANY)
    given.statistics()
    caplog.set_level(logging.DEBUG, logger="peewee")
    relay.tick(valkey.client())
    claim_job(job, "w")
    delete_expired_rows.perform()
    assert client.simulate_get("/metrics", headers=given.a_key(None)).status_code == 200
    ran = [record.msg for record in caplog.records if record.name == "peewee"]
    caplog.set_level(logging.WARNING, logger="peewee")
    with database.atomic():
        if is_postgres():  # it would scan an empty table otherwise
            execute("SET LOCAL enable_seqscan = off")
        return {
            sql: explained(sql, params)
            for sql, params in ran
            if sql.split()[0] in {"SELECT", "UPDATE", "DELETE"}
        }


def test_due_or_old_rows_are_found_by_an_index_range(plans):
    for begins, bounds in BOUNDED.items():
        ((sql, told),) = [each for each in plans.items() if each[0].startswith(begins)]
        conditions = [line for line in told.splitlines() if "Index Cond" in line or "USING" in line]
        bound = bounds[0] if is_postgres() else bounds[1]
        assert any(bound in line for line in conditions), f"{sql}\n{told}"


def test_no_condition_evaluates_the_clock_for_each_row(plans):
    assert len(plans) > 30
    for sql, told in plans.items():
        assert "clock_timestamp" not in told, f"{sql}\n{told}"
