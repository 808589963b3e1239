"""Promises to pay (F50, F51, B7): contact pauses, Stripe's facts decide on the day, and the
customer is thanked or reminded.
"""

import sys
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.decide_promises import decide_promises
from models.accounts.account_settings import AccountSettings
from models.contact.message import Message
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.feed.outgoing_event import OutgoingEvent
from rules.contact.person_time_zones import zones_of_number
from runtime.clock import business_now, move_business_time, real_now
from runtime.errors import SomeFailed
from tests import given
from tests.stories.texting import Texting


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    AccountSettings.change(texting.account, {"first_contacts": "automatic"}, real_now())
    # the clinic is in the customer's time zone, so that no test runs near a midnight
    texting.account.time_zone = zones_of_number(texting.phone)[0]
    texting.account.save()
    return texting.consents()


def day(clinic, ahead):
    return (clinic.account.local_date(business_now()) + timedelta(days=ahead)).isoformat()


def promised(clinic, ahead=3, **body):
    path = f"/api/invoices/{clinic.invoice.id}/promises"
    return clinic.post(path, promisedFor=day(clinic, ahead), **body)


def pays(clinic, amount):
    body = {"invoiceId": clinic.invoice.id, "amount": amount, "currency": "usd"}
    answer = clinic.post("/api/payments/upsert", **body, method="cash", reference=f"till {amount}")
    assert answer.status_code == 201, answer.text


def on_its_day(clinic):
    """Move to noon in the customer's zone after the day and its grace have passed, and run the
    scan.
    """
    due = Promise.get(Promise.invoice == clinic.invoice.id, Promise.state == "open").decided_from
    noon_there = next_noon(clinic.phone, due)
    move_business_time(noon_there - real_now())
    scan()


def next_noon(phone, after):
    (zone,) = zones_of_number(phone)[:1]
    local = after.astimezone(ZoneInfo(zone))
    noon = local.replace(hour=12, minute=0, second=0)
    return noon if noon > local else noon + timedelta(days=1)


def scan():
    decide_promises.perform()


def told():
    rows = OutgoingEvent.select().where(OutgoingEvent.type.startswith("promise."))
    return [(row.type, row.payload["state"], row.payload["paid"]) for row in rows]


def test_payment_is_not_requested_while_a_promise_is_open(clinic):
    made = promised(clinic)
    assert (made.status_code, made.json["amount"], made.json["state"]) == (201, 12_000, "open")
    refused = clinic.ask()
    assert (refused.status_code, refused.json["reasonCode"]) == (422, "promised")
    assert refused.json["nextAllowedAt"] >= made.json["decidedFrom"]
    assert told() == [("promise.made", "open", 0)]


def test_an_identical_promise_is_recorded_once_and_a_new_one_replaces_it(clinic):
    first, again, later = promised(clinic), promised(clinic), promised(clinic, 5, amount=5_000)
    assert (again.json, later.json["amount"]) == (first.json, 5_000)
    shown = clinic.get(f"/api/invoices/{clinic.invoice.id}/promises")["data"]
    assert [row["state"] for row in shown] == ["open", "replaced"]


@pytest.mark.parametrize("amount", [12_000, 5_000])
def test_an_early_payment_keeps_the_promise_at_once(clinic, amount):
    promised(clinic, amount=amount)
    pays(clinic, amount)
    assert told()[1:] == [("promise.kept", "kept", amount)]


@pytest.mark.parametrize(
    ("paid", "event", "state"),
    [
        (0, "promise.broken", "broken"),
        (2_000, "promise.broken", "partly_kept"),
    ],
)
def test_a_promise_is_decided_on_its_day_by_what_was_paid(clinic, paid, event, state):
    promised(clinic, amount=5_000)
    if paid:
        pays(clinic, paid)
    on_its_day(clinic)
    assert told()[1:] == [(event, state, paid)]
    scan()
    assert len(told()) == 2, "decided once"


def test_a_promise_stays_open_until_its_day_is_over(clinic):
    promised(clinic)
    due = Promise.get().decided_from
    move_business_time(due - timedelta(seconds=60) - real_now())
    scan()
    assert Promise.get().is_open


def test_a_customer_who_keeps_a_promise_is_thanked_once(clinic):
    promised(clinic)
    pays(clinic, 12_000)
    scan()
    scan()
    clinic.work()
    assert [row["body"] for row in clinic.sent()] == [
        "Harbor Dental: thank you, your payment has arrived as promised. Reply STOP to opt out."
    ]


def test_a_broken_promise_is_followed_by_one_link(clinic):
    promised(clinic)
    on_its_day(clinic)
    scan()
    given.worked(clinic.redis, "webhooks")
    clinic.work()
    (sent,) = clinic.sent()
    assert clinic.address_in(sent["body"])
    assert Message.get().asked_by == "system"


