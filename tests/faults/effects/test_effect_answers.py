"""Whatever Stripe answers, or if it does not: one object, or none and a reason (faults 21–23,
25).
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from delivery.attempt import perform as perform_job
from delivery.registry import find_job
from effects import perform as performing
from effects.settle import settle_confirmed, settle_refused
from models.accounts.audit_entry import AuditEntry
from models.delivery.attempt import claim_job
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from providers.stripe import client as stripe_api
from runtime.clock import real_now
from runtime.errors import NotAllowed
from runtime.log import get_log
from runtime.settings import get_settings
from tests import given
from tests.faults.asked import BOTH, ask
from tests.running.servers import wait_for

pytestmark = [pytest.mark.one_database, pytest.mark.parametrize("what", BOTH)]

HARMLESS = [
    "error_500",
    "bad_gateway",
    "refuse",
    "rate_limit_429",
    "conflict_409",
    "timeout_before",
]
HIDDEN = ["timeout_after", "refuse_after", "error_500_after"]


@pytest.fixture
def asked(client, valkey, stand_in, what):
    return ask(what, stand_in, valkey.client())


@pytest.fixture
def work(valkey, asked):
    """Run the queue's jobs; then make failed ones due and run them, `rounds` times."""

    def _work(rounds=0):
        given.worked(valkey.client(), asked.queue)
        given.retried(valkey.client(), asked.queue, rounds)

    return _work


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_request_that_failed_before_its_effect_is_retried_under_its_key(
    asked, work, stand_in, kind
):
    """Given a call that does nothing, then it is repeated under the same key, and one object is
    made.
    """
    stand_in.fault(kind, "POST", asked.path, seconds=2)
    work()
    assert asked.made() == []
    assert asked.row.state in {"planned", "requested"}
    work(rounds=1)
    asked.assert_done_once()
    assert len({request["idempotency_key"] for request in stand_in.requests(asked.path)}) == 1
    assert asked.effect.generation == 1


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_request_that_failed_after_its_effect_finds_its_object(asked, work, stand_in, kind):
    """Given a call that took effect but whose answer is lost, then its object is found, not made
    again.
    """
    stand_in.fault(kind, "POST", asked.path, seconds=2)
    work()
    assert len(asked.made()) == 1
    work(rounds=1)
    asked.assert_done_once()
    assert asked.effect.generation == 1


def test_a_stored_500_is_retried_under_a_fresh_key(asked, work, stand_in):
    """Given a 500 that Stripe stores for the key, when it is returned again and no object is found,
    then a new key makes the object (fault 23).
    """
    stand_in.fault("error_500_stored", "POST", asked.path)
    work()
    assert (asked.effect.state, asked.effect.generation) == ("unknown", 1)
    work(rounds=1)
    assert asked.effect.repeated, "the same 500 twice, and nothing found: the request is over"
    assert asked.made() == []
    work(rounds=1)
    asked.assert_done_once()
    assert asked.effect.generation == 2


def test_a_single_500_is_not_retried_under_a_fresh_key(asked, work, stand_in):
    """Given a gateway error or a single 500, then no new key is used: the request may still be
    running, and only a stored answer shows that it is over.
    """
    stand_in.fault("bad_gateway", "POST", asked.path, times=3)
    stand_in.fault("timeout_before", "POST", asked.path, times=1, seconds=2)
    stand_in.fault("error_500", "POST", asked.path, times=1)
    work()
    work(rounds=4)
    assert asked.effect.generation == 1
    work(rounds=1)
    asked.assert_done_once()


def test_a_stored_500_is_retried_under_a_fresh_key_only_after_settling(
    asked, work, stand_in, monkeypatch
):
    """Given production's settling time, then the old key is sent twice, and the new one only after
    that time.
    """
    monkeypatch.delenv("PAYPHONE_SETTLING")
    reread()
    stand_in.fault("error_500_stored", "POST", asked.path)
    work()
    work(rounds=3)
    assert (asked.effect.generation, len(stand_in.requests(asked.path))) == (
        1,
        2,
    ), "what is over is not asked again meanwhile"
    asked.age(performing.SETTLING - 5)
    work(rounds=1)
    assert (asked.effect.generation, asked.made()) == (1, [])
    asked.age(5)
    work(rounds=1)
    asked.assert_done_once()
    assert (asked.effect.generation, len(stand_in.requests(asked.path))) == (2, 3)


