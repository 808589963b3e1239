"""Odd Stripe events by every route: a sample of all fields through the job, intake, a backfill of
the platform's list and of a connected account's, and events about a clinic's own card and fee.

The sample is the same each time; `tests/unit/test_odd_events.py` shows that each single field is
read without a crash.
"""

import json
import random
from dataclasses import dataclass

import pytest

from actions.books.begin import begin_backfill
from actions.books.receive_event import replay_event
from actions.contact.gate_facts import books_of
from jobs.ask_stripe_again import ask_stripe_again
from jobs.process_stripe_event import process_stripe_event
from jobs.read_stripe_events import read_stripe_events
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.setup import Setup
from models.deployment.setup_attempt import SetupAttempt
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.transactions import transaction
from rules.stripe_event_types import CARD_EVENTS, FORMER_CARD_EVENTS, SUBSCRIBED
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given
from tests.integration.odd.test_odd_events_are_taken_in import (
    DUE,
    after,
    assert_rows_are_true,
    begin,
    books,
    truth_of,
)
from tests.samples import odd_events
from tests.samples.odd_events import MISSING, ODD, VERSIONS, at, is_odd, made_odd, paths_in
from tests.stand_ins.stand_in import CONNECT_SECRET

NOBODYS = dict.fromkeys(("account_id", "invoice_id"))
LIVE = "live-mode event, test key"


@dataclass
class Odd:
    """An event about its own invoice, with one odd field or none."""

    kind: str
    version: str
    path: odd_events.Path
    odd: object
    name: str = ""
    invoice: Invoice | None = None
    before: tuple = ()

    def begin(self, stripe, account, number):
        """Create its invoice, what we know before the event, and what Stripe has."""
        self.name = f"odd_{number}"
        self.invoice = given.an_invoice(account, amount=DUE)
        stripe.objects |= truth_of(self.kind, self.metadata, self.name)
        self.before = begin(self.kind, self.invoice, self.metadata, self.name)
        return self

    @property
    def metadata(self):
        return {"account_id": self.invoice.account_id, "invoice_id": self.invoice.id}

    @property
    def event(self):
        event = odd_events.an_event(self.kind, self.version, self.metadata, DUE, self.name)
        return made_odd(event, self.path, self.odd) if self.path else event

    def assert_true(self):
        about = (self.kind, self.version, self.path, self.odd)
        assert books(self.invoice) in {self.before, after(self.kind)}, about
        assert_rows_are_true(self.name, about)


def every_odd_field():
    for kind in SUBSCRIBED:
        for version in VERSIONS:
            event = odd_events.an_event(kind, version, NOBODYS, DUE)
            for path in paths_in(event):
                for odd in ODD:
                    if is_odd(at(event, path), odd):
                        yield Odd(kind, version, path, odd)