def test_a_promises_follow_up_waits_for_a_lawful_hour(clinic):
    promised(clinic)
    due = Promise.get().decided_from
    move_business_time(next_noon(clinic.phone, due) + timedelta(hours=15) - real_now())  # 3:00
    scan()
    row = Promise.get()
    assert (row.state, clinic.requests()) == ("broken", [])
    move_business_time(row.follow_at + timedelta(minutes=1) - real_now())
    scan()
    assert Message.get().kind == "payment_link"
    assert Promise.get().follow_at is None


def test_failing_follow_ups_do_not_block_others(clinic, monkeypatch):
    """Given more follow-ups that fail each time than fit in a batch, then all are tried."""
    job, tried = sys.modules["jobs.decide_promises"], []
    promised(clinic)
    decided = {"state": "broken", "follow_at": business_now() - timedelta(minutes=1)}
    Promise.update(decided).execute()
    for number in range(3):
        Promise.create(**{**Promise.get().__data__, "id": f"prm_{number}"})

    def fails(promise):
        tried.append(promise.id)
        raise RuntimeError("as nobody expects")

    monkeypatch.setattr(job, "BATCH", 1)
    monkeypatch.setattr(job, "follow_up", fails)
    with pytest.raises(SomeFailed, match="4 in all"):
        scan()
    assert sorted(tried) == sorted(row.id for row in Promise.select())


def test_undecidable_promises_do_not_block_others(clinic, monkeypatch):
    """Given promises that stay open, more than one attempt has time for, then the next attempt goes
    on behind them, and the last one is decided and followed up.
    """
    job, decided = sys.modules["jobs.decide_promises"], []
    promised(clinic)
    due = Promise.get().decided_from
    for number in range(3):
        invoice = given.an_invoice(clinic.account)
        told = {"id": f"prm_{number}", "invoice": invoice.id, "decided_from": due}
        Promise.create(**{**Promise.get().__data__, **told})

    def decides(promise):
        decided.append(promise.id)
        if len(set(decided)) == 4:
            changes = {"state": "broken", "follow_up": "thanks", "follow_at": due}
            Promise.update(changes).where(Promise.id == promise.id).execute()

    monkeypatch.setattr(job, "BATCH", 1)
    monkeypatch.setattr("delivery.scan.ENOUGH", -1.0)
    monkeypatch.setattr(job, "decide_when_known", decides)
    move_business_time(next_noon(clinic.phone, due) - real_now())
    given.a_job("decide_promises", "once", queue="periodic")
    StagedJob.update(args="[]").execute()
    for _ in range(8):
        given.relayed(clinic.redis)
        given.worked(clinic.redis, "periodic")
    assert sorted(decided) == sorted(row.id for row in Promise.select())
    assert Promise.select().where(Promise.follow_at.is_null(False)).count() == 0
    assert StagedJob.get(StagedJob.name == "decide_promises").state == "done"


def test_a_broken_promise_has_no_follow_up_after_a_stop(clinic):
    promised(clinic)
    clinic.hear("STOP")
    on_its_day(clinic)
    assert (Promise.get().state, Promise.get().follow_at) == ("broken", None)
    assert Message.select().count() == 0


def test_a_promise_stays_open_while_a_payment_event_is_unprocessed(clinic):
    """Given an event about the invoice that is not processed yet, then the promise stays open on
    its day, and the event then decides it.
    """
    promised(clinic)
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(clinic.invoice)))
    on_its_day(clinic)
    assert Promise.get().is_open
    given.worked(clinic.redis)
    assert told()[1:] == [("promise.kept", "kept", 12_000)]


def test_a_second_broken_promise_is_escalated(clinic):
    for _ in range(2):
        promised(clinic)
        on_its_day(clinic)
    assert WorkItem.get(WorkItem.kind == "escalation").context["reason"] == "promises_broken"


def test_a_cancelled_invoice_makes_its_promise_moot(clinic):
    promised(clinic)
    clinic.post(f"/api/invoices/{clinic.invoice.id}/cancel")
    on_its_day(clinic)
    assert (Promise.get().state, told()[1:]) == ("moot", [])


@pytest.mark.parametrize(("ahead", "status"), [(-1, 422), (0, 201), (60, 201), (61, 422)])
def test_a_promise_must_be_for_today_up_to_60_days_ahead(clinic, ahead, status):
    answer = promised(clinic, ahead)
    assert answer.status_code == status
    if status == 422:
        assert answer.json["errors"][0]["field"] == "promisedFor"


def test_a_promise_cannot_exceed_the_balance(clinic):
    assert promised(clinic, amount=12_001).json["code"] == "amount_exceeds_balance"
    pays(clinic, 12_000)
    assert promised(clinic).json["code"] == "invoice_already_paid"


def test_the_timeline_shows_a_promise_and_its_outcome(clinic):
    promised(clinic)
    on_its_day(clinic)
    lines = clinic.get(f"/api/invoices/{clinic.invoice.id}/timeline?limit=100")["data"]
    said = [line["reason"] for line in lines if line["type"].startswith("promise.")]
    assert any("promised to pay 120.00 USD by" in line for line in said)
    assert any("was not kept: 0.00 USD came in since" in line for line in said)