@pytest.mark.parametrize("exists", [True, False])
def test_a_doubt_older_than_its_key_reads_stripes_record_first(asked, work, stand_in, exists):
    """Given a doubt older than a key's life, then Stripe's record is read first: the object is
    found, or made under a new key.
    """
    stand_in.fault("timeout_after" if exists else "timeout_before", "POST", asked.path, seconds=2)
    work()
    asked.age(23 * 3600 + 60)
    stand_in.forget_keys()
    work(rounds=1)
    asked.assert_done_once()
    assert len(stand_in.requests(asked.path)) == (1 if exists else 2)
    assert asked.effect.generation == (1 if exists else 2)


@pytest.mark.parametrize("exists", [True, False])
def test_a_request_left_sending_for_a_day_reads_stripes_record_first(asked, work, stand_in, exists):
    """Given a row in `sending` since yesterday, whose worker died in the call, then Stripe's record
    is read before anything is sent.
    """
    stand_in.fault("timeout_after" if exists else "timeout_before", "POST", asked.path, seconds=2)
    work()
    Effect.update(state="sending", error=None, error_code=None).execute()
    asked.age(23 * 3600 + 60)
    stand_in.forget_keys()
    work(rounds=1)
    asked.assert_done_once()
    assert len(stand_in.requests(asked.path)) == (1 if exists else 2)


def test_a_doubt_stays_open_until_stripes_record_can_be_read(asked, work, stand_in):
    """Given a 500 after the effect and a record that cannot be read, then nothing is decided until
    it can.
    """
    stand_in.fault("error_500_after", "POST", asked.path)
    stand_in.fault("error_500", "GET", asked.path, times=2)
    work()
    assert asked.effect.state == "unknown"
    work(rounds=1)
    assert (asked.effect.state, asked.effect.generation) == ("unknown", 1)
    work(rounds=1)
    asked.assert_done_once()


def test_a_request_that_stripe_refuses_is_not_retried(asked, work, stand_in, what):
    """Given a request that Stripe refuses, then nothing is made or tried again, and the row says
    why.
    """
    if what == "refund":  # staff refunded everything in the dashboard before
        stand_in.sdk.refunds.create({"payment_intent": asked.row.payment.intent_id})
    else:
        type(asked.row).update(amount=1).execute()  # below the minimum that Stripe takes
    before = len(stand_in.requests(asked.path))
    work()
    asked.assert_not_done("refused")
    work(rounds=2)
    assert len(stand_in.requests(asked.path)) == before + 1


def test_an_invalid_api_key_does_not_decide_the_outcome(asked, work, stand_in, monkeypatch):
    """Given an API key that Stripe does not know, then the work waits until the setting is
    corrected.
    """
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_of_nobody")
    reread()
    work()
    assert asked.row.state in {"planned", "requested"}
    assert asked.effect.state == "sending"
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_payphone")
    reread()
    work(rounds=1)
    asked.assert_done_once()


def test_an_idempotency_key_reused_for_another_request_is_logged_as_an_error(
    asked, work, stand_in, monkeypatch
):
    """Given a bug of ours that sends two requests under one key, then an error is logged, the first
    one's object is found, and nothing is made under another key.
    """
    stand_in.fault("timeout_after", "POST", asked.path, seconds=2)
    work()
    request = dict(asked.effect.request)
    Effect.update(
        request=request | {"metadata": request["metadata"] | {"project": "changed"}}
    ).execute()
    stand_in.fault("error_500", "GET", asked.path)  # nor can the record be read just now
    # capture_logs does not see a logger that was used before
    monkeypatch.setattr(performing, "log", get_log("effects"))
    with capture_logs() as told:
        work(rounds=1)
    assert [
        (line["log_level"], line["code"]) for line in told if line["event"] == "effect failed"
    ] == [("error", "idempotency_error")]
    assert (asked.effect.state, asked.effect.error_code, asked.effect.generation) == (
        "unknown",
        "idempotency_error",
        1,
    )
    work(rounds=1)
    asked.assert_done_once()


def test_an_idempotency_key_reused_without_an_effect_stays_unknown(asked, work, stand_in):
    """Given two requests under one key of which the first did nothing, then the effect stays
    `unknown`, under one key, and its job dies.
    """
    stand_in.fault("error_500_stored", "POST", asked.path)
    work()
    request = dict(asked.effect.request)
    Effect.update(
        request=request | {"metadata": request["metadata"] | {"project": "changed"}}
    ).execute()
    work(rounds=18)
    assert asked.made() == []
    assert (asked.effect.state, asked.effect.error_code, asked.effect.generation) == (
        "unknown",
        "idempotency_error",
        1,
    )
    assert asked.job.state == "dead"