def drawn(number, seed):
    """Return a sample of all odd fields, with more odd event ids than chance would give."""
    every = list(every_odd_field())
    ids = [each for each in every if each.path == ("id",)]
    draw = random.Random(seed)
    return draw.sample(every, number) + draw.sample(ids, number // 8)


@pytest.fixture
def stripe(database_url, valkey, odd_stripe):
    return odd_stripe


def process_all():
    """Process all received events, and run the jobs that query Stripe again; none raises."""
    for row in InboxEvent.select().where(InboxEvent.outcome.is_null()):
        process_stripe_event.perform(row.id)
    for job in StagedJob.select().where(StagedJob.name == "ask_stripe_again"):
        ask_stripe_again.perform(*json.loads(job.args))
        job.delete_instance()
    assert not InboxEvent.select().where(InboxEvent.outcome.is_null()).exists()


@pytest.mark.slow
def test_a_sample_of_odd_events_processed_by_the_job_records_nothing_false(stripe):
    account = given.an_account()
    bystander = given.an_invoice(account)
    for number, odd in enumerate(drawn(120, 1)):
        if odd.path == ("id",):
            continue  # intake refuses events without an id
        odd.begin(stripe, account, number)
        given.received(odd.event)
        process_all()
        odd.assert_true()
    assert books_of(bystander, real_now()) == "current"


@pytest.mark.parametrize(
    ("path", "secret", "of"),
    [
        ("/api/webhooks/stripe", given.WEBHOOK_SECRET, {}),
        ("/api/webhooks/stripe/connect", CONNECT_SECRET, {"account": "acct_1"}),
    ],
)
def test_intake_stores_an_odd_event_or_gives_the_reason(client, path, secret, of):
    """Given an event with any odd field, or JSON that is no event, then the answer is 200, or 400
    with a reason and nothing stored; never 5xx.
    """
    cases = []
    for number, odd in enumerate(drawn(160, 2)):
        usual = odd_events.an_event(odd.kind, odd.version, NOBODYS, DUE, str(number)) | of
        cases.append(made_odd(usual, odd.path, odd.odd))
    if of:
        cases += [made_odd(usual, ("account",), odd) for odd in ODD]
    cases += [odd for odd in ODD if odd is not MISSING]
    for case in cases:
        kept = InboxEvent.select().count()
        text = json.dumps(case)
        answer = client.simulate_post(path, **given.signed(text, secret))
        assert answer.status_code in {200, 400}, (answer.text, text)
        if answer.status_code == 400:
            assert answer.json["detail"]
            assert InboxEvent.select().count() == kept
        else:
            account = str(case.get("account") or "")
            same = (InboxEvent.event_id == case["id"]) & (InboxEvent.account == account)
            assert InboxEvent.select().where(same).count() == 1, text


@pytest.mark.slow
@pytest.mark.parametrize("stripe_account", ["", "acct_1"])
def test_a_backfill_of_odd_events_runs_to_the_end(stripe, stripe_account):
    """Given a list in which most events have an odd field, some are no events, some are of the
    other mode, and some are bank debits in older API versions, then the backfill reads it to the
    end, for the platform and for a connected account, and the books agree with Stripe.
    """
    account = given.an_account(stripe_account=stripe_account or None)
    bystander = given.an_invoice(account)
    odds = drawn(80, 3 if stripe_account else 4)
    debits = [Odd("payment_intent.processing", version, (), None) for version in VERSIONS]
    others = [Odd("payment_intent.succeeded", version, (), None) for version in VERSIONS]
    for number, odd in enumerate([*odds, *debits, *others]):
        odd.begin(stripe, account, number)
        InboxEvent.update(account=stripe_account).execute()
        Payment.update(stripe_account=stripe_account).execute()
    stripe.events = [odd.event for odd in [*odds, *debits]]
    stripe.events += [odd.event | {"livemode": True} for odd in others]
    stripe.events += [None, "a_new_word", {"object": "event"}]
    run = begin_backfill(stripe_account, 0, 0.0, "test")
    read_stripe_events.perform(run.id, 0)
    assert Backfill.get_by_id(run.id).state == "done"
    process_all()
    assert {row.account for row in InboxEvent.select()} == {stripe_account}
    for odd in odds:
        odd.assert_true()
    for odd in debits:
        assert Payment.by_intent(stripe_account, f"pi_{odd.name}").status == "processing"
    refused = list(InboxEvent.select().where(InboxEvent.reason == LIVE))
    assert {row.event_id for row in refused} >= {odd.event["id"] for odd in others}
    for row in refused:
        assert replay_event(row.id, "test")
    process_all()
    assert {given.fresh(odd.invoice).status for odd in others} == {"sent"}
    assert books_of(bystander, real_now()) == "current"


def card_event(kind, name, attempt):
    """Return an event about the card with which a clinic pays the platform, and Stripe's objects by
    id.
    """
    card = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2099}
    objects = {
        "setup_intent": {
            "id": f"seti_{name}",
            "object": "setup_intent",
            "status": "succeeded",
            "payment_method": f"pm_{name}",
            "customer": f"cus_{name}",
            "last_setup_error": None,
            "livemode": False,
            "metadata": {"account_id": attempt.account_id, "attempt_id": attempt.id},
        },
        "payment_method": {
            "id": f"pm_{name}",
            "object": "payment_method",
            "type": "card",
            "card": card | {"fingerprint": f"fp_{name}"},
            "customer": f"cus_{name}",
            "livemode": False,
        },
        "customer": {"id": f"cus_{name}", "object": "customer", "livemode": False},
    }
    subject = objects[kind.partition(".")[0]]
    return given.an_event(kind, subject, id=f"evt_{name}"), {
        each["id"]: each for each in objects.values()
    }


