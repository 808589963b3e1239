"""`bin/payphone effects`: list, reconcile, settle."""

import psycopg
import pytest

from bin.commands import output as screen
from effects.calling.call import CALL
from effects.reserve import reserve_for_account
from jobs.reconcile_effects import reconcile_effect
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.transactions import is_postgres, transaction
from runtime.clock import real_now
from tests import given
from tests.faults.asked import ask
from tests.running.processes import close_database
from tests.stories.operators import run


@pytest.fixture
def asked(client, valkey, stand_in):
    """A refund whose answers were lost until its job was dead."""
    asked = ask("refund", stand_in, valkey.client())
    stand_in.fault("timeout_after", "POST", asked.path, seconds=2)
    stand_in.fault("refuse", "POST", asked.path, times=20)
    given.worked(valkey.client())
    given.retried(valkey.client(), rounds=18)
    assert (asked.job.state, asked.effect.state) == ("dead", "unknown")
    return asked


def test_effects_are_listed(asked):
    shown = run("effects", "list", "--in-doubt").output
    assert asked.effect.id in shown
    assert "dead" in shown
    assert (
        "No such effects."
        in run("effects", "list", "--state", "confirmed", "--kind", "refund").output
    )
    assert asked.effect.id in run("effects", "list", "--state", "unknown").output


def test_an_effect_in_doubt_shows_in_metrics_doctor_and_list(asked, client, monkeypatch):
    """A doubt shows in the metrics, in doctor, and in a list whose ids can be typed on the
    narrowest terminal.
    """
    metrics = client.simulate_get("/metrics", headers=given.a_key(None)).text
    assert 'payphone_effects_in_doubt{kind="refund"} 1.0' in metrics
    assert "effects list --in-doubt" in run("doctor").output
    monkeypatch.setattr(screen, "PIPED_WIDTH", 80)
    shown = run("effects", "list", "--in-doubt").output
    assert asked.effect.id[:8] in shown
    assert "…" not in shown, "an id was cut off"


def test_a_dead_job_is_listed_with_its_end_not_its_due_time(asked):
    job = asked.job
    shown = run("jobs", "list", "--state", "dead").output
    assert screen.moment(job.finished_at) in shown
    assert screen.moment(job.due_at) not in shown


@pytest.mark.parametrize("which", ["--all", "one"])
def test_a_reconciled_effect_is_recorded_by_its_replayed_job(asked, valkey, stand_in, which):
    stand_in.sandbox.shared.faults.clear()
    said = run("effects", "reconcile", "--all" if which == "--all" else asked.effect.id)
    assert said.exit_code == 0, said.output
    assert asked.made()[0]["id"] in said.output
    given.retried(valkey.client(), rounds=1)
    asked.assert_done_once()
    assert AuditEntry.select().where(AuditEntry.action == "job.replayed").count() == 1
    assert run("effects", "reconcile", asked.effect.id).exit_code == 0


def test_an_effect_found_after_its_job_ended_is_confirmed(asked, stand_in):
    stand_in.sandbox.shared.faults.clear()
    StagedJob.update(state="done").where(StagedJob.id == asked.job.id).execute()
    assert run("effects", "reconcile", asked.effect.id).exit_code == 0
    assert (asked.effect.state, asked.effect.provider_id) == ("confirmed", asked.made()[0]["id"])
    assert AuditEntry.select().where(AuditEntry.action == "effect.settled").count() == 1


def test_an_effect_kind_of_a_newer_release_is_shown_and_left_alone(asked, client):
    """Given an effect of a kind that only a newer release knows, as during a rollout or after a
    rollback, then the timeline, the list and the hourly reconcile job work, and it cannot be
    settled by hand.
    """
    effect = asked.effect
    Effect.update(kind="refund_of_tomorrow").where(Effect.id == effect.id).execute()
    key = given.a_key(Account.get_by_id(effect.account_id))
    told = client.simulate_get(f"/api/invoices/{effect.invoice_id}/timeline", headers=key)
    assert told.status_code == 200
    assert "refund_of_tomorrow" in told.text
    assert effect.id in run("effects", "list", "--in-doubt").output
    reconcile_effect.perform(effect.id)
    for command in (["reconcile"], ["settle", "--refused", "--why", "none there"]):
        said = run("effects", *command, effect.id)
        assert said.exit_code == 1
        assert "a newer release's" in said.output
    assert Effect.get_by_id(effect.id).state == "unknown"


def test_reconcile_reports_when_nothing_is_in_doubt(database_url):
    assert run("effects", "reconcile", "--all").output == "No effect is in doubt.\n"


