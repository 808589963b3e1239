"""What each answer of Stripe means: done, a definite refusal, try later, or in doubt (through the
SDK, over HTTP).
"""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from effects.deployment.fee import FEE_CREATE
from effects.payments.intent import INTENT_CREATE
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.stripe import client as stripe_api
from providers.stripe import intents as stripe_intents
from runtime.clock import real_now
from runtime.settings import ROOT, get_settings

LINK = {
    "line_items": [
        {
            "price_data": {
                "currency": "usd",
                "unit_amount": 500,
                "product_data": {"name": "Invoice"},
            },
            "quantity": 1,
        }
    ]
}


def refused_with(call) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("kind", "outcome", "code", "answered"),
    [
        ("error_500", "unknown", "http_500", True),
        ("error_500_stored", "unknown", "http_500", True),
        ("bad_gateway", "unknown", "http_502", False),
        ("conflict_409", "unknown", "lock_timeout", False),
        ("refuse", "unknown", "no_answer", False),
        ("refuse_after", "unknown", "no_answer", False),
        ("timeout_before", "unknown", "no_answer", False),
        ("rate_limit_429", "retry_later", "rate_limit", True),
    ],
)
def test_each_stripe_fault_maps_to_its_outcome(stand_in, kind, outcome, code, answered):
    stand_in.fault(kind, "POST", "/v1/payment_links", seconds=60)  # or until the client hangs up
    error = refused_with(lambda: stripe_api.create_payment_link(LINK, "", "key-1"))
    assert (error.outcome, error.code, error.answered, error.bug) == (
        outcome,
        code,
        answered,
        False,
    )


def test_an_unknown_parameter_is_a_definite_refusal(stand_in):
    error = refused_with(
        lambda: stripe_api.create_payment_link(LINK | {"line_itmes": 1}, "", "key-1")
    )
    assert error.outcome == "refused"


def test_an_inaccessible_account_is_retried_later_with_advice(stand_in):
    """A disconnected account or a wrong key is not a final refusal."""
    error = refused_with(lambda: stripe_api.create_payment_link(LINK, "acct_gone", "key-1"))
    assert (error.outcome, error.code) == ("retry_later", "PermissionError")
    assert "connected" in error.advice


def test_an_invalid_api_key_is_retried_later(stand_in, monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_of_nobody")
    get_settings.cache_clear()
    stripe_api.client.cache_clear()
    assert (
        refused_with(lambda: stripe_api.create_payment_link(LINK, "", "key-1")).outcome
        == "retry_later"
    )


def test_a_missing_intent_on_a_refund_means_a_wrong_api_key(stand_in):
    """The intent took the money and so exists: `No such payment_intent` means that the key is
    wrong.
    """
    error = refused_with(
        lambda: stripe_api.create_refund(
            {"payment_intent": "pi_of_another_account", "amount": 1}, "", "key-1"
        )
    )
    assert (error.outcome, error.code) == ("retry_later", "resource_missing")
    assert "STRIPE_SECRET_KEY" in error.advice


def test_one_idempotency_key_for_two_requests_is_a_bug_with_unknown_outcome(stand_in):
    stripe_api.create_payment_link(LINK, "", "key-1")
    error = refused_with(
        lambda: stripe_api.create_payment_link(LINK | {"inactive_message": "x"}, "", "key-1")
    )
    assert (error.outcome, error.code, error.bug) == ("unknown", "idempotency_error", True)


@pytest.mark.slow
def test_calling_stripe_writes_nothing_into_the_home_folder(stand_in, tmp_path):
    """Given an empty HOME, when the SDK calls Stripe, then it stays empty: the SDK's telemetry
    would store an id there.
    """
    asking = "from providers.stripe import client; client.list_refunds('')"
    home = {name: value for name, value in os.environ.items() if name != "XDG_CONFIG_HOME"} | {
        "HOME": str(tmp_path)
    }
    subprocess.run(
        [sys.executable, "-c", asking],
        cwd=ROOT,
        env=home,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert len(stand_in.requests("/v1/refunds", "GET")) == 1
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("off", [-10, 10], ids="{} minutes".format)
def test_an_intent_is_found_even_if_our_clock_is_ten_minutes_off(stand_in, off):
    """Given an intent whose answer was lost while our clock was ten minutes off, then it is
    found.
    """
    request = {"amount": 500, "currency": "usd", "metadata": {"attempt_id": "pat_1"}}
    made = stripe_intents.create_intent(request, "", "eff_1")
    asked_at = real_now() + timedelta(minutes=off)
    effect = Effect(request=request, created_at=asked_at)
    for found in (INTENT_CREATE.find(effect), FEE_CREATE.find_asked(effect, asked_at)):
        assert found is not None
        assert found["id"] == made["id"]
