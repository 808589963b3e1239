"""`bin/payphone`: what operators do in a shell."""

import os
import subprocess

import pytest
from peewee import OperationalError

from bin.commands.checks.database import check_database
from models import migrate
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.accounts.operator import Operator, password_holds
from models.accounts.operator_session import OperatorSession
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.database_errors import driver_message
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.effects.pause_switch import PauseSwitch
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import execute, use_database
from runtime.clock import real_now
from runtime.secret_box import seal, unseal
from runtime.settings import ROOT, Settings, get_settings
from runtime.start import describe
from tests import given
from tests.running.processes import reset_process
from tests.stories.operators import a_job, run

pytestmark = pytest.mark.usefixtures("database_url")


def test_account_create_prints_a_working_key():
    result = run(
        "account",
        "create",
        "Clinic [bold]",
        "--time-zone",
        "Europe/Berlin",
        "--stripe-account",
        "acct_1",
    )
    key = next(line.split()[1] for line in result.output.splitlines() if line.startswith("key"))
    found = ApiKey.find(key)
    assert found is not None
    assert (found.account.name, found.account.time_zone, found.account.stripe_account) == (
        "Clinic [bold]",
        "Europe/Berlin",
        "acct_1",
    )
    again = run("account", "create", "Other", "--stripe-account", "acct_1")
    assert again.exit_code == 1
    assert "acct_1 belongs to another account" in again.output


@pytest.mark.one_database
@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "create", "Clinic", "--time-zone", "Mars/Olympus"),
        ("account", "create", "Clinic", "--stripe-account", "12"),
        ("account", "create", " "),
        ("jobs", "retry"),
        ("jobs", "retry", "1", "--all-dead"),
        ("jobs", "retry", "1", "--name", "delete_expired_rows"),
        ("jobs", "retry", "--all-dead", "--name", "no_such_job"),
        ("jobs", "retry", "1", "--rate", "5"),
        ("jobs", "retry", "--all-dead", "--rate", "-1"),
        ("jobs", "retry", "--all-dead", "--rate", "nan"),
        ("events", "backfill", "--since", "1d", "--no-wait", "--rate", "inf"),
        ("events", "replay", "--outcome", "applied", "--rate", "1e-300"),
        ("jobs", "list", "--state", "lost"),
        ("audit", "export", "--since", "yesterday"),
        ("audit", "export", "--since", "1999-12-31"),
        ("events", "backfill", "--since", "0001-01-01"),
        ("events", "backfill", "--since", "1767225600"),
        ("events", "backfill", "--since", "2100-12-31", "--no-wait"),
        ("events", "reconcile", "--since", "2100-12-31", "--latest"),
        ("events", "backfill", "--since", "2026-02-30"),
        ("events", "reconcile", "--since", "9999-12-31T23:59:59-14:00"),
        ("strays", "release", "1", "--why", " "),
        ("nonsense",),
    ],
)
def test_invalid_arguments_exit_with_2(arguments):
    assert run(*arguments).exit_code == 2


def test_jobs_are_listed_by_state_name_and_queue():
    a_job("dead", last_error="Boom: [red]no markup[/red]")
    a_job("done", name="delete_expired_rows", queue="periodic")
    assert "delete_expired_rows" in run("jobs", "list", "--queue", "periodic").output
    assert "delete_expired_rows" not in run("jobs", "list", "--queue", "webhooks").output
    assert "[red]no markup[/red]" in run("jobs", "list", "--state", "dead").output
    assert "delete_expired_rows" not in run("jobs", "list", "--name", "process_stripe_event").output
    assert "No such jobs." in run("jobs", "list", "--state", "running").output


@pytest.mark.one_database
@pytest.mark.parametrize(
    "command", [("jobs", "list"), ("events", "list"), ("effects", "list"), ("events", "backfills")]
)
def test_a_truncated_list_says_so(command):
    """Given more rows than are shown, then the output says how many there are and how to see
    them.
    """
    for number in range(3):
        a_job("dead")
        given.received(given.an_event("charge.refunded", {"id": f"ch_{number}"}))
        Effect.reserve(
            "refund",
            f"refund:{number}",
            "stripe",
            {},
            real_now(),
            real_now(),
            None,
            asked_by="test",
            reason="test",
            account_id=None,
        )
        Backfill.create(
            stripe_account=f"acct_{number}",
            since=1,
            until=2,
            asked_by="test",
            created_at=real_now(),
        )
    InboxEvent.update(outcome="refused").execute()
    assert "2 of" in run(*command, "--limit", "2").output.splitlines()[-1]
    assert "--limit N shows more" in run(*command, "--limit", "2").output
    assert "shown" not in run(*command).output


