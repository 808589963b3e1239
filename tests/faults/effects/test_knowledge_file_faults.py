"""Knowledge files at a provider without idempotency keys: whatever dies or fails, there is one
file, or none if it was deleted (faults 7–9, 21–25).
"""

import os
import signal
import sys

import pytest

from jobs.end_stuck_deployments import end_stuck_deployments
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.deployment.knowledge_file import KnowledgeFile
from models.effects.effect import Effect
from models.transactions import transaction
from providers.vapi.files import upload_file
from runtime.clock import real_now
from tests import given
from tests.faults.town import PATIENT, all_settled, is_stopped
from tests.running.servers import wait_for
from tests.stand_ins.vapi_stand_in import FILES, ONE_FILE
from tests.stories.wizard import Wizard

PLACES = ["effect.before_call", "effect.after_call", "job.before_commit", "job.after_commit"]
HARMLESS = [
    "error_500",
    "bad_gateway",
    "refuse",
    "rate_limit_429",
    "timeout_before",
    "forbidden_403",
]
HIDDEN = ["timeout_after", "refuse_after", "error_500_after"]
TEXT = {"name": "prices.txt", "contentBase64": "Q3Jvd246IDkwMA=="}


class Files:
    """A clinic with one file, and assertions about it."""

    def __init__(self, wizard, vapi, valkey):
        self.wizard, self.vapi, self.valkey = wizard, vapi, valkey
        self.id = wizard.post("/knowledge-files", TEXT).json["id"]

    @property
    def row(self):
        return KnowledgeFile.get_by_id(self.id)

    def delete(self):
        path = f"/knowledge-files/{self.id}"
        assert self.wizard.ask("DELETE", path).status_code == 204

    def work(self, rounds=0):
        given.worked(self.valkey.client(), "deploys")
        given.retried(self.valkey.client(), "deploys", rounds)

    def effect(self, kind="file_upload"):
        return Effect.get(Effect.kind == kind)

    def sent(self, path=FILES, method="POST"):
        return len(self.vapi.asked(method, path))

    def assert_one(self):
        (kept,) = self.vapi.kept()
        assert kept["metadata"]["attempt_id"].endswith(self.id)
        effect = self.effect()
        assert (effect.state, effect.provider_id) == ("confirmed", kept["id"])
        assert (self.row.state, self.row.vapi_id) == ("done", kept["id"])
        assert {job.state for job in StagedJob.select()} == {"done"}

    def assert_gone(self):
        assert self.vapi.kept() == []
        assert (self.row.state, self.row.content) == ("deleted", None)
        assert {effect.state for effect in Effect.select()} <= {"confirmed", "refused"}
        assert {job.state for job in StagedJob.select()} == {"done"}


@pytest.fixture
def files(client, vapi_stand_in, valkey):
    return Files(Wizard(client), vapi_stand_in, valkey)


@pytest.mark.one_database
@pytest.mark.parametrize("kind", HARMLESS)
def test_an_upload_that_failed_before_its_effect_is_retried(files, kind):
    """Given a call that does nothing, then it is repeated, and there is one file."""
    files.vapi.fault(kind, FILES, seconds=2)
    files.work()
    assert files.vapi.kept() == []
    assert files.row.state == "waiting"
    files.work(rounds=3)
    files.assert_one()
    assert files.sent() == 2


@pytest.mark.parametrize("kind", HIDDEN)
def test_an_upload_that_failed_after_its_effect_is_found(files, kind):
    """Given a call that took effect but whose answer is lost, then the file is found, not uploaded
    again.
    """
    files.vapi.fault(kind, FILES, seconds=2)
    files.work()
    assert len(files.vapi.kept()) == 1
    files.work(rounds=3)
    files.assert_one()
    assert files.sent() == 1


def test_many_429s_do_not_fail_an_upload(files):
    files.vapi.fault("rate_limit_429", FILES, times=8)
    files.work(rounds=10)
    files.assert_one()
    assert files.effect().generation == 1


def test_deleting_an_upload_that_stayed_in_doubt_searches_for_it_again(files):
    """Given nothing but 500s, then the upload fails after three attempts, and the clinic is told;
    deleting the file finds and deletes one that has arrived after all.
    """
    files.vapi.fault("error_500", FILES, times=9)
    files.work(rounds=6)
    assert (files.row.state, files.sent()) == ("failed", 3)
    assert "upload it again" in files.row.error
    files.vapi.stand_in.forgive()
    upload_file(TEXT["name"], b"late", "text/plain", files.effect().request["metadata"])
    assert len(files.vapi.kept()) == 1
    files.delete()
    files.work(rounds=3)
    files.assert_gone()


@pytest.mark.parametrize("state", ["waiting", "processing"])
def test_a_file_has_failed_once_its_job_is_dead(files, state):
    """Given a job that has used up its attempts, then the sweep of stuck deployments fails its
    file, and says what to do; a file whose job goes on is left alone.
    """
    if state == "processing":
        files.vapi.fault("error_500", f"{FILES}/*", "GET", times=9)
        files.work()
    end_stuck_deployments.perform()
    assert files.row.state == state
    StagedJob.update(state="dead").where(StagedJob.state == "waiting").execute()
    end_stuck_deployments.perform()
    assert (files.row.state, files.row.content) == ("failed", None)
    assert "upload it again" in files.row.error


