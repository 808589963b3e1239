"""The life of a staged job: staged with its caller's rows, claimed by one worker, settled under its
claim, dead after its last attempt, replayed.
"""

import json
import threading
import time
from dataclasses import replace

import psycopg
import pytest
from peewee import OperationalError
from psycopg.errors import DeadlockDetected
from redis.exceptions import RedisError

from delivery import nudge
from delivery.attempt import Snooze, perform, recording
from delivery.registry import JobType, find_job
from jobs.process_stripe_event import process_stripe_event
from models import transactions
from models.accounts.account import Account
from models.database_errors import LACKS_TABLES
from models.delivery.attempt import (
    claim_job,
    fail_job,
    finish_job,
    release_expired,
    release_worker,
    snooze_job,
)
from models.delivery.stage import Policy, register_policy, stage, stage_again, stage_all
from models.delivery.staged_job import SECOND, NewJob, StagedJob, replay_job
from models.transactions import database_time, execute, release_connection, transaction
from runtime.errors import Conflict
from tests import given
from tests.running.processes import reset_process
from tests.running.servers import wait_for

CLAIM_BY_EIGHT = """
import sys
from models.transactions import database, use_database
from models.delivery.attempt import claim_job
from runtime.settings import get_settings
from tests.running.without_disk import wait_for_no_disk

wait_for_no_disk()
use_database(get_settings().database_url)
database.obj.patience = 120.0  # whoever has the turn may be without CPU
claimed = [job_id for job_id in range(1, 21) if claim_job(job_id, sys.argv[1])]
open(sys.argv[2], "w").write(" ".join(map(str, claimed)))
"""


@pytest.fixture(autouse=True)
def a_test_job_is_known():
    """Let the job be staged; each test chooses its number of attempts when it inserts it."""
    register_policy("a_test_job", Policy("webhooks", 3))


BACKOFF = 600.0  # seconds; longer than any test, so that nothing becomes due by itself


def a_type(function, attempts=3, timeout=60):
    return JobType("a_test_job", "webhooks", attempts, timeout, BACKOFF, function)


def claimed_job(attempts=3, number=1):
    return claim_job(given.a_job("a_test_job", number, attempts=attempts), "w1")


def the_job():
    return StagedJob.get()


@pytest.fixture(autouse=True)
def _database(database_url, valkey):
    """Run each test on both databases and a real Valkey."""


def test_staging_needs_a_transaction():
    """Without one, a job could exist without the rows it is about."""
    for delay in (0, 60):
        with pytest.raises(RuntimeError, match="transaction"):
            stage("process_stripe_event", 1, 1, delay=delay)
    assert StagedJob.select().count() == 0


