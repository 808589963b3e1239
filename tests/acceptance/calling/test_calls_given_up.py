"""Abandoned calls are polled at Vapi less and less often, and cost the scan nothing."""

import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs.poll_calls import poll_calls, stretches
from models.calling.call import Call
from models.delivery.staged_job import StagedJob
from models.transactions import database, is_postgres, transaction
from runtime.clock import real_now
from tests import given

MOST = 500


def is_its_turn(given_up: datetime, now: datetime) -> bool:
    return any(begin <= given_up < end for begin, end in stretches(now))


def test_abandoned_call_is_polled_once_a_day_for_a_month():
    """Given an abandoned call, then it has its turn in every slot of the first two hours, in one
    slot a day for a month, and never after that.
    """
    start = real_now()
    slots = [start + timedelta(minutes=5 * slot) for slot in range(12 * 24)]
    for age in (timedelta(hours=3), timedelta(days=1), timedelta(days=9, hours=5, minutes=4)):
        assert sum(is_its_turn(start - age, now) for now in slots) == 1, age
    for age in (timedelta(days=31), timedelta(days=400)):
        assert not any(is_its_turn(start - age, now) for now in slots)
    # every slot of the first two hours, and once a day later
    assert sum(is_its_turn(start - timedelta(minutes=4), now) for now in slots) in {24, 25}


def test_scan_polls_only_the_abandoned_calls_that_are_due(client):
    """Given a thousand calls abandoned days ago, then only the one whose turn it is gets polled."""
    now = real_now()
    begin, end = stretches(now)[3]
    # if the slot ends before the scan begins, it is the turn of the call at its end
    moments = [begin, end, *[begin - timedelta(hours=5), now - timedelta(days=40)] * MOST]
    about = {"to": "+12025550123", "reason": "test", "asked_by": "test", "state": "unknown"}
    about |= {"account": given.an_account().id, "created_at": now}
    rows = [
        about | {"id": f"call_{place}", "vapi_id": f"vapi-{place}", "updated_at": moment}
        for place, moment in enumerate(moments)
    ]
    with transaction():
        for first in range(0, len(rows), 50):
            Call.insert_many(rows[first : first + 50]).execute()

    poll_calls.perform()

    staged = StagedJob.select().where(StagedJob.name == "poll_call")
    assert [json.loads(row.args)[0] for row in staged] in (["call_0"], ["call_1"])


@pytest.mark.parametrize("state", ["waiting", "unknown"])
def test_unchanging_calls_do_not_keep_later_ones_from_being_polled(
    client, valkey, monkeypatch, state
):
    """Given more unchanging calls at the front of the queue than one batch holds, then the calls
    behind them are polled too.
    """
    redis, now = valkey.client(), real_now()
    monkeypatch.setattr(sys.modules["jobs.poll_calls"], "BATCH", 2)
    about = {"to": "+12025550123", "reason": "test", "asked_by": "test", "state": state}
    about |= {"account": given.an_account().id, "created_at": now, "vapi_id": None}
    for place in range(7):
        about["updated_at"] = now - timedelta(minutes=10, seconds=place)
        Call.create(**about | {"id": f"call_{place}", "vapi_id": f"vapi-{place}"})
    given.a_job("poll_calls", 1, queue="periodic")
    StagedJob.update(args="[]").execute()
    monkeypatch.setattr(sys.modules["jobs.poll_calls"], "none_if_refused", lambda *_asked: None)
    for _ in range(4):
        given.relayed(redis)
        given.worked(redis, "periodic")

    staged = StagedJob.select().where(StagedJob.name == "poll_call")
    asked = sorted(json.loads(row.args)[0] for row in staged)
    assert sorted(set(asked)) == [f"call_{place}" for place in range(7)]


def test_waiting_calls_are_not_polled_in_their_first_hour(client):
    """Given two calls that were never placed, then only the one too old to be placed is polled:
    polling each waiting call at every tick would learn nothing.
    """
    now = real_now()
    about = {"to": "+12025550123", "reason": "test", "asked_by": "test", "state": "waiting"}
    about |= {"account": given.an_account().id, "updated_at": now - timedelta(minutes=10)}
    Call.create(**about, id="call_new", created_at=now - timedelta(minutes=50))
    Call.create(**about, id="call_old", created_at=now - timedelta(minutes=70))
    poll_calls.perform()
    (look,) = StagedJob.select().where(StagedJob.name == "poll_call")
    assert json.loads(look.args) == ["call_old"]


def test_scan_of_abandoned_calls_reads_by_index_ranges(client, caplog: pytest.LogCaptureFixture):
    now = real_now()
    with caplog.at_level(logging.DEBUG, logger="peewee"):
        Call.given_up(stretches(now), "slot", MOST)
        Call.silent(now, "slot", MOST)
    ran = [record.msg for record in caplog.records if record.name == "peewee"]
    given_up, followed = (" ".join(plan(*each)) for each in ran)
    assert given_up.count("call_given_up") >= len(stretches(now)), given_up
    assert "call_followed" in followed, followed
    assert "call_given_up" not in followed, followed


def plan(sql: str, params: Any) -> Iterator[str]:
    """Yield the database's query plan, with sequential scans off, since a small table would be read
    whole.
    """
    with transaction():
        if is_postgres():
            database.execute_sql("SET LOCAL enable_seqscan = off")
        how = "EXPLAIN" if is_postgres() else "EXPLAIN QUERY PLAN"
        for row in database.execute_sql(f"{how} {sql}", params).fetchall():
            yield str(row)
