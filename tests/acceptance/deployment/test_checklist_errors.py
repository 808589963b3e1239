"""The testing checklist's error cases (F101): a test for each line, in its order."""

import pytest

from runtime.settings import get_settings
from tests.stories.going_live import FEE, GoingLive

FAILED = "Failed to purchase phone number. Please verify your payment method."


@pytest.fixture
def payer(client, valkey, twilio_stand_in, voice, monkeypatch):
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    return GoingLive(client, valkey.client(), twilio_stand_in, voice)


def test_try_to_deploy_without_payment_should_fail_gracefully(payer):
    payer.setup.record(payer.setup.updated_at, payment_method_verified=False)
    answer = payer.deploys(cost=FEE)
    assert (answer.status_code, answer.json["code"]) == (402, "payment_method_required")
    payer.works(2)
    payer.has_nothing()


def test_simulate_twilio_purchase_failure_should_rollback(payer):
    payer.refuses("number")
    shown = payer.deploys_all(rounds=20)
    assert (shown["status"], shown["message"]) == ("rolled_back", FAILED)
    payer.has_nothing()


def test_with_insufficient_funds_should_show_clear_error(payer):
    method = payer.setup.stripe_payment_method_id
    payer.stripe.act(method, "become", card="chargeDeclinedInsufficientFunds")
    shown = payer.deploys_all(rounds=20)
    assert (shown["status"], shown["message"]) == ("failed", FAILED)
    assert "enough funds" in shown["error"]
    payer.has_nothing()


@pytest.mark.parametrize("provider", ["stripe", "twilio", "vapi"])
def test_network_failure_during_deployment(payer, provider):
    """Given a provider whose connections fail for a while, then the clinic goes live all the
    same.
    """
    payer.fault("refuse", (provider, "*", "*"), times=4)
    shown = payer.deploys_all(rounds=20)
    assert shown["status"] == "live", shown
    payer.has_one_of_each()
