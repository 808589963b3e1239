"""A worker that has taken many jobs at once is killed or stopped: each job is done, none that was
recorded is done again, and a job that kills its worker costs the others at most one attempt.
"""

import signal

import pytest
from rq.registry import StartedJobRegistry

from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.payments.payment import Payment
from tests import given
from tests.faults.town import PATIENT, all_settled, oracle, send
from tests.running.servers import wait_for

MANY = 60  # so that a worker takes several at once


def many_jobs():
    return [given.a_job("one_of_many", number, "messages", 3) for number in range(MANY)]


def begun(town):
    """Return how often each job began."""
    numbers = [int(line.split()[0]) for line in town.lines("began")]
    return {number: numbers.count(number) for number in set(numbers)}


def test_jobs_held_with_a_job_that_kills_its_worker_do_not_wait_for_the_lease(town):
    """Given a lease of a minute, then the jobs that the killed worker held do not wait for its
    end.
    """
    many_jobs()
    town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    all_settled()
    assert given.states() == {"done": MANY}
    assert InboxEvent.select().count() == MANY / 2
    times = begun(town)
    assert set(times) == set(range(MANY))
    assert all(times[number] == 1 for number in range(1, 25, 2)), "what was recorded is not redone"
    # the jobs that were with it have used up one attempt, and are then done alone
    assert 1 <= StagedJob.select().where(StagedJob.attempts == 2).count() <= 16
    assert not StagedJob.select().where(StagedJob.attempts > 2).count()


def test_a_job_that_always_kills_its_worker_dies_alone(town):
    town.file("poison").touch()
    many_jobs()
    town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    wait_for(lambda: given.states() == {"done": MANY - 1, "dead": 1}, "all others are done")
    poisonous = StagedJob.get(StagedJob.state == "dead")
    assert (poisonous.key, poisonous.attempts) == ("25", 3)
    assert StagedJob.select().where(StagedJob.attempts == 1).count() >= MANY - 16


def test_a_worker_that_gets_sigterm_gives_back_the_jobs_it_has_not_begun(town):
    """Given SIGTERM during many jobs, then the pool ends, and another pool finds the rest waiting,
    with no attempt used up.
    """
    many_jobs()
    town.file("killed").touch()  # so no job kills its worker
    pool = town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    wait_for(lambda: town.lines("began"), "it has begun")
    send(pool.pid, signal.SIGTERM)
    pool.wait()
    assert set(given.states()) <= {"done", "waiting"}
    town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    all_settled()
    assert InboxEvent.select().count() == MANY / 2
    assert {row.attempts for row in StagedJob.select()} == {1}
    assert set(begun(town).values()) == {1}


@pytest.mark.parametrize("place", ["worker.in_company", "worker.before_records"])
def test_a_worker_killed_between_many_events_records_each_payment_once(town, place):
    """Given payments of many invoices of one account, when their worker dies between two of them,
    then each is recorded once, and in the end RQ shows none as started.
    """
    first = given.an_invoice(amount=12_500)
    invoices = [first, *(given.an_invoice(first.account, amount=12_500) for _ in range(29))]
    town.stage(
        *(given.an_event("payment_intent.succeeded", given.an_intent(one)) for one in invoices)
    )
    town.pool(PAYPHONE_KILL_AT=town.at(place), PAYPHONE_LEASE=PATIENT)
    town.struck()
    oracle(town)
    assert Payment.select().count() == len(invoices)
    redis = town.valkey.client()
    wait_for(
        lambda: not StartedJobRegistry("webhooks", connection=redis).get_job_ids(cleanup=False),
        "RQ shows no attempt as started",
    )
