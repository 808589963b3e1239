"""Workers killed during a backfill: it goes on where it was, and nothing counts twice (B8, faults 7
to 9).
"""

import signal

import pytest

from actions.books.begin import begin_backfill, begin_reconciliation
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Difference, Reconciliation
from models.delivery.staged_job import StagedJob
from models.payments.payment import Payment
from models.transactions import release_connection
from runtime.clock import real_seconds
from tests import given
from tests.faults.town import all_settled, send
from tests.running.servers import wait_for

NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


def a_busy_day(stripe, count):
    """Pay `count` invoices at Stripe without delivering the events; return them."""
    account = given.an_account()
    invoices = [given.an_invoice(account, amount=1_000 + number) for number in range(count)]
    for invoice in invoices:
        asked = {
            "amount": invoice.amount_due,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "metadata": given.metadata_of(invoice),
        }
        stripe.sdk.payment_intents.create(asked | NO_REDIRECTS)
    return invoices


@pytest.mark.parametrize("place", ["backfill.before_commit", "job.after_commit"])
def test_a_backfill_goes_on_after_its_worker_is_killed(town, stripe_stand_in, place):
    """Given several pages to read, when the worker is killed after reading the first, then another
    reads on to the end.
    """
    invoices = a_busy_day(stripe_stand_in, 80)
    run = begin_backfill("", int(real_seconds()) - 3600, 0.0, "test")
    town.pool("periodic=1,webhooks=2", PAYPHONE_KILL_AT=town.at(place))
    town.struck()
    all_settled()
    run = Backfill.get_by_id(run.id)
    events = [event["id"] for event in stripe_stand_in.events()]
    assert (run.state, run.page, run.seen, run.missing) == (
        "done",
        -(-len(events) // 100),
        len(events),
        len(events),
    )
    assert run.page >= 3
    assert sorted(row.event_id for row in InboxEvent.select()) == sorted(events)
    assert {given.fresh(invoice).status for invoice in invoices} == {"paid"}
    assert sum(given.fresh(invoice).amount_paid for invoice in invoices) == sum(
        stripe_stand_in.received(invoice.id) for invoice in invoices
    )
    assert not StagedJob.select().where(StagedJob.state == "dead").exists()


def test_a_new_pool_finishes_the_backfill_of_a_killed_one(town, stripe_stand_in):
    """Given a backfill in progress, when the whole pool is killed, then a new one finishes it."""
    invoices = a_busy_day(stripe_stand_in, 80)
    run = begin_backfill("", int(real_seconds()) - 3600, 0.0, "test")
    pool = town.pool("periodic=1,webhooks=1")
    wait_for(lambda: Backfill.get_by_id(run.id).page > 0, "a page is read")
    send(pool.pid, signal.SIGKILL)
    pool.wait(120)
    town.pool("periodic=1,webhooks=2")
    all_settled()
    assert Backfill.get_by_id(run.id).state == "done"
    assert {given.fresh(invoice).status for invoice in invoices} == {"paid"}


def test_a_reconciliation_is_repeated_after_its_worker_is_killed(town, stripe_stand_in):
    """Given a payment whose amount is wrong here, when the worker that compares is killed, then the
    comparison is repeated, and the difference is named once.
    """
    invoices = a_busy_day(stripe_stand_in, 3)
    for event in stripe_stand_in.events():
        given.received(event)
    town.pool("webhooks=2")
    all_settled()
    Payment.update(amount_received=1).where(Payment.invoice == invoices[0].id).execute()
    run = begin_reconciliation("", int(real_seconds()) - 3600, "test")
    release_connection()
    town.pool("periodic=1", PAYPHONE_KILL_AT=town.at("job.before_commit"))
    town.struck()
    all_settled()
    run = Reconciliation.get_by_id(run.id)
    assert (run.state, run.compared) == ("done", 3)
    assert [(row.kind, row.ours, row.theirs, row.state) for row in Difference.select()] == [
        ("payment_differs", 1, 1_000, "open")
    ]
