"""The demo's story takes a 202 as an outcome not yet known, and retries with the same key."""

import re

import httpx
import pytest

from runtime.settings import ROOT
from simulation import api as story_api
from simulation.api import Api
from simulation.later_acts import until_clear_of_the_hour


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    monkeypatch.setattr(story_api, "PAUSE", 0.0)


def an_api(*statuses, **answered):
    """Return an API that answers with these statuses in turn, and the idempotency keys that it
    gets.
    """
    left, keys = list(statuses), []

    def answer(request):
        keys.append(request.headers.get("Idempotency-Key"))
        return httpx.Response(left.pop(0), json={"advice": "Ask for another card."} | answered)

    api = Api("http://payphone", "key")
    api._client = httpx.Client(base_url="http://payphone", transport=httpx.MockTransport(answer))
    return api, keys


def test_a_charge_answered_202_is_retried_with_the_same_key():
    api, keys = an_api(202, 202, 402)
    assert api.refused("/api/payments/phone", {}, 402, "k") == {"advice": "Ask for another card."}
    assert keys == ["k", "k", "k"]


@pytest.mark.parametrize(("status", "key"), [(202, None), (200, "k"), (409, "k")])
def test_an_unexpected_answer_stops_the_story(status, key):
    api, keys = an_api(status)
    with pytest.raises(RuntimeError, match=f"answered {status}, not 402"):
        api.refused("/api/payments/phone", {}, 402, key)
    assert keys == [key]


def test_a_charge_is_retried_until_its_outcome_is_known():
    """Given a busy machine that answers 202, 503, 429 and 409 (the first request is in progress),
    then the story retries with the same key until the outcome is known.
    """
    api, keys = an_api(202, 503, 429, 409, 200, code="idempotency_in_progress")
    api.post("/api/payments/phone", {}, "k", until_known=True)
    assert keys == ["k"] * 5


def test_a_202_without_until_known_is_not_retried():
    api, keys = an_api(202)
    api.post("/api/payments/pay_1/refunds", {}, "k")
    assert keys == ["k"]


def test_a_request_without_a_key_is_never_repeated():
    api, keys = an_api(503)
    with pytest.raises(RuntimeError, match="answered 503"):
        api.post("/api/customers", {})
    assert keys == [None]


def test_the_story_waits_for_the_outcome_of_every_charge_it_asks_for():
    """Wherever the story charges, it expects a refusal or waits until the outcome is known."""
    source = "".join(path.read_text() for path in (ROOT / "simulation").glob("*.py"))
    charges = re.findall(r'api\.(\w+)\(\s*"/api/payments/(?:phone|confirm-payment)"([^)]*)', source)
    assert len(charges) == 2
    for method, arguments in charges:
        assert method == "refused" or "until_known=True" in arguments


@pytest.mark.parametrize(
    ("left", "wait"), [(3_600, 0), (1_800, 0), (121, 0), (119, 124), (60, 65), (1, 6)]
)
def test_the_missed_day_does_not_fall_on_the_hourly_backfill(left, wait):
    """Given the seconds until the full hour, then the story waits if the backfill is near."""
    assert until_clear_of_the_hour(1_796_000_400 - left) == wait
