"""rq-dashboard at /rq: behind the login, read-only, and Requeue is an audited replay of the row."""

import json
import pickle
import re
import zlib

import pytest

from delivery.rq import view as rq_view
from models.accounts.audit_entry import AuditEntry
from models.delivery.attempt import claim_job, fail_job
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.transactions import transaction
from tests import given
from tests.running.processes import reset_process
from tests.stories.operators import a_job, an_operator, csrf_of, signed_in
from web.operators.rq_flask import make_dashboard, patched_template

pytestmark = pytest.mark.one_database

PAGES = ["/rq/", "/rq/0/view/workers", "/rq/0/view/jobs/webhooks/failed/8/asc/1"]


@pytest.fixture
def browser(client) -> dict[str, str]:
    an_operator()
    return signed_in(client)


@pytest.fixture
def post(client, browser):
    """Return a POST as the dashboard's own script sends it."""
    token = csrf_of(client, browser)
    return lambda path, **headers: client.simulate_post(
        path, headers=browser | {"X-CSRFToken": token, "Sec-Fetch-Site": "same-origin"} | headers
    )


def a_dead_job(valkey, error: str = "Boom") -> StagedJob:
    """Return a job that has used up its attempts, dead in the database and failed in RQ."""
    job = a_job("waiting", attempts=7)
    claimed = claim_job(job.id, "w1")
    assert claimed is not None
    (execution,) = rq_view.start(valkey.client(), [claimed], "w1")
    fail_job(claimed, f"{error}: with a message", 1.0)
    rq_view.end(valkey.client(), [rq_view.failed(claimed, execution, error, None)])
    return StagedJob.get_by_id(job.id)


def state(job: StagedJob) -> str:
    return StagedJob.get_by_id(job.id).state


@pytest.mark.parametrize(
    "path",
    [*PAGES, "/rq", "/rq/0/data/queues.json", "/rq/static/css/main.css", "/rq/job/x-1/requeue"],
)
def test_nothing_is_shown_to_strangers(client, path):
    answer = client.simulate_get(path)
    assert answer.status_code in {302, 401, 405}
    assert "rq" not in answer.text.lower().replace("/rq", "")


@pytest.mark.parametrize("path", PAGES)
def test_an_operator_can_view_every_page(client, browser, path):
    answer = client.simulate_get(path, headers=browser)
    assert answer.status_code == 200
    assert "RQ-dashboard" in answer.text


def test_a_dead_job_is_shown_by_name_and_exception_only(client, browser, valkey):
    job = a_dead_job(valkey)
    rows = client.simulate_get(
        "/rq/0/data/jobs/webhooks/failed/8/asc/1.json", headers=browser
    ).json["jobs"]
    assert [(row["id"], row["description"], row["exc_info"]) for row in rows] == [
        (f"process_stripe_event-{job.id}", f"process_stripe_event {job.id}", "Boom")
    ]
    one = client.simulate_get(
        f"/rq/0/data/job/process_stripe_event-{job.id}.json", headers=browser
    ).json
    assert json.loads(one["metadata"])["dead"] is True
    assert one["status"] == "failed"


def test_requeue_of_a_dead_job_is_an_audited_replay(client, post, valkey):
    job = a_dead_job(valkey)
    answer = post(f"/rq/job/process_stripe_event-{job.id}/requeue")
    assert (answer.status_code, answer.json) == (200, {"status": "OK", "count": 1})
    row = StagedJob.get_by_id(job.id)
    assert (row.state, row.attempts, row.pushed_at, row.key, row.args) == (
        "waiting",
        0,
        None,
        job.key,
        job.args,
    )
    entry = AuditEntry.select().order_by(AuditEntry.id.desc()).get()
    assert (entry.actor, entry.action, entry.subject) == (
        "operator:ada",
        "job.replayed",
        f"job:{job.id}",
    )
    assert post(f"/rq/job/process_stripe_event-{job.id}/requeue").status_code == 409


