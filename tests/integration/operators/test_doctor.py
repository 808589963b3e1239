"""`bin/payphone doctor` finds what is wrong, says what to do, and exits with 1 if something
fails.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bin.commands import doctor
from bin.commands.checks import stripe_access
from bin.commands.checks.clocks import compare
from bin.commands.checks.finding import Finding
from bin.commands.doctor import examine
from delivery.outages import FORBIDDEN, LOCKED_OUT
from delivery.relay import FROZEN_KEY, tick
from models.accounts.account import Account
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Difference, Reconciliation
from models.books.stripe_watermark import StripeWatermark
from models.contact.account_sender import AccountSender
from models.contact.consent import Consent
from models.deployment.deployment import Deployment
from models.effects.pause_switch import PauseSwitch
from models.feed.emit import emit
from models.feed.webhook_endpoint import WebhookEndpoint
from models.migrate import _runner
from models.payments.payment import Payment
from models.payments.refund_request import RefundRequest
from models.transactions import database, execute
from providers.stripe import client as stripe_api
from providers.stripe.lists import Page
from providers.twilio import client as twilio_api
from providers.vapi import client as vapi_api
from rules.stripe_event_types import CARD_EVENTS, SUBSCRIBED
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.secret_box import seal
from runtime.settings import QUEUES, ROOT, get_settings
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.twilio.numbers import MAGIC_SERVICE
from sandbox.vapi.books import MAGIC_KEY
from tests import given
from tests.running.processes import close_database, reset_process
from tests.stories.operators import a_job, run

pytestmark = pytest.mark.one_database

PRODUCTION = {
    "PAYPHONE_ENV": "production",
    "PAYPHONE_SECRET_KEY": "Zq3vN8xW5tR2mK7pL4sD9fG6hJ1bC0aY",
    "PUBLIC_URL": "https://pay.example",
    "STRIPE_SECRET_KEY": "sk_live_0000000000",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_0000000000",
    "STRIPE_WEBHOOK_SECRET": "whsec_0000000000",
    "STRIPE_API_BASE": "",
    "OPERATOR_PASSWORD": "opens the console",
    "TRUSTED_PROXIES": "10.0.0.0/8",
}


def endpoints():
    """Return our two endpoints as Stripe lists them
    (docs.stripe.com/api/webhook_endpoints/object).
    """
    return [
        {
            "id": f"we_{number}",
            "object": "webhook_endpoint",
            "api_version": stripe_api.API_VERSION,
            "application": None,
            "enabled_events": ["*"] if number else [*SUBSCRIBED, *CARD_EVENTS],
            "livemode": True,
            "status": "enabled",
            "url": f"{get_settings().public_url}/api/webhooks/stripe{path}",
        }
        for number, path in enumerate(["", "/connect"])
    ]


@pytest.fixture(autouse=True)
def _patient(monkeypatch) -> None:
    """Give Redis a timeout that suits a busy machine."""
    monkeypatch.setattr(doctor, "TIMEOUT", 120.0)


@pytest.fixture
def set_env(monkeypatch):
    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        reset_process()

    return put


@pytest.fixture
def healthy(database_url, valkey, set_env, monkeypatch, tmp_path) -> Any:
    """A production installation without findings, whose Stripe answers."""
    # not the checkout's own state folder, which might hold other files
    set_env(**PRODUCTION, PAYPHONE_STATE_DIR=str(tmp_path / "state"))
    monkeypatch.setattr(stripe_access, "list_events", lambda *_asked, **_more: Page([], False))
    monkeypatch.setattr(stripe_access, "list_webhook_endpoints", endpoints)
    redis = valkey.client()
    tick(redis)
    redis.set("payphone:scheduler:seen", int(time.time()))
    for queue in QUEUES:
        redis.sadd(f"rq:workers:{queue}", "rq:worker:w1")
    redis.hset("rq:worker:w1", "state", "idle")
    return redis


def found() -> dict[str, tuple[str, str, str]]:
    return {finding.what: (finding.level, finding.found, finding.advice) for finding in examine()}


def complaints() -> dict[str, str]:
    return {what: level for what, (level, _, _) in found().items() if level != "ok"}


def test_a_healthy_installation_passes(healthy):
    assert complaints() == {}
    result = run("doctor")
    assert result.exit_code == 0
    assert "0 failed" in result.output


def test_one_warning_is_counted_in_the_singular(monkeypatch):
    only = Finding("warn", "what", "found", "advice")
    monkeypatch.setattr("bin.commands.doctor.examine", lambda: iter([only]))
    assert "0 ok, 1 warning, 0 failed" in run("doctor").output


def test_every_complaint_says_what_to_do(database_url, set_env):
    set_env(
        PAYPHONE_ENV="production",
        REDIS_URL="redis://127.0.0.1:1",
        PAYPHONE_SECRET_KEY="",
        PUBLIC_URL="http://pay.example",
        WORKERS="webhooks=1,nonsense=2",
        STRIPE_API_BASE="http://127.0.0.1:1",
    )
    findings = found()
    assert all(advice for level, _, advice in findings.values() if level != "ok")
    assert all(not advice for level, _, advice in findings.values() if level == "ok")
    result = run("doctor")
    assert result.exit_code == 1
    for what in ("PAYPHONE_SECRET_KEY", "PUBLIC_URL", "WORKERS", "Redis"):
        assert findings[what][0] == "fail"
        assert what in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYPHONE_SECRET_KEY", ""),
        ("PAYPHONE_SECRET_KEY", "short"),
        ("PAYPHONE_SECRET_KEY", "demo-" + "x" * 40),
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "http://pay.example"),
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "pk_live_1"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_1"),
        ("STRIPE_PUBLISHABLE_KEY", "sk_live_1"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("WORKERS", "many"),
        ("TRUSTED_PROXIES", "the proxy"),
        ("RATE_PER_KEY", "often"),
        ("RATE_PER_ADDRESS", "600/fortnight"),
        ("SETUP_FEE", "30 usd"),
        ("SETUP_FEE", "1050 ugx"),
        ("SETUP_FEE", "9900 zzz"),
    ],
)
def test_a_setting_that_will_not_do_fails_in_production(healthy, set_env, name, value):
    set_env(**{name: value})
    assert complaints() == {name: "fail"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPERATOR_PASSWORD", ""),
        ("STRIPE_PUBLISHABLE_KEY", ""),
        ("WORKERS", "webhooks=1"),
        ("TRUSTED_PROXIES", ""),
        ("RATE_PER_KEY", "none"),
        ("RATE_PER_ADDRESS", "none"),
    ],
)
def test_a_questionable_setting_is_a_warning(healthy, set_env, name, value):
    set_env(**{name: value})
    assert complaints() == {name: "warn"}
    assert run("doctor").exit_code == 0


@pytest.mark.parametrize(
    ("secret", "publishable", "kind", "mode"),
    [
        ("sk_live_1", "pk_live_1", "secret", "live"),
        ("rk_live_1", "pk_live_1", "restricted", "live"),
        ("sk_test_1", "pk_test_1", "secret", "test"),
        ("rk_test_1", "pk_test_1", "restricted", "test"),
    ],
)
def test_the_mode_of_each_key_is_named(healthy, set_env, secret, publishable, kind, mode):
    """A test key in production is a warning; a webhook secret does not show its mode."""
    set_env(STRIPE_SECRET_KEY=secret, STRIPE_PUBLISHABLE_KEY=publishable)
    told = found()
    level = "ok" if mode == "live" else "warn"
    assert told["STRIPE_SECRET_KEY"][:2] == (level, f"a {kind} key of {mode} mode")
    assert told["STRIPE_PUBLISHABLE_KEY"][:2] == ("ok", f"a publishable key of {mode} mode")
    for name in ("STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET"):
        assert told[name][:2] == ("ok", "set; its mode is unknown")


def test_a_secret_key_of_unknown_mode_is_a_warning(healthy, set_env):
    """Other keys are then not compared with its mode."""
    set_env(STRIPE_SECRET_KEY="sk_of_no_mode")
    assert complaints() == {"STRIPE_SECRET_KEY": "warn"}


@pytest.mark.parametrize(("secret", "other"), [("sk_test_1", "live"), ("rk_test_1", "live")])
def test_stripe_keys_of_different_modes_are_reported(healthy, set_env, secret, other):
    set_env(STRIPE_SECRET_KEY=secret)
    level, said, advice = found()["STRIPE_PUBLISHABLE_KEY"]
    assert (level, said) == (
        "fail",
        f"a publishable key of {other} mode, the secret key of test mode",
    )
    assert "No card form works" in advice


@pytest.mark.parametrize(
    ("change", "level", "told"),
    [
        ({"api_version": "2022-08-01"}, "warn", "we_0: its events are rendered in 2022-08-01"),
        ({"api_version": None}, "warn", "rendered in the account's default version"),
        ({"livemode": False}, "fail", "it is in test mode, our key in live mode"),
        ({"status": "disabled"}, "fail", "it is disabled"),
        ({"enabled_events": ["charge.refunded"]}, "fail", "not sent payment_intent.succeeded, pay"),
        (
            {"url": "https://pay.example/api/webhooks/stripe/"},
            "fail",
            "we_0: its URL ends in a slash; its events are answered 404",
        ),
        ({"url": "https://elsewhere.example/"}, "warn", "none in live mode sends to https://pay."),
    ],
)
def test_a_misconfigured_stripe_webhook_endpoint_is_reported(
    healthy, monkeypatch, change, level, told
):
    """Given an endpoint with another API version, mode or list of events, then it is named, with
    advice; a correct second one does not hide it.
    """
    changed = endpoints()[0] | change
    right = endpoints() if "url" not in change else endpoints()[1:]
    monkeypatch.setattr(stripe_access, "list_webhook_endpoints", lambda: [changed, *right])
    assert complaints() == {"webhook endpoint": level}
    _, said, advice = found()["webhook endpoint"]
    assert told in said
    assert stripe_api.API_VERSION in advice


def test_webhook_endpoints_at_stripe_are_checked(database_url, valkey, stand_in, set_env):
    """Given the stand-in with both endpoints, then they pass; one made in an old version does
    not.
    """
    set_env(PUBLIC_URL="http://payphone")
    given.an_account(stripe_account=stand_in.open_account())
    right = ("ok", f"test mode, {stripe_api.API_VERSION}", "")
    assert (found()["webhook endpoint"], found()["Connect endpoint"]) == (right, right)
    stand_in.sdk.webhook_endpoints.create(
        {
            "url": "http://payphone/api/webhooks/stripe",
            "enabled_events": ["*"],
            "api_version": "2024-06-20",
        }
    )
    level, said, _ = found()["webhook endpoint"]
    assert (level, "rendered in 2024-06-20" in said) == ("warn", True)


def test_a_key_that_cannot_list_endpoints_is_a_warning(database_url, valkey, stand_in, set_env):
    set_env(PUBLIC_URL="http://payphone")
    stand_in.fault("forbidden_403", "GET", "/v1/webhook_endpoints", times=5)
    level, said, advice = found()["webhook endpoints"]
    assert (level, said) == ("warn", "cannot be listed: PermissionError")
    assert "Webhook Endpoints: read" in advice


def test_an_older_workers_setting_gets_advice_on_what_to_add(healthy, set_env):
    """Given WORKERS from an older release, and pools that run with it, then doctor says what to
    add.
    """
    set_env(WORKERS="webhooks=2,deploys=1,messages=1,calls=1,periodic=1,outgoing=1")
    healthy.delete("rq:workers:interactive")
    findings = found()
    for what, level in (("WORKERS", "warn"), ("workers", "fail")):
        assert findings[what][0] == level
        assert "interactive" in findings[what][1]
        assert "add interactive=1 to WORKERS and restart them" in findings[what][2]


def test_an_invalid_setting_is_named_without_its_value(set_env):
    set_env(PAYPHONE_ENV="sk_live_pasted_in_the_wrong_line")
    result = run("doctor")
    assert result.exit_code == 1
    assert "PAYPHONE_ENV" in result.output
    assert "sk_live" not in result.output


def test_every_setting_of_a_real_installation_is_named(healthy):
    """Given the settings of a real installation, then doctor has a line for each, except
    DATABASE_URL, Twilio's and Vapi's.
    """
    page = (ROOT / "docs" / "settings.md").read_text()
    table = re.search(r"## What a real installation sets\n(.*?)\n## ", page, re.DOTALL)[1]
    rows = re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)
    names = {name for name in rows if not name.startswith(("TWILIO_", "VAPI_"))}
    assert "DAILY_CEILINGS" in names
    assert names - {"DATABASE_URL"} <= found().keys()


def test_a_connected_account_requires_the_connect_webhook_secret(healthy, set_env):
    set_env(STRIPE_CONNECT_WEBHOOK_SECRET="")
    assert complaints() == {}
    given.an_account(stripe_account="acct_clinic")
    assert complaints() == {"STRIPE_CONNECT_WEBHOOK_SECRET": "fail"}
    set_env(STRIPE_CONNECT_WEBHOOK_SECRET="whsec_connect")
    assert complaints() == {}


@pytest.mark.parametrize(("worked", "level"), [(False, "warn"), (True, "fail")])
def test_missing_processes_are_only_a_warning_before_any_work_was_staged(healthy, worked, level):
    """Given no process at all, then that is a failure if work was ever staged, and the next step if
    not.
    """
    healthy.flushall()
    if worked:
        a_job("done")
    assert complaints() == dict.fromkeys(("workers", "relay", "scheduler"), level)
    assert worked or all(
        "Start the Procfile's processes" in found()[what][2]
        for what in ("workers", "relay", "scheduler")
    )


@pytest.mark.parametrize(("worked", "level"), [(False, "warn"), (True, "fail")])
def test_an_embedded_redis_not_started_yet_gets_advice_to_start_the_workers(
    healthy, set_env, monkeypatch, tmp_path, worked, level
):
    monkeypatch.delenv("REDIS_URL")
    set_env(PAYPHONE_STATE_DIR=str(tmp_path))
    if worked:
        a_job("done")
    assert complaints() == {"REDIS_URL": "warn", "Redis": level}
    assert found()["Redis"][1] == "not started yet: worker.py brings one"
    assert "Start the Procfile's processes" in found()["Redis"][2]


def test_no_secret_is_shown(healthy):
    output = run("doctor").output
    assert not [
        value
        for name, value in PRODUCTION.items()
        if name not in {"PUBLIC_URL", "PAYPHONE_ENV", "TRUSTED_PROXIES"}
        and value
        and value in output
    ]


@pytest.mark.parametrize(
    ("option", "value", "what"),
    [
        ("maxmemory-policy", "allkeys-lru", "Redis eviction"),
        ("appendonly", "no", "Redis append-only file"),
        ("maxmemory", "1mb", "Redis memory"),
    ],
)
def test_a_redis_that_would_lose_jobs_is_found(healthy, option, value, what):
    before = healthy.config_get(option)[option]
    healthy.config_set(option, value)
    try:
        assert complaints() == {what: "fail"}
    finally:
        healthy.config_set(option, before)


def test_a_read_only_redis_is_found(healthy):
    healthy.replicaof("127.0.0.1", "1")
    try:
        assert complaints() == {"Redis role": "fail"}
    finally:
        healthy.replicaof("NO", "ONE")


def test_a_redis_that_refuses_writes_for_another_reason_is_reported(healthy):
    """Given a Redis that lacks a required replica, though it is neither full nor a replica itself,
    then doctor reports the error.
    """
    healthy.config_set("min-replicas-to-write", "1")
    try:
        assert complaints() == {"Redis writes": "fail"}
        assert "NOREPLICAS" in found()["Redis writes"][1]
    finally:
        healthy.config_set("min-replicas-to-write", "0")


def test_an_unreachable_redis_is_reported_and_the_rest_still_checked(healthy, set_env):
    set_env(REDIS_URL="redis://:hunter2@127.0.0.1:1")
    a_job("dead")
    assert complaints() == {"Redis": "fail", "dead jobs": "warn"}
    assert "hunter2" not in run("doctor").output


def test_a_redis_that_rejects_our_password_is_reported_as_such(healthy, set_env):
    """Given a Redis that rejects our password, then doctor names the password."""
    healthy.config_set("requirepass", "other")
    try:
        set_env(REDIS_URL=get_settings().redis_url.replace("://", "://:hunter2@"))
        assert found()["Redis"] == ("fail", "cannot be used: AuthenticationError", LOCKED_OUT)
    finally:
        healthy.config_set("requirepass", "")


def test_a_clinics_repeatedly_failing_webhook_endpoint_is_a_warning(healthy):
    """Given an endpoint after several failures, then doctor names it, its clinic and the error; one
    failure is not reported.
    """
    endpoint = WebhookEndpoint.register(
        given.an_account(), "https://elm.example/", [], seal("x"), real_now()
    )
    endpoint.record_failed("answered 500", real_now())
    assert found()["clinics' webhooks"][0] == "ok"
    endpoint.record_failed("answered 500", real_now())
    endpoint.record_failed("answered 500", real_now())
    level, said, _ = found()["clinics' webhooks"]
    assert (level, said) == ("warn", f"{endpoint.id} of {endpoint.account_id}: answered 500")


def test_a_missing_migration_is_found(healthy):
    _runner().down()
    assert complaints()["migrations"] == "fail"
    assert "Run bin/payphone migrate." in run("doctor").output


def test_an_unreachable_database_is_reported_without_its_password(healthy, set_env):
    close_database()
    set_env(DATABASE_URL="postgresql://payphone:hunter2@127.0.0.1:1/payphone")
    assert complaints() == {"database": "fail"}
    assert "hunter2" not in run("doctor").output


def test_a_missing_database_file_is_reported_and_not_created(healthy, set_env, tmp_path):
    close_database()
    set_env(DATABASE_URL=f"sqlite:///{tmp_path / 'none.db'}")
    assert complaints() == {"database": "fail"}
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("off", "level"),
    [(0.0, "ok"), (1.0, "ok"), (-5.0, "warn"), (5.0, "warn"), (-600.0, "fail"), (45.0, "fail")],
)
def test_clock_skew_is_graded_by_its_size(off, level):
    assert compare("Redis", lambda: time.time() + off).level == level


def test_a_queue_nobody_serves_is_found(healthy):
    healthy.delete("rq:workers:calls")
    assert complaints() == {"workers": "fail"}
    assert "nobody serves calls" in run("doctor").output


@pytest.mark.parametrize(
    ("key", "what"), [("payphone:scheduler:seen", "scheduler"), ("payphone:relay:seen", "relay")]
)
def test_a_relay_or_scheduler_not_seen_lately_is_reported(healthy, key, what):
    healthy.delete(key)
    assert complaints() == {what: "fail"}


def test_unknown_dead_and_overdue_jobs_are_reported(healthy):
    a_job("waiting", name="of_another_release")
    a_job("dead"), a_job("dead")
    assert complaints() == {"job names": "fail", "dead jobs": "warn", "oldest due job": "warn"}
    assert "process_stripe_event 2" in run("doctor").output


def test_a_stripe_account_not_backfilled_for_hours_is_reported(healthy):
    given.an_account(stripe_account="acct_clinic")
    at = datetime(2026, 11, 1, 8, 0, 1, tzinfo=UTC)
    for stripe_account, read in (("", real_now()), ("acct_clinic", at), ("acct_long_gone", at)):
        StripeWatermark.record_reached(stripe_account, 0, int(at.timestamp()), "evt_1", read)
    assert complaints() == {"Stripe's events": "fail"}
    _, told, advice = found()["Stripe's events"]
    assert told == "not read for hours: acct_clinic"
    assert "bin/payphone events backfill --since 2026-11-01T08:00:00Z." in advice


@pytest.fixture
def texting_clinic(healthy, stand_in, set_env) -> Account:
    """A healthy installation that texts, and a clinic with a consenting customer."""
    set_env(
        TWILIO_API_BASE=stand_in.url,
        TWILIO_ACCOUNT_SID=MAGIC_ACCOUNT,
        TWILIO_AUTH_TOKEN=MAGIC_TOKEN,
        TWILIO_MESSAGING_SERVICE_SID=MAGIC_SERVICE,
    )
    set_env(**PRODUCTION)
    twilio_api.client.cache_clear()
    yield agreeing()
    twilio_api.client.cache_clear()


def agreeing(**values: str) -> Account:
    account, words = (
        given.an_account(**values),
        {
            "source": "form",
            "text": "yes",
            "text_version": "1",
            "recorded_by": "test",
        },
    )
    for channels in (["sms"], ["sms", "voice"]):
        Consent.record(
            given.a_customer(account), "+12025550123", channels, real_now(), real_now(), **words
        )
    return account


def test_a_working_twilio_setup_passes_without_sending_anything(texting_clinic, stand_in):
    assert complaints() == {}
    assert found()["Twilio"][1] == "answers; the account is active"
    assert found()["senders"][1] == "all 1 that text have one"
    asked = stand_in.sandbox.shared.requests.select({"provider": "twilio"})
    assert {(row["method"], row["path"]) for row in asked} == {
        ("GET", f"/2010-04-01/Accounts/{MAGIC_ACCOUNT}.json")
    }
    assert MAGIC_TOKEN not in run("doctor").output


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"TWILIO_AUTH_TOKEN": "not-the-token"}, "Twilio"),
        ({"TWILIO_ACCOUNT_SID": f"AC{'9' * 32}"}, "Twilio"),
        ({"TWILIO_ACCOUNT_SID": f"SK{'0' * 32}"}, "TWILIO_ACCOUNT_SID"),
        ({"TWILIO_ACCOUNT_SID": ""}, "TWILIO_ACCOUNT_SID"),
        ({"TWILIO_AUTH_TOKEN": ""}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_MESSAGING_SERVICE_SID": f"SK{'0' * 32}"}, "TWILIO_MESSAGING_SERVICE_SID"),
        ({"PUBLIC_URL": "https://pay_phone.example"}, "Twilio's reports"),
        ({"PUBLIC_URL": "https://127.0.0.1"}, "Twilio's reports"),
        ({"TWILIO_MESSAGING_SERVICE_SID": ""}, "senders"),
    ],
)
def test_unusable_twilio_settings_are_reported(texting_clinic, set_env, settings, what):
    set_env(**settings)
    twilio_api.client.cache_clear()
    assert complaints() == {what: "fail"}
    assert "not-the-token" not in run("doctor").output


def test_a_suspended_account_at_twilio_is_found(texting_clinic, stand_in):
    stand_in.sandbox.twilio.books.standing[MAGIC_ACCOUNT] = "suspended"
    assert complaints() == {"Twilio": "fail"}
    assert "suspended" in run("doctor").output


@pytest.mark.parametrize(("env", "level"), [("production", "fail"), ("demo", "warn")])
def test_a_twilio_trial_account_is_reported(texting_clinic, stand_in, set_env, env, level):
    """Given a trial account, which can have only one number, then doctor says so and what to do."""
    assert found()["Twilio account"] == ("ok", "full", "")
    set_env(PAYPHONE_ENV=env)
    stand_in.sandbox.twilio.books.kinds[MAGIC_ACCOUNT] = "Trial"
    told, said, advice = found()["Twilio account"]
    assert told == level
    assert "one number" in said
    assert "Upgrade" in advice


def test_an_unreachable_twilio_is_a_warning(texting_clinic, set_env):
    set_env(TWILIO_API_BASE="http://127.0.0.1:1")
    twilio_api.client.cache_clear()
    assert complaints() == {"Twilio": "warn"}


def test_accounts_with_a_shared_or_missing_sender_are_reported(texting_clinic, set_env):
    other = agreeing(name="Hill Clinic")
    assert complaints() == {"shared sender": "warn"}
    AccountSender.assign(other, None, "+12025550702", real_now())
    assert complaints() == {}
    set_env(TWILIO_MESSAGING_SERVICE_SID="")
    assert found()["senders"][1] == f"none for {texting_clinic.id}"


def test_a_stripe_account_never_backfilled_is_reported(healthy):
    given.an_account(created_at=real_now() - timedelta(hours=4))
    assert complaints() == {"Stripe's events": "fail"}
    assert "never read to its end" in found()["Stripe's events"][1]
    StripeWatermark.record_reached("", 0, 1, "", real_now())
    assert complaints() == {}


def test_the_stripe_key_is_checked_with_reads_only(database_url, valkey, stand_in):
    assert found()["Stripe"] == ("ok", "answers, and accepts the key", "")
    given.an_account(stripe_account=stand_in.open_account())
    assert found()["connected accounts"] == ("ok", "1 can be read", "")
    assert {
        row["method"]
        for row in stand_in.sandbox.shared.requests.select({})
        if row["path"] != "/v1/accounts"
    } == {"GET"}


@pytest.mark.parametrize(
    ("key", "fault", "told"),
    [
        ("rk_live_of_nobody", "", "rejects the key (401)"),
        ("", "forbidden_403", "does not let the key read events (403)"),
        ("", "refuse", "no answer"),
    ],
)
def test_a_refused_stripe_key_or_failed_connection_is_reported(
    database_url, valkey, stand_in, set_env, key, fault, told
):
    """Given a key that Stripe refuses, or no connection, then that fails, and connected accounts
    are not checked.
    """
    given.an_account(stripe_account="acct_clinic")
    if key:
        set_env(STRIPE_SECRET_KEY=key)
    if fault:
        stand_in.fault(fault, "GET", "/v1/events", times=5)
    level, text, advice = found()["Stripe"]
    assert (level, told in text) == ("fail", True)
    assert advice
    assert "connected accounts" not in found()
    assert "of_nobody" not in run("doctor").output
    stripe_api.client.cache_clear()


def test_an_inaccessible_connected_account_is_reported(database_url, valkey, stand_in):
    given.an_account(stripe_account=stand_in.open_account())
    given.an_account(stripe_account="acct_long_gone")
    assert found()["Stripe"][0] == "ok"
    assert found()["connected accounts"][:2] == ("fail", "Stripe refuses acct_long_gone")


def a_reading(
    missing: int, hours: float = 1, stripe_account: str = "", asked_by: str = "system"
) -> None:
    """Create a backfill that fetched `missing` events, and those events."""
    at = real_now() - timedelta(hours=hours)
    Backfill.create(
        stripe_account=stripe_account,
        since=0,
        asked_by=asked_by,
        state="done",
        missing=missing,
        seen=missing,
        created_at=at,
        finished_at=at,
    )
    for _ in range(missing):
        InboxEvent.receive("stripe", stripe_account, new_id("evt"), "customer.created", "{}", at)
    InboxEvent.update(outcome="ignored").execute()


@pytest.mark.parametrize(("stripe_account", "door"), [("", "platform"), ("acct_clinic", "connect")])
def test_events_that_arrive_only_by_backfill_are_reported(healthy, stripe_account, door):
    """Given fetched events and none delivered for hours, then that fails; given one delivered, then
    it is a warning only if many were fetched.
    """
    StripeWatermark.record_reached("", 0, 1, "", real_now())
    a_reading(300, stripe_account=stripe_account)
    assert complaints() == {}, "an account's first reading brings what was before us"
    a_reading(2, 0.5, stripe_account)
    a_reading(40, 0.4, stripe_account, asked_by="cli:ada")
    assert complaints() == {f"events to {door}": "fail"}
    assert (
        found()[f"events to {door}"][1] == "none was delivered for three hours; 2 had to be fetched"
    )
    InboxEvent.receive("stripe", stripe_account, "evt_live", "customer.created", "{}", real_now())
    InboxEvent.update(outcome="ignored").execute()
    assert complaints() == {}
    a_reading(9, 5, stripe_account)
    assert complaints() == {f"events to {door}": "warn"}


def test_paused_work_is_a_warning(healthy):
    PauseSwitch.set("", "texts", True, "cli:ada", "wrong template")
    PauseSwitch.set(given.an_account().id, "charges", True, "cli:ada", "a complaint")
    assert complaints() == {"brakes": "warn"}
    assert found()["brakes"][1] == "charges 1, texts 1"
    PauseSwitch.set("", "texts", False, "cli:ada", "mended")
    assert found()["brakes"][1] == "charges 1"


def test_wrong_running_totals_are_reported_and_recount_repairs_them(healthy):
    given.an_invoice()
    assert complaints() == {}
    execute("UPDATE total_change SET count = 2 WHERE what = 'invoices'")
    assert complaints() == {"totals": "fail"}
    assert "invoices" in found()["totals"][1]
    assert "Recomputed: invoices." in run("recount").output
    assert complaints() == {}
    assert "Nothing to do" in run("recount").output


def test_books_that_differ_from_stripes_are_found(healthy):
    run_ = Reconciliation.create(
        stripe_account="", since=0, until=1, state="done", asked_by="system", created_at=real_now()
    )
    Difference.create(run=run_, kind="payment_missing", subject="pi_1", found_at=real_now())
    Difference.create(
        run=run_, kind="refund_missing", subject="re_1", state="healed", found_at=real_now()
    )
    assert complaints() == {"book differences": "fail"}
    assert found()["book differences"][1] == "payment_missing 1"


def test_failed_refunds_are_a_warning(healthy):
    invoice = given.an_invoice()
    intent = given.an_intent(invoice)
    given.received(given.an_event("payment_intent.succeeded", intent, livemode=True))
    given.worked(healthy)
    assert complaints() == {}
    about = {
        "account": invoice.account,
        "payment": Payment.get(),
        "amount": 500,
        "asked_by": "key:1",
        "created_at": real_now(),
        "updated_at": real_now(),
    }
    RefundRequest.create(id="rr_1", state="failed", **about)
    assert complaints() == {"failed refunds": "warn"}


def test_a_reached_ceiling_is_a_warning(healthy):
    emit(given.an_account().id, "ceiling.reached", {"what": "texts"}, "ceiling:texts")
    assert complaints() == {"ceilings reached": "warn"}
    assert found()["ceilings reached"][1] == "texts 1"


def test_refused_events_are_found(healthy):
    InboxEvent.receive("stripe", "", "evt_1", "refund.created", "{}", real_now())
    InboxEvent.get().record_outcome("refused", real_now(), "no")
    assert complaints() == {"refused events": "warn"}
    assert not database.is_closed()


@pytest.fixture
def voice_clinic(healthy, voice, set_env) -> Any:
    """A healthy installation whose Vapi answers."""
    set_env(PUBLIC_URL=PRODUCTION["PUBLIC_URL"], STRIPE_API_BASE="", TWILIO_ACCOUNT_SID="")
    set_env(TWILIO_AUTH_TOKEN="")
    vapi_api.client.cache_clear()
    return voice


def test_the_vapi_key_is_checked_with_reads_only(voice_clinic, stand_in):
    assert complaints() == {}
    assert found()["Vapi"][1] == "answers, and accepts the key; its numbers: 0"
    asked = stand_in.sandbox.shared.requests.select({"provider": "vapi"})
    assert {(row["method"], row["path"]) for row in asked} == {("GET", "/phone-number")}
    assert MAGIC_KEY not in run("doctor").output


@pytest.mark.parametrize(
    ("settings", "what", "level"),
    [
        ({"VAPI_API_KEY": "another-key"}, "Vapi", "fail"),
        ({"VAPI_API_KEY": "no key"}, "VAPI_API_KEY", "fail"),
        ({"VAPI_WEBHOOK_SECRET": ""}, "VAPI_WEBHOOK_SECRET", "fail"),
        ({"VAPI_API_BASE": "http://127.0.0.1:1"}, "Vapi", "warn"),
    ],
)
def test_unusable_vapi_settings_are_reported(voice_clinic, set_env, settings, what, level):
    set_env(**settings)
    vapi_api.client.cache_clear()
    assert complaints() == {what: level}
    assert "another-key" not in run("doctor").output


def test_an_installation_without_vapi_passes(healthy):
    assert found()["Vapi"][0] == "ok"


def test_report_16_a_number_imported_for_a_workflow_is_a_warning(voice_clinic):
    """Given a number imported for a Workflow, then doctor names it, since calls to it are not
    answered.
    """
    voice_clinic.books.keep("phone-number", {"number": "+12025550177", "workflowId": "w1"})
    assert complaints() == {"Vapi numbers": "warn"}
    assert "+12025550177" in found()["Vapi numbers"][1]


def test_a_frozen_supervisor_is_found(healthy):
    healthy.set(FROZEN_KEY, "a-pool", ex=600)
    assert found()["supervisor"][:2] == ("fail", "frozen: a-pool")


def test_a_redis_user_without_our_permissions_is_reported_as_such(healthy, set_env):
    """Given a Redis user without the rights we need, then doctor names the rights."""
    healthy.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], commands=["+ping"])
    try:
        set_env(REDIS_URL=get_settings().redis_url.replace("unix://", "unix://reader:pw@"))
        assert found()["Redis"] == ("fail", "cannot be used: NoPermissionError", FORBIDDEN)
    finally:
        healthy.acl_deluser("reader")


def test_a_port_older_than_a_month_is_a_warning(healthy):
    """Most ports take days; for one that the carrier no longer answers, only its age shows it."""
    account, now = given.an_account(), real_now()
    port = Deployment.create(
        id="dep_port",
        account=account,
        status="awaiting_port",
        method="ported",
        asked_by="staff",
        created_at=now - timedelta(days=29),
        updated_at=now,
    )
    assert complaints() == {}
    Deployment.update(created_at=now - timedelta(days=31)).where(Deployment.id == port.id).execute()
    assert found()["slow ports"][:2] == ("warn", f"dep_port since {now - timedelta(31):%Y-%m-%d}")
