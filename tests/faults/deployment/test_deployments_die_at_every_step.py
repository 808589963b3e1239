"""A worker may die anywhere in a deployment: the deployment goes on at that step, and nothing is
made twice.

Here, death unwinds the job without ending the process; a killed process leaves the same rows
behind. Real processes are killed in `test_receptionists_and_dying_workers` and in `effects/`.
"""

import pytest

from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.effects.effect import Effect
from runtime.killpoint import Unwound
from runtime.settings import get_settings
from tests import given
from tests.stories.deploying import ADDRESS, Deploying

PLACES = ["effect.before_call", "effect.after_call", "job.before_commit", "job.after_commit"]
MOST = 40


@pytest.fixture
def clinic(client, valkey, twilio_stand_in, voice):
    clinic = Deploying(client, valkey.client(), twilio_stand_in, voice)
    return clinic.configures(serviceAddress=ADDRESS).has_card()


def dies(clinic, place, monkeypatch):
    """Work until a job has died at `place`; return whether one did."""
    monkeypatch.setenv("PAYPHONE_KILL_AT", f"raise:{place}")
    get_settings.cache_clear()
    try:
        given.make_due()
        given.relayed(clinic.redis)
        given.worked(clinic.redis, "deploys", rounds=1)
    except Unwound:
        return True
    finally:
        monkeypatch.delenv("PAYPHONE_KILL_AT")
        get_settings.cache_clear()
    return False


def at_vapi(clinic):
    """Count the objects of each kind at Vapi."""
    tables = clinic.voice.books.tables
    return {kind: len(rows) for kind, rows in tables.items() if rows}


def leases_end(clinic):
    """End the leases of dead workers, and push their jobs."""
    StagedJob.update(lease_until=0).where(StagedJob.state == "running").execute()
    given.make_due()
    given.relayed(clinic.redis)


@pytest.mark.parametrize("place", PLACES)
def test_a_deployment_goes_live_if_each_of_its_jobs_dies_once(clinic, place, monkeypatch):
    """Given each job of a deployment dying once at a place, then it goes live, with one of each
    object.
    """
    begun = clinic.deploys().json
    deaths = 0
    for _ in range(MOST):
        if dies(clinic, place, monkeypatch):
            deaths += 1
            leases_end(clinic)
            given.worked(clinic.redis, "deploys", rounds=1)
        if Deployment.get_by_id(begun["id"]).status == "live":
            break
    assert deaths, "nobody died"
    shown = clinic.shown(begun["id"])
    assert shown["status"] == "live", shown
    assert len(clinic.twilio.owned()) == 1
    assert at_vapi(clinic) == {"assistant": 2, "squad": 1, "phone-number": 1}
    open_effects = list(Effect.select().where(Effect.state.not_in(("confirmed", "refused"))))
    assert open_effects == []


@pytest.mark.parametrize("place", PLACES)
def test_a_take_down_leaves_nothing_if_each_of_its_jobs_dies_once(clinic, place, monkeypatch):
    """Given each job of a take-down dying once at a place, then nothing is left at any provider."""
    shown = clinic.goes_live()
    assert clinic.call("POST", f"/api/deployments/{shown['id']}/take-down").status_code == 202
    deaths = 0
    for _ in range(MOST):
        if dies(clinic, place, monkeypatch):
            deaths += 1
            leases_end(clinic)
            given.worked(clinic.redis, "deploys", rounds=1)
        if Deployment.get_by_id(shown["id"]).status == "taken_down":
            break
    assert deaths, "nobody died"
    assert clinic.shown(shown["id"])["status"] == "taken_down"
    assert clinic.twilio.owned() == {}
    assert clinic.twilio.books.addresses == {}
    assert at_vapi(clinic) == {}