def test_only_dead_jobs_are_replayed_and_the_others_reported():
    dead, done = a_job("dead"), a_job("done")
    result = run(
        "jobs",
        "retry",
        f"process_stripe_event-{dead.id}",
        str(done.id),
        f"delete_expired_rows-{dead.id}",
        "x",
        "9" * 30,
    )
    assert result.exit_code == 1
    assert f"{done.id}: the job is done" in result.output
    row = StagedJob.get_by_id(dead.id)
    assert (row.state, row.attempts, row.args, row.key, row.pushed_at) == (
        "waiting",
        0,
        dead.args,
        dead.key,
        None,
    )
    assert StagedJob.get_by_id(done.id).state == "done"


def test_all_dead_jobs_of_a_name_are_replayed():
    a_job("dead"), a_job("dead"), a_job("dead", name="delete_expired_rows")
    assert (
        "Replayed: 2."
        in run("jobs", "retry", "--all-dead", "--name", "process_stripe_event").output
    )
    assert StagedJob.get(StagedJob.state == "dead").name == "delete_expired_rows"


@pytest.mark.parametrize(
    ("arguments", "rate"), [(("--rate", "2"), 2), ((), 50), (("--rate", "0"), 0)]
)
def test_many_dead_jobs_are_replayed_at_a_rate(arguments, rate):
    """Given nine dead jobs, when all are replayed, then they become due one after the other at the
    rate, oldest first, so that live work runs in between.
    """
    dead = [a_job("dead").id for _ in range(9)]
    told = run("jobs", "retry", "--all-dead", *arguments).output
    rows = [StagedJob.get_by_id(number) for number in dead]
    assert {row.state for row in rows} == {"waiting"}
    delays = [row.due_at - rows[0].due_at for row in rows]
    assert (
        all(delay >= number * 1_000_000 / rate for number, delay in enumerate(delays))
        if rate
        else rows[-1].due_at <= given.database_now()
    )
    assert "Replayed: 9, spread over 4 s." in told if rate == 2 else "Replayed: 9." in told


def test_a_new_operators_password_is_generated_or_read_from_stdin():
    made = run("operator", "add", "Ada")
    password = next(
        line.split()[1] for line in made.output.splitlines() if line.startswith("password")
    )
    assert password_holds(Operator.live("ada"), password)
    assert (
        run(
            "operator", "add", "grace", "--password-stdin", stdin="correct horse battery\n"
        ).exit_code
        == 0
    )
    assert password_holds(Operator.live("grace"), "correct horse battery")
    assert (
        "correct"
        not in run(
            "operator", "add", "ada", "--password-stdin", stdin="correct horse battery\n"
        ).output
    )


def test_accounts_are_listed():
    assert "No accounts yet." in run("account", "list").output
    account = given.an_account(name="Sunrise [b]")
    output = run("account", "list").output
    assert account.id in output
    assert "Sunrise [b]" in output


@pytest.mark.one_database
def test_text_is_printed_as_it_is_except_what_would_act_on_the_terminal():
    given.an_account(name="Ear :bell: Clinic \\")
    given.an_account(name="\x1b]0;owned\x07 Clinic\x9b31m")
    output = run("account", "list").output
    assert "Ear :bell: Clinic \\ " in output
    assert "\ufffd]0;owned\ufffd Clinic\ufffd31m" in output
    told = run("keys", "revoke", "\x1b[31m :bell: \\").output
    assert "no key \ufffd[31m :bell: \\. See" in told


