"""Workers killed or frozen while a receptionist is made at Vapi, which has no idempotency keys: in
the end there is one of each object.
"""

import os
import signal

import pytest

from models.delivery.staged_job import StagedJob
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.twilio import client as twilio_api
from runtime.settings import get_settings
from tests.faults.town import is_stopped
from tests.running.servers import wait_for
from tests.stories.vapi_clinic import VapiClinic

ONE_OF_EACH = {"tool": 0, "assistant": 2, "squad": 1, "phone-number": 1}


@pytest.fixture
def clinic(town, stand_in, voice, monkeypatch):
    """A clinic whose number is bought, and whose receptionist is made next."""
    monkeypatch.setenv("TWILIO_API_BASE", stand_in.url)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    clinic = VapiClinic(stand_in, voice, town.valkey.client())
    clinic.asks()
    clinic.works_until("number")
    yield clinic
    twilio_api.client.cache_clear()


def goes_live(clinic):
    wait_for(lambda: clinic.newest.status == "live", "the receptionist is live")
    assert clinic.counts() == ONE_OF_EACH
    assert Resource.select().where(Resource.state == "made").count() == 4
    assert not Effect.has("state NOT IN ('confirmed', 'refused')")


@pytest.mark.parametrize("place", ["effect.before_call", "effect.after_call", "job.before_commit"])
def test_a_worker_killed_around_the_call_leaves_one_receptionist(town, clinic, place):
    """Given a worker killed around the call, when another one goes on, then there is one of each
    object.
    """
    town.pool("deploys=1", PAYPHONE_KILL_AT=town.at(place))
    town.struck()
    goes_live(clinic)
    assert len(clinic.requests("POST", "assistant")) == 2


def test_a_worker_frozen_before_its_call_makes_no_second_one(town, clinic):
    """Given a worker frozen right before its call until others have made the receptionist, when it
    wakes, then it sends nothing.
    """
    at = town.at("effect.before_call")
    town.pool("deploys=2", PAYPHONE_KILL_AT=f"stop:{at}")
    frozen = town.struck()
    wait_for(lambda: is_stopped(frozen), "the worker is frozen")
    goes_live(clinic)
    posts = len(clinic.requests("POST", "assistant"))
    os.kill(frozen, signal.SIGCONT)
    wait_for(lambda: not is_stopped(frozen), "it is awake")
    clinic.asks()
    wait_for(lambda: clinic.newest.status == "live", "work goes on")
    assert len(clinic.requests("POST", "assistant")) == posts == 2
    assert clinic.counts() == ONE_OF_EACH
    assert not StagedJob.select().where(StagedJob.state == "dead").exists()