@pytest.mark.one_database
@pytest.mark.parametrize("kind", [*HARMLESS, *HIDDEN])
def test_a_file_is_deleted_despite_a_fault_around_the_deletion(files, kind):
    files.work(rounds=2)
    files.vapi.fault(kind, ONE_FILE, "DELETE", seconds=2)
    files.delete()
    files.work(rounds=4)
    files.assert_gone()


def test_a_file_in_use_by_a_receptionist_is_deleted_once_it_is_free(files):
    """Given a tool that uses the file, then the clinic no longer sees the file, and its deletion
    waits until the tool is gone.
    """
    files.work(rounds=2)
    tool = {
        "type": "query",
        "knowledgeBases": [{"provider": "google", "fileIds": [files.row.vapi_id]}],
    }
    with files.vapi.shared.lock:
        made = files.vapi.vapi.books.keep("tool", tool)
    files.delete()
    files.work(rounds=2)
    assert (len(files.vapi.kept()), files.row.state) == (1, "deleting")
    assert files.wizard.get("/knowledge-files").json["data"] == []
    files.vapi.forget("tool", made["id"])
    files.work(rounds=2)
    files.assert_gone()


def test_a_file_deleted_just_as_its_upload_is_sent_is_gone(files, monkeypatch):
    """Given a deletion that finds the upload not sent, when the upload is sent before the deletion
    records anything, then the deletion waits for it, and deletes the file.
    """
    job = sys.modules["jobs.delete_knowledge_file"]
    read = job.upload_of

    def leaves_meanwhile(file):
        effect = read(file)
        monkeypatch.setattr(job, "upload_of", read)
        worker = Effect.get_by_id(effect.id)
        assert worker.record_sent_once(real_now())
        upload_file("prices.txt", b"Crown 900", "text/plain", worker.request["metadata"])
        return effect

    monkeypatch.setattr(job, "upload_of", leaves_meanwhile)
    files.delete()
    StagedJob.update(state="cancelled").where(StagedJob.name == "upload_knowledge_file").execute()
    files.work()
    assert files.effect().state == "sending", "it may have left"
    StagedJob.delete().where(StagedJob.state == "cancelled").execute()
    files.work(rounds=2)
    files.assert_gone()


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_file_deleted_while_its_upload_is_in_doubt_is_gone(files, kind):
    """Given an upload whose answer is lost, when the file is deleted, then it is found at the
    provider and deleted there.
    """
    files.vapi.fault(kind, FILES, seconds=2)
    files.vapi.fault("error_500", FILES, "GET")  # nor can it be looked up just now
    files.work()
    assert (files.row.state, len(files.vapi.kept())) == ("waiting", 1)
    files.delete()
    files.work(rounds=4)
    files.assert_gone()
    assert files.sent() == 1


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_around_the_upload_makes_one_file(files, town, place):
    """Given a worker killed at `place`, when another takes over, then there is one file."""
    town.pool("deploys=1", PAYPHONE_KILL_AT=town.at(place), PAYPHONE_LEASE=PATIENT)
    town.struck()
    wait_for(lambda: files.row.state == "done", "it is read")
    all_settled()
    files.assert_one()
    assert files.sent() == 1
    found = files.effect().generation == 1
    assert found == (place != "effect.before_call"), "what the dead one had sent, if it had"


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_around_the_deletion_leaves_no_file(files, town, place):
    files.work(rounds=2)
    files.delete()
    town.pool("deploys=1", PAYPHONE_KILL_AT=town.at(place))
    town.struck()
    wait_for(lambda: files.row.state == "deleted", "it is deleted")
    all_settled()
    files.assert_gone()


def test_a_file_deleted_while_its_worker_is_frozen_is_never_uploaded(files, town):
    """Given a worker frozen right before its call, when the file is deleted and the worker wakes,
    then it sends nothing.
    """
    town.pool("deploys=2", PAYPHONE_KILL_AT=f"stop:{town.at('effect.before_call')}")
    frozen = town.struck()
    wait_for(lambda: is_stopped(frozen), "the worker is frozen")
    files.delete()
    wait_for(lambda: files.row.state == "deleted", "it is deleted")
    os.kill(frozen, signal.SIGCONT)
    all_settled()
    with transaction():
        stage("upload_knowledge_file", "again", files.id)
    all_settled()
    files.assert_gone()
    assert files.sent() == 0


def test_reconciling_finds_a_file_after_its_last_upload_attempt_died(files, town):
    """Given a worker that dies after the call in its last attempt, then its job is dead, and
    reconciling ends the doubt.
    """
    StagedJob.update(max_attempts=1).execute()
    pool = town.pool("deploys=1", PAYPHONE_KILL_AT="effect.after_call")
    wait_for(lambda: StagedJob.get().state == "dead", "the job is dead")
    os.killpg(pool.pid, signal.SIGKILL)
    pool.wait(120)
    assert (files.effect().state, len(files.vapi.kept())) == ("sending", 1)
    StagedJob.update(max_attempts=10).execute()
    hour_ago = files.effect().sent_at.timestamp() - 3600
    Effect.update(created_at=int(hour_ago * 1_000_000)).execute()
    Effect.update(last_sent_at=Effect.created_at, sent_at=Effect.created_at).execute()
    with transaction():
        stage("reconcile_effects", "now")
    town.pool("deploys=1,periodic=1")
    wait_for(lambda: files.row.state == "done", "it is read")
    all_settled()
    files.assert_one()
