"""An invoice becomes overdue right after midnight in its clinic's time zone, however many others
there are (F31).
"""

import logging
import sys
from datetime import UTC, date, datetime

import pytest
from structlog.testing import capture_logs

from jobs.mark_overdue import mark_overdue
from models.delivery.staged_job import StagedJob
from models.feed.outgoing_event import OutgoingEvent
from models.invoices.invoice import Invoice
from models.payments.invoice_facts import InvoiceFacts
from models.payments.payment import Payment
from runtime.clock import move_business_time, real_now
from runtime.log import get_log
from tests import given
from tests.watching.counting import counted

DUE = date(2027, 3, 1)


@pytest.fixture
def at():
    yield lambda *moment: move_business_time(datetime(2027, *moment, tzinfo=UTC) - real_now())
    move_business_time(None)


@pytest.fixture
def folds(caplog):
    """Counts the invoices folded since the last call; each fold reads the payments of one invoice
    or of several.
    """
    caplog.set_level(logging.DEBUG, logger="peewee")

    def asked():
        texts = [record.msg for record in caplog.records if record.name == "peewee"]
        caplog.clear()
        return sum(len(params) for sql, params in texts if 'FROM "payment" WHERE' in sql)

    return asked


def swept(redis):
    """Run one scheduled sweep to its end, in as many attempts as it takes."""
    given.a_job(mark_overdue.name, StagedJob.select().count(), queue="periodic")
    StagedJob.update(args="[]").execute()
    for _ in range(10):
        given.relayed(redis)
        if not given.worked(redis, "periodic"):
            break


def many(account, count, **values):
    """Insert `count` invoices of one customer, many more than a sweep's batch."""
    first = given.an_invoice(account, due_date=DUE, **values)
    row = dict(first.__data__)
    rows = [
        row | {"id": f"{first.id}-{number}", "number": f"{first.number}-{number}"}
        for number in range(1, count)
    ]
    for start in range(0, len(rows), 50):
        Invoice.insert_many(rows[start : start + 50]).execute()


@pytest.mark.slow
def test_many_invoices_in_the_west_do_not_delay_one_in_the_east(database_url, valkey, at, folds):
    """Given 450 invoices in Los Angeles and one in Tokyo, due on the same day, then each becomes
    overdue after its own midnight, and none is folded before.
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


def test_the_sweep_succeeds_without_any_account(database_url, valkey):
    swept(valkey.client())
    assert given.states() == {"done": 1}


def test_an_invoice_that_fails_to_fold_is_reported_and_blocks_no_other(
    database_url, valkey, at, monkeypatch
):
    """Given many invoices of which the first cannot be folded, then all others become overdue, the
    log names the first, and the sweep is tried again.
    """
    redis, account = valkey.client(), given.an_account()
    broken = given.an_invoice(account, due_date=date(2027, 2, 1))
    many(account, 250)

    amounts = InvoiceFacts.amounts

    def stumbling(facts, invoice, today):
        if invoice.id == broken.id:
            raise ArithmeticError("no such sum")
        return amounts(facts, invoice, today)

    monkeypatch.setattr(InvoiceFacts, "amounts", stumbling)
    # capture_logs does not see a logger that was used before
    monkeypatch.setattr("delivery.scan.log", get_log("job"))
    at(3, 3)
    with capture_logs() as told:
        swept(redis)
    assert {(line["event"], line["row"]) for line in told if line["log_level"] == "error"} == {
        ("invoice not folded", broken.id)
    }
    assert (
        given.fresh(broken).status,
        Invoice.select().where(Invoice.status == "overdue").count(),
    ) == ("sent", 250)
    sweep = StagedJob.get()
    assert (sweep.state, sweep.attempts) == ("waiting", 1)
    assert f"invoice not folded: 1 in all, {broken.id} first" in sweep.last_error
    monkeypatch.undo()
    mark_overdue.perform()
    assert given.fresh(broken).status == "overdue"


@pytest.mark.parametrize("enough", [3600.0, -1.0], ids=["one attempt", "an attempt for each batch"])
def test_more_failing_invoices_than_a_batch_block_no_other(
    database_url, valkey, at, monkeypatch, enough
):
    """Given a first batch and more of invoices that cannot be folded, then the one behind them
    still becomes overdue, whether or not the attempt runs out of time, and all failures are
    reported.
    """
    redis, account = valkey.client(), given.an_account()
    monkeypatch.setattr(sys.modules["jobs.mark_overdue"], "BATCH", 2)
    monkeypatch.setattr("delivery.scan.ENOUGH", enough)
    broken = {given.an_invoice(account, due_date=date(2027, 2, 1)).id for _ in range(5)}
    behind = given.an_invoice(account, due_date=DUE)
    amounts = InvoiceFacts.amounts

    def stumbling(facts, invoice, today):
        if invoice.id in broken:
            raise ArithmeticError("no such sum")
        return amounts(facts, invoice, today)

    monkeypatch.setattr(InvoiceFacts, "amounts", stumbling)
    at(3, 3)
    swept(redis)
    assert given.fresh(behind).status == "overdue"
    sweep = StagedJob.get()
    assert (sweep.state, sweep.attempts) == ("waiting", 1)
    assert f"invoice not folded: 5 in all, {min(broken)} first" in sweep.last_error
    monkeypatch.setattr(InvoiceFacts, "amounts", amounts)
    for _ in range(10):
        given.make_due()
        given.relayed(redis)
        given.worked(redis, "periodic")
    assert {row.status for row in Invoice.select()} == {"overdue"}
    assert StagedJob.get().state == "done", "what failed is tried again by the next attempt"


def test_a_large_sweep_needs_few_statements_and_announces_each_invoice(database_url, at):
    """Given 150 overdue invoices of one clinic, then the sweep runs at most 15 statements, and the
    feed has an event for each.
    """
    many(given.an_account(), 150)
    at(3, 3)
    with counted() as cost:
        mark_overdue.perform()
    told = OutgoingEvent.select().where(OutgoingEvent.type == "invoice.overdue")
    assert {row.subject for row in told} == {f"invoice:{row.id}" for row in Invoice.select()}
    assert {row.payload["status"] for row in told} == {"overdue"}
    assert {(row.status, row.version) for row in Invoice.select()} == {("overdue", 1)}
    assert len(cost.statements) <= 15, "\n".join(cost.statements)


def test_the_sweep_recomputes_invoices_from_their_payments(database_url, at):
    """Given invoices that were paid in full or in part, then the sweep recomputes them from their
    payments.
    """
    account = given.an_account()
    many(account, 5)
    paid, partly, *_ = Invoice.select().order_by(Invoice.id)
    for invoice, amount in ((paid, paid.amount_due), (partly, 1)):
        Payment.create(
            id=f"pay_{invoice.id}",
            account=account,
            invoice=invoice,
            method="cash",
            reference=invoice.id,
            status="succeeded",
            terminal="succeeded",
            amount=amount,
            amount_received=amount,
            currency=invoice.currency,
            created_at=real_now(),
            updated_at=real_now(),
        )
    at(3, 3)
    mark_overdue.perform()
    assert (given.fresh(paid).status, given.fresh(paid).outstanding) == ("paid", 0)
    assert given.fresh(partly).status == "overdue"
    assert given.fresh(partly).outstanding == partly.amount_due - 1
    kinds = [row.type for row in OutgoingEvent.select().order_by(OutgoingEvent.type)]
    assert kinds == ["invoice.overdue"] * 4 + ["invoice.paid"]
