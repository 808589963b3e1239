"""Old rows are deleted, all of them and nothing else, by an index (B: ages in
docs/operations/upgrade.md).
"""

from datetime import date, timedelta

import pytest

from jobs.delete_expired_rows import delete_expired_rows
from models.accounts.operator_session import OperatorSession
from models.books.backfill import Backfill
from models.books.reconciliation import Difference, Reconciliation
from models.contact.contact_decision import ContactDecision
from models.delivery.idempotency_key import IdempotencyKey
from models.delivery.retention import DAY_MICROSECONDS, KEPT
from models.delivery.staged_job import StagedJob
from models.effects.daily_limit import DailyTally
from models.feed.emit import emit
from models.feed.outgoing_event import OutgoingEvent
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import database, execute, is_postgres, transaction
from runtime.clock import real_now
from tests import given


def pruned(redis):
    """Run the job until it is done; return the number of rounds."""
    given.a_job(delete_expired_rows.name, StagedJob.select().count(), queue="periodic")
    StagedJob.update(args="[]").where(StagedJob.name == delete_expired_rows.name).execute()
    for rounds in range(1, 20):
        given.make_due()
        given.relayed(redis)
        given.worked(redis, "periodic")
        if (
            not StagedJob.select()
            .where(StagedJob.name == delete_expired_rows.name, StagedJob.state == "waiting")
            .exists()
        ):
            return rounds
    raise AssertionError("it never ends")


def done_jobs(count, state="done"):
    """Create `count` jobs that ended two months ago."""
    first = StagedJob.get_by_id(given.a_job("old", state))
    StagedJob.update(state=state, finished_at=first.created_at - 60 * DAY_MICROSECONDS).where(
        StagedJob.id == first.id
    ).execute()
    row = {
        name: value
        for name, value in StagedJob.get_by_id(first.id).__data__.items()
        if name != "id"
    }
    rows = [row | {"key": f"{state}-{number}"} for number in range(1, count)]
    for at in range(0, len(rows), 50):
        StagedJob.insert_many(rows[at : at + 50]).execute()


def test_a_backlog_of_old_jobs_is_deleted_completely(database_url, valkey):
    """Given 2,500 old jobs, when the hourly job runs, then it deletes all in batches; young, dead
    and waiting ones stay.
    """
    done_jobs(2_400)
    done_jobs(100, "cancelled")
    done_jobs(3, "dead")
    young = given.a_job("young", 1)
    StagedJob.update(state="done", finished_at=given.database_now()).where(
        StagedJob.id == young
    ).execute()
    assert pruned(valkey.client()) == 3
    ours = StagedJob.select().where(StagedJob.name != "prune_jobs")  # its former name
    left = [(row.name, row.state) for row in ours.order_by(StagedJob.id)]
    assert left == [("old", "dead")] * 3 + [("young", "done"), ("delete_expired_rows", "done")]


def test_each_kind_of_row_is_deleted_at_its_own_age(client, valkey):
    """Given one row of each kind just past its age and one just short of it, then only the first is
    deleted.
    """
    account, now = given.an_account(), real_now()
    endpoint = WebhookEndpoint.register(account, "https://example.com/", [], "x", now)
    for number in range(2):
        emit(account.id, "invoice.paid", {"number": number})
    WebhookDelivery.update(state="delivered").execute()
    signed_in = {
        "name": "a",
        "csrf_token": "c",
        "credential": "x",
        "created_at": now,
        "last_seen_at": now,
    }
    ages = (
        (
            IdempotencyKey,
            "created_at",
            2,
            {"id": "i", "scope": "s", "key": "k", "digest": "d"},
            {"id": "j", "scope": "t", "key": "k", "digest": "d"},
        ),
        (OperatorSession, "expires_at", 0, *(signed_in | {"hash": name} for name in "ab")),
        (
            Reconciliation,
            "created_at",
            90,
            *(
                {"since": 0, "until": 1, "asked_by": "t", "state": state}
                for state in ("failed", "failed")
            ),
        ),
        (
            Backfill,
            "created_at",
            90,
            *({"since": 0, "asked_by": "t", "state": "done"} for _ in range(2)),
        ),
    )
    for table, column, days, old, young in ages:
        table.insert(**old, **{column: now - timedelta(days=days, minutes=1)}).execute()
        table.insert(
            **young, **{column: now - timedelta(days=days) + timedelta(minutes=1)}
        ).execute()
    latest = Reconciliation.create(
        since=0, until=1, asked_by="t", state="done", created_at=now - timedelta(days=200)
    )
    gone = Reconciliation.get(Reconciliation.state == "failed")
    Difference.create(run=gone, kind="x", subject="y", found_at=now)
    for days in (40, 20):
        DailyTally.create(
            account_id=account.id,
            what="texts",
            day=date.fromordinal(now.date().toordinal() - days),
            count=1,
        )
    decision = {
        "account_id": account.id,
        "customer_id": "cu",
        "channel": "sms",
        "phone": "+1",
        "allowed": False,
        "asked_by": "t",
        "code": "x",
        "reason": "y",
    }
    for name, years in (("dec_1", 4.1), ("dec_2", 3.9)):
        ContactDecision.insert(
            id=name, at=now - timedelta(days=365.25 * years), **decision
        ).execute()
    WebhookDelivery.update(created_at=now - timedelta(days=32)).where(
        WebhookDelivery.endpoint == endpoint, WebhookDelivery.id == 1
    ).execute()
    pruned(valkey.client())
    assert [table.select().count() for table, *_ in ages] == [1, 1, 2, 1]
    assert Reconciliation.get_or_none(Reconciliation.id == latest.id)
    assert (
        Difference.select().count(),
        DailyTally.select().count(),
        WebhookDelivery.select().count(),
        OutgoingEvent.select().count(),
    ) == (0, 1, 1, 2)
    assert [row.id for row in ContactDecision.select()] == ["dec_2"]


