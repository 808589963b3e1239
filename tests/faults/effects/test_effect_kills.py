"""Workers that die around the call, and workers that compete for one row: exactly one object at the
stand-in (faults 7, 8, 9, 11, 31).
"""

import os
import signal
import threading

import pytest

from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.transactions import transaction
from tests.faults.asked import BOTH, ask
from tests.faults.town import PATIENT, all_settled, is_stopped
from tests.running.servers import wait_for

pytestmark = pytest.mark.parametrize("what", BOTH)

PLACES = ["effect.before_call", "effect.after_call", "job.before_commit", "job.after_commit"]


@pytest.fixture
def asked(town, stand_in, what):
    return ask(what, stand_in, town.valkey.client())


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_around_the_call_makes_one_object(town, asked, stand_in, place):
    """Given a worker killed at `place`, when another takes over, then there is one object and the
    books are right.
    """
    town.pool(
        f"{asked.queue}=1",
        PAYPHONE_KILL_AT=town.at(place),
        PAYPHONE_LOCK_LEASE="1",
        PAYPHONE_LEASE=PATIENT,
    )
    town.struck()
    all_settled()
    asked.assert_done_once()
    sent = [request["idempotency_key"] for request in stand_in.requests(asked.path)]
    assert set(sent) == {asked.effect.id}
    if place == "effect.before_call":
        assert len(sent) == 1, "the dead one had sent nothing"


@pytest.mark.parametrize("place", ["effect.before_call", "effect.after_call"])
def test_a_worker_frozen_around_the_call_past_its_lease_makes_one_object(
    town, asked, stand_in, place
):
    """Given a worker frozen at `place` until another has done its job, when it wakes, then nothing
    more is made or written.
    """
    town.pool(
        f"{asked.queue}=2", PAYPHONE_KILL_AT=f"stop:{town.at(place)}", PAYPHONE_LOCK_LEASE="1"
    )
    frozen = town.struck()
    wait_for(lambda: is_stopped(frozen), "the worker is frozen")
    wait_for(lambda: asked.job.state == "done", "the other worker has done it")
    asked.assert_done_once()
    sent = len(stand_in.requests(asked.path))
    os.kill(frozen, signal.SIGCONT)
    if place == "effect.before_call":
        wait_for(
            lambda: len(stand_in.requests(asked.path)) > sent,
            "it makes its call, late, under the same key",
        )
    other = ask(asked.what, stand_in, town.valkey.client())
    wait_for(lambda: other.job.state == "done", "work goes on")
    assert len(asked.made()) == len(other.made()) == 1
    assert (asked.effect.state, asked.effect.generation) == ("confirmed", 1)


def test_two_workers_in_the_same_call_make_one_object(town, asked, stand_in):
    """Given a call that takes longer than the lock and the lease, when a second worker takes the
    job, then there is one object.
    """
    both = threading.Event()
    stand_in.sandbox.stripe.pause = lambda _seconds: both.wait(120)
    stand_in.fault("slow", "POST", asked.path)
    town.pool(f"{asked.queue}=2", PAYPHONE_LOCK_LEASE="0.2", PAYPHONE_PROVIDER_TIMEOUT="120")
    wait_for(lambda: len(stand_in.requests(asked.path)) >= 2, "both are in the call")
    both.set()
    all_settled()
    assert len(asked.made()) == 1
    asked.assert_done_once()
    assert StagedJob.get(StagedJob.key == asked.subject).claim >= 2
    answers = {
        (request["status"], request["performed"], request["replayed"])
        for request in stand_in.requests(asked.path)
    }
    assert [answer for answer in answers if answer[1]] == [(200, True, False)], answers


def test_a_pool_killed_in_the_call_makes_one_object_after_its_key_expired(town, asked, stand_in):
    """Given a call after which the whole pool was killed, when Stripe has forgotten the key, then
    the object is found, not made again.
    """
    at = town.at("stop:effect.after_call")  # frozen until the whole pool is killed
    pool = town.pool(f"{asked.queue}=1", PAYPHONE_KILL_AT=at, PAYPHONE_LOCK_LEASE="1")
    stopped = town.struck()
    wait_for(lambda: is_stopped(stopped), "it is in the call")
    os.killpg(pool.pid, signal.SIGKILL)
    pool.wait(120)
    assert Effect.get().state == "sending"
    asked.age(23 * 3600 + 60)
    stand_in.forget_keys()
    town.pool(f"{asked.queue}=1", PAYPHONE_LOCK_LEASE="1")
    all_settled()
    asked.assert_done_once()
    assert len(stand_in.requests(asked.path)) == 1


def test_reconciling_ends_the_doubt_if_every_attempt_died_in_the_call(town, asked, stand_in):
    """Given a worker that dies after the call at each attempt, then its job is dead, and
    reconciling ends the doubt.
    """
    StagedJob.update(max_attempts=2).where(StagedJob.key == asked.subject).execute()
    pool = town.pool(
        f"{asked.queue}=1", PAYPHONE_KILL_AT="effect.after_call", PAYPHONE_LOCK_LEASE="1"
    )
    wait_for(lambda: asked.job.state == "dead", "the job is dead")
    os.killpg(pool.pid, signal.SIGKILL)
    pool.wait(120)
    assert (asked.effect.state, len(asked.made())) == ("sending", 1)
    StagedJob.update(max_attempts=10).where(StagedJob.key == asked.subject).execute()
    asked.age(3600)
    Effect.update(created_at=asked.effect.sent_at).execute()
    with transaction():
        stage("reconcile_effects", "now")
    town.pool("webhooks=1,messages=1,periodic=1")
    all_settled()
    asked.assert_done_once()
