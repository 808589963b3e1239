"""The ledger's row: outcomes are final, stale attempts write nothing, and every time limit fits
into the next.
"""

import sys
from datetime import timedelta

import pytest

from delivery import locks
from delivery.registry import MAX_TIMEOUT, find_job, job_names
from effects import kind as effect_kind
from effects import perform, settle
from effects.kinds import kind_of
from models.delivery import attempt
from models.delivery.staged_job import StagedJob
from models.effects.effect import Contradiction, Effect
from providers.stripe import client as stripe_api
from runtime.clock import real_now
from runtime.errors import Conflict
from tests import given


@pytest.fixture
def effect(database_url):
    return an_effect()


def an_effect(key="refund:rfq_1", **values):
    now = real_now()
    made = Effect.reserve(
        "refund",
        key,
        "stripe",
        {"metadata": {"attempt_id": "rfq_1"}, "payment_intent": "pi_1"},
        now + timedelta(days=1),
        now,
        None,
        asked_by="test",
        reason="test",
    )
    if values:
        Effect.update(values).where(Effect.id == made.id).execute()
    return Effect.get_by_id(made.id)


def test_reserving_twice_keeps_the_first_request(effect):
    again = Effect.reserve(
        "refund",
        effect.key,
        "stripe",
        {"other": 1},
        real_now(),
        real_now(),
        None,
        asked_by="other",
        reason="other",
    )
    assert (again.id, again.request, again.asked_by) == (effect.id, effect.request, "test")


def test_a_final_outcome_cannot_change(effect):
    stale = Effect.get_by_id(effect.id)
    effect.record_confirmed("re_1", {"id": "re_1"}, real_now())
    for write in (
        lambda: stale.record_sent(real_now()),
        lambda: stale.record_unknown("x", "x"),
        lambda: stale.record_refused("x", "x", real_now()),
        stale.record_next_generation,
    ):
        with pytest.raises(Conflict):
            write()
    assert Effect.get_by_id(effect.id).state == "confirmed"


@pytest.mark.parametrize("way", ["by its job", "by the hourly look"])
def test_an_effect_sent_while_it_is_ended_as_unsent_is_in_doubt(effect, monkeypatch, way):
    """Given a sender that was frozen, when it sends just after another process has read that
    nothing was sent, then the effect is in doubt.
    """
    job_id = given.a_job("refund_payment", 1)
    StagedJob.update(key="rfq_1", state="done").where(StagedJob.id == job_id).execute()
    Effect.update(invoice_id="inv_1").execute()
    monkeypatch.setattr(settle, "reconcile", lambda _effect: None)

    def sends_just_now():
        assert Effect.get_by_id(effect.id).record_sent_once(real_now())
        return real_now()

    monkeypatch.setattr(settle, "real_now", sends_just_now)
    if way == "by its job":
        settle.end_own(kind_of(effect), "rfq_1", "inv_1")
    else:
        settle.end_unsent(effect, "test")
    assert Effect.get_by_id(effect.id).in_doubt


def test_confirming_again_is_harmless_but_another_object_is_a_contradiction(effect):
    effect.record_confirmed("re_1", {"id": "re_1"}, real_now())
    Effect.get_by_id(effect.id).record_confirmed("re_1", {"id": "other"}, real_now())
    assert Effect.get_by_id(effect.id).answer == {"id": "re_1"}
    with pytest.raises(Contradiction, match="re_2"):
        Effect.get_by_id(effect.id).record_confirmed("re_2", {"id": "re_2"}, real_now())


def test_confirming_a_refused_effect_is_a_contradiction(effect):
    effect.record_refused("no", "no", real_now())
    with pytest.raises(Contradiction):
        effect.record_confirmed("re_1", {"id": "re_1"}, real_now())


def test_a_stale_attempt_does_not_reset_the_key_generation(effect):
    """Given an attempt with the first key, when another one has gone on to the third, then it
    writes nothing.
    """
    stale = Effect.get_by_id(effect.id)
    effect.record_sent(real_now())
    effect.record_next_generation()
    effect.record_next_generation()
    with pytest.raises(Conflict):
        stale.record_next_generation()
    with pytest.raises(Conflict):
        stale.record_sent(real_now())
    row = Effect.get_by_id(effect.id)
    assert (row.generation, row.idempotency_key, row.sent_at) == (3, f"{effect.id}-3", None)


