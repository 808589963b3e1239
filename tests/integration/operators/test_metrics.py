"""/metrics: gauges counted in the database and Redis, for operators only."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from delivery.relay import FROZEN_KEY, tick
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.stripe_watermark import StripeWatermark
from models.delivery.staged_job import StagedJob
from runtime.clock import real_now
from tests import given
from tests.faults.town import all_children_of, children_of
from tests.running.processes import reset_process
from tests.running.servers import wait_for
from tests.running.website import serve
from tests.stories.operators import a_job, an_operator, signed_in
from web.operators import gauges


@pytest.fixture
def scraped(client) -> Callable[[], dict[str, float]]:
    """Returns a function that scrapes with an operator's key and returns samples by name and
    labels.
    """
    key = given.a_key(None)

    def scrape() -> dict[str, float]:
        answer = client.simulate_get("/metrics", headers=key)
        assert answer.status_code == 200
        return samples(answer.text)

    return scrape


def samples(text: str) -> dict[str, float]:
    return {
        sample.name
        + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_only_operators_may_scrape(client):
    assert client.simulate_get("/metrics").status_code == 401
    assert (
        client.simulate_get("/metrics", headers=given.a_key(given.an_account())).status_code == 403
    )
    assert client.simulate_get("/metrics", headers=given.a_key(None)).status_code == 200
    an_operator()
    assert client.simulate_get("/metrics", headers=signed_in(client)).status_code == 200


def test_jobs_are_counted_by_queue_and_state(scraped):
    (
        a_job("dead"),
        a_job("dead", name="mark_overdue", queue="periodic"),
        a_job("running"),
        a_job("waiting", name="of_another_release"),
    )
    StagedJob.update(due_at=int((time.time() - 600) * 1_000_000)).where(
        StagedJob.state == "waiting"
    ).execute()
    found = scraped()
    assert found["payphone_jobs webhooks dead"] == 1
    assert found["payphone_jobs periodic dead"] == 1
    assert found["payphone_jobs webhooks running"] == 1
    assert found["payphone_jobs unknown waiting"] == 1
    assert found["payphone_jobs calls waiting"] == 0
    assert found["payphone_jobs_dead mark_overdue"] == 1
    assert found["payphone_jobs interactive waiting"] == 0
    assert 600 <= found["payphone_job_oldest_due_seconds webhooks"] < 660
    assert found["payphone_job_oldest_due_seconds calls"] == 0


def test_jobs_that_fail_are_counted_while_they_are_tried_again(scraped):
    """An outage at a provider shows here hours before the first job is dead."""
    for state, attempts in (("waiting", 2), ("waiting", 1), ("waiting", 0), ("running", 3)):
        a_job(state, attempts=attempts)
    assert scraped()["payphone_jobs_failing process_stripe_event"] == 2


def test_interactive_jobs_are_counted_in_their_own_queue(scraped):
    """Given jobs of one name in two queues, then each counts in its own queue."""
    a_job("waiting")
    a_job("waiting", queue="interactive")
    a_job("running", queue="interactive")
    a_job("done", queue="interactive")
    found = scraped()
    assert found["payphone_jobs webhooks waiting"] == 1
    assert found["payphone_jobs interactive waiting"] == 1
    assert found["payphone_jobs interactive running"] == 1
    assert found["payphone_jobs webhooks running"] == 0
    assert found["payphone_job_oldest_due_seconds interactive"] > 0


def test_events_and_invoices_are_counted(scraped):
    given.an_invoice()
    InboxEvent.receive("stripe", "", "evt_1", "refund.created", "{}", real_now())
    InboxEvent.get().record_outcome("refused", real_now(), "no")
    InboxEvent.receive("stripe", "", "evt_2", "refund.created", "{}", real_now())
    InboxEvent.update(received_at=time.time_ns() // 1000 - 90_000_000).where(
        InboxEvent.event_id == "evt_2"
    ).execute()
    found = scraped()
    assert (found["payphone_inbox_events refused"], found["payphone_inbox_events unprocessed"]) == (
        1,
        1,
    )
    assert 90 <= found["payphone_inbox_oldest_unprocessed_seconds"] < 120
    assert found["payphone_invoices sent"] == 1


def test_the_backfill_age_is_that_of_the_least_recently_read_stripe_account(scraped):
    assert "payphone_backfill_age_seconds" not in scraped()
    given.an_account(stripe_account="acct_clinic")
    for stripe_account, hours in (("", 1), ("acct_clinic", 5), ("acct_long_gone", 900)):
        StripeWatermark.record_reached(
            stripe_account, 0, 1, "evt_1", real_now() - timedelta(hours=hours)
        )
    assert scraped()["payphone_backfill_age_seconds"] == pytest.approx(5 * 3600, abs=60)


def test_the_backfill_age_of_an_account_never_read_counts_from_its_start(scraped, monkeypatch):
    """Given no list read so far, then the age is the first account's; a connected account counts
    from the start of its first backfill.
    """
    given.an_account(created_at=real_now() - timedelta(hours=6))
    given.an_account(stripe_account="acct_clinic")
    assert scraped()["payphone_backfill_age_seconds"] == pytest.approx(6 * 3600, abs=60)
    StripeWatermark.record_reached("", 0, 1, "evt_1", real_now() - timedelta(hours=1))
    assert scraped()["payphone_backfill_age_seconds"] == pytest.approx(3600, abs=60)
    Backfill.create(
        stripe_account="acct_clinic",
        since=0,
        asked_by="system",
        state="failed",
        created_at=real_now() - timedelta(hours=2),
    )
    assert scraped()["payphone_backfill_age_seconds"] == pytest.approx(2 * 3600, abs=60)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "")
    reset_process()
    assert "payphone_backfill_age_seconds" not in scraped()


def test_events_fetched_by_backfill_are_counted_by_endpoint(scraped):
    assert (
        scraped()["payphone_events_fetched platform"],
        scraped()["payphone_events_fetched connect"],
    ) == (0, 0)
    for stripe_account, hours, missing in (
        ("", 72, 900),
        ("", 48, 7),
        ("", 3, 5),
        ("", 2, 4),
        ("acct_clinic", 9, 800),
        ("acct_clinic", 2, 3),
    ):
        at = real_now() - timedelta(hours=hours)
        Backfill.create(
            stripe_account=stripe_account,
            since=0,
            asked_by="system",
            state="done",
            missing=missing,
            created_at=at,
        )
    assert (
        scraped()["payphone_events_fetched platform"],
        scraped()["payphone_events_fetched connect"],
    ) == (9, 3)


def test_signs_of_life_come_from_redis(scraped, valkey):
    assert "payphone_seen_age_seconds relay" not in scraped()
    tick(valkey.client())
    valkey.client().set("payphone:scheduler:seen", int(time.time()) - 20)
    valkey.client().sadd("rq:workers:webhooks", "rq:worker:w1", "rq:worker:w2", "rq:worker:killed")
    for name in ("w1", "w2"):
        valkey.client().hset(f"rq:worker:{name}", "state", "idle")
    found = scraped()
    assert found["payphone_redis_up"] == 1
    assert found["payphone_seen_age_seconds relay"] < 60
    # in whole seconds, twenty ago
    assert 19 < found["payphone_seen_age_seconds scheduler"] < 20 + 60
    assert (found["payphone_rq_workers webhooks"], found["payphone_rq_workers calls"]) == (2, 0)


def test_a_full_redis_is_up_but_not_writable(scraped, valkey):
    assert (scraped()["payphone_redis_up"], scraped()["payphone_redis_writable"]) == (1, 1)
    valkey.client().config_set("maxmemory", "1mb")
    try:
        found = scraped()
    finally:
        valkey.client().config_set("maxmemory", "0")
    assert (found["payphone_redis_up"], found["payphone_redis_writable"]) == (1, 0)


def test_database_metrics_are_shown_without_redis(client, monkeypatch):
    from web.app import create_app

    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    reset_process()
    answer = type(client)(create_app()).simulate_get("/metrics", headers=given.a_key(None))
    found = samples(answer.text)
    assert (found["payphone_redis_up"], found["payphone_redis_writable"]) == (0, 0)
    assert found["payphone_jobs webhooks dead"] == 0
    assert not [name for name in found if name.startswith("payphone_rq_workers")]


def test_requests_are_counted_by_route_never_by_path(client, scraped):
    before = scraped().get("payphone_http_requests_total GET /api/invoices/{invoice_id} 401", 0)
    for number in range(3):
        client.simulate_get(f"/api/invoices/inv_{number}")
    client.simulate_request("BREW", "/api/invoices/x")
    client.simulate_get("/nothing/like/this")
    found = scraped()
    assert found["payphone_http_requests_total GET /api/invoices/{invoice_id} 401"] == before + 3
    assert not [name for name in found if "inv_1" in name or "BREW" in name or "like" in name]
    assert found["payphone_http_request_seconds_count /api/invoices/{invoice_id}"] >= 3


def is_gone(folder: Path) -> bool:
    """Remove a folder; return whether it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_web_workers_on_one_machine_share_their_counters(database_url, valkey, processes):
    """Given two gunicorn workers, when either is scraped, then it counts the requests of both."""
    url = serve(processes)
    key = given.a_key(None)
    for _ in range(40):
        httpx.get(f"{url}/healthz", timeout=60, headers={"Connection": "close"})

    def counted() -> set[float]:
        """Return the counts that several scrapes see, each by either worker."""
        return {
            samples(
                httpx.get(f"{url}/metrics", timeout=60, headers=key | {"Connection": "close"}).text
            )["payphone_http_requests_total GET /healthz 200"]
            for _ in range(8)
        }

    # an early probe that timed out can be answered, and counted, late
    (count,) = wait_for(lambda: told if len(told := counted()) == 1 else None, "they agree")
    assert count >= 40


