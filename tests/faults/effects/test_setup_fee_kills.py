"""A worker may die around the call that prepares, charges or refunds the setup fee: it is done once
at Stripe.
"""

import pytest

from effects import perform as performing
from jobs.deploy_account import deploy_account
from jobs.undo_deployment_step import undo_deployment_step
from models.deployment.deployment_step import DeploymentStep
from models.effects.effect import Effect
from providers.twilio.numbers import search_numbers
from runtime.settings import get_settings
from tests import given
from tests.stories.deploying import Deploying
from tests.stories.saving import Saver

FEE = 9_900
PLACES = ["effect.before_call", "effect.after_call"]


class Killed(BaseException):
    """The process has died; nothing after this line runs."""


@pytest.fixture
def dies_at(monkeypatch):
    """Make the next effect of a kind die at a place, once."""

    def order(place, kind):
        real = performing.killpoint
        left = [1]

        def killpoint(name):
            effect = Effect.select().order_by(Effect.created_at.desc()).first()
            if left and name == place and effect.kind == kind:
                left.pop()
                raise Killed
            real(name)

        monkeypatch.setattr(performing, "killpoint", killpoint)

    return order


@pytest.fixture
def paying(client, valkey, twilio_stand_in, voice, monkeypatch):
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    clinic = Deploying(client, valkey.client(), twilio_stand_in, voice).configures()
    Saver(client, twilio_stand_in.stand_in, valkey.client(), clinic.account).has_saved()
    return clinic


def step_of(name):
    return DeploymentStep.get(DeploymentStep.name == name)


def until(clinic, name, state):
    """Work until the step is in this state."""
    for _ in range(60):
        if step_of(name).state == state:
            return
        given.worked(clinic.redis, "deploys", rounds=1)
        given.make_due()
        given.relayed(clinic.redis)
    raise AssertionError(f"{name} is {step_of(name).state}, not {state}")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("name", "kind"), [("fee", "fee_create"), ("charge", "fee_confirm")])
def test_the_fee_is_charged_once_if_a_worker_dies_around_the_call(
    paying, dies_at, place, name, kind
):
    begun = paying.deploys(cost=FEE).json
    previous = {"fee": "preflight", "charge": "fee"}[name]
    until(paying, previous, "done")
    dies_at(place, kind)
    with pytest.raises(Killed):
        deploy_account.perform(step_of(name).id)
    paying.works(5)
    assert paying.shown(begun["id"])["status"] == "live"
    sdk = paying.twilio.stand_in.sdk
    assert [one.amount_received for one in sdk.payment_intents.list().data] == [FEE]
    assert {one.state for one in Effect.select().where(Effect.kind == kind)} == {"confirmed"}


@pytest.mark.parametrize("place", PLACES)
def test_the_fee_is_refunded_once_if_a_worker_dies_around_the_call(paying, dies_at, place):
    chosen = search_numbers(area_code="212", limit=1)[0].e164
    begun = paying.deploys(cost=FEE, phoneNumber=chosen).json
    until(paying, "charge", "done")
    paying.twilio.take(chosen)  # after the check that precedes the charge
    until(paying, "number", "skipped")
    dies_at(place, "fee_refund")
    with pytest.raises(Killed):
        undo_deployment_step.perform(step_of("charge").id)
    paying.works(5)
    assert paying.shown(begun["id"])["status"] == "rolled_back"
    refunds = paying.twilio.stand_in.sdk.refunds.list().data
    assert [one.amount for one in refunds] == [FEE]