def test_an_effect_uses_at_most_three_keys(asked, work, stand_in):
    """Given a 500 stored for each key, then after three keys the effect stays `unknown` and its job
    is dead, until an operator settles it.
    """
    stand_in.fault("error_500_stored", "POST", asked.path, times=20)
    work()
    work(rounds=18)
    assert (
        len({request["idempotency_key"] for request in stand_in.requests(asked.path)})
        == performing.MAX_GENERATIONS
        == 3
    )
    assert (asked.effect.state, asked.job.state) == ("unknown", "dead")
    assert asked.row.state in {"planned", "requested"}
    settle_refused(asked.effect.id, "looked at the dashboard: there is none", "cli:ada")
    work(rounds=1)
    asked.assert_not_done("refused")
    entry = AuditEntry.get(AuditEntry.action == "effect.settled")
    assert (entry.actor, entry.detail["outcome"]) == ("cli:ada", "refused")
    with pytest.raises(NotAllowed):
        settle_refused(asked.effect.id, "again", "cli:ada")


def test_an_operator_can_settle_an_effect_with_the_object_found(asked, work, stand_in):
    """Given a dead job and an object that an operator found at Stripe, then settling the effect
    records the object on its row.
    """
    stand_in.fault("timeout_after", "POST", asked.path, seconds=2, times=1)
    stand_in.fault("rate_limit_429", "POST", asked.path, times=20)
    work()
    with pytest.raises(NotAllowed, match="waiting"):
        settle_refused(asked.effect.id, "too early", "cli:ada")
    work(rounds=18)
    assert asked.job.state == "dead"
    settle_confirmed(asked.effect.id, asked.made()[0]["id"], "cli:ada")
    work(rounds=1)
    asked.assert_done_once()


def test_an_effect_cannot_be_settled_with_another_effects_object(
    asked, work, stand_in, valkey, what
):
    other = ask(what, stand_in, valkey.client())
    work()
    stand_in.fault("timeout_before", "POST", asked.path, seconds=2)
    StagedJob.update(state="dead").where(StagedJob.key == asked.subject).execute()
    Effect.update(state="unknown", provider_id=None).where(Effect.id == asked.effect.id).execute()
    with pytest.raises(NotAllowed, match="is not what effect"):
        settle_confirmed(asked.effect.id, other.made()[0]["id"], "cli:ada")
    assert asked.effect.state == "unknown"


def test_a_process_frozen_before_its_call_does_not_make_it_late(asked, work, stand_in, monkeypatch):
    """Given a process that wakes up too late, then it does not make its call; the next attempt
    does.
    """
    with monkeypatch.context() as frozen:
        frozen.setattr(performing, "LEAVE_WITHIN", timedelta(seconds=-1))
        job = claim_job(asked.job.id, "frozen")
        assert perform_job(job, find_job(job.name)).state == "failed"
    assert stand_in.requests(asked.path) == []
    work(rounds=1)
    asked.assert_done_once()
    assert len(stand_in.requests(asked.path)) == 1


def test_an_attempt_that_times_out_in_the_call_leaves_a_doubt_then_one_object(
    asked, work, stand_in, monkeypatch
):
    """Given a provider that answers after the attempt's timeout, then the attempt ends in doubt,
    and the next one finds the object.
    """
    monkeypatch.setenv("PAYPHONE_PROVIDER_TIMEOUT", "10")
    reread()
    stand_in.fault("slow", "POST", asked.path, seconds=2)
    job = claim_job(asked.job.id, "slow")
    assert perform_job(job, replace(find_job(job.name), timeout=1)).error == "JobTimeout"
    assert asked.effect.in_doubt
    wait_for(asked.made, "the provider has done it after all")
    work(rounds=1)
    asked.assert_done_once()


def test_an_effect_that_was_not_sent_by_its_deadline_is_refused(asked, work, stand_in):
    """Given an effect that was reserved and never sent, when its deadline has passed, then it is
    refused and not sent late.
    """
    stand_in.fault("refuse", "POST", asked.path)
    work()
    Effect.update(
        sent_at=None, last_sent_at=None, state="sending", deadline=real_now() - timedelta(hours=1)
    ).execute()
    work(rounds=1)
    asked.assert_not_done("refused")
    assert asked.effect.error_code == "deadline_passed"


def test_two_concurrent_attempts_make_one_object(asked, stand_in):
    """Given two attempts at the same job, then one object is made, and only the current claim
    records it.
    """
    first = claim_job(asked.job.id, "one")
    StagedJob.update(state="waiting").where(StagedJob.id == first.id).execute()
    second = claim_job(first.id, "two")
    assert perform_job(first, find_job(first.name)).state == "lost"
    assert perform_job(second, find_job(second.name)).state == "done"
    asked.assert_done_once()


def reread():
    get_settings.cache_clear()
    stripe_api.client.cache_clear()
