"""Workers that die around the request for a call, which Vapi takes without a key: at most one call
is placed, and a doubt ends by what Vapi tells, never by its silence.
"""

import pytest

from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.transactions import release_connection
from tests.running.servers import wait_for


@pytest.fixture
def clinic(database_url, town, calling):
    """A clinic whose calls ring for long; no database is the subject, so one kind is enough."""
    if not database_url.startswith("sqlite"):
        pytest.skip("the same on every database")
    calling.habits(rings_after=3600)
    return calling


def dies(clinic, town, place):
    """Staff ask for a call, and the worker that places it is killed there; the call's id."""
    asked = clinic.asks().json["id"]
    town.pool("calls=1", PAYPHONE_LOCK_LEASE="0.5", PAYPHONE_KILL_AT=town.at(place))
    town.struck()
    return asked


def state(clinic, call_id):
    found = clinic.call(call_id).state
    release_connection()
    return found


def looked():
    """How often the call was looked for at Vapi; the next look is due at once."""
    StagedJob.update(due_at=0).where(StagedJob.name == "reconcile_call").execute()
    job = StagedJob.get_or_none(StagedJob.name == "reconcile_call")
    release_connection()
    return job.attempts if job else 0


def test_killed_before_the_call_it_stays_in_doubt(clinic, town):
    """Given that nothing left, which nobody can know, then nobody is called by whoever comes after,
    nor once Vapi's list was found to be without it.
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
def test_killed_after_the_call_it_is_the_only_one(clinic, town, place):
    """Given a call that was placed, whether that was recorded or not, then it is ours in the end,
    and nobody places another.
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