def test_reconcile_reports_a_provider_record_that_cannot_be_read(asked, stand_in):
    stand_in.fault("error_500", "GET", asked.path)
    said = run("effects", "reconcile", "--all")
    assert said.exit_code == 1
    assert "cannot be read" in said.output


def test_reconcile_goes_on_after_an_effect_that_cannot_be_looked_up(asked, stand_in):
    """Given doubts about calls of an installation that has no key for Vapi any more, then the other
    doubts are looked up all the same.
    """
    stand_in.sandbox.shared.faults.clear()
    for name in ("eff_0", "eff_z"):  # whichever comes first
        with transaction():
            made = reserve_for_account(CALL, name, {}, asked.effect.account_id, "test", "a call")
        Effect.update(id=name, state="unknown", sent_at=real_now()).where(
            Effect.id == made.id
        ).execute()
    said = run("effects", "reconcile", "--all")
    assert said.exit_code == 1
    assert said.output.count("VAPI_API_KEY") == 2
    assert asked.made()[0]["id"] in said.output


def test_effects_are_listed_while_a_row_is_locked(asked, database_url):
    """Given an effect and a job whose rows a frozen process has locked, then the list, which an
    operator looks at for that reason, does not wait for them.
    """
    if not is_postgres():
        pytest.skip("a reader of SQLite waits for nobody")
    with psycopg.connect(database_url) as frozen:
        frozen.execute("SELECT 1 FROM effect FOR NO KEY UPDATE")
        frozen.execute("SELECT 1 FROM staged_job FOR NO KEY UPDATE")
        with psycopg.connect(database_url, autocommit=True) as other:
            name = other.execute("SELECT current_database()").fetchone()[0]
            other.execute(f"ALTER DATABASE {name} SET lock_timeout = '60s'")
            close_database()
            try:
                shown = run("effects", "list", "--in-doubt")
            finally:
                other.execute(f"ALTER DATABASE {name} RESET lock_timeout")
    assert (shown.exit_code, "dead" in shown.output) == (0, True), shown.output


def test_an_operator_can_settle_an_effect_as_confirmed(asked, valkey):
    said = run(
        "effects",
        "settle",
        asked.effect.id,
        "--confirmed",
        asked.made()[0]["id"],
        "--why",
        "seen in the dashboard",
    )
    assert said.exit_code == 0, said.output
    given.retried(valkey.client(), rounds=1)
    asked.assert_done_once()
    entry = AuditEntry.get(AuditEntry.action == "effect.settled")
    assert entry.actor.startswith("cli:")
    assert (entry.subject, entry.detail["outcome"]) == (f"effect:{asked.effect.id}", "confirmed")
    assert entry.detail["why"] == "seen in the dashboard"


def test_an_operator_can_settle_an_effect_as_refused(client, valkey, stand_in):
    asked = ask("refund", stand_in, valkey.client())
    stand_in.fault("refuse", "POST", asked.path, times=20)
    given.worked(valkey.client())
    given.retried(valkey.client(), rounds=18)
    assert (
        run(
            "effects", "settle", asked.effect.id, "--refused", "--why", "none in the dashboard"
        ).exit_code
        == 0
    )
    given.retried(valkey.client(), rounds=1)
    asked.assert_not_done("refused")
    assert asked.row.error == "none in the dashboard"


def test_an_effect_with_a_waiting_job_cannot_be_settled(asked, valkey):
    run("effects", "reconcile", "--all")
    said = run("effects", "settle", asked.effect.id, "--refused", "--why", "x")
    assert said.exit_code == 1
    assert "its job is waiting" in said.output
    assert Effect.get_by_id(asked.effect.id).state == "unknown"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "arguments",
    [
        ("reconcile",),
        ("reconcile", "eff_1", "--all"),
        ("reconcile", "eff_none"),
        ("settle", "eff_none", "--refused", "--why", "x"),
        ("settle", "x"),
        ("settle", "x", "--refused"),
        ("settle", "x", "--refused", "--confirmed", "re_1", "--why", "y"),
    ],
)
def test_invalid_arguments_exit_with_2(database_url, arguments):
    assert run("effects", *arguments).exit_code == 2


def test_effects_kinds_shows_each_kinds_cost_and_undo():
    """Given an operator in doubt about a charge, then the command says what each kind costs whom,
    and what undoes it.
    """
    shown = run("effects", "kinds").output
    assert "intent_confirm: Charge the card. Costs the payer: their card is charged;" in shown
    assert "undone by refund" in shown
    assert "text: Send a text. Costs the provider's fee for each one sent; cannot be" in shown