def test_a_revoked_key_no_longer_works(client):
    """Given a leaked key, when it is revoked, then it no longer works, the clinic's other key does,
    and the audit log has the reason.
    """
    account = given.an_account()
    old = given.a_key(account)
    [key_id] = [row.id for row in ApiKey.select()]
    issued = run("keys", "issue", account.id, "--name", "till")
    new = {
        "Authorization": (
            "Bearer "
            + next(
                line.split()[1] for line in issued.output.splitlines() if line.startswith("key  ")
            )
        )
    }
    assert client.simulate_get("/api/invoices", headers=old).status_code == 200
    assert run("keys", "revoke", key_id, "--why", "it got about").exit_code == 0
    assert [
        client.simulate_get("/api/invoices", headers=key).status_code for key in (old, new)
    ] == [401, 200]
    assert AuditEntry.get(AuditEntry.action == "key.revoked").detail["why"] == "it got about"
    assert run("keys", "revoke", key_id).exit_code == 1
    assert run("keys", "revoke", "key_none").exit_code == 1
    listed = run("keys", "list", "--account", account.id).output
    assert (key_id in listed, "till" in listed) == (True, True)
    assert "No keys." in run("keys", "list", "--account", "ac_none").output
    assert run("keys", "issue", "ac_none").exit_code == 1


def test_operators_are_listed_with_their_rights_and_whether_they_may_sign_in():
    assert "No named operators" in run("operator", "list").output
    account = given.an_account()
    for named in (("ada",), ("eve", "--scope", "act", "--account", account.id)):
        assert run("operator", "add", *named).exit_code == 0
    run("operator", "disable", "eve")
    shown = run("operator", "list").output.splitlines()
    (ada,), (eve,) = ([line.split() for line in shown if name in line] for name in ("ada", "eve"))
    assert ada[:3] == ["ada", "admin", "all"]
    assert eve[:3] == ["eve", "act", account.id]
    assert (len(ada), len(eve)) == (5, 7)  # only eve has the day and time of being disabled


def test_resetting_a_disabled_operators_password_enables_login_again():
    """Given a disabled operator, when the password is reset, then the new one works, all sessions
    end, and the audit log has it.
    """
    run("operator", "add", "ada", "--password-stdin", stdin="the first password")
    OperatorSession.open(Operator.get(), "", real_now())
    run("operator", "disable", "ada")
    assert Operator.live("ada") is None
    output = run("operator", "reset", "Ada").output
    password = next(line.split()[1] for line in output.splitlines() if line.startswith("password"))
    assert password_holds(Operator.live("ada"), password)
    OperatorSession.open(Operator.live("ada"), "", real_now())
    assert (
        run("operator", "reset", "ada", "--password-stdin", stdin="the third password").exit_code
        == 0
    )
    assert (
        OperatorSession.select().count(),
        password_holds(Operator.live("ada"), "the third password"),
    ) == (0, True)
    assert [
        entry.detail["enabled"]
        for entry in (
            AuditEntry.select().where(AuditEntry.action == "operator.reset").order_by(AuditEntry.id)
        )
    ] == [True, False]
    assert run("operator", "reset", "ada", "--password-stdin", stdin="short").exit_code == 1
    assert run("operator", "reset", "bob").exit_code == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "short"),
        ("operator", "a long password"),
        ("a b", "a long password"),
        ("", "a long password"),
    ],
)
def test_an_unsuitable_operator_name_or_password_is_refused(name, password):
    assert run("operator", "add", name, "--password-stdin", stdin=password).exit_code == 1
    assert Operator.select().count() == 0


@pytest.mark.one_database
def test_a_password_that_is_not_utf_8_is_refused_in_a_sentence():
    """Given a password in Latin-1, then no operator is added: browsers send UTF-8."""
    done = run("operator", "add", "ada", "--password-stdin", stdin=b"correct h\xf6rse battery\n")
    assert (done.exit_code, "The password is not UTF-8" in done.output) == (1, True)
    assert "rse" not in done.output
    assert Operator.select().count() == 0


def test_refused_events_are_listed_without_their_contents():
    InboxEvent.receive("stripe", "", "evt_1", "refund.created", '{"name": "Ada Payer"}', real_now())
    InboxEvent.get().record_outcome(
        "refused", real_now(), "metadata names another account's invoice"
    )
    output = run("events", "list", "--outcome", "refused").output
    assert "evt_1" in output
    assert "another account's" in output
    assert "Ada" not in output
    assert "No events are unmatched." in run("events", "list", "--outcome", "unmatched").output


