"""Duplicates by the hundred, shuffled order, late events, wrong clocks, over real HTTP (faults 26–29)."""

import random
import threading
import time

from models.inbox_event import InboxEvent
from models.invoice import Invoice
from models.payment import Payment
from models.staged_job import StagedJob
from tests import given
from tests.faults.town import oracle


def at_once(calls):
    """Run all calls as nearly at once as threads can; their answers."""
    gate, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(index, call):
        gate.wait()
        answers[index] = call()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_hundred_concurrent_duplicates_are_one_row_and_one_payment(town):
    town.web(workers=2)
    town.pool()
    invoice = given.an_invoice(amount=12_500)
    event = given.an_event("payment_intent.succeeded", given.an_intent(invoice))
    answers = at_once([lambda: town.post(event)] * 100)
    assert answers == [200] * 100
    oracle(town)
    assert (InboxEvent.select().count(), StagedJob.select().count(), Payment.select().count()) == (1, 1, 1)
    assert Invoice.get_by_id(invoice.id).amount_paid == 12_500


def test_shuffled_and_doubled_histories_end_as_they_happened(town):
    """Given several payments a invoice, declined first, refunded later, when their events come in any order and
    twice, then each invoice holds what happened."""
    town.web(workers=2)
    town.pool("webhooks=3")
    dice, events = random.Random(20261122), []
    for _ in range(6):
        invoice = given.an_invoice(amount=10_000)
        for amount in (4_000, 6_000):
            intent = given.an_intent(invoice, amount=amount)
            declined = intent | {
                "status": "requires_payment_method", "amount_received": 0, "last_payment_error": {"charge": "ch_1", "decline_code": "insufficient_funds"},
            }  # fmt: skip
            events += [given.an_event("payment_intent.payment_failed", declined)]
            events += [given.an_event("payment_intent.processing", intent | {"status": "processing", "amount_received": 0})]
            events += [given.an_event("payment_intent.succeeded", intent)]
        refund = given.a_refund(intent, 1_000, "pending")
        events += [given.an_event("refund.created", refund), given.an_event("refund.updated", refund | {"status": "succeeded"})]
    doubled = events * 2
    dice.shuffle(doubled)
    threads = [doubled[index::8] for index in range(8)]
    at_once([lambda mine=mine: [town.post(event) for event in mine] for mine in threads])
    assert len(town.accepted) == len(doubled)
    oracle(town, seconds=40)
    assert InboxEvent.select().count() == len(events)
    standings = {(row.status, row.amount_received, row.amount_returned, row.outstanding) for row in Invoice.select()}
    assert standings == {("sent", 10_000, 1_000, 1_000)}


def test_an_event_four_days_late_pays_what_is_overdue_by_now(client, valkey):
    """Stripe redelivers for days; each delivery is signed afresh."""
    invoice = given.an_invoice(due_date=given.days_from_today(-3), status="overdue")
    event = given.an_event("payment_intent.succeeded", given.an_intent(invoice), created=int(time.time()) - 4 * 24 * 3600)
    assert client.simulate_post("/api/webhooks/stripe", **given.signed(event)).status_code == 200
    given.worked(valkey.client())
    assert given.fresh(invoice).status == "paid"


def test_a_clock_that_is_ten_minutes_off_is_refused_both_ways(client, valkey):
    """300 seconds either way are Stripe's own tolerance."""
    event = given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
    now = int(time.time())
    for shift, status in ((-600, 400), (600, 400), (-310, 400), (310, 400), (-290, 200), (290, 200)):
        answer = client.simulate_post("/api/webhooks/stripe", **given.signed(event, at=now + shift))
        assert answer.status_code == status, shift
    assert InboxEvent.select().count() == 1
