"""Running totals follow every change and equal a scan of the rows, whoever writes."""

import random
import threading

import pytest

from jobs.fold_totals import fold_totals
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from models.reports import figures
from models.reports.figures import count_inbox, count_invoices, count_jobs, oldest_due
from models.reports.running_total import (
    COUNTED,
    RunningTotal,
    TotalChange,
    fold_changes,
    totals,
    totals_scanned,
)
from models.transactions import database, execute, is_postgres, transaction
from runtime.clock import real_now
from tests import given

STATUSES = ("draft", "sent", "overdue", "paid", "cancelled")


def agree():
    return all(totals(what) == totals_scanned(what) for what in COUNTED)


def change_something(rng, account):
    """Make one random change, of a kind that some process makes."""
    what = rng.randrange(6)
    if what == 0:
        given.an_invoice(account, amount=rng.randrange(1, 9) * 100)
    elif what == 1 and (invoice := Invoice.select().order_by(Invoice.id.desc()).first()):
        status, owed = rng.choice(STATUSES), rng.randrange(9) * 100
        Invoice.update(status=status, outstanding=owed).where(Invoice.id == invoice.id).execute()
    elif what == 2:
        given.received(given.an_event("payment_intent.succeeded", {"object": "payment_intent"}))
    elif what == 3:
        InboxEvent.update(outcome=rng.choice(["applied", "refused"])).execute()
    elif what == 4:
        execute("UPDATE staged_job SET state = ?", (rng.choice(["done", "waiting", "dead"]),))
    else:
        StagedJob.delete().where(StagedJob.state == "done").execute()


@pytest.mark.parametrize("seed", range(3))
def test_totals_equal_a_scan_after_any_changes(database_url, seed):
    rng, account = random.Random(seed), given.an_account()
    for _ in range(60):
        change_something(rng, account)
        if rng.random() < 0.2:
            with transaction():
                fold_changes(rng.randrange(1, 20))
    assert agree()
    fold_totals.perform()
    assert TotalChange.select().count() == 0
    assert agree()


def test_a_rolled_back_change_is_not_counted(database_url):
    account = given.an_account()
    before = totals("invoices")
    with transaction() as _, database.atomic() as undone:
        given.an_invoice(account)
        undone.rollback()
    assert totals("invoices") == before
    assert agree()


def test_an_unpaid_invoice_is_counted_by_its_due_date(database_url):
    invoice = given.an_invoice(amount=700)
    (owed,) = totals("invoices", invoice.account_id)
    assert (owed.kind, owed.state, owed.day) == ("usd", "sent", "2099-01-31")
    assert (owed.count, owed.amount) == (1, 700)
    Invoice.update(status="paid", outstanding=0).where(Invoice.id == invoice.id).execute()
    (paid,) = totals("invoices", invoice.account_id)
    assert (paid.state, paid.day, paid.count, paid.amount) == ("paid", "", 1, 0)


def test_folding_twice_at_once_counts_each_change_once(database_url):
    """Given writers, and two threads that fold at the same time, then no change is lost or counted
    twice.
    """
    account = given.an_account()
    for _ in range(30):
        given.an_invoice(account)

    def fold():
        for _ in range(10):
            with transaction():
                fold_changes(3)

    threads = [threading.Thread(target=fold) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        given.an_invoice(account)
    for thread in threads:
        thread.join()
    fold_totals.perform()
    assert agree()
    assert sum(row.count for row in RunningTotal.select()) == 40


def test_figures_come_from_the_totals(database_url):
    invoice = given.an_invoice()
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(invoice)))
    StagedJob.update(state="done", finished_at=int(real_now().timestamp())).execute()
    assert count_invoices() == {"sent": 1}
    assert count_inbox() == {"unprocessed": 1}
    assert [(one.state, one.count) for one in count_jobs()] == [("done", 1)]


def test_jobs_are_counted_by_state(database_url):
    """Given jobs in every state, then each counts in its own, and claiming or snoozing a job adds
    no change to fold.
    """
    for number in range(6):
        given.a_job("a_test_job", number)
    ids = [row.id for row in StagedJob.select().order_by(StagedJob.id)]
    for row_id, state in zip(ids, ("running", "dead", "done", "cancelled"), strict=False):
        StagedJob.update(state=state).where(StagedJob.id == row_id).execute()
    counted = {(one.name, one.state): one.count for one in count_jobs()}
    assert counted == {
        ("a_test_job", "waiting"): 2,
        **{("a_test_job", state): 1 for state in ("running", "dead", "done", "cancelled")},
    }
    before = TotalChange.select().count()
    for state in ("running", "waiting", "running"):
        StagedJob.update(state=state).where(StagedJob.id == ids[-1]).execute()
    assert TotalChange.select().count() == before
    assert agree()


def test_a_scrape_does_not_read_all_waiting_jobs(database_url):
    """Given a thousand waiting jobs, then a scrape reads only the oldest of each queue, by an
    index.
    """
    for number in range(1_000):
        given.a_job("a_test_job", number, queue=("webhooks", "messages")[number % 2])
    given.statistics()
    explain = "EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN "
    plan = "\n".join(str(row) for row in execute(explain + figures.OLDEST_DUE).fetchall())
    assert "staged_job_waiting" in plan
    assert "SCAN staged_job" not in plan, plan
    assert "Seq Scan on staged_job" not in plan, plan
    assert set(oldest_due()) == {"webhooks", "messages"}
    assert "waiting" not in figures.JOBS