@pytest.mark.parametrize("was", ["done", "waiting", "running", "cancelled"])
def test_requeue_of_any_other_job_does_nothing(post, valkey, was):
    """Given a job that is not dead, above all a finished one (fault 46), then it does not run
    again.
    """
    job, audited = a_job(was), AuditEntry.select().count()
    before = StagedJob.select().dicts().get()
    answer = post(f"/rq/job/process_stripe_event-{job.id}/requeue")
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert StagedJob.select().dicts().get() == before
    assert AuditEntry.select().count() == audited
    assert valkey.client().llen("rq:queue:webhooks") == 0


@pytest.mark.parametrize(
    "identity",
    [
        "process_stripe_event-999",
        "delete_expired_rows-{id}",
        "{id}",
        "os.system-{id}",
        "nonsense",
        "process_stripe_event-" + "9" * 40,
    ],
)
def test_requeue_of_an_unknown_job_is_404(post, valkey, identity):
    job = a_dead_job(valkey)
    assert post(f"/rq/job/{identity.format(id=job.id)}/requeue").status_code == 404
    assert state(job) == "dead"


def test_requeue_all_replays_the_dead_of_one_queue_only(post):
    dead, failed, other = (
        [a_job("dead"), a_job("dead")],
        a_job("waiting", attempts=2),
        a_job("dead", name="mark_overdue", queue="periodic"),
    )
    assert post("/rq/requeue/webhooks").json == {"status": "OK", "count": 2}
    assert [state(job) for job in (*dead, failed, other)] == [
        "waiting",
        "waiting",
        "waiting",
        "dead",
    ]
    assert StagedJob.get_by_id(failed.id).attempts == 2
    assert AuditEntry.select().where(AuditEntry.action == "job.replayed").count() == 2
    assert post("/rq/requeue/nonsense").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/rq/job/x-1/delete",
        "/rq/queue/webhooks/failed/empty",
        "/rq/queue/webhooks/queued/empty",
        "/rq/queue/webhooks/compact",
    ],
)
def test_actions_that_would_change_only_rq_are_refused(post, valkey, path):
    with transaction():
        stage("mark_overdue", "k")
    before = {key: valkey.client().type(key) for key in valkey.client().keys("rq:*")}
    answer = post(path)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert "Jobs live in the database" in answer.json["detail"]
    assert {key: valkey.client().type(key) for key in valkey.client().keys("rq:*")} == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        "/rq/requeue/webhooks",
        "/rq/job/x-1/requeue",
        "/rq/job/x-1/delete",
        "/rq/queue/webhooks/failed/empty",
    ],
)
def test_get_changes_nothing(client, browser, valkey, method, path):
    job = a_dead_job(valkey)
    assert client.simulate_request(method, path, headers=browser).status_code == 405
    assert state(job) == "dead"
    assert client.simulate_request("DELETE", path, headers=browser).status_code == 405


