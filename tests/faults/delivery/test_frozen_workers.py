"""Workers frozen past their lease, and locks that expire during work: one effect (faults 11,
31).
"""

import signal

from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from tests import given
from tests.faults.town import PATIENT, all_settled, is_stopped, oracle, send
from tests.running.servers import wait_for


def test_a_worker_frozen_past_its_lease_is_fenced(town):
    """Given a frozen worker whose job another one has done, when it thaws, then its write is rolled
    back.
    """
    given.a_job("wait_for_go", 1, "messages", attempts=5)
    town.pool_with_test_jobs("messages=2", PAYPHONE_LEASE=PATIENT)
    frozen = int(wait_for(lambda: town.lines("began"), "the job runs")[0].split()[1])
    send(frozen, signal.SIGSTOP)
    wait_for(lambda: is_stopped(frozen), "it is frozen")
    given.leases_end()
    wait_for(lambda: len(town.lines("began")) == 2, "the other worker starts it again")
    town.file("go").touch()
    all_settled()
    send(frozen, signal.SIGCONT)
    wait_for(lambda: thawed_is_idle(town, frozen), "the thawed one is idle again")
    assert [int(line.split()[1]) for line in town.lines("began")] == [
        frozen,
        int(town.lines("ended")[0].split()[1]),
    ]
    assert (len(town.lines("ended")), InboxEvent.select().count()) == (1, 1)
    row = StagedJob.get()
    assert (row.state, row.attempts, row.claim) == ("done", 2, 2)


def thawed_is_idle(town, pid):
    return any(
        worker.pid == pid and worker.get_state() == "idle" for worker in town.listed_workers()
    )


def test_two_workers_compete_for_an_invoice_after_its_lock_expires(town):
    """Given a worker frozen while it holds an invoice's lock, when lock and claim expire and
    another worker has done its job and a second payment, then the thawed one changes nothing: each
    payment counts once.
    """
    invoice = given.an_invoice(amount=10_000)
    first, second = (given.an_intent(invoice, amount=4_000), given.an_intent(invoice, amount=6_000))
    town.stage(given.an_event("payment_intent.succeeded", first))
    town.pool(
        PAYPHONE_KILL_AT=town.at("stop:lock.held"),
        PAYPHONE_LOCK_LEASE="0.5",
        PAYPHONE_LEASE=PATIENT,
    )
    frozen = town.struck()
    wait_for(lambda: is_stopped(frozen), "it is frozen")
    given.leases_end()
    town.stage(given.an_event("payment_intent.succeeded", second))
    all_settled()
    assert Invoice.get_by_id(invoice.id).amount_received == 10_000
    version = Invoice.get_by_id(invoice.id).version
    send(frozen, signal.SIGCONT)
    wait_for(lambda: thawed_is_idle(town, frozen), "the thawed one is idle again")
    oracle(town)
    row = Invoice.get_by_id(invoice.id)
    assert (row.status, row.version) == ("paid", version)
    assert Payment.select().count() == 2


def test_no_payment_is_lost_if_a_lock_expires_before_its_claim(town):
    """Given a worker frozen while it holds the lock, when only the lock expires and another payment
    is processed, then both count: the thawed worker folds the current facts, not those it
    remembers.
    """
    invoice = given.an_invoice(amount=10_000)
    town.stage(given.an_event("payment_intent.succeeded", given.an_intent(invoice, amount=4_000)))
    town.pool(
        PAYPHONE_KILL_AT=town.at("stop:lock.held"),
        PAYPHONE_LOCK_LEASE="0.3",
        PAYPHONE_LEASE=PATIENT,
    )
    frozen = town.struck()
    wait_for(lambda: is_stopped(frozen), "it is frozen")
    town.stage(given.an_event("payment_intent.succeeded", given.an_intent(invoice, amount=6_000)))
    wait_for(lambda: given.states() == {"running": 1, "done": 1}, "the other payment is taken in")
    send(frozen, signal.SIGCONT)
    oracle(town)
    assert Invoice.get_by_id(invoice.id).status == "paid"
    assert {job.attempts for job in StagedJob.select()} == {1}


def test_two_workers_that_hold_the_same_lock_lose_no_write(town):
    """Given two workers that have read the same version, because emptying Redis released the first
    one's lock, then the second to write is refused and folds again: neither write is lost, and no
    attempt is used up.
    """
    given.an_invoice()
    given.a_job("note_down", 1, "messages", attempts=1)
    town.pool_with_test_jobs("messages=2", PAYPHONE_LEASE=PATIENT)
    wait_for(lambda: len(town.lines("began")) == 1, "the first one holds the lock")
    town.valkey.client().flushall()
    given.a_job("note_down", 2, "messages", attempts=1)
    wait_for(lambda: len(town.lines("began")) == 2, "the second one holds it too")
    assert Invoice.get().version == 0
    town.file("go").touch()
    all_settled()
    row = Invoice.get()
    assert (sorted(row.notes.split()), row.version) == (["1", "2"], 2)
    assert given.states() == {"done": 2}
    assert sorted((job.attempts, job.claim) for job in StagedJob.select()) == [(1, 1), (1, 2)]
