"""Workers die around the request for a call, for which Vapi has no idempotency key: at most one
call is placed, and a doubt ends by what Vapi reports, never because it reports nothing.
"""

import pytest

from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.transactions import release_connection
from tests.running.servers import wait_for


@pytest.fixture
def clinic(database_url, town, calling):
    """A clinic whose calls ring for long. Only on SQLite, since the database is not the subject."""
    if not database_url.startswith("sqlite"):
        pytest.skip("the same on every database")
    calling.habits(rings_after=3600)
    return calling


def dies(clinic, town, place):
    """Request a call whose worker is killed at `place`; return the call's id."""
    asked = clinic.asks().json["id"]
    town.pool("calls=1", PAYPHONE_LOCK_LEASE="0.5", PAYPHONE_KILL_AT=town.at(place))
    town.struck()
    return asked


def state(clinic, call_id):
    found = clinic.call(call_id).state
    release_connection()
    return found


def looked():
    """Return how often the call was looked up at Vapi, and make the next lookup due."""
    StagedJob.update(due_at=0).where(StagedJob.name == "reconcile_call").execute()
    job = StagedJob.get_or_none(StagedJob.name == "reconcile_call")
    release_connection()
    return job.attempts if job else 0


def test_a_call_stays_in_doubt_if_its_worker_is_killed_before_the_request(clinic, town):
    """Given a worker killed before the request, then the call stays in doubt: no other worker
    places it, not even after Vapi's list was read without finding it.
    """
    call_id = dies(clinic, town, "effect.before_call")
    wait_for(lambda: state(clinic, call_id) == "unknown", "the doubt shows")

    wait_for(lambda: looked() >= 3, "two looks are over")

    assert state(clinic, call_id) == "unknown"
    assert (clinic.posts(), clinic.placed()) == ([], [])
    assert clinic.slots() == 1
    again = clinic.asks()
    assert (again.status_code, again.json["code"]) == (409, "call_in_doubt")


@pytest.mark.parametrize("place", ["effect.after_call", "job.after_commit"])
def test_a_call_is_placed_once_if_its_worker_is_killed_after_the_request(clinic, town, place):
    """Given a call that was placed, whether recorded or not, then it is found, and no other is
    placed.
    """
    call_id = dies(clinic, town, place)
    if place == "effect.after_call":
        wait_for(looked, "in doubt, it was looked for")
    wait_for(lambda: state(clinic, call_id) == "queued" or looked() < 0, "it is known")

    (placed,) = clinic.placed()
    call = clinic.call(call_id)
    assert (call.vapi_id, call.tries) == (placed["id"], 1)
    assert len(clinic.posts()) == 1
    assert Effect.get_by_id(call.effect_id).state == "confirmed"
    assert clinic.slots() == 1