def test_a_cursor_older_than_the_deleted_events_gets_410(client, valkey):
    """Given a feed whose first two events are deleted, then a reader whose cursor is the second
    goes on, and one whose cursor is the first gets 410.
    """
    account, other = given.an_account(), given.an_account()
    emit(other.id, "invoice.paid", {})
    cursors = [emit(account.id, "invoice.paid", {"number": number}).id for number in range(3)]
    OutgoingEvent.update(created_at=real_now() - timedelta(days=91)).where(
        OutgoingEvent.id <= cursors[1]
    ).execute()
    pruned(valkey.client())
    headers = given.a_key(account)
    for since in (0, cursors[1]):
        assert [
            row["data"]["number"]
            for row in client.simulate_get(f"/api/events?since={since}", headers=headers).json[
                "data"
            ]
        ] == [2]
    late = client.simulate_get(f"/api/events?since={cursors[0]}", headers=headers)
    assert (late.status_code, late.json["code"]) == (410, "cursor_too_old")
    assert (
        client.simulate_get(
            f"/api/events?since={cursors[0]}", headers=given.a_key(given.an_account())
        ).status_code
        == 200
    )


def test_a_new_event_after_a_quiet_period_comes_after_the_readers_cursors(client, valkey):
    """Given a feed without an event for longer than events are kept, when a new one is written,
    then it comes after the readers' cursors, and its webhook is staged.
    """
    account, now = given.an_account(), real_now()
    WebhookEndpoint.register(account, "https://example.com/", [], "x", now)
    cursor = [emit(account.id, "invoice.paid", {"number": number}).id for number in range(3)][-1]
    OutgoingEvent.update(created_at=now - timedelta(days=91)).execute()
    WebhookDelivery.update(state="delivered", created_at=now - timedelta(days=32)).execute()
    StagedJob.update(state="done", finished_at=given.database_now()).execute()  # no retry is left
    pruned(valkey.client())
    emit(account.id, "invoice.paid", {"number": "new"})
    read = client.simulate_get(f"/api/events?since={cursor}", headers=given.a_key(account)).json
    assert [row["data"]["number"] for row in read["data"]] == ["new"]
    delivery = WebhookDelivery.get(WebhookDelivery.state == "waiting")
    job = StagedJob.get(StagedJob.name == "deliver_webhook", StagedJob.key == str(delivery.id))
    assert job.state == "waiting"


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.table)
def test_deleting_expired_rows_uses_an_index(database_url, kept):
    """PostgreSQL is told not to prefer a sequential scan of an empty table."""
    text = kept.sql.replace("{now}", "9000000000000000").replace("?", "1")
    with transaction():
        if is_postgres():
            execute("SET LOCAL enable_seqscan = off")
        told = "\n".join(
            str(row)
            for row in database.execute_sql(
                ("EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN ") + text
            ).fetchall()
        )
    by_age = {
        "staged_job": "staged_job_done",
        "idempotency_key": "idempotency_key_created_at",
        "operator_session": "operator_session_expires_at",
        "oauth_state": "oauth_state_expires_at",
    }
    # the lowest ids are the oldest rows
    index = by_age.get(kept.table, f"{kept.table}_pkey" if is_postgres() else "id<?)")
    assert index in told, told
    assert f"Seq Scan on {kept.table}" not in told, told
    assert "TEMP B-TREE FOR ORDER BY" not in told, told
