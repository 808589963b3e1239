"""A day without webhooks: the events are fetched from Stripe's event list, and the books match
Stripe's to the minor unit (B8).
"""

from datetime import timedelta
from itertools import pairwise

import pytest

from actions.books.begin import begin_backfill
from jobs.backfill_stripe_events import OVERLAP
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.stripe_watermark import StripeWatermark
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from models.transactions import transaction
from runtime.clock import real_now
from tests import given
from tests.stand_ins.stripe_stand_in import StripeStandIn

NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


class Town:
    """One clinic paid through the platform's Stripe account and one through its own; no webhook
    arrives.
    """

    def __init__(self, stripe: StripeStandIn) -> None:
        self.stripe = stripe
        stripe.control("settings", drop_rate=1.0)
        stripe.sdk.webhook_endpoints.create(
            {"url": "http://127.0.0.1:9/nobody", "enabled_events": ["*"]}
        )
        self.connected = stripe.sdk.accounts.create({"country": "US"}).id
        self.clinics = [given.an_account(), given.an_account(stripe_account=self.connected)]
        self.invoices: list[Invoice] = []

    def options(self, invoice):
        own = invoice.account.stripe_account
        return {"stripe_account": own} if own else {}

    def an_invoice(self, clinic=0, amount=10_000):
        self.invoices.append(given.an_invoice(self.clinics[clinic], amount=amount))
        return self.invoices[-1]

    def pay(self, invoice, amount=None, card="pm_card_visa"):
        asked = {
            "amount": amount or invoice.amount_due,
            "currency": "usd",
            "payment_method": card,
            "confirm": True,
            "metadata": given.metadata_of(invoice),
        }
        return self.stripe.sdk.payment_intents.create(
            asked | NO_REDIRECTS, self.options(invoice)
        ).id

    def refund(self, invoice, intent, amount):
        return self.stripe.sdk.refunds.create(
            {"payment_intent": intent, "amount": amount}, self.options(invoice)
        ).id

    def a_day(self):
        """Make full and partial payments, a decline, refunds that succeed and one that fails, and a
        dispute; then move Stripe's clock on by a day.
        """
        for clinic in (0, 1):
            self.pay(self.an_invoice(clinic))
            self.pay(self.an_invoice(clinic), 2_500)
            self.refund(refunded := self.an_invoice(clinic), self.pay(refunded), 1_234)
            with pytest.raises(Exception, match="declined"):
                self.pay(self.an_invoice(clinic), card="pm_card_chargeDeclined")
        bounced = self.an_invoice()
        self.refund(bounced, self.pay(bounced, card="pm_card_refundFail"), 10_000)
        self.pay(self.an_invoice(), card="pm_card_createDispute")
        self.stripe.control("clock", advance=24 * 3600)

    def books_are_equal(self):
        for invoice in self.invoices:
            ours, ledger = (
                given.fresh(invoice),
                self.stripe.shown("ledger")["invoices"].get(invoice.id),
            )
            received = ledger["received"] if ledger else 0
            assert (ours.amount_received, ours.amount_paid) == (
                received,
                self.stripe.received(invoice.id),
            ), f"{invoice.id} {ledger}"
        return True

    def nothing_missed(self):
        listed = [
            self.stripe.events(),
            self.stripe.sdk.events.list({"limit": 100}, {"stripe_account": self.connected}).data,
        ]
        ids = {event["id"] for events in listed for event in events}
        assert ids <= {row.event_id for row in InboxEvent.select(InboxEvent.event_id)}


@pytest.fixture
def town(database_url, valkey, stripe_stand_in):
    return Town(stripe_stand_in)


def backfill(redis, key="test"):
    with transaction():
        stage("backfill_stripe_events", key)
    for _ in range(60):
        given.relayed(redis)
        if not given.worked(redis, "periodic") + given.worked(redis, "webhooks"):
            given.make_due()
            given.relayed(redis)
            if not given.worked(redis, "periodic") + given.worked(redis, "webhooks"):
                return


def test_backfill_of_a_day_without_webhooks_matches_stripe_to_the_minor_unit(town, valkey):
    """Given a day whose webhooks were all lost, when the event list is read, then every invoice
    agrees with Stripe's ledger.
    """
    town.a_day()
    assert not InboxEvent.select().exists()
    backfill(valkey.client())
    town.nothing_missed()
    town.books_are_equal()
    assert {run.state for run in Backfill.select()} == {"done"}
    assert {run.stripe_account for run in Backfill.select()} == {"", town.connected}
    assert given.states() == {"done": StagedJob.select().count()}
    statuses = {given.fresh(invoice).status for invoice in town.invoices}
    assert statuses == {"paid", "sent"}


@pytest.mark.slow
def test_repeating_a_backfill_changes_nothing(town, valkey):
    """Given a backfilled day, when the list is read again, then no event is stored twice and no
    invoice changes.
    """
    town.a_day()
    backfill(valkey.client(), "once")
    kept, versions = (
        InboxEvent.select().count(),
        [given.fresh(invoice).version for invoice in town.invoices],
    )
    backfill(valkey.client(), "twice")
    assert Backfill.select().count() == 4
    assert InboxEvent.select().count() == kept
    assert [given.fresh(invoice).version for invoice in town.invoices] == versions
    assert sum(run.missing for run in Backfill.select()) == kept