def test_a_job_commits_or_rolls_back_with_its_callers_rows(valkey):
    """Given a rollback, then there is no job and no push; given a commit, then the job exists and
    is in RQ at once.
    """

    def fall_over():
        with transaction():
            given.an_account()
            stage("process_stripe_event", 1, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fall_over()
    assert (
        StagedJob.select().count(),
        Account.select().count(),
        valkey.client().llen("rq:queue:webhooks"),
    ) == (0, 0, 0)
    with transaction():
        account = given.an_account()
        job_id = stage("process_stripe_event", 1, 1)
        assert valkey.client().llen("rq:queue:webhooks") == 0, "nothing is pushed before the commit"
    assert Account.get_by_id(account.id)
    assert valkey.client().lrange("rq:queue:webhooks", 0, -1) == [
        f"process_stripe_event-{job_id}".encode()
    ]


def test_each_name_and_key_is_staged_once():
    with transaction():
        first, again, other = (stage("process_stripe_event", key, 1) for key in ("a", "a", "b"))
    assert first
    assert again is None
    assert other
    assert StagedJob.select().count() == 2


def test_a_delayed_job_is_neither_pushed_nor_claimed_before_its_time(valkey):
    with transaction():
        job_id = stage("process_stripe_event", 1, 1, delay=60)
    assert valkey.client().llen("rq:queue:webhooks") == 0
    assert claim_job(job_id, "w1") is None
    given.make_due()
    assert claim_job(job_id, "w1").attempts == 1


def test_only_one_of_many_threads_claims_a_job():
    job_id, won = given.a_job("a_test_job", 1), []
    gate = threading.Barrier(8)

    def race(name):
        gate.wait()
        if claim_job(job_id, name):
            won.append(name)
        release_connection()

    threads = [threading.Thread(target=race, args=(f"w{index}",)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert (the_job().state, the_job().worker, the_job().claim) == ("running", won[0], 1)


def test_no_two_processes_claim_the_same_job(processes, tmp_path):
    ids = {given.a_job("a_test_job", number) for number in range(20)}
    release_connection()
    racers = [
        processes("-c", CLAIM_BY_EIGHT, f"w{index}", str(tmp_path / f"claimed{index}"))
        for index in range(3)
    ]
    assert [racer.wait(240) for racer in racers] == [0, 0, 0]
    claimed = [
        int(word)
        for index in range(3)
        for word in (tmp_path / f"claimed{index}").read_text().split()
    ]
    assert sorted(claimed) == sorted(ids)


SETTLE = {
    "finish": finish_job,
    "fail": lambda job: fail_job(job, "error", 0),
    "snooze": lambda job: snooze_job(job, "busy", 0),
}


@pytest.mark.parametrize("settle", SETTLE.values(), ids=SETTLE.keys())
def test_a_lost_claim_settles_nothing(settle):
    """Given an attempt whose lease has expired and whose job another worker runs, then whatever it
    writes is refused.
    """
    late = claimed_job()
    StagedJob.update(lease_until=0).execute()
    assert [job.state for job in release_expired()] == ["waiting"]
    current = claim_job(late.id, "w2")
    before = StagedJob.select().dicts().get()
    assert not settle(late)
    assert StagedJob.select().dicts().get() == before
    assert settle(current)


def test_a_released_claim_is_lost_even_before_it_is_taken_over():
    """Given an expired lease that is released and not yet claimed again, then the old attempt
    settles nothing.
    """
    late = claimed_job()
    StagedJob.update(lease_until=0).execute()
    release_expired()
    assert not finish_job(late)
    assert the_job().state == "waiting"


def test_an_attempts_writes_are_rolled_back_when_its_claim_is_lost():
    """An attempt's rows and `done` commit together or not at all."""
    late = claimed_job()

    def act(_number):
        StagedJob.update(claim=StagedJob.claim + 1).execute()
        with recording():
            given.an_account()

    assert perform(late, a_type(act)).state == "lost"
    assert Account.select().count() == 0


@pytest.mark.parametrize("raised", [ValueError, Conflict], ids=lambda it: it.__name__)
def test_secrets_are_redacted_from_a_stored_error(raised):
    """Given an error that quotes secrets, then the row keeps it without keys, tokens, passwords,
    card numbers and NUL bytes.
    """

    def act(_number):
        raise raised(
            "POST /p/abcdefghjkmnpqrs\0 as Bearer abc.def: {'Password': 'hunter2-Abc'},"
            " card 4242 4242 4242 4242, sk_live_4242424242424242AbCdefghij"
        )

    outcome = perform(claimed_job(), a_type(act))
    kept = the_job().last_error
    assert outcome.state in {"failed", "snoozed"}
    assert kept.count("***") == 4, kept
    for secret in ("abcdefghjkmnpqrs", "abc.def", "hunter2", "4242 4242", "sk_live", "AbCd", "\0"):
        assert secret not in kept


def test_an_attempt_that_ends_without_recording_is_done():
    assert perform(claimed_job(), a_type(lambda _number: None)).state == "done"
    row = the_job()
    assert (row.state, row.lease_until, row.last_error) == ("done", None, None)
    assert row.finished_at


def test_failures_back_off_in_the_row_and_end_dead():
    """Given a job that fails, then its waits double, with a quarter of jitter either way; after the
    last attempt it is dead, with its error.
    """

    def fail(_number):
        raise ValueError("no")

    job, waits, late = claimed_job(), [], []
    for attempt in (1, 2, 3):
        failed_at = given.database_now()
        outcome = perform(job, a_type(fail))
        row = the_job()
        assert row.attempts == attempt
        if attempt < 3:
            assert (outcome.state, row.state, row.pushed_at) == ("failed", "waiting", None)
            waits.append((row.due_at - failed_at) / 1_000_000)
            late.append((given.database_now() - failed_at) / 1_000_000)
            assert claim_job(job.id, "w1") is None, "it is not due yet"
            given.make_due()
            job = claim_job(job.id, "w1")
    assert BACKOFF * 0.75 <= waits[0] <= BACKOFF * 1.25 + late[0]
    assert 2 * BACKOFF * 0.75 <= waits[1] <= 2 * BACKOFF * 1.25 + late[1]
    assert (outcome.state, row.state, row.last_error) == ("dead", "dead", "ValueError: no")
    assert claim_job(job.id, "w1") is None


def test_crashes_count_as_attempts():
    """Given a worker that dies, then its successor or the expired lease gives the job back, and the
    attempt counts.
    """
    job_id = given.a_job("a_test_job", 1, attempts=2)
    claim_job(job_id, "w1")
    assert [(job.id, job.state) for job in release_worker("w1")] == [(job_id, "waiting")]
    assert release_worker("w1") == []
    claim_job(job_id, "w2")
    StagedJob.update(lease_until=0).execute()
    assert [(job.id, job.state) for job in release_expired()] == [(job_id, "dead")]
    assert "lease expired" in the_job().last_error


def test_a_row_held_by_a_frozen_process_does_not_stop_the_relay(database_url):
    """Given a job whose row is locked by a process that is frozen in its transaction, then the jobs
    of others are released all the same, and this one once the row is free.
    """
    if not transactions.is_postgres():
        pytest.skip("SQLite has one writer, and a frozen one stops all others")
    ids = [claimed_job(number=number).id for number in (1, 2)]
    StagedJob.update(lease_until=0).execute()
    execute("SET lock_timeout = '60s'")
    with psycopg.connect(database_url) as frozen:
        frozen.execute("SELECT 1 FROM staged_job WHERE id = %s FOR NO KEY UPDATE", (ids[0],))
        assert [job.id for job in release_expired()] == ids[1:]
    assert [job.id for job in release_expired()] == ids[:1]


def test_an_unexpired_lease_is_left_alone():
    claimed_job()
    assert release_expired() == []
    assert release_worker("another") == []
    assert the_job().state == "running"


@pytest.mark.parametrize(
    "error",
    [
        Snooze("locked", 0.0),
        Conflict("another was first"),
        OperationalError(DeadlockDetected("each waits for the other")),
    ],
    ids=["snooze", "conflict", "deadlock"],
)
def test_waiting_for_others_uses_up_no_attempt(error):
    def wait(_number):
        raise error

    job = claimed_job(attempts=1)
    for _ in range(3):
        assert perform(job, a_type(wait, attempts=1)).state == "snoozed"
        assert (the_job().state, the_job().attempts) == ("waiting", 0)
        given.make_due()
        job = claim_job(job.id, "w1")
    assert job.claim == 4, "the claim grows all the same: it is the fencing token"


def reads_what_is_not_there(_number):
    execute("SELECT of_tomorrow FROM account")


def test_a_missing_table_without_a_pending_migration_is_a_failure():
    ended = perform(claimed_job(attempts=1), a_type(reads_what_is_not_there, attempts=1))
    assert ended.state == "dead"


def test_a_release_before_its_migration_uses_up_no_attempt(monkeypatch):
    """Given a worker of a newer release than the database, then its jobs wait for the migration."""
    monkeypatch.setattr("models.migrate.pending", lambda: ["0999_of_tomorrow"])
    act = reads_what_is_not_there
    assert perform(claimed_job(attempts=1), a_type(act, attempts=1)).state == "snoozed"
    assert (the_job().state, the_job().attempts, the_job().last_error) == (
        "waiting",
        0,
        LACKS_TABLES,
    )


def test_arguments_of_a_newer_release_use_up_no_attempt():
    """Given a job whose arguments only a newer release takes, then it waits for that release; a
    TypeError of the job's own code is a failure.
    """
    job = claimed_job(attempts=1)
    assert perform(job, a_type(lambda: None, attempts=1)).state == "snoozed"
    assert (the_job().state, the_job().attempts) == ("waiting", 0)
    given.make_due()
    job = claim_job(job.id, "w1")
    assert perform(job, a_type(lambda _number: len(7), attempts=1)).state == "dead"


def test_an_error_after_the_record_changes_nothing():
    """The row is done, and that decides."""

    def act(_number):
        with recording():
            pass
        raise ValueError("too late")

    assert perform(claimed_job(), a_type(act)).state == "done"
    assert the_job().state == "done"


def test_a_timed_out_attempt_is_stopped_even_if_it_catches_exceptions():
    def sleep(_number):
        try:
            threading.Event().wait(20)
        except Exception:
            pytest.fail("the timeout is no Exception")

    assert perform(claimed_job(), a_type(sleep, timeout=1)).state == "failed"
    assert the_job().last_error.startswith("JobTimeout")


def test_a_dead_job_is_replayed_with_the_same_key_and_arguments():
    job = claimed_job(attempts=1)
    fail_job(job, "error", 0)
    assert the_job().state == "dead"
    assert replay_job(job.id)
    row = the_job()
    assert (row.state, row.attempts, row.key, json.loads(row.args), row.pushed_at) == (
        "waiting",
        0,
        "1",
        [1],
        None,
    )
    assert not replay_job(job.id), "only what is dead is replayed"
    again = claim_job(job.id, "w1")
    assert again.claim == 2
    assert not finish_job(replace(again, claim=1))
    assert finish_job(again)


@pytest.mark.parametrize(("settle", "attempts"), [("finish", 3), ("fail", 1), ("snooze", 3)])
def test_a_job_staged_again_while_running_runs_once_more(settle, attempts):
    """Given an attempt that has not recorded its end, when the job is staged again, then it runs
    once more, and only once.
    """
    job = claimed_job(attempts=attempts)
    with transaction():
        stage_again("a_test_job", 1, 1)
    assert (the_job().state, the_job().claim) == ("running", 1)
    assert SETTLE[settle](job)
    assert (the_job().state, the_job().attempts, the_job().finished_at, the_job().pushed_at) == (
        "waiting",
        0,
        None,
        None,
    )
    again = claim_job(job.id, "w2")
    assert finish_job(again)
    assert the_job().state == "done", "not for ever"


@pytest.mark.parametrize("put_off", [snooze_job, fail_job])
def test_a_job_staged_again_while_running_is_due_at_once_despite_a_retry_delay(put_off):
    """Given an attempt that fails or snoozes for a day, when the job was staged again during it,
    then the job is due at once, and only this once.
    """
    job = claimed_job()
    with transaction():
        stage_again("a_test_job", 1, 1)
    assert put_off(job, "not yet", 86_400)
    again = claim_job(job.id, "w2")
    assert again is not None, "it is due"
    assert put_off(again, "not yet", 86_400)
    assert claim_job(job.id, "w2") is None


@pytest.mark.parametrize("settle", [finish_job, snooze_job, fail_job])
def test_a_job_staged_again_for_later_while_running_runs_at_the_soonest_time(settle):
    """Given a job that is staged again for later while it runs, also by its own attempt, then the
    next attempt runs at the soonest time asked for.
    """
    job, hour = claimed_job(), 3_600 * SECOND
    for delay in (7_200.0, 3_600.0, 5_400.0):
        with transaction():
            stage_again("a_test_job", 1, 1, delay=delay)
    before = database_time()
    assert settle(job) if settle is finish_job else settle(job, "not yet", 86_400)
    assert before + hour <= the_job().due_at <= database_time() + hour


def test_a_job_staged_again_waits_if_its_worker_dies():
    claimed_job(attempts=1)
    with transaction():
        stage_again("a_test_job", 1, 1)
    assert [job.state for job in release_worker("w1")] == ["waiting"]


def test_an_attempt_sees_the_rows_its_job_was_staged_again_with(database_url):
    """Given a waiting job that is staged again together with rows, when a worker claims it in the
    meantime, then it sees those rows.
    """
    job_id, begun, claimed = given.a_job("a_test_job", 1), threading.Event(), []

    def work():
        try:
            begun.wait(120)
            claimed.append((claim_job(job_id, "w1") is not None, Account.select().count()))
        finally:
            transactions.database.close()

    worker = threading.Thread(target=work)
    worker.start()
    with transaction():
        given.an_account()
        stage_again("a_test_job", 1, 1)
        begun.set()
        worker.join(0.3)  # it must still be waiting; without the row's lock it would have ended
        assert claimed == []
    worker.join(120)
    assert claimed == [(True, 1)]


def test_background_pushes_are_grouped_and_a_failed_one_stops_no_others(valkey, monkeypatch):
    """Given a background thread that pushes, and several commits while it is busy, then their jobs
    go in one round trip, even after a push that failed.
    """
    monkeypatch.setattr(nudge._Nudger, "waiting", None)
    busy, pushed, failing = threading.Event(), [], [True]

    def push_now(jobs):
        busy.wait(60)
        pushed.append([job.id for job in jobs])
        if failing:
            failing.clear()
            raise RuntimeError("as nobody expects")

    monkeypatch.setattr(nudge, "_push_now", push_now)
    nudge.push_in_background()
    for number in range(1, 6):
        with transaction():
            stage("a_test_job", number)
        if number == 1:
            wait_for(nudge._Nudger.waiting.empty, "the first is taken")
    busy.set()
    wait_for(lambda: len(pushed) == 2, "the others are pushed")
    assert [len(group) for group in pushed] == [1, 4]
    assert not StagedJob.select().where(StagedJob.pushed_at.is_null()).exists()


def test_staging_several_jobs_at_once_returns_each_new_row_id_or_none(valkey):
    """Given jobs, some of which exist or come twice, when one statement stages all, then each
    caller gets the id of its new row or None.
    """
    with transaction():
        for key in ("b", "d"):
            stage("a_test_job", key)
    for keys, new in (("abccde", "a.c..e"), ("fg", "fg"), ("ab", "..")):
        with transaction():
            ids = stage_all("a_test_job", [NewJob(key, ()) for key in keys])
        made = {row.id: row.key for row in StagedJob.select()}
        assert "".join(made.get(row_id, ".") for row_id in ids) == new


def test_a_failed_push_pauses_pushes_but_jobs_are_still_staged(valkey, monkeypatch):
    """Given an unreachable Redis, then the job is still staged, and the next one does not even try
    to push.
    """
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere.sock")
    monkeypatch.setattr(nudge, "PAUSE", 3_600.0)
    reset_process()
    for key in ("a", "b"):
        with transaction():
            assert stage("process_stripe_event", key, 1)
    assert not nudge.is_open()
    rows = list(StagedJob.select().order_by(StagedJob.id))
    assert [row.state for row in rows] == ["waiting", "waiting"]
    assert rows[1].pushed_at is None, "what is not tried is not called pushed"


def test_setting_the_clock_back_does_not_prolong_the_pause_in_pushes(valkey, monkeypatch):
    """Given nudges that pause for an instant, when the machine's clock is set back by an hour, then
    the pause still ends on time.
    """
    monkeypatch.setattr(nudge, "PAUSE", 0.0)

    def fails(_redis):
        raise RedisError("away")

    nudge._try(1, fails)
    past = time.time() - 3_600
    monkeypatch.setattr(time, "time", lambda: past)
    assert nudge.is_open()


def test_the_registry_knows_only_jobs():
    assert find_job("process_stripe_event") is process_stripe_event
    assert find_job("os.system") is None
    assert not transactions.database.in_transaction()