def a_setup(name):
    """Create a clinic with a verified card, and return the setup attempt that saved it."""
    account, now = given.an_account(), real_now()
    attempt = SetupAttempt.create(
        id=new_id("set"),
        account=account.id,
        asked_by="test",
        setup_intent_id=f"seti_{name}",
        created_at=now,
        updated_at=now,
    )
    with transaction():
        Setup.locked_for(account.id, now).record(
            now,
            stripe_customer_id=f"cus_{name}",
            stripe_payment_method_id=f"pm_{name}",
            payment_method_verified=True,
        )
    return attempt


@pytest.mark.slow
@pytest.mark.parametrize("is_there", [True, False], ids=["at Stripe", "gone"])
def test_odd_events_about_a_clinics_card_leave_it_verified(stripe, is_there):
    """Given an odd event about a card that is unchanged at Stripe, then the card stays verified; if
    Stripe no longer has it, processing does not crash either.
    """
    draw = random.Random(5)
    for kind in (*CARD_EVENTS, *FORMER_CARD_EVENTS):
        shape, _ = card_event(kind, "1", SetupAttempt(id="set_1", account_id="ac_1"))
        every = [(path, odd) for path in paths_in(shape) for odd in ODD if path != ("id",)]
        for number, (path, odd) in enumerate([((), None), *draw.sample(every, 12)]):
            name = f"{kind.replace('.', '_')}_{number}"
            attempt = a_setup(name)
            event, objects = card_event(kind, name, attempt)
            stripe.objects = objects if is_there else {}
            given.received(made_odd(event, path, odd) if path else event)
            process_all()
            setup = Setup.get_by_id(attempt.account_id)
            if is_there:
                kept = (setup.may_pay, setup.stripe_payment_method_id)
                assert kept == (True, f"pm_{name}"), (kind, path, odd)


@pytest.mark.slow
def test_odd_events_about_a_setup_fee_record_nothing_false(stripe):
    """Given an odd event about a deployment's fee, then no invoice gets a payment, and the fee's
    step keeps a state that is true at Stripe.
    """
    draw, now = random.Random(6), real_now()
    for kind in SUBSCRIBED:
        version = draw.choice(VERSIONS)
        shape = odd_events.an_event(kind, version, NOBODYS, DUE)
        every = [(path, odd) for path in paths_in(shape) for odd in ODD if path != ("id",)]
        for number, (path, odd) in enumerate([((), None), *draw.sample(every, 6)]):
            name = f"{kind.replace('.', '_')}_{number}"
            deployment = Deployment.create(
                id=new_id("dep"),
                account=given.an_account(),
                method="forwarded",
                wanted={},
                fee=DUE,
                fee_currency="usd",
                fee_intent_id=f"pi_{name}",
                on_failure="rollback",
                message="",
                asked_by="test",
                created_at=now,
                updated_at=now,
            )
            step = DeploymentStep.create(
                id=new_id("dst"), deployment=deployment, position=0, name="charge", state="undone"
            )
            metadata = {
                "account_id": deployment.account_id,
                "invoice_id": "",
                "attempt_id": step.id,
                "project": "setup",
            }
            stripe.objects = truth_of(kind, metadata, name)
            event = odd_events.an_event(kind, version, metadata, DUE, name)
            given.received(made_odd(event, path, odd) if path else event)
            process_all()
            states = {"undone", "undo_failed"} if kind == "refund.failed" else {"undone"}
            assert DeploymentStep.get_by_id(step.id).state in states, (kind, path, odd)
    assert Payment.select().count() == 0
