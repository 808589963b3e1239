"""An invoice becomes overdue right after midnight where its clinic is, however many others there
are (F31).
"""

import logging
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from actions.payments.recompute import recompute
from jobs.mark_overdue import mark_overdue
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from runtime.clock import move_business_time, real_now
from tests import given

DUE = date(2027, 3, 1)


@pytest.fixture
def at():
    yield lambda *moment: move_business_time(datetime(2027, *moment, tzinfo=UTC) - real_now())
    move_business_time(timedelta(0))


@pytest.fixture
def folds(caplog):
    """How many invoices were folded since it was last asked: each fold reads the invoice's payments
    once.
    """
    caplog.set_level(logging.DEBUG, logger="peewee")

    def asked():
        count = sum('FROM "payment"' in record.getMessage() for record in caplog.records)
        caplog.clear()
        return count

    return asked


def swept(redis):
    """A tick of the timetable, and the attempts it takes."""
    given.a_job(mark_overdue.name, StagedJob.select().count(), queue="periodic")
    StagedJob.update(args="[]").execute()
    for _ in range(10):
        given.relayed(redis)
        if not given.worked(redis, "periodic"):
            break


def many(account, count, **values):
    """As many invoices of one customer as make a sweep's batch look small."""
    first = given.an_invoice(account, due_date=DUE, **values)
    row = dict(first.__data__)
    rows = [
        row | {"id": f"{first.id}-{number}", "number": f"{first.number}-{number}"}
        for number in range(1, count)
    ]
    for start in range(0, len(rows), 50):
        Invoice.insert_many(rows[start : start + 50]).execute()


@pytest.mark.slow
def test_a_crowd_in_the_west_does_not_hold_up_the_east(database_url, valkey, at, folds):
    """Given 450 invoices of Los Angeles and one of Tokyo, due on one day, then each is overdue
    after its own midnight, and nothing is folded before.
    """
    redis = valkey.client()
    many(given.an_account(time_zone="America/Los_Angeles"), 450)
    tokyo = given.an_invoice(given.an_account(time_zone="Asia/Tokyo"), due_date=DUE)
    folds()
    at(3, 1, 14, 59)
    swept(redis)
    assert (folds(), given.fresh(tokyo).status) == (0, "sent"), "it is nobody's midnight yet"
    at(3, 1, 15, 1)
    swept(redis)
    assert (folds(), given.fresh(tokyo).status) == (1, "overdue")
    at(3, 2, 7, 59)
    swept(redis)
    assert folds() == 0, "a minute before midnight in Los Angeles"
    at(3, 2, 8, 1)
    swept(redis)
    assert (folds(), Invoice.select().where(Invoice.status == "overdue").count()) == (450, 451)
    assert given.states() == {"done": 4}


def test_no_account_no_work(database_url, valkey):
    swept(valkey.client())
    assert given.states() == {"done": 1}


def test_one_that_cannot_be_folded_holds_up_no_other_and_is_told(
    database_url, valkey, at, monkeypatch
):
    """Given a crowd whose first invoice breaks the fold, then all the others are overdue, the log
    names it, and the sweep is tried again.
    """
    redis, account = valkey.client(), given.an_account()
    broken = given.an_invoice(account, due_date=date(2027, 2, 1))
    many(account, 250)

    def stumbling(invoice):
        if invoice.id == broken.id:
            raise ArithmeticError("no such sum")
        return recompute(invoice)

    monkeypatch.setitem(mark_overdue.perform.__globals__, "recompute", stumbling)
    at(3, 3)
    with capture_logs() as told:
        swept(redis)
    assert {
        (line["event"], line["invoice_id"]) for line in told if line["log_level"] == "error"
    } == {("invoice not folded", broken.id)}
    assert (
        given.fresh(broken).status,
        Invoice.select().where(Invoice.status == "overdue").count(),
    ) == ("sent", 250)
    sweep = StagedJob.get()
    assert (sweep.state, sweep.attempts) == ("waiting", 1)
    assert f"1 invoices could not be folded, {broken.id} first" in sweep.last_error
    monkeypatch.undo()
    mark_overdue.perform()
    assert given.fresh(broken).status == "overdue"
