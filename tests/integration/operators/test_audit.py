"""The audit log is append-only in the database itself, and can be exported."""

import csv
import io
import json

import peewee
import pytest

from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.migrate import _runner, pending
from models.transactions import database, is_postgres, transaction
from tests import given
from tests.stories.operators import a_job, run

pytestmark = pytest.mark.usefixtures("database_url")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'nobody'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "REPLACE",
    ],
)
def test_the_database_refuses_to_change_or_delete_an_entry(statement):
    entry = AuditEntry.record("operator:ada", "login.succeeded", "operator:ada")
    if statement == "REPLACE":
        statement = (
            "INSERT OR REPLACE INTO audit_entry (id, at, actor, action, subject, detail) VALUES"
            f" ({entry.id}, 1, 'x', 'x', 'x', '{{}}')"
        )
    if ("TRUNCATE" in statement and not is_postgres()) or (
        "REPLACE" in statement and is_postgres()
    ):
        pytest.skip("not a statement of this database")
    with pytest.raises(peewee.PeeweeException, match="append-only"), transaction():
        database.execute_sql(statement)
    assert AuditEntry.get().actor == "operator:ada"


def test_an_entry_commits_or_rolls_back_with_its_action():
    def deed() -> None:
        with transaction():
            AuditEntry.record("system", "job.replayed", "job:1")
            raise RuntimeError("the deed failed")

    with pytest.raises(RuntimeError):
        deed()
    assert AuditEntry.select().count() == 0


def test_an_entry_outlives_its_account():
    account = given.an_account()
    AuditEntry.record("system", "account.created", f"account:{account.id}", account.id)
    Account.delete().execute()
    assert AuditEntry.get().account_id == account.id


def test_the_export_streams_everything_oldest_first():
    for number in range(5):
        AuditEntry.record("system", "test", f"n:{number}", number=number)
    assert [entry.subject for entry in AuditEntry.since(None, batch=2)] == [
        f"n:{n}" for n in range(5)
    ]
    lines = [json.loads(line) for line in run("audit", "export").output.splitlines()]
    assert [line["detail"]["number"] for line in lines] == [0, 1, 2, 3, 4]
    assert lines[0]["at"].endswith("Z")
    assert run("audit", "export", "--since", "2099-01-01").exit_code == 2, "nothing is that new"


def test_the_csv_export_escapes_formulas():
    AuditEntry.record("system", "test", "=HYPERLINK(1)")
    rows = list(csv.DictReader(io.StringIO(run("audit", "export", "--format", "csv").output)))
    assert rows[0]["subject"] == "'=HYPERLINK(1)"


def test_the_command_line_audits_what_it_does():
    dead = a_job("dead")
    assert run("account", "create", "Clinic").exit_code == 0
    assert run("operator", "add", "ada").exit_code == 0
    assert run("operator", "key", "prometheus").exit_code == 0
    assert run("jobs", "retry", str(dead.id)).exit_code == 0
    entries = list(AuditEntry.select().order_by(AuditEntry.id))
    assert [entry.action for entry in entries] == [
        "account.created",
        "key.issued",
        "operator.added",
        "key.issued",
        "job.replayed",
    ]
    assert all(entry.actor.startswith("cli:") for entry in entries)
    assert entries[4].detail == {
        "name": "process_stripe_event",
        "key": dead.key,
        "queue": "webhooks",
    }


def test_an_account_made_through_the_api_is_audited(client):
    operator = given.a_key(None)
    answer = client.simulate_post("/api/accounts", json={"name": "Clinic"}, headers=operator)
    assert answer.status_code == 201
    key_id = ApiKey.get(ApiKey.account.is_null()).id
    assert {(entry.actor, entry.action, entry.account_id) for entry in AuditEntry.select()} == {
        (f"key:{key_id}", "account.created", answer.json["id"]),
        (f"key:{key_id}", "key.issued", answer.json["id"]),
    }


def test_the_migration_can_be_reverted_and_applied_again():
    while "0002_operators" not in pending():
        _runner().down()
    _runner().up()
    AuditEntry.record("system", "test", "n:1")
    assert (pending(), StagedJob.select().count()) == ([], 0)