def test_reseal_moves_secrets_to_the_newest_key(monkeypatch):
    """Given secrets under three keys, one of which is dropped, then `reseal` moves the rest to the
    newest key, doctor tells what needs an older key from what no key opens, and a second run does
    nothing.
    """

    def under(keys):
        monkeypatch.setenv("PAYPHONE_SECRET_KEY", keys)
        reset_process()
        use_database(get_settings().database_url)

    account, ids = given.an_account(), []
    for key in ("key-lost", "key-old", "key-new"):
        under(key)
        ids.append(
            WebhookEndpoint.register(
                account, f"https://{key}.example", [], seal(f"whsec_{key}"), real_now()
            ).id
        )
    under("key-new,key-old,key-lost")
    assert "2 of 3 need an older key" in run("doctor").output
    under("key-new,key-old")
    assert "1 of 3 cannot be opened with any key that is set" in run("doctor").output
    result = run("reseal")
    assert (result.exit_code, "Resealed: 1." in result.output, ids[0] in result.output) == (
        1,
        True,
        True,
    )
    assert "whsec" not in result.output
    under("key-new")
    assert unseal(WebhookEndpoint.get_by_id(ids[1]).secret) == "whsec_key-old"
    WebhookEndpoint.get_by_id(ids[0]).record_deleted(real_now())
    again = run("reseal")
    assert (again.exit_code, "Resealed: 0. The newest key opens everything" in again.output) == (
        0,
        True,
    )
    assert "nothing needs an older key" in run("doctor").output


def test_a_database_without_tables_is_an_error_with_advice_to_migrate(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    reset_process()
    result = run("jobs", "list")
    assert result.exit_code == 1
    assert "Run bin/payphone migrate." in result.output
    assert "applied 0001_spine" in run("migrate").output
    assert "Nothing to do" in run("migrate").output


def test_a_failed_migration_names_those_applied_before_it(monkeypatch, tmp_path):
    """Given a migration that fails, then those before it are named and stay applied, and the next
    run goes on from there once the cause is fixed.
    """
    folder, own = tmp_path / "migrations", f"sqlite:///{tmp_path / 'own.db'}"
    folder.mkdir()
    (folder / "0001_one.py").write_text("def up(migrator, db): pass")
    (folder / "0002_two.py").write_text("def up(migrator, db): db.execute_sql('SELECT * FROM two')")
    monkeypatch.setattr(migrate, "DIRECTORY", folder)
    monkeypatch.setenv("DATABASE_URL", own)
    reset_process()
    failed = run("migrate")
    assert failed.exit_code == 1
    assert "applied 0001_one\n" in failed.output
    (folder / "0002_two.py").write_text("def up(migrator, db): pass")
    assert run("migrate").output.splitlines()[1:] == ["applied 0002_two"]


def test_a_missing_postgresql_database_or_role_gets_no_advice_to_migrate(
    database_url, request, monkeypatch
):
    if not database_url.startswith("postgresql"):
        pytest.skip("is about PostgreSQL")
    postgres = request.getfixturevalue("postgres")
    for url in (postgres.url_of("nowhere"), postgres.url.replace("//postgres:", "//nobody:", 1)):
        monkeypatch.setenv("DATABASE_URL", url)
        reset_process()
        listed = run("jobs", "list")
        assert listed.exit_code == 1
        assert "does not exist" in listed.output
        assert "migrate" not in listed.output
        [database] = check_database(get_settings())
        assert "does not exist" in database.found


@pytest.mark.parametrize(
    "change", ["DROP TABLE staged_job", "ALTER TABLE staged_job RENAME COLUMN queue TO other"]
)
def test_a_missing_table_or_column_gets_advice_to_migrate(change):
    execute(change)
    assert "Run bin/payphone migrate." in run("jobs", "list").output


def test_a_quoted_driver_error_hides_the_password():
    error = OperationalError(
        'connection failed: no "hunter/2" nor hunter%2F2\n\tIs the server running?'
    )
    assert (
        driver_message(error, "postgresql://payphone:hunter%2F2@db/payphone")
        == 'OperationalError: connection failed: no "***" nor ***'
    )


def test_a_database_of_a_newer_release_is_named():
    execute(
        "INSERT INTO schema_migration (name, applied) VALUES ('9999_from_the_future', '2030-01-01"
        " 00:00:00')"
    )
    output = run("migrate").output
    assert "The database is newer than this release: 9999_from_the_future." in output
    assert "up to date" not in output
    assert "newer than this release: 9999_from_the_future" in run("doctor").output.replace(
        "\n", " "
    )


def test_an_unreachable_database_error_hides_the_password(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://payphone:hunter2@127.0.0.1:1/payphone")
    reset_process()
    result = run("jobs", "list")
    assert result.exit_code == 1
    assert "cannot be reached" in result.output
    assert "hunter2" not in result.output


def test_production_without_database_url_names_the_default_database(monkeypatch, tmp_path):
    """Given a shell without DATABASE_URL in production, then the command first says that it uses
    the default file.
    """
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYPHONE_ENV", "production")
    monkeypatch.setattr("models.connections.open_database.ROOT", tmp_path)
    reset_process()
    result = run("pause", "texts")
    assert result.output.startswith(
        "note DATABASE_URL is not set: this is sqlite:///var/payphone.db."
    )
    assert "error sqlite:///var/payphone.db: The database's file is not there." in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "command", [("pause", "texts"), ("resume", "texts"), ("brakes",), ("migrate",)]
)
def test_commands_name_the_database_without_its_password(database_url, monkeypatch, command):
    assert f"Database: {get_settings().shown_database}" in run(*command).output.splitlines()
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://ada:hunter2@db.example/payphone?password=hunter3"
    )
    reset_process()
    assert get_settings().shown_database == "postgresql://ada:***@db.example/payphone?password=***"


