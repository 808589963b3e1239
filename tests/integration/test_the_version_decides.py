"""The row's version decides: of two writers that read the same invoice, the second writes
nothing.
"""

import pytest

from delivery.attempt import perform, recording
from delivery.registry import JobType
from models.delivery.attempt import claim_job
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from rules.invoice_fold import Amounts
from runtime.clock import real_now
from runtime.errors import Conflict
from tests import given


@pytest.fixture(autouse=True)
def _database(database_url, valkey):
    """Run each test on both databases."""


@pytest.fixture
def copies():
    """One row, read twice."""
    invoice = given.an_invoice(amount=10_000)
    return given.fresh(invoice), given.fresh(invoice)


def paid(amount):
    return Amounts(
        status="sent",
        amount_received=amount,
        amount_returned=0,
        amount_paid=amount,
        outstanding=10_000 - amount,
        overpaid=0,
        disputed=False,
        mismatched=False,
    )


WRITES = {
    "a change": lambda row: row.change(real_now(), notes="second"),
    "a fold": lambda row: row.record_amounts(paid(6_000), real_now()),
}


@pytest.mark.parametrize("write", WRITES)
def test_the_second_writer_gets_a_conflict_and_writes_nothing(copies, write):
    (first, second), act = copies, WRITES[write]
    first.change(real_now(), notes="first")
    with pytest.raises(
        Conflict, match=f"{second.id} was changed by another writer since version 0"
    ):
        act(second)
    row = given.fresh(first)
    assert (row.notes, row.outstanding, row.version, row.balance_revision) == (
        "first",
        10_000,
        1,
        0,
    )
    act(given.fresh(first))
    assert given.fresh(first).version == 2, "what is read afresh may be written"


def test_a_job_that_hits_a_version_conflict_is_retried_without_using_up_an_attempt(copies):
    """Given a job with one attempt whose invoice another writer changed after it was read, then all
    it wrote is rolled back, and it runs again with what it then finds, without using up the
    attempt.
    """
    first, stale = copies
    reads = [lambda: stale, lambda: given.fresh(first)]

    def note(_number):
        invoice = reads.pop(0)()
        with recording():
            given.an_account(name="written before the conflict")
            invoice.change(real_now(), notes=f"{invoice.notes} second".strip())

    kind = JobType("a_test_job", "webhooks", 1, 60, 0.2, note)
    job_id = given.a_job("a_test_job", 1, attempts=1)
    first.change(real_now(), notes="first")
    accounts = type(first.account).select().count()
    outcome = perform(claim_job(job_id, "w1"), kind)
    row = StagedJob.get()
    assert (outcome.state, row.state, row.attempts) == ("snoozed", "waiting", 0)
    assert "was changed by another writer" in row.last_error
    assert type(first.account).select().count() == accounts
    given.make_due()
    assert perform(claim_job(job_id, "w2"), kind).state == "done"
    assert (given.fresh(first).notes, Invoice.get().version) == ("first second", 2)
    assert (StagedJob.get().attempts, StagedJob.get().claim) == (1, 2)


def test_a_charges_outcome_is_written_once():
    """Given a settled charge, when a writer with an older copy records a refusal, then neither the
    row nor that copy changes.
    """
    attempt = PaymentAttempt.plan(given.an_invoice(), 12_500, None, "test", real_now())
    first = PaymentConfirmation.request(attempt, "pm_1", "test", real_now())
    second = PaymentConfirmation.get_by_id(first.id)
    first.record_settled(real_now())
    second.record_refused("too_late", "nothing was charged", real_now())
    assert (first.state, second.state, second.decline_code) == ("settled", "requested", None)
    assert PaymentConfirmation.get_by_id(first.id).state == "settled"
