"""Whichever process is killed, and wherever: nothing accepted is lost, and nothing happens twice
(faults 1–5, 9, 10).
"""

import signal

import pytest
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from delivery import nudge
from delivery.relay import EPOCH_KEY
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.payments.payment import Payment
from models.transactions import database_time
from tests import given
from tests.faults.town import (
    PATIENT,
    all_children_of,
    all_settled,
    children_of,
    is_alive,
    oracle,
    send,
)
from tests.running.servers import wait_for

SECOND = 1_000_000
LONG = 200  # seconds of a lease that outlasts every wait of a test


def a_paid_event(amount=12_500):
    return given.an_event(
        "payment_intent.succeeded", given.an_intent(given.an_invoice(amount=amount))
    )


@pytest.mark.parametrize(("place", "kept"), [("web.before_commit", 0), ("web.after_commit", 1)])
def test_an_event_is_stored_once_if_the_web_is_killed_around_its_commit(town, place, kept):
    """Given an event whose request dies, when Stripe sends it again, then it is stored once and
    processed.
    """
    town.web(PAYPHONE_KILL_AT=town.at(place))
    event = a_paid_event()
    assert town.post(event) is None
    assert InboxEvent.select().count() == StagedJob.select().count() == kept
    town.pool()
    town.post_until_accepted(event)
    oracle(town)
    assert InboxEvent.select().count() == 1


@pytest.mark.parametrize("place", ["relay.after_take", "relay.after_push"])
def test_jobs_are_done_once_if_the_relay_is_killed_around_its_push(town, place):
    """Given jobs that were not nudged, when the relay dies while it pushes them, then they are done
    once.
    """
    nudge._Nudger.paused_until = float("inf")
    town.stage(*(a_paid_event() for _ in range(3)))
    town.pool(PAYPHONE_KILL_AT=town.at(place))
    town.struck()
    oracle(town)
    assert Payment.select().count() == 3


@pytest.mark.parametrize(
    "place",
    [
        "worker.after_pop",
        "worker.after_claim",
        "lock.held",
        "event.in_transaction",
        "job.before_commit",
        "job.after_commit",
        "worker.before_rq",
    ],
)
def test_a_job_is_done_by_another_worker_wherever_its_worker_is_killed(town, place):
    """Given an event, when its worker dies at any place on the way, then another worker does the
    job, and RQ agrees.
    """
    # the epoch is old, so the relay pushes again only what is lost
    town.valkey.client().set(EPOCH_KEY, 1)
    event = a_paid_event()
    town.stage(event)
    pool = town.pool(
        PAYPHONE_KILL_AT=town.at(place), PAYPHONE_LOCK_LEASE="1", PAYPHONE_LEASE=str(LONG)
    )
    struck = town.struck()
    assert struck != pool.pid
    oracle(town)
    row = StagedJob.get()
    assert row.finished_at < row.created_at + LONG * SECOND, (
        "another one did it, and did not wait for the lease"
    )
    crashed_in_hand = place not in {"worker.after_pop", "job.after_commit", "worker.before_rq"}
    assert row.attempts == (2 if crashed_in_hand else 1)
    redis = town.valkey.client()

    def rq_agrees():
        job = Job.fetch(
            f"process_stripe_event-{row.id}", connection=redis, serializer=JSONSerializer
        )
        started = StartedJobRegistry("webhooks", connection=redis).get_job_ids(cleanup=False)
        return job.get_status() is JobStatus.FINISHED and not started

    wait_for(rq_agrees, "RQ shows the job as finished, and no attempt as started")
    assert FailedJobRegistry("webhooks", connection=redis).get_job_ids() == []


def two_pools(town):
    """Start two pools of one worker each; return the one that took the job, with its children."""
    pools = [town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT) for _ in range(2)]
    wait_for(lambda: len(town.listed_workers()) == 2, "both pools are there")
    given_job(town, "wait_for_go", 1)
    victim = int(wait_for(lambda: town.lines("began"), "the job runs")[0].split()[1])
    families = [(pool, all_children_of(pool.pid, 2)) for pool in pools]
    return next((pool, children) for pool, children in families if victim in children)


