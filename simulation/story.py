"""The story of the demo: a clinic's invoices are paid at Stripe's stand-in while everything goes
wrong.

Run by `bin/demo` beside the real processes. It acts over HTTP, except to break things, and reads
the database to wait and to check.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import stripe
from peewee import PeeweeException
from redis.exceptions import RedisError

from models.accounts.api_key import ApiKey
from models.transactions import transaction, use_database
from runtime.clock import real_now
from runtime.ids import new_id
from simulation import terminal_output as say
from simulation.acts import (
    Clinic,
    break_things,
    pay_everything,
    refunds_and_disputes,
    send_invoices,
)
from simulation.api import Api, Sandbox
from simulation.final_check import invoice_verdicts, is_idle, summary
from simulation.going_live import clinics_go_live, has_no_leftovers, outcome
from simulation.later_acts import play_missed_day, play_phone_calls
from simulation.month import play_month
from simulation.places import DESCRIPTION, LOGS, STATE, write_private

# Errors that end the story with a message: an expectation failed, or a service did not answer.
STOPS = (RuntimeError, OSError, httpx.HTTPError, PeeweeException, RedisError, stripe.StripeError)


def main() -> None:
    """Play the story in the mode that `bin/demo` asks for; exits with 0 only if all its checks
    passed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, mode = time.monotonic(), os.environ["STORY_MODE"]
    use_database(os.environ["DATABASE_URL"])
    _wait("everything to be up", _is_ready, seconds=180)  # a busy machine starts six at once
    clinic = _open_clinic()
    _describe(clinic)
    held = True
    if mode != "none":
        say.chapter(
            "Everything is up",
            "web, workers, scheduler, sandbox and an embedded Valkey, in"
            f" {time.monotonic() - began:.1f} s",
        )
        try:
            held = _play(clinic, began)
        except STOPS as error:
            say.failure(f"The story stopped: {error}")
            say.failure(f"The processes' logs are in {LOGS}/.")
            sys.exit(1)
    if mode == "once":
        sys.exit(0 if held else 1)
    say.addresses(json.loads(DESCRIPTION.read_text()))
    signal.pause()


def _play(clinic: Clinic, began: float) -> bool:
    candidates = clinics_go_live(clinic)
    invoices = send_invoices(clinic)
    pay_everything(clinic, invoices, in_the_middle=lambda: break_things(os.environ["REDIS_URL"]))
    play_phone_calls(clinic, invoices)
    refunds_and_disputes(clinic, invoices)
    play_missed_day(
        clinic,
        invoices,
        settled=lambda: _wait("the books to settle", lambda: is_idle(clinic.sandbox), seconds=120),
    )
    say.step("waiting until every event has arrived and every job is done")
    _wait("the books to settle", lambda: is_idle(clinic.sandbox), seconds=120)
    outcomes = [outcome(clinic, each) for each in candidates]
    went_live = say.clinics_table(outcomes, has_no_leftovers(clinic, outcomes))
    verdicts = invoice_verdicts(clinic, invoices)
    held = say.table(verdicts) and went_live
    held = say.month_table(play_month(clinic, candidates)) and held
    print(json.dumps(summary(seconds=time.monotonic() - began)), flush=True)
    return held


def _is_ready() -> bool:
    ready = httpx.get(f"{os.environ['PUBLIC_URL']}/readyz", timeout=2, trust_env=False).json()
    sandbox = httpx.get(f"{os.environ['SANDBOX_URL']}/sandbox/health", timeout=2, trust_env=False)
    pids = (STATE / "pids.json").exists()
    return bool(ready["status"] == "ok" and sandbox.is_success and pids)


def _wait(what: str, probe: Callable[[], bool], seconds: float = 60) -> None:
    def patient() -> bool:
        try:
            return probe()
        except (httpx.HTTPError, KeyError, ValueError):
            return False  # still starting

    try:
        say.wait_for(what, patient, seconds)
    except RuntimeError as error:
        say.failure(f"{error} The processes' logs are in {LOGS}/.")
        sys.exit(1)


def _open_clinic() -> Clinic:
    with transaction():
        _, operator_key = ApiKey.issue(None, "demo", real_now())
    url = os.environ["PUBLIC_URL"]
    account = Api(url, operator_key).post(
        "/api/accounts",
        {"name": "Sunrise Dental", "timeZone": os.environ["CLINIC_ZONE"]},
        key=new_id("open"),
    )
    Api(url, operator_key).put(
        f"/api/accounts/{account['id']}/sender", {"fromNumber": os.environ["CLINIC_NUMBER"]}
    )
    api = Api(url, account["key"])
    return Clinic(
        account["id"],
        account["name"],
        account["timeZone"],
        account["key"],
        operator_key,
        api,
        Sandbox(os.environ["SANDBOX_URL"]),
    )


def _describe(clinic: Clinic) -> None:
    """Write demo.json, readable by this user only: every URL and key of the demo."""
    env, pids = os.environ, json.loads((STATE / "pids.json").read_text())
    about: dict[str, Any] = {
        "url": env["PUBLIC_URL"],
        "operatorPassword": env["OPERATOR_PASSWORD"],
        "operatorKey": clinic.operator_key,
        "accounts": [{"id": clinic.id, "name": clinic.name, "key": clinic.key}],
        "stripeWebhookSecret": env["STRIPE_WEBHOOK_SECRET"],
        "stripeSecretKey": env["STRIPE_SECRET_KEY"],
        "twilioAccountSid": env["TWILIO_ACCOUNT_SID"],
        "twilioAuthToken": env["TWILIO_AUTH_TOKEN"],
        "vapiApiKey": env["VAPI_API_KEY"],
        "vapiWebhookSecret": env["VAPI_WEBHOOK_SECRET"],
        "sandboxUrl": env["SANDBOX_URL"],
        "redisUrl": env["REDIS_URL"],
        "databaseUrl": env["DATABASE_URL"],
        "pids": {name: pids[name] for name in ("web", "worker", "scheduler", "sandbox")},
    }
    write_private(DESCRIPTION, about)


if __name__ == "__main__":
    main()