def test_requests_are_answered_even_if_they_cannot_be_counted(
    database_url, valkey, processes, tmp_path
):
    """Given new web workers whose counters' folder is gone, as after a killed master, when requests
    come, then they are answered, since their work has committed.
    """
    url = serve(processes, TMPDIR=str(tmp_path))
    (folder,) = tmp_path.glob("payphone-metrics-*")
    master = int(folder.name.split("-")[2])
    old = all_children_of(master, 2)
    wait_for(lambda: is_gone(folder), "the folder is gone, though a worker may still write there")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: len([pid for pid in children_of(master) if pid not in old]) == len(old),
        "workers without counters have come",
    )
    assert [httpx.get(f"{url}/healthz", timeout=60).status_code for _ in range(8)] == [200] * 8


def test_a_frozen_supervisor_and_clock_skew_are_exposed(scraped, valkey, monkeypatch):
    found = scraped()
    assert found["payphone_supervisor_frozen"] == 0
    assert abs(found["payphone_clock_skew_seconds"]) < 60
    valkey.client().set(FROZEN_KEY, "a-pool", ex=600)
    monkeypatch.setattr(gauges, "real_seconds", lambda: time.time() + 3600)
    found = scraped()
    assert found["payphone_supervisor_frozen"] == 1
    assert -3660 < found["payphone_clock_skew_seconds"] < -3540
