"""An operator's day in a real browser: login, figures, queues and a replay, without unexpected
errors in the console.
"""

import pytest

from delivery import relay
from delivery.rq import keys as rq_keys
from delivery.rq import view as rq_view
from models.delivery.attempt import claim_job, fail_job
from models.delivery.staged_job import StagedJob
from tests import given
from tests.running.servers import wait_for
from tests.stories.operators import a_job

pytestmark = pytest.mark.any_database

PASSWORD = "opens the console"


@pytest.fixture
def some_of_everything(website, browser, valkey):
    """Jobs that are finished, failed once, dead and running, in the database and in RQ. RQ shows a
    running job for only a minute and a half, so the website and the browser are started first.
    """
    redis = valkey.client()
    relay.tick(redis)  # registers the queues with RQ, as in any installation
    for _ in range(3):
        given.received(
            given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
        )
    given.worked(redis)
    for attempts, delay in ((1, 42.0), (7, None)):
        job = claim_job(a_job("waiting", attempts=attempts).id, "w1")
        fail_job(job, "TimeoutError: a message that stays in the database", 42.0)
        (begun,) = rq_view.start(redis, [job], "w1")
        rq_view.end(redis, [rq_view.failed(job, begun, "TimeoutError", delay)])
    running = claim_job(a_job("waiting", attempts=0).id, "test-worker")
    rq_view.start(redis, [running], "test-worker")
    born = "2026-11-01T00:00:00.000000Z"
    redis.hset(
        "rq:worker:test-worker",
        mapping={"queues": "webhooks", "state": "busy", "birth": born, "last_heartbeat": born},
    )
    for key in ("rq:workers", "rq:workers:webhooks"):
        redis.sadd(key, "rq:worker:test-worker")
    return redis


def sign_in(watched, password=PASSWORD):
    page = watched.page
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    return page


@pytest.mark.parametrize("width", [390, 1280])
def test_an_operator_signs_in_and_looks_around(some_of_everything, watched, width):
    it = watched(width)
    page = it.open("/")
    assert page.title() == "Sign in · Payphone"
    page.wait_for_function("document.activeElement.id === 'name'")  # once the page is drawn
    it.picture("login")
    sign_in(it)
    it.picture("home")
    assert page.get_by_role("heading", name="Right now").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("link", name="Queues").click()
    page.get_by_role("link", name="1", exact=True).first.wait_for()
    it.picture("queues")
    assert page.evaluate(
        "[...document.querySelectorAll('.section, .section div')].every(part => part.scrollWidth <="
        " part.clientWidth)"
    )
    for name, path, sight in (
        ("failed", "/rq/0/view/jobs/webhooks/failed/8/asc/1", "TimeoutError"),
        ("finished", "/rq/0/view/jobs/webhooks/finished/8/asc/1", "process_stripe_event 1"),
        ("started", "/rq/0/view/jobs/webhooks/started/8/asc/1", "process_stripe_event 6"),
        ("workers", "/rq/0/view/workers", "process_stripe_event 6"),
        ("job", "/rq/0/view/job/process_stripe_event-5", "TimeoutError"),
    ):
        it.open(path)
        page.get_by_text(sight).first.wait_for()
        it.picture(name)
        assert page.get_by_text("a message that stays").count() == 0
    assert it.complaints == []


def test_requeue_replays_a_dead_job_and_explains_why_another_is_not(some_of_everything, watched):
    it = watched()
    it.open("/rq/0/view/jobs/webhooks/failed/8/asc/1")
    page = sign_in(it)
    assert page.url.endswith("/failed/8/asc/1")
    dead, failed = (
        StagedJob.get(StagedJob.state == "dead"),
        StagedJob.get(StagedJob.last_error.is_null(False) & (StagedJob.state == "waiting")),
    )
    page.locator(f"[data-job-id=process_stripe_event-{dead.id}]").get_by_text("Requeue").click()
    page.get_by_text("One dead job runs again.").wait_for()
    assert StagedJob.get_by_id(dead.id).state == "waiting"
    assert it.complaints == []
    page.locator(f"[data-job-id=process_stripe_event-{failed.id}]").get_by_text("Requeue").click()
    page.get_by_text("it will be retried automatically").wait_for()
    assert StagedJob.get_by_id(failed.id).attempts == failed.attempts


def test_markup_smuggled_into_redis_is_shown_as_text(some_of_everything, watched):
    """rq-dashboard #526 rendered descriptions, results and tracebacks as markup."""
    redis, evil = (
        some_of_everything,
        "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>",
    )
    redis.hset(
        "rq:job:evil-1",
        mapping=rq_keys.job_hash("x", 1, "webhooks", "2026-11-01T00:00:00.000000Z")
        | {"description": evil},
    )
    redis.hset("rq:job:evil-1", "meta", '{"a": "<b>bold</b>"}')
    redis.rpush("rq:queue:webhooks", "evil-1")
    it = watched()
    it.open("/rq/0/view/job/evil-1")
    page = sign_in(it)
    page.get_by_text("onerror=").first.wait_for()
    assert page.get_by_text("<b>bold</b>").is_visible()
    it.open("/rq/0/view/jobs/webhooks/queued/8/asc/1")
    page.get_by_text("onerror=").first.wait_for()
    assert page.title() == "RQ dashboard"
    assert it.complaints == []


def test_login_reports_a_wrong_password_and_works_by_keyboard_alone(website, watched):
    it = watched(390, color_scheme="dark")
    it.open("/login")
    page = sign_in(it, "wrong")
    it.picture("login-wrong")
    assert page.get_by_role("alert").inner_text() == "Wrong name or password."
    page.keyboard.type("operator")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    it.picture("home-dark")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    wait_for(lambda: page.url.endswith("/login"), "back at the login")
    assert [line for line in it.complaints if "403" not in line] == []