def test_a_post_without_the_sessions_token_is_refused(client, browser, post, valkey):
    job = a_dead_job(valkey)
    path = f"/rq/job/process_stripe_event-{job.id}/requeue"
    assert client.simulate_post(path, headers=browser).status_code == 403
    assert post(path, **{"X-CSRFToken": "forged"}).status_code == 403
    assert post(path, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert post(path, Origin="https://evil.example").status_code == 403
    assert client.simulate_post(path).status_code == 401
    assert state(job) == "dead"


def test_the_csrf_cookie_is_limited_to_the_dashboard(client, browser):
    cookie = client.simulate_get("/rq/", headers=browser).cookies["_csrf_token"]
    assert (cookie.value, cookie.path, cookie.http_only, cookie.same_site) == (
        csrf_of(client, browser),
        "/rq",
        False,
        "Strict",
    )


@pytest.mark.parametrize("path", PAGES)
def test_the_content_security_policy_allows_only_the_pages_own_scripts(client, browser, path):
    answer = client.simulate_get(path, headers=browser)
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-(\w+)'", policy)
    assert nonce
    assert f"script-src 'nonce-{nonce[1]}' 'unsafe-eval';" in policy
    assert "unsafe-inline" not in policy
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert all(
        f'nonce="{nonce[1]}"' in script for script in scripts if "text/template" not in script
    )
    assert nonce[1] not in client.simulate_get(path, headers=browser).text


@pytest.mark.parametrize("template", ["job.html", "jobs.html", "queues.html", "workers.html"])
def test_no_template_puts_a_value_into_the_page_unescaped(template):
    """In 0.9 the job page and the list of workers do not escape values (rq-dashboard #526)."""
    app = make_dashboard()
    source, _, _ = app.create_global_jinja_loader().get_source(
        app.jinja_env, f"rq_dashboard/{template}"
    )
    assert all(
        found.startswith("<%= $('<div/>').text(")
        for found in re.findall(r"<%=.{20}", source, re.DOTALL)
    )


def test_a_script_tag_in_data_gets_no_nonce():
    assert "nonce" not in patched_template("<script>alert(1)</script>")


def test_a_pickle_in_redis_is_not_loaded(client, browser, valkey, tmp_path):
    """Given a job in Redis whose fields are pickles, when an operator views it, then none is
    loaded.
    """
    trap = tmp_path / "opened"

    class Trap:
        def __reduce__(self):
            return (trap.touch, ())

    loaded = pickle.dumps(Trap())
    born, mapping = (
        "2026-01-01T00:00:00.000000Z",
        {
            "data": zlib.compress(loaded),
            "meta": loaded,
            "result": loaded,
            "status": "started",
            "origin": "webhooks",
        },
    )
    redis = valkey.client()
    redis.hset("rq:job:trap-1", mapping=mapping)
    redis.sadd("rq:queues", "rq:queue:webhooks")
    redis.rpush("rq:queue:webhooks", "trap-1")
    redis.hset(
        "rq:worker:w1",
        mapping={"queues": "webhooks", "state": "busy", "birth": born, "last_heartbeat": born},
    )
    redis.sadd("rq:workers", "rq:worker:w1")
    redis.zadd("rq:executions:trap-1", {"x": 9999999999})
    redis.hset(
        "rq:execution:trap-1:x",
        mapping={"id": "x", "job_id": "trap-1", "created_at": 1, "last_heartbeat": 1},
    )
    redis.sadd("rq:worker:w1:executions", "trap-1:x")
    for path in (
        "view/job/trap-1",
        "data/job/trap-1.json",
        "data/jobs/webhooks/queued/8/asc/1.json",
        "data/workers.json",
        "view/workers",
    ):
        answer = client.simulate_get(f"/rq/0/{path}", headers=browser)
        # its meta is a pickle too: reported, not loaded
        expected = 404 if path == "data/job/trap-1.json" else 200
        assert (path, answer.status_code, trap.exists()) == (path, expected, False)


def test_an_unreachable_redis_is_answered_503(client, browser, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    reset_process()
    from web.app import create_app

    away = type(client)(create_app())
    for path in ("/rq/0/view/workers", "/rq/0/data/queues.json"):
        answer = away.simulate_get(path, headers=browser)
        assert (answer.status_code, answer.json["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    "path",
    [
        "1/view/queues",
        "0/view/jobs/webhooks/nonsense/8/asc/1",
        "0/data/jobs/webhooks/failed/0/asc/1.json",
        "0/view/job/no-1",
        "x",
    ],
)
def test_an_unknown_dashboard_path_is_404(client, browser, path):
    assert client.simulate_get(f"/rq/{path}", headers=browser).status_code == 404


def test_a_replayed_job_runs_again_and_is_done(client, post, valkey):
    invoice = given.an_invoice()
    inbox_id = given.received(given.an_event("payment_intent.succeeded", given.an_intent(invoice)))
    valkey.client().delete("rq:queue:webhooks")
    StagedJob.update(state="dead", attempts=8).execute()
    job = StagedJob.get()
    assert job.args == f"[{inbox_id}]"
    assert post(f"/rq/job/process_stripe_event-{job.id}/requeue").status_code == 200
    from delivery.relay import tick

    assert tick(valkey.client()) == 1
    given.worked(valkey.client())
    assert given.fresh(invoice).status == "paid"


def test_an_unchanged_static_file_is_answered_304(client, browser):
    first = client.simulate_get("/rq/static/css/main.css", headers=browser)
    again = client.simulate_get(
        "/rq/static/css/main.css", headers=browser | {"If-None-Match": first.headers["etag"]}
    )
    assert (first.status_code, again.status, again.content) == (200, "304 Not Modified", b"")