@pytest.mark.slow
def test_backfill_does_not_duplicate_events_that_webhooks_delivered(town, valkey, client):
    """Given half of the events delivered to the platform's and the Connect webhook, then the
    backfill adds only the other half.
    """
    town.a_day()
    for event in town.stripe.events()[::2]:
        assert (
            client.simulate_post("/api/webhooks/stripe", **given.signed(event)).status_code == 200
        )
    connected = town.stripe.sdk.events.list({"limit": 100}, {"stripe_account": town.connected}).data
    for event in connected[::2]:
        told = event.to_dict() | {"account": town.connected}
        assert (
            client.simulate_post(
                "/api/webhooks/stripe/connect", **given.signed(told, "whsec_connect")
            ).status_code
            == 200
        )
    before = InboxEvent.select().count()
    backfill(valkey.client())
    assert InboxEvent.select().count() == len(town.stripe.events()) + len(connected)
    assert sum(run.missing for run in Backfill.select()) == InboxEvent.select().count() - before
    town.books_are_equal()


@pytest.mark.slow
def test_next_backfill_starts_at_the_watermark_minus_the_overlap(town, valkey):
    """Given a list read to its end, when more events occur, then the next backfill starts at the
    watermark minus the overlap.
    """
    town.a_day()
    backfill(valkey.client(), "first")
    mark = StripeWatermark.get_by_id("")
    assert mark.event_id == town.stripe.events()[-1]["id"]
    town.pay(town.an_invoice(), 777)
    backfill(valkey.client(), "second")
    latest = (
        Backfill.select().where(Backfill.stripe_account == "").order_by(Backfill.id.desc()).get()
    )
    assert latest.since == mark.created - OVERLAP
    assert latest.missing < 10
    town.books_are_equal()
    town.nothing_missed()


def test_backfill_that_leaves_a_gap_does_not_move_the_watermark(town, valkey):
    """Given a list last read two days ago, when only its last hour is read, then it stays stale;
    when the whole gap is read, it is current.
    """
    old = real_now() - timedelta(days=2)
    StripeWatermark.record_reached("", 0, int(old.timestamp()), "evt_old", old)
    redis, hour = valkey.client(), int(real_now().timestamp()) - 3600
    begin_backfill("", hour, 0, "test")
    given.retried(redis, "periodic")
    assert (
        Backfill.get().state,
        StripeWatermark.get().event_id,
        StripeWatermark.is_stale("", real_now()),
    ) == ("done", "evt_old", True)
    begin_backfill("", hour - 3 * 24 * 3600, 0, "test")
    given.retried(redis, "periodic")
    assert not StripeWatermark.is_stale("", real_now())


def test_account_without_events_for_over_a_month_is_not_stale_once_backfilled(town, valkey):
    """Given a watermark older than Stripe's list reaches, when all that Stripe lists is read, then
    the account is not stale: nothing more can be fetched.
    """
    old = real_now() - timedelta(days=40)
    StripeWatermark.record_reached("", 0, int(old.timestamp()), "evt_old", old)
    backfill(valkey.client())
    assert not StripeWatermark.is_stale("", real_now())


def test_jobs_for_missing_events_are_spaced_by_the_backfill_rate(town, valkey, monkeypatch):
    """Given a rate of one event in four minutes, then the jobs of the missing events are due four
    minutes apart, even if a busy machine stages them slowly.
    """
    apart = 240
    monkeypatch.setenv("BACKFILL_RATE", str(1 / apart))
    from tests.running.processes import reset_process

    reset_process()
    town.pay(town.an_invoice())
    town.pay(town.an_invoice())
    with transaction():
        stage("backfill_stripe_events", "slow")
    redis = valkey.client()
    for _ in range(2):
        given.relayed(redis)
        given.worked(redis, "periodic")
    due = [
        row.due_at
        for row in (
            StagedJob.select()
            .where(StagedJob.name == "process_stripe_event")
            .order_by(StagedJob.id)
        )
    ]
    assert len(due) > 4
    gaps = [(later - earlier) / 1_000_000 for earlier, later in pairwise(due[1:])]
    assert all(apart - 60 < gap < apart + 60 for gap in gaps), gaps


@pytest.mark.slow
def test_backfill_of_an_unreadable_connected_account_fails_with_the_reason(town, valkey):
    """Given a connected account that we can no longer read, then its backfill fails with the reason
    and the others complete.
    """
    given.an_account(stripe_account="acct_gone")
    town.a_day()
    backfill(valkey.client())
    town.books_are_equal()
    gone = Backfill.get(Backfill.stripe_account == "acct_gone")
    assert (gone.state, "acct_gone" in gone.error) == ("failed", True)
    assert given.states() == {"done": StagedJob.select().count()}


def test_dead_backfill_run_is_marked_failed_and_does_not_block_the_next(town, valkey):
    """Given a Stripe outage that lasts until the backfill's jobs are dead, then the next hour's
    backfill starts afresh and the dead runs are marked failed.
    """
    town.pay(town.an_invoice())
    town.stripe.fault("error_500", "GET", "/v1/events", times=1000)
    backfill(valkey.client())
    assert StagedJob.select().where(StagedJob.state == "dead").count() == 2
    assert {run.state for run in Backfill.select()} == {"running"}
    town.stripe.forgive()
    backfill(valkey.client(), "an hour later")
    assert sorted(run.state for run in Backfill.select()) == ["done", "done", "failed", "failed"]
    town.books_are_equal()
