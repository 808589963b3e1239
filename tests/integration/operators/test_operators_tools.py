"""`pause`, `resume`, `ceiling`, `events backfill|replay|reconcile`: an operator's tools in an
incident.
"""

import json
import threading
from datetime import timedelta

import pytest

from actions.books.receive_event import replay_event
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Reconciliation
from models.delivery.staged_job import StagedJob
from models.effects.pause_switch import PauseSwitch, paused
from models.payments.payment import Payment
from models.transactions import database, transaction
from runtime.clock import real_now
from tests import given
from tests.stories.operators import a_job, run


@pytest.fixture
def redis(database_url, valkey):
    return valkey.client()


def work(redis):
    for _ in range(30):
        given.make_due()
        given.relayed(redis)
        if not given.worked(redis, "periodic") + given.worked(redis):
            return


class Workers(threading.Thread):
    """Workers that run while a command waits for them."""

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.redis, self.over = redis, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            given.relayed(self.redis)
            for queue in ("periodic", "webhooks"):
                self._drain(queue)
        database.close()

    def _drain(self, queue):
        from delivery.attempt import perform
        from delivery.registry import find_job
        from delivery.rq.keys import parse_rq_id
        from models.delivery.attempt import claim_job

        while (popped := self.redis.lpop(f"rq:queue:{queue}")) is not None:
            claimed = claim_job(parse_rq_id(popped.decode()), "beside")
            if claimed is not None:
                perform(claimed, find_job(claimed.name), alarm=False)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(120)


def test_pause_and_resume_say_what_they_did(redis):
    account = given.an_account()
    assert (
        "Paused: texts of all accounts." in run("pause", "texts", "--why", "wrong template").output
    )
    assert "Already paused" in run("pause", "texts").output
    assert "Paused: charges of" in run("pause", "charges", "--account", account.id).output
    shown = run("brakes").output
    assert "wrong template" in shown
    assert account.id in shown
    assert (
        "texts are paused for all accounts"
        in run("resume", "texts", "--account", account.id).output
    )
    assert "Resumed: texts of all accounts." in run("resume", "texts").output
    assert not paused(account.id, "texts")
    assert [entry.action for entry in AuditEntry.select().order_by(AuditEntry.id)] == [
        "texts.paused",
        "charges.paused",
        "texts.resumed",
    ]
    assert PauseSwitch.select().where(PauseSwitch.paused == True).count() == 1  # noqa: E712


def test_a_ceiling_is_shown_and_changed(redis):
    account = given.an_account()
    assert (
        f"{account.id}: 0 of 500 texts today."
        in run("ceiling", "texts", "--account", account.id).output
    )
    assert "0 of 7 texts" in run("ceiling", "texts", "--account", account.id, "--set", "7").output
    assert "0 of 500 texts" in run("ceiling", "texts", "--account", account.id, "--default").output
    most = str(2**31 - 1)
    assert (
        f"of {most} texts" in run("ceiling", "texts", "--account", account.id, "--set", most).output
    )
    endless = run("ceiling", "texts", "--account", account.id, "--set", str(2**31))
    assert (endless.exit_code, "not in the range" in endless.output) == (2, True)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "everything"),
        ("pause", "texts", "--account", "ac_none"),
        ("ceiling", "texts"),
        ("ceiling", "texts", "--account", "ac_none"),
        ("events", "backfill"),
        ("events", "backfill", "--since", "yesterday"),
        ("events", "backfill", "--since", "2d", "--account", "ac_none"),
        ("events", "replay"),
        ("events", "replay", "1", "--outcome", "refused"),
        ("events", "replay", "--outcome", "lost"),
        ("events", "reconcile", "--since", "x"),
    ],
)
def test_invalid_arguments_change_nothing(redis, arguments):
    assert run(*arguments).exit_code == 2
    assert StagedJob.select().count() + AuditEntry.select().count() == 0


