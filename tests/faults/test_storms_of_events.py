"""Hundreds of duplicates, shuffled order, late events, wrong clocks, over real HTTP (faults
26–29).
"""

import random
import threading
import time

from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from tests import given
from tests.faults.town import oracle


def at_once(calls):
    """Run all calls as simultaneously as threads can; return their answers."""
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
    assert (InboxEvent.select().count(), StagedJob.select().count(), Payment.select().count()) == (
        1,
        1,
        1,
    )
    assert Invoice.get_by_id(invoice.id).amount_paid == 12_500


def test_shuffled_and_duplicated_events_give_the_correct_invoices(town):
    """Given several payments of each invoice, declined first and refunded later, when their events
    come twice and in any order, then each invoice holds what happened.
    """
    town.web(workers=2)
    town.pool("webhooks=3")
    dice, events = random.Random(20261122), []
    for _ in range(6):
        invoice = given.an_invoice(amount=10_000)
        for amount in (4_000, 6_000):
            intent = given.an_intent(invoice, amount=amount)
            declined = intent | {
                "status": "requires_payment_method",
                "amount_received": 0,
                "last_payment_error": {"charge": "ch_1", "decline_code": "insufficient_funds"},
            }
            events += [given.an_event("payment_intent.payment_failed", declined)]
            events += [
                given.an_event(
                    "payment_intent.processing",
                    intent | {"status": "processing", "amount_received": 0},
                )
            ]
            events += [given.an_event("payment_intent.succeeded", intent)]
        refund = given.a_refund(intent, 1_000, "pending")
        events += [
            given.an_event("refund.created", refund),
            given.an_event("refund.updated", refund | {"status": "succeeded"}),
        ]
    doubled = events * 2
    dice.shuffle(doubled)
    threads = [doubled[index::8] for index in range(8)]
    at_once([lambda mine=mine: [town.post(event) for event in mine] for mine in threads])
    assert len(town.accepted) == len(doubled)
    oracle(town)
    assert InboxEvent.select().count() == len(events)
    standings = {
        (row.status, row.amount_received, row.amount_returned, row.outstanding)
        for row in Invoice.select()
    }
    assert standings == {("sent", 10_000, 1_000, 1_000)}


DAY = 24 * 3600


def test_a_storm_of_events_four_days_late_counts_once(town):
    """Given an overdue invoice whose payment's refund has been reported, when the events of four
    days ago are delivered a hundred times at once, in any order, then the invoice is paid except
    for the refunds, once.
    """
    town.web(workers=2)
    town.pool()
    invoice = given.an_invoice(amount=10_000, due_date=given.days_from_today(-3), status="overdue")
    then = int(time.time()) - 4 * DAY
    intent = given.an_intent(invoice, amount=10_000)
    refund = given.an_event("refund.created", given.a_refund(intent, 1_000))
    town.post_until_accepted(refund)
    declined = {
        "status": "requires_payment_method",
        "amount_received": 0,
        "last_payment_error": {"charge": "ch_1", "decline_code": "insufficient_funds"},
    }
    late = [
        given.an_event("payment_intent.payment_failed", intent | declined, created=then),
        given.an_event(
            "payment_intent.processing",
            intent | {"status": "processing", "amount_received": 0},
            created=then + 60,
        ),
        given.an_event("payment_intent.succeeded", intent, created=then + 120),
        given.an_event("refund.created", given.a_refund(intent, 2_000), created=then + 180),
    ]
    storm = late * 25
    random.Random(20261118).shuffle(storm)
    assert at_once([lambda event=event: town.post(event) for event in storm]) == [200] * 100
    oracle(town)
    row = given.fresh(invoice)
    assert (row.status, row.amount_received, row.amount_returned, row.outstanding) == (
        "overdue",
        10_000,
        3_000,
        3_000,
    )
    assert InboxEvent.select().count() == StagedJob.select().count() == 5
    paid = given.an_event(
        "payment_intent.succeeded", given.an_intent(invoice, amount=3_000), created=then + 240
    )
    town.post_until_accepted(paid)
    oracle(town)
    assert given.fresh(invoice).status == "paid"


def test_events_signed_by_wrong_clocks_are_refused_during_a_storm(town):
    """Given a hundred deliveries at once, most of them signed by clocks that are minutes ahead or
    behind, then those are answered 400 and not stored. What nearly correct clocks sign is accepted,
    once (Stripe's own tolerance is 300 s either way), and so is a refused event that is signed
    again.
    """
    town.web(workers=2)
    town.pool()
    wrong, right = (paid_event() for _ in range(2))
    shifts = (
        # well beyond the limit, on the side from which they come closer as time passes
        [(wrong, shift, 400) for shift in (-600, 600, -310, 480)]
        + [(right, shift, 200) for shift in (-120, 290)]
        + [(right, 600, 400)] * 4
    )
    storm = shifts * 10
    random.Random(20261122).shuffle(storm)
    now = int(time.time())
    answers = at_once(
        [
            lambda event=event, shift=shift: town.post(event, at=now + shift)
            for event, shift, _ in storm
        ]
    )
    assert answers == [status for *_, status in storm]
    oracle(town)
    assert [row.event_id for row in InboxEvent.select()] == [right["id"]]
    town.post_until_accepted(wrong)
    oracle(town)
    assert (InboxEvent.select().count(), StagedJob.select().count(), Payment.select().count()) == (
        2,
        2,
        2,
    )


def paid_event():
    return given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