def assert_started_again(town):
    """Assert that the second attempt begins once the first one's lease is over, by the database's
    clock.
    """
    row = StagedJob.get()
    assert (row.state, row.claim, len(town.lines("began"))) == ("running", 1, 1)
    lease_until = database_time() + SECOND
    StagedJob.update(lease_until=lease_until).execute()
    wait_for(lambda: len(town.lines("began")) == 2, "the job starts again")
    row = StagedJob.get()
    assert (row.state, row.claim, row.attempts) == ("running", 2, 2)
    assert row.lease_until - int(PATIENT) * SECOND > lease_until
    town.file("go").touch()
    all_settled()
    assert InboxEvent.select().count() == 1


def test_a_new_pool_restarts_the_job_of_a_killed_process_group(town):
    """Given a busy pool, when its whole process group is killed, then another pool starts its job
    once the lease is over.
    """
    pool, workers = two_pools(town)
    send(-pool.pid, signal.SIGKILL)
    pool.wait()
    wait_for(lambda: not any(map(is_alive, workers)), "all of the pool is dead")
    assert_started_again(town)


def test_workers_die_with_a_killed_supervisor(town):
    """Given a killed supervisor, then its children die with it, so that no two copies of a job run;
    another pool starts the job again (fault 6).
    """
    pool, workers = two_pools(town)
    pool.kill()
    pool.wait()
    wait_for(lambda: not any(map(is_alive, workers)), "the children die with their parent")
    assert_started_again(town)


def test_the_successor_of_a_killed_worker_takes_over_before_the_lease_ends(town):
    """Given a lease of minutes, when one worker dies, then its job does not wait for the end of the
    lease.
    """
    given_job(town, "wait_for_go", 1)
    pool = town.pool_with_test_jobs(PAYPHONE_LEASE=str(LONG))
    victim = int(wait_for(lambda: town.lines("began"), "the job runs")[0].split()[1])
    assert victim in children_of(pool.pid)
    lease_until = StagedJob.get().lease_until
    send(victim, signal.SIGKILL)
    wait_for(lambda: len(town.lines("began")) == 2, "the job starts again")
    row = StagedJob.get()
    assert (row.state, row.claim, row.attempts) == ("running", 2, 2)
    assert row.lease_until - LONG * SECOND < lease_until, (
        "it began while the dead one's lease still ran"
    )
    town.file("go").touch()
    all_settled()
    assert (InboxEvent.select().count(), StagedJob.get().attempts) == (1, 2)


def test_a_job_that_kills_its_worker_at_every_attempt_is_dead_in_the_end(town):
    """Given a job that kills its worker each time, then crashes count as attempts: the job is dead,
    here and in RQ, and other jobs go on.
    """
    job_id = given_job(town, "wait_for_go", 1)
    StagedJob.update(max_attempts=2).where(StagedJob.id == job_id).execute()
    town.pool_with_test_jobs(PAYPHONE_LEASE=PATIENT)
    for attempt in (1, 2):
        victim = wait_for(
            lambda attempt=attempt: len(town.lines("began")) == attempt and town.lines("began")[-1],
            "it runs",
        )
        send(int(victim.split()[1]), signal.SIGKILL)
    wait_for(lambda: given.states() == {"dead": 1}, "it is dead")
    assert StagedJob.get().last_error == "worker died"
    redis = town.valkey.client()
    wait_for(
        lambda: (
            FailedJobRegistry("messages", connection=redis).get_job_ids()
            == [f"wait_for_go-{job_id}"]
        ),
        "RQ lists it as failed",
    )
    assert (
        Job.fetch(f"wait_for_go-{job_id}", connection=redis, serializer=JSONSerializer).meta["dead"]
        is True
    )
    town.file("go").touch()
    given_job(town, "wait_for_go", 2)
    wait_for(lambda: given.states() == {"dead": 1, "done": 1}, "another job is done")


def given_job(town, name, number):
    """Stage a job for tests, which only a pool of `worker_main` knows."""
    return given.a_job(name, number, queue="messages", attempts=5)