def test_backfill_waits_for_the_workers_and_reports_missing_events(redis, stripe_stand_in):
    """Given events that did not reach us, when an operator backfills, then the command waits for
    the workers and says how many were missing.
    """
    invoice = given.an_invoice()
    asked = {
        "amount": 12_500,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "metadata": given.metadata_of(invoice),
    }
    stripe_stand_in.sdk.payment_intents.create(
        asked | {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )
    with Workers(redis):
        result = run("events", "backfill", "--since", "2d", "--rate", "0")
    count = len(stripe_stand_in.events())
    assert result.exit_code == 0, result.output
    assert f"Read {count} events; {count} had been missing" in result.output
    assert given.fresh(invoice).status == "paid"
    assert str(count) in run("events", "backfills").output
    assert AuditEntry.get().action == "events.backfill_asked"


def test_backfill_says_when_a_missing_event_could_not_be_processed(redis, stripe_stand_in):
    """Given a missing event whose job dies while the command waits, and somebody who clears away an
    older dead one meanwhile, then it does not say that all are processed, and exits with 1.
    """
    older = a_job("dead", name="process_stripe_event")
    stripe_stand_in.sdk.payment_intents.create({"amount": 500, "currency": "usd"})

    class Failing(Workers):
        """Workers under which each event's job uses up its attempts."""

        def _drain(self, queue):
            if queue == "periodic":
                super()._drain(queue)
            else:
                of_event = StagedJob.name == "process_stripe_event"
                StagedJob.update(state="dead", finished_at=1).where(of_event).execute()
                StagedJob.update(state="done").where(StagedJob.id == older.id).execute()

    with Failing(redis):
        result = run("events", "backfill", "--since", "2d", "--rate", "0")
    assert (result.exit_code, "are now processed" in result.output) == (1, False)
    assert "error 1 event could not be processed: bin/payphone jobs list --state dead" in (
        result.output
    )


def test_backfill_of_one_clinic_reads_its_own_account(redis, stripe_stand_in):
    account = given.an_account(
        stripe_account=stripe_stand_in.sdk.accounts.create({"country": "US"}).id
    )
    assert (
        run("events", "backfill", "--since", "40d", "--account", account.id, "--no-wait").exit_code
        == 0
    )
    assert (
        run("events", "backfill", "--since", "1h", "--account", "platform", "--no-wait").exit_code
        == 0
    )
    assert [row.stripe_account for row in Backfill.select().order_by(Backfill.id)] == [
        account.stripe_account,
        "",
    ]


def test_refused_events_are_replayed_once_the_reason_is_gone(redis):
    """Given events refused because a clinic's Stripe account was entered wrongly, when that is
    corrected and they are replayed, then each is applied once.
    """
    account = given.an_account(stripe_account="acct_typo")
    invoices = [given.an_invoice(account) for _ in range(3)]
    for invoice in invoices:
        given.received(
            given.an_event(
                "payment_intent.succeeded", given.an_intent(invoice), account="acct_right"
            )
        )
    work(redis)
    assert {row.outcome for row in InboxEvent.select()} == {"refused"}
    Account.update(stripe_account="acct_right").where(Account.id == account.id).execute()
    before = given.database_now()
    result = run("events", "replay", "--outcome", "refused", "--rate", "1")
    took = given.database_now() - before
    assert "Replayed: 3, spread over 3 s." in result.output
    due = sorted(row.due_at for row in StagedJob.select())
    assert 2_000_000 <= due[-1] - due[0] <= 2_000_000 + took
    assert {row.outcome for row in InboxEvent.select()} == {None}
    work(redis)
    assert {row.outcome for row in InboxEvent.select()} == {"applied"}
    assert {given.fresh(invoice).status for invoice in invoices} == {"paid"}
    assert AuditEntry.select().where(AuditEntry.action == "event.replayed").count() == 3


def test_replaying_an_applied_event_changes_nothing(redis):
    """Given an applied event whose job row was deleted, when it is replayed, then nothing counts
    twice.
    """
    invoice = given.an_invoice()
    event = given.an_event("payment_intent.succeeded", given.an_intent(invoice))
    number = given.received(event)
    work(redis)
    before = given.fresh(invoice).version
    assert "Replayed: 1." in run("events", "replay", event["id"]).output
    assert "not processed yet" in run("events", "replay", str(number)).output
    work(redis)
    StagedJob.delete().execute()
    assert "Replayed: 1." in run("events", "replay", str(number)).output
    work(redis)
    assert (InboxEvent.get().outcome, given.fresh(invoice).version, Payment.select().count()) == (
        "unchanged",
        before,
        1,
    )
    missing = run("events", "replay", "evt_none")
    assert (missing.exit_code, "no such event" in missing.output) == (1, True)


def test_an_unknown_event_fails_the_command_however_many_the_others_name(redis):
    """Given an event id that two Stripe accounts sent, when it is replayed with one that does not
    exist, then the exit code is 1.
    """
    event = given.an_event("customer.created", {"id": "cus_1"})
    for account in ("acct_1", "acct_2"):
        given.received(event | {"account": account})
    work(redis)
    both = run("events", "replay", event["id"], "evt_none")
    assert (both.exit_code, "Replayed: 2." in both.output) == (1, True), both.output


@pytest.mark.one_database
@pytest.mark.parametrize("command", [("jobs", "retry"), ("events", "replay")])
def test_an_id_of_non_decimal_digits_does_not_exist(redis, command):
    """Given an id such as ², which `str.isdigit` accepts and `int` does not, then the command says
    that it does not exist.
    """
    result = run(*command, "²")
    assert (result.exit_code, "no such" in result.output) == (1, True), result.exception


def test_only_stripe_events_are_replayed(redis):
    """Given a refused text report, when all refused events are replayed, or this one by number,
    then it stays refused, and the command does not claim otherwise.
    """
    report = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    with transaction():
        kind, text, now = "message.delivered", json.dumps(report), real_now()
        number = InboxEvent.receive("twilio", "", "SM1:delivered:", kind, text, now)
        event = InboxEvent.get_by_id(number)
        event.record_outcome("refused", now, "msg_1 has another number", invoice_id="inv_1")
    assert "Replayed: 0." in run("events", "replay", "--outcome", "refused").output
    named = run("events", "replay", str(number))
    assert (named.exit_code, "from Twilio" in named.output) == (1, True)
    assert not replay_event(number, "test")
    work(redis)
    event = InboxEvent.get_by_id(number)
    assert (event.outcome, event.reason) == ("refused", "msg_1 has another number")
    assert (event.invoice_id, StagedJob.select().count()) == ("inv_1", 0)


def test_reconcile_says_what_differs(redis, stripe_stand_in):
    """Given books that agree, then the command says so; given a difference, then it is shown, and
    the exit code is 1.
    """
    invoice = given.an_invoice()
    asked = {
        "amount": 12_500,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "metadata": given.metadata_of(invoice),
    }
    stripe_stand_in.sdk.payment_intents.create(
        asked | {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )
    for event in stripe_stand_in.events():
        given.received(event)
    work(redis)
    with Workers(redis):
        assert "No differences." in run("events", "reconcile").output
    Payment.update(amount_received=10_000).execute()
    with Workers(redis):
        StagedJob.update(due_at=0).where(StagedJob.state == "waiting").execute()
        result = run("events", "reconcile", "--since", "1d")
    assert result.exit_code == 1
    assert "payment_differs" in result.output
    assert "100.00 USD" in result.output
    assert "125.00 USD" in result.output
    assert "payment_differs" in run("events", "reconcile", "--latest").output


def test_the_latest_reconciliation_report_shows_its_age_and_scope(redis):
    """Given no report, a fresh one and one of five hours ago, then the output says which it is; an
    old one is called old.
    """
    none = run("events", "reconcile", "--latest")
    assert (
        none.exit_code,
        "No differences" in none.output,
        "No comparison has finished yet" in none.output,
    ) == (1, False, True)
    now, span = real_now(), {"since": 1_795_000_000, "until": 1_795_259_200}
    report = Reconciliation.create(
        asked_by="test",
        state="done",
        compared=17,
        created_at=now,
        finished_at=now - timedelta(minutes=59),
        **span,
    )
    fresh = run("events", "reconcile", "--latest")
    assert (fresh.exit_code, "h old" in fresh.output) == (0, False)
    assert "not been compared" not in fresh.output
    assert (
        "platform: compared 17 payments and refunds made from 2026-11-18 11:06:40Z to 2026-11-21"
        " 11:06:40Z" in fresh.output
    )
    assert f"report from {report.finished_at:%F %TZ}." in fresh.output
    given.an_account(stripe_account="acct_new")
    assert "acct_new has not been compared yet" in run("events", "reconcile", "--latest").output
    Reconciliation.update(finished_at=now - timedelta(hours=5)).execute()
    assert (
        "platform: the report is 5.0 h old; there should be one every hour."
        in run("events", "reconcile", "--latest").output
    )