def test_only_effects_in_doubt_or_long_unsent_get_a_reconcile_job(client, valkey):
    """Given effects in every state, then those in doubt or unsent for a while get a reconcile job,
    and no others.
    """
    old, now = real_now() - timedelta(hours=1), real_now()
    wanted = {
        an_effect("refund:a", state="unknown", created_at=old, sent_at=old, last_sent_at=old).id,
        an_effect("refund:b", state="sending", created_at=old, sent_at=old, last_sent_at=old).id,
        an_effect("refund:c", state="sending", created_at=old).id,
    }
    an_effect("refund:f", state="sending", created_at=now)
    an_effect("refund:d", state="unknown", created_at=old, sent_at=old, last_sent_at=now)
    an_effect("refund:e", state="confirmed", created_at=old, sent_at=old, last_sent_at=old)
    given.a_job("reconcile_effects", 1, queue="periodic")
    StagedJob.update(args="[]").execute()
    given.relayed(valkey.client())
    assert given.worked(valkey.client(), "periodic", rounds=1) == 1
    assert {
        row.key.split(":")[0]
        for row in StagedJob.select().where(StagedJob.name == "reconcile_effect")
    } == wanted


def test_effects_in_doubt_beyond_one_batch_are_reconciled_within_the_hour(
    client, valkey, monkeypatch
):
    """Given more doubts than one run stages, when none is settled, then all get a reconcile job
    within the hour.
    """
    monkeypatch.setattr(sys.modules["jobs.reconcile_effects"], "BATCH", 1)
    old = real_now() - timedelta(hours=1)
    in_doubt = {"state": "unknown", "created_at": old, "sent_at": old, "last_sent_at": old}
    wanted = {an_effect(f"refund:{number}", **in_doubt).id for number in range(3)}
    given.a_job("reconcile_effects", 1, queue="periodic")
    StagedJob.update(args="[]").execute()
    given.retried(valkey.client(), "periodic", 5)
    looks = StagedJob.select().where(StagedJob.name == "reconcile_effect")
    assert {row.key.split(":")[0] for row in looks} == wanted


def test_a_doubt_that_cannot_be_looked_up_leaves_no_dead_job_each_hour(client, valkey):
    """Given a doubt about a call of an installation that has no key for Vapi any more, then its
    hourly lookup ends without a dead job, which nobody would ever retry.
    """
    old = real_now() - timedelta(hours=1)
    in_doubt = {"state": "unknown", "created_at": old, "sent_at": old, "last_sent_at": old}
    effect = an_effect("call:call_1:1", kind="call", **in_doubt)
    given.a_job("reconcile_effect", effect.id, queue="periodic")
    given.retried(valkey.client(), "periodic", 4)
    assert given.states() == {"done": 1}
    assert Effect.get_by_id(effect.id).state == "unknown"


def test_an_old_effect_in_doubt_is_looked_up_once_a_day(client, valkey):
    """Given an old doubt that cannot be settled (a text without an id), then it is looked up once a
    day and does not crowd out young ones.
    """
    old, now = real_now() - timedelta(days=30), real_now()
    effect = an_effect("refund:a", state="unknown", created_at=old, sent_at=old, last_sent_at=old)
    hours = [
        sys.modules["jobs.reconcile_effects"]._is_its_hour(effect, now + timedelta(hours=hour))
        for hour in range(24)
    ]
    assert hours.count(True) == 1


def test_every_time_limit_fits_into_the_next():
    """A call and a lookup fit into an attempt, an attempt into the leases of the lock and the
    claim, and a key's use into Stripe's 24 hours.
    """
    call = sum(stripe_api.TIMEOUT)
    assert 2 * call < MAX_TIMEOUT < locks.LEASE < attempt.LEASE
    assert perform.LEAVE_WITHIN.total_seconds() + call < attempt.LEASE
    assert effect_kind.KEY_LIFE + attempt.LEASE + effect_kind.SKEW < 24 * 3600
    assert all(find_job(name).timeout <= MAX_TIMEOUT for name in job_names())
