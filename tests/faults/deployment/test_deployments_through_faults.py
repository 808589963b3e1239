"""A deployment whose requests fail, each in every way: it ends live with one of each object, or
rolled back, and says which.
"""

import pytest

from bin.commands.checks.deployments import check_deployments
from models.deployment.deployment_step import DeploymentStep
from runtime.settings import get_settings
from tests.stories.deploying import states
from tests.stories.going_live import FEE, MAKES, UNMAKES, GoingLive

pytestmark = [pytest.mark.one_database, pytest.mark.slow]

PASSING = [
    "timeout_before",
    "timeout_after",
    "error_500",
    "error_500_stored",
    "error_500_after",
    "bad_gateway",
    "rate_limit_429",
    "refuse",
    "refuse_after",
]
PURCHASE_FAILED = "Failed to purchase phone number. Please verify your payment method."


@pytest.fixture
def clinic(client, valkey, twilio_stand_in, voice, monkeypatch):
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    return GoingLive(client, valkey.client(), twilio_stand_in, voice)


@pytest.mark.parametrize("kind", PASSING)
def test_a_deployment_makes_one_of_each_object_if_every_request_fails_once(clinic, kind):
    """Given each step's request failing once, then the deployment goes live, and nothing is made
    twice.
    """
    for asked in dict.fromkeys(MAKES.values()):
        clinic.fault(kind, asked, seconds=1.5)
    shown = clinic.deploys_all(rounds=20)
    assert shown["status"] == "live", shown
    clinic.has_one_of_each()


@pytest.mark.parametrize("step", MAKES)
def test_a_step_that_fails_in_three_ways_is_done_once(clinic, step):
    """Given one step that fails in three ways in turn, then it is made once."""
    clinic.fault("refuse_after", MAKES[step], times=1)
    clinic.fault("rate_limit_429", MAKES[step], times=1)
    clinic.fault("refuse", MAKES[step], times=1)
    shown = clinic.deploys_all(rounds=20)
    assert shown["status"] == "live", shown
    clinic.has_one_of_each()


@pytest.mark.parametrize("step", MAKES)
def test_a_refused_step_rolls_back_everything_and_another_card_works(clinic, step):
    """Given a provider that refuses one step, then every step is undone, the fee is refunded, and
    the reason is shown; with another card, the deployment goes live.
    """
    clinic.refuses(step)
    shown = clinic.deploys_all(rounds=20)
    assert shown["status"] == ("failed" if step in {"fee", "charge"} else "rolled_back"), shown
    clinic.has_nothing()
    failed = next(each for each in shown["steps"] if each["name"] == step)
    assert failed["error"], shown
    assert shown["code"], shown
    assert shown["error"] == failed["error"]
    if step in {"charge", "number"}:
        assert shown["message"] == PURCHASE_FAILED
    assert not {name for name, state in states(shown).items() if state == "done"} - {"preflight"}
    clinic.saver.has_saved("pm_card_mastercard")
    assert clinic.deploys_all(rounds=20)["status"] == "live"
    assert len([one for one in clinic.charges if not one.refunded]) == 1
    assert clinic.kept == FEE
    assert len(clinic.twilio.owned()) == 1


@pytest.mark.parametrize("kind", PASSING)
def test_a_rollback_leaves_nothing_if_every_undo_request_fails_once(clinic, kind):
    """Given each undoing request failing once, then nothing is left."""
    clinic.refuses("routing")
    for asked in UNMAKES.values():
        clinic.fault(kind, asked, seconds=1.5)
    shown = clinic.deploys_all(rounds=20)
    assert shown["status"] == "rolled_back", shown
    clinic.has_nothing()
    refunds = clinic.stripe.sdk.refunds.list().data
    assert [one.amount for one in refunds] == [FEE]


@pytest.mark.parametrize("step", [name for name in UNMAKES if name != "routing"])
def test_a_refused_undo_is_left_to_a_person(clinic, step):
    """Given a provider that refuses to undo one step, then the others are still undone, except
    those that it needs, and the step and `doctor` show it.
    """
    clinic.refuses("routing")
    clinic.fault("refused_400", UNMAKES[step], times=1 if step != "receptionist" else 2)
    shown = clinic.deploys_all(rounds=20)
    undone = states(shown)
    assert undone[step] == "undo_failed", shown
    others = set(UNMAKES) - {step, "routing", "receptionist", "payments"}
    needed = {
        "number": {"emergency_address"},
        "receptionist": {"query_tool"},
        "squad": {"query_tool"},
    }
    for other in others - needed.get(step, set()):
        assert undone[other] == "undone", (other, shown)
    row = DeploymentStep.get(DeploymentStep.name == step)
    assert (row.state, bool(row.error)) == ("undo_failed", True)
    finding = next(iter(check_deployments()))
    assert finding.level == "warn"
    assert f"{step} of {shown['id']}" in finding.found
