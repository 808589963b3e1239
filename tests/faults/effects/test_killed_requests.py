"""A web process is killed (-9) around the commit of a request that charges, refunds, links or
texts: the client repeats the request, and there is one effect (H1).
"""

import random
from datetime import timedelta
from itertools import product

import httpx
import pytest

from models.delivery.idempotency_key import IdempotencyKey
from models.transactions import release_connection
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.settings import get_settings
from tests.faults.effects.spending import FEE, STORIES
from tests.running.processes import reset_process
from tests.running.servers import wait_for

COMMIT = ("request.before_commit", "request.after_commit")
WORK = ("effect.before_call", "effect.after_call", "job.before_commit", "job.after_commit")
PERFORMS_ITSELF = ("a charge", "a card form", "a confirmation", "a number")
# each request at a place around its own commit, and some places in the work that the web does
# itself
_draw = random.Random(20_261_129)
SAMPLE = [
    *((story, _draw.choice(COMMIT)) for story in STORIES),
    *_draw.sample([*product(PERFORMS_ITSELF, WORK)], 3),
]


@pytest.mark.parametrize(("story", "place"), SAMPLE)
def test_a_retried_request_has_one_effect_wherever_the_web_is_killed(
    story, place, texting, voice, town, monkeypatch
):
    """Given a web process that is killed at `place`, when the client gets no answer and repeats the
    request with its key, then there is one effect.
    """
    monkeypatch.setenv("PAYPHONE_SETTLING", "0.001")
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    reset_process()
    get_settings.cache_clear()
    asked = STORIES[story](texting.consents())
    web = town.web(PAYPHONE_KILL_AT=town.at(place))
    key, lost = new_id("key"), 0

    def send():
        nonlocal lost
        headers = asked.headers | {"Idempotency-Key": key}
        url = f"http://127.0.0.1:{town.port}{asked.path}"
        try:
            answer = httpx.post(url, json=asked.body, headers=headers, timeout=120, trust_env=False)
        except httpx.TransportError:
            lost += 1
            # as if a minute had passed, after which a repetition no longer waits for the first
            # request
            long_ago = real_now() - timedelta(minutes=1)
            IdempotencyKey.update(created_at=long_ago).where(IdempotencyKey.key == key).execute()
            return None
        assert answer.status_code < 500 or answer.json()["code"] in {
            "outcome_unknown",
            "provider_unavailable",
        }, answer.text
        return answer if answer.status_code < 400 else None

    def is_over():
        try:
            return asked.is_over()
        finally:
            release_connection()

    wait_for(send, "the request is answered", every=0.3)
    assert lost
    assert town.struck()
    town.pool("webhooks=1,messages=1,deploys=1")
    # the killed process held a lock for 25 seconds and a job for 30
    wait_for(is_over, "its work is over")
    asked.assert_once()
    assert web.poll() is None
