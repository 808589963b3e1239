"""Scans: rows that fail or stay at the front do not keep later rows from their turn."""

import sys
from datetime import timedelta

import pytest

from jobs.delete_expired_rows import delete_expired_rows
from jobs.end_stuck_deployments import end_stuck_deployments
from jobs.expire_stale_charges import expire_stale_charges
from jobs.poll_ports import poll_ports
from jobs.refresh_expired_cards import refresh_expired_cards
from jobs.refresh_integrations import refresh_integrations
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.delivery.retention import Retention
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import KEPT_FOR, Deployment
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from models.integrations.integration import Integration
from models.transactions import transaction
from runtime.clock import business_now, real_now
from tests import given

pytestmark = pytest.mark.usefixtures("client")


def fails(*_args):
    raise ArithmeticError("as nobody expects")


def scanned(redis, name, rounds=8):
    """Run one scheduled scan, in up to `rounds` attempts."""
    given.a_job(name, 1, queue="periodic")
    StagedJob.update(args="[]").where(StagedJob.name == name).execute()
    for _ in range(rounds):
        given.relayed(redis)
        given.worked(redis, "periodic", rounds=1)


def test_every_expired_card_gets_a_lookup_beyond_one_batch(valkey, monkeypatch):
    """Given more expired cards than fit in a batch, then a lookup is staged for each."""
    monkeypatch.setattr(sys.modules["jobs.refresh_expired_cards"], "BATCH", 2)
    over, now, accounts = business_now() - timedelta(days=1), real_now(), set()
    for number in range(5):
        account = given.an_account()
        accounts.add(account.id)
        times = {"created_at": now, "updated_at": now, "card_good_until": over}
        card = {"stripe_payment_method_id": f"pm_{number}", "payment_method_verified": True}
        Setup.create(account=account.id, **times, **card)
    scanned(valkey.client(), refresh_expired_cards.name)
    looks = StagedJob.select().where(StagedJob.name == "refresh_saved_card")
    assert {row.key for row in looks} == accounts


def test_every_stale_keypad_session_is_tried_though_each_fails(valkey, monkeypatch):
    """Given keypad sessions that cannot be expired, then each is still tried."""
    job, invoice, now, tried = (
        sys.modules["jobs.expire_stale_charges"],
        given.an_invoice(),
        real_now(),
        [],
    )
    monkeypatch.setattr(job, "BATCH", 1)
    for number in range(3):
        about = {"to": "+12025550123", "reason": "test", "asked_by": "test", "created_at": now}
        about |= {"updated_at": now, "vapi_id": f"vapi-{number}"}
        call = Call.create(id=f"call_{number}", account=invoice.account_id, **about)
        KeypadSession.begin(call, invoice, 1, "", now - timedelta(hours=1))

    def ends(session):
        tried.append(session.id)
        fails()

    monkeypatch.setattr(job, "expire_session", ends)
    with pytest.raises(Exception, match="3 in all"):
        expire_stale_charges.perform()
    assert sorted(tried) == sorted(row.id for row in KeypadSession.select())


def test_failing_rollbacks_do_not_block_other_deployments_or_lines(monkeypatch):
    """Given kept deployments that cannot be rolled back, then each is tried, and a line whose
    purchase gave up is released.
    """
    tried, now = [], real_now()

    def goes_back(deployment, *_args):
        tried.append(deployment.id)
        fails()

    for _ in range(3):
        times = {"created_at": now, "updated_at": now}
        times |= {"finished_at": now - KEPT_FOR - timedelta(days=1)}
        Deployment.create(
            id=f"dep_{len(Deployment.select())}",
            account=given.an_account().id,
            status="failed",
            method="none",
            asked_by="test",
            **times,
        )
    line = PhoneLine.create(
        id="ln_1", account=given.an_account().id, asked_by="test", created_at=now, updated_at=now
    )
    monkeypatch.setattr(sys.modules["actions.deployment.stuck"], "BATCH", 1)
    monkeypatch.setattr(sys.modules["actions.deployment.stuck"], "begin_rollback", goes_back)
    with pytest.raises(Exception, match="roll_back_undecided first"):
        end_stuck_deployments.perform()
    assert sorted(tried) == [row.id for row in Deployment.select().order_by(Deployment.id)]
    assert PhoneLine.get_by_id(line.id).state == "releasing"


def test_every_stuck_deployment_is_tried_though_each_fails(valkey, monkeypatch):
    """Given stuck deployments that cannot be ended, then each is tried, over several attempts."""
    stuck, tried, now = sys.modules["actions.deployment.stuck"], [], real_now()
    for number in range(4):
        times = {"created_at": now, "updated_at": now}
        about = {"status": "running", "method": "none", "asked_by": "test", **times}
        Deployment.create(id=f"dep_{number}", account=given.an_account().id, **about)

    def looks(deployment):
        tried.append(deployment.id)
        fails()

    monkeypatch.setattr(stuck, "BATCH", 1)
    monkeypatch.setattr("delivery.scan.ENOUGH", -1.0)
    monkeypatch.setattr(stuck, "current_step", looks)
    scanned(valkey.client(), end_stuck_deployments.name)
    assert sorted(set(tried)) == [f"dep_{number}" for number in range(4)]
    job = StagedJob.get(StagedJob.name == end_stuck_deployments.name)
    assert "stuck deployments not ended: 4 in all, dep_0 first" in job.last_error


def test_ported_numbers_without_a_date_do_not_block_those_behind_them(monkeypatch):
    """Given more ported numbers than fit in a batch, without a date of their move, then the one
    behind them still counts as receiving texts.
    """
    now = real_now()
    monkeypatch.setattr(sys.modules["actions.deployment.numbers.ports"], "BATCH", 2)
    for number in range(4):
        moved = {"ported": (now - timedelta(days=30)).isoformat()} if number == 3 else {}
        PhoneLine.create(
            id=f"ln_{number}",
            account=given.an_account().id,
            state="owned",
            source="ported",
            wanted=moved,
            asked_by="test",
            created_at=now,
            updated_at=now,
        )
    poll_ports.perform()
    assert PhoneLine.get_by_id("ln_3").text_live


def test_a_revocation_with_a_job_does_not_block_the_one_behind_it(monkeypatch):
    """Given a revocation that has a job, then one is staged for the revocation behind it."""
    now, account = real_now(), given.an_account().id
    for number in range(2):
        times = dict.fromkeys(("created_at", "updated_at", "renew_at", "verified_at"), now)
        about = {"provider": "google", "kind": "oauth", "state": "revoked", "sealed": "x"}
        Integration.create(id=f"itg_{number}", account=account, current=False, **about, **times)
    monkeypatch.setattr(sys.modules["jobs.refresh_integrations"], "BATCH", 1)
    with transaction():
        stage("revoke_integration", "itg_0", "itg_0", fair_to=account)
    refresh_integrations.perform()
    assert StagedJob.select().where(StagedJob.key == "itg_1").count() == 1


def test_transcripts_are_erased_though_deleting_old_rows_fails(monkeypatch):
    """Given old rows that cannot be deleted, then the transcripts of old calls are still erased."""
    now = real_now()
    about = {"to": "+12025550123", "reason": "test", "asked_by": "test", "updated_at": now}
    about |= {"created_at": now - timedelta(days=3650), "transcript": "what was said"}
    Call.create(id="call_1", account=given.an_account().id, **about)
    monkeypatch.setattr(Retention, "delete", fails)
    with pytest.raises(Exception, match="old rows not deleted"):
        delete_expired_rows.perform()
    assert Call.get().transcript == ""
