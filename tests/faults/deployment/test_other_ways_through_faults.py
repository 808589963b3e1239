"""A deployment by SIP or with a ported number whose requests fail: it ends live with one of each
object, or rolled back.
"""

import pytest

from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from runtime.killpoint import Unwound
from runtime.settings import get_settings
from tests import given
from tests.stories.deploying import states
from tests.stories.going_live import FEE, MAKES_OF, OtherWay

pytestmark = [pytest.mark.one_database, pytest.mark.slow]

METHODS = list(MAKES_OF)
EACH = [(method, step) for method, steps in MAKES_OF.items() for step in steps]
# three faults that each leave the outcome open would leave the effect to staff
PASSING = [
    ("timeout_after", "rate_limit_429", "bad_gateway"),
    ("error_500_after", "refuse", "forbidden_403"),
]
MOST = 60


@pytest.fixture
def way(client, valkey, twilio_stand_in, voice, monkeypatch):
    """Return a function that creates a clinic which goes live by the given method."""
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    return lambda method: OtherWay(method, client, valkey.client(), twilio_stand_in, voice)


@pytest.mark.parametrize("kinds", PASSING, ids=["before", "after"])
@pytest.mark.parametrize("method", METHODS)
def test_a_deployment_makes_one_of_each_if_every_request_fails_in_three_ways(way, method, kinds):
    clinic = way(method)
    for asked in clinic.makes.values():
        for kind in kinds:
            clinic.fault(kind, asked, seconds=1.5)
    shown = clinic.deploys_all(rounds=40)
    assert shown["status"] == "live", shown
    clinic.has_one_of_each()


@pytest.mark.parametrize(("method", "step"), EACH)
def test_a_refused_step_rolls_back_everything(way, method, step):
    """Given a provider that refuses one step, then every step is undone, the fee is refunded, and
    the reason is shown; a number that has been ported stays the clinic's.
    """
    clinic = way(method)
    clinic.fault("refused_400", clinic.makes[step])
    shown = clinic.deploys_all(rounds=40)
    assert shown["status"] == "rolled_back", shown
    failed = next(each for each in shown["steps"] if each["name"] == step)
    assert failed["error"] == shown["error"] != ""
    clinic.has_nothing()


@pytest.mark.parametrize("method", METHODS)
def test_a_rollback_leaves_nothing_if_every_undo_request_fails_in_two_ways(way, method):
    clinic = way(method)
    for asked in clinic.unmakes.values():
        for kind in ("timeout_after", "bad_gateway"):
            clinic.fault(kind, asked, seconds=1.5)
    if method == "sip":
        clinic.fault("refused_400", clinic.makes["sip_test_call"])
        shown = clinic.deploys_all(rounds=40)
    else:
        deployment = clinic.deploys(cost=FEE).json["id"]
        clinic.works(3)
        assert clinic.asks("rollback", deployment).status_code == 202
        shown = clinic.comes_to_rest(deployment, rounds=40)
    assert shown["status"] == "rolled_back", shown
    clinic.has_nothing()


@pytest.mark.parametrize("method", METHODS)
def test_a_refused_undo_is_left_to_a_person(way, method):
    clinic = way(method)
    step = "sip_trunk" if method == "sip" else "port_request"
    clinic.fault("refused_400", clinic.unmakes[step])
    deployment = clinic.deploys(cost=FEE).json["id"]
    if method == "sip":
        clinic.fault("refused_400", clinic.makes["sip_test_call"])
    else:
        clinic.works(3)
        assert clinic.asks("rollback", deployment).status_code == 202
    shown = clinic.comes_to_rest(deployment, rounds=40)
    assert states(shown)[step] == "undo_failed", shown
    assert clinic.kept == 0


@pytest.mark.parametrize("place", ["effect.after_call", "job.before_commit"])
@pytest.mark.parametrize("method", METHODS)
def test_a_deployment_goes_live_if_each_of_its_jobs_dies_once(way, method, place, monkeypatch):
    """Given each job of a deployment dying once at a place, then it goes live, with one of each
    object.
    """
    clinic = way(method)
    begun = clinic.deploys(cost=FEE).json["id"]
    dies_all_the_way(clinic, begun, "live", place, monkeypatch)
    clinic.has_one_of_each()


@pytest.mark.parametrize("method", METHODS)
def test_a_rollback_leaves_nothing_if_each_of_its_jobs_dies_once(way, method, monkeypatch):
    """Given each undoing job dying once after its call, then nothing is left, and the fee is
    refunded once.
    """
    clinic = way(method)
    if method == "sip":
        clinic.fault("refused_400", clinic.makes["sip_test_call"])
    begun = clinic.deploys(cost=FEE).json["id"]
    if method == "ported":
        clinic.works(3)
        assert clinic.asks("rollback", begun).status_code == 202
    dies_all_the_way(clinic, begun, "rolled_back", "effect.after_call", monkeypatch)
    clinic.has_nothing()
    assert len(clinic.stripe.sdk.refunds.list().data) == 1


def dies_all_the_way(clinic, begun, end, place, monkeypatch):
    """Let each job die once at `place`, until the deployment reaches the status `end`."""
    deaths = 0
    for _ in range(MOST):
        if dies(clinic, place, monkeypatch):
            deaths += 1
            StagedJob.update(lease_until=0).where(StagedJob.state == "running").execute()
            given.make_due()
            given.relayed(clinic.redis)
            given.worked(clinic.redis, "deploys", rounds=1)
        status = Deployment.get_by_id(begun).status
        if status == "awaiting_port":
            clinic.looks_at_ports(days=1)
        if status == end:
            break
    assert deaths, "nobody died"
    assert clinic.shown(begun)["status"] == end, clinic.shown(begun)


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
