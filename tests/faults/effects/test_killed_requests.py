"""A web process killed (-9) around the commit of a request that charges, refunds, links or texts:
the client does what a missing answer tells it to, and there is one effect (H1).
"""

import random
from datetime import timedelta
from itertools import product

import httpx
import pytest

from models.delivery.idempotency_key import IdempotencyKey
from runtime.clock import real_now
from runtime.ids import new_id
from tests.faults.effects.test_commits_in_doubt import (
    a_link,
    a_refund,
    a_text,
    charged_once,
    half_by_phone,
    linked_once,
    refunded_once,
    texted_once,
)
from tests.faults.town import all_settled
from tests.processes import reset_process
from tests.servers import wait_for

STORIES = {
    "a charge": (half_by_phone, charged_once),
    "a refund": (a_refund, refunded_once),
    "a link": (a_link, linked_once),
    "a text": (a_text, texted_once),
}
COMMIT = ("request.before_commit", "request.after_commit")
WORK = ("effect.before_call", "effect.after_call", "job.before_commit", "job.after_commit")
# around the request's own commit for all of them, and a seeded draw of what it performs itself
SAMPLE = [
    *product(STORIES, COMMIT),
    *random.Random(20_261_129).sample([*product(("a charge", "a refund"), WORK)], 2),
]


@pytest.mark.parametrize(("story", "place"), SAMPLE)
def test_one_effect_wherever_the_web_is_killed(story, place, texting, town, monkeypatch):
    """Given a web process that is killed there, when the client gets no answer and repeats the
    request with its key, then there is one effect.
    """
    monkeypatch.setenv("PAYPHONE_SETTLING", "0.001")
    reset_process()
    clinic = texting.consents()
    ask, assert_once = STORIES[story]
    path, body = ask(clinic)
    web = town.web(PAYPHONE_KILL_AT=town.at(place))
    key, lost = new_id("key"), 0

    def send():
        nonlocal lost
        headers = clinic.headers | {"Idempotency-Key": key}
        url = f"http://127.0.0.1:{town.port}{path}"
        try:
            answer = httpx.post(url, json=body, headers=headers, timeout=20, trust_env=False)
        except httpx.TransportError:
            lost += 1
            # as if half a minute had passed, in which the first request may still run
            long_ago = real_now() - timedelta(minutes=1)
            IdempotencyKey.update(created_at=long_ago).where(IdempotencyKey.key == key).execute()
            return None
        assert answer.status_code < 500 or answer.json()["code"] in {
            "outcome_unknown",
            "provider_unavailable",
        }, answer.text
        return answer if answer.status_code < 400 else None

    wait_for(send, "the request is answered", seconds=40, every=0.3)
    assert lost
    assert town.struck()
    town.pool("webhooks=1,messages=1")
    all_settled(90)  # the killed web held a lock for 25 seconds and a job for 30
    assert_once(clinic)
    assert web.poll() is None