UNESCAPED = (
    "postgresql://ada:hunter2/x@db.example/payphone",
    "postgresql://ada:hunter2?x@db.example/payphone",
    "postgresql://ada:hunter2[x@db.example/payphone",
    "postgresql://ada:x@hunter2@db.example/payphone",
    "postgresql://ada:x hunter2@db.example/payphone",
    "postgresql://ada@db.example/payphone?sslpassword=hunter2&connect_timeout=9",
    "postgresql://db.example/payphone?user=ada&passWord=hunter2",
)


@pytest.mark.parametrize("url", UNESCAPED)
def test_an_unescaped_or_renamed_password_is_hidden(url, monkeypatch):
    """Given a password with characters that should have been escaped, or under another name, then
    neither the shown URL nor a quoted driver message has it.
    """
    shown, told = Settings(database_url=url).shown_database, describe("database_url", url)
    said = driver_message(OperationalError('failed to resolve host "hunter2@db.example"'), url)
    for text in (shown, told, said):
        assert "hunter2" not in text
    assert "db.example" in shown


def test_a_user_without_a_name_may_pause(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    assert run("pause", "charges").exit_code == 0
    assert PauseSwitch.get().by == "cli:uid-12345"


@pytest.mark.slow
def test_the_command_itself_runs(database_url):
    done = subprocess.run(
        [ROOT / "bin" / "payphone", "jobs", "list"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "No such jobs.", "")


@pytest.mark.slow
def test_the_command_prints_utf_8_whatever_the_locale(database_url):
    """Given an ASCII locale, then a name with other letters is read and printed."""
    ascii_only = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for command in (("create", "Zoë’s"), ("list",)):
        done = subprocess.run(
            [ROOT / "bin" / "payphone", "account", *command],
            capture_output=True,
            encoding="utf-8",
            timeout=240,
            check=False,
            env=os.environ | ascii_only,
        )
        assert done.returncode == 0, done.stderr
    assert "Zoë’s" in done.stdout


@pytest.mark.slow
def test_a_file_argument_is_relative_to_the_callers_folder(database_url, tmp_path):
    """Given a file in the caller's working directory, then its relative name is enough."""
    account = given.an_account()
    (tmp_path / "export.csv").write_text(
        "number,customer,dueDate,amount,currency\n1,Ada,2099-01-31,10,USD\n"
    )
    done = subprocess.run(
        [ROOT / "bin" / "payphone", "invoices", "import", "export.csv", "--account", account.id],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, "Imported." in done.stdout) == (0, True), done.stderr
