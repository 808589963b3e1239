"""Given Stripe events with an odd field, then intake and the job do not crash, record nothing
false, and block nothing else.
"""

import json
from contextlib import suppress
from itertools import cycle

import pytest

from actions.books.compare import compare_intent
from actions.contact.gate_facts import books_of
from jobs.ask_stripe_again import ask_stripe_again
from jobs.process_stripe_event import process_stripe_event
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.payments.dispute import Dispute
from models.payments.payment import Payment
from models.payments.refund import Refund
from rules.stripe_event_types import SUBSCRIBED, event_type
from runtime.clock import real_now
from runtime.errors import NotYet
from tests import given
from tests.samples import odd_events
from tests.samples.odd_events import ODD, VERSIONS, at, is_odd, made_odd, paths_in

DUE = 12_500


@pytest.fixture
def stripe(database_url, valkey, odd_stripe):
    return odd_stripe


def truth_of(kind, metadata, name):
    """Return the objects that Stripe has for an event of this type, by id."""
    paid = "payment_intent.succeeded"
    tells = event_type(kind).tells
    intent = {"payment": kind, "session": paid}.get(tells, paid)
    if kind == "checkout.session.async_payment_failed":
        intent = "payment_intent.payment_failed"
    made = [odd_events.an_event(intent, VERSIONS[-1], metadata, DUE, name)["data"]["object"]]
    if "refund" in kind:
        refund = "refund.failed" if kind == "refund.failed" else "refund.created"
        made += [odd_events.an_event(refund, VERSIONS[-1], metadata, DUE, name)["data"]["object"]]
    if "dispute" in kind:
        made += [odd_events.a_dispute(kind, VERSIONS[-1], metadata, DUE, name)]
    return {each["id"]: each for each in made}


# `tests/unit/test_odd_events.py` reads every field of every type in every version with every odd
# value. Here each type has every third field odd, and types of one kind have different ones.
THIRD = 3


def odd_fields(kind):
    """Yield some (version, field, odd value) of this event type."""
    number = SUBSCRIBED.index(kind)
    odd_values = cycle(ODD[number % len(ODD) :] + ODD[: number % len(ODD)])
    version = VERSIONS[number % len(VERSIONS)]
    shape = odd_events.an_event(kind, version, dict.fromkeys(("account_id", "invoice_id")), DUE)
    for path in list(paths_in(shape))[number % THIRD :: THIRD]:
        odd = next(odd_values)
        if is_odd(at(shape, path), odd) and path != ("id",):  # intake refuses events without it
            yield version, path, odd


@pytest.mark.parametrize("kind", SUBSCRIBED)
def test_an_event_with_an_odd_field_records_nothing_false(stripe, kind):
    """Given an invoice, already paid if the event is about a return, when an event with one odd
    field is processed, then the books are as before or as at Stripe, and another invoice of the
    account waits for nothing.
    """
    account = given.an_account()
    bystander = given.an_invoice(account)
    for number, (version, path, odd) in enumerate(odd_fields(kind)):
        name = f"{kind.replace('.', '_')}_{number}"
        invoice = given.an_invoice(account, amount=DUE)
        metadata = {"account_id": account.id, "invoice_id": invoice.id}
        stripe.objects = truth_of(kind, metadata, name)
        before = begin(kind, invoice, metadata, name)
        event = odd_events.an_event(kind, version, metadata, DUE, name)
        inbox_id = given.received(made_odd(event, path, odd))
        process_stripe_event.perform(inbox_id)
        for job in StagedJob.select().where(StagedJob.name == "ask_stripe_again"):
            ask_stripe_again.perform(*json.loads(job.args))
            job.delete_instance()
        row = InboxEvent.get_by_id(inbox_id)
        about = (version, path, odd, row.outcome, row.reason)
        assert row.outcome is not None, about
        assert books(invoice) in {before, after(kind)}, about
        assert_rows_are_true(name, about)
        assert books_of(bystander, real_now()) == "current", about


def begin(kind, invoice, metadata, name):
    """For a return, process its payment first. Return the books before the event."""
    if event_type(kind).tells in {"refund", "refunds changed", "dispute changed"}:
        paid = odd_events.an_event("payment_intent.succeeded", VERSIONS[-1], metadata, DUE, name)
        process_stripe_event.perform(given.received(paid | {"id": f"{paid['id']}_paid"}))
    return books(invoice)


def books(invoice):
    row = given.fresh(invoice)
    return row.status, row.amount_received, row.amount_paid, row.mismatched


def after(kind):
    """Return the books as the normal event leaves them."""
    is_paid = kind in {
        "payment_intent.succeeded",
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "refund.failed",
    }
    if is_paid:
        return ("paid", DUE, DUE, False)
    went_back = event_type(kind).tells in {"refund", "refunds changed", "dispute changed"}
    return ("sent", DUE if went_back else 0, 0, False)


def assert_rows_are_true(name, about):
    for payment in Payment.select().where(Payment.intent_id == f"pi_{name}"):
        money = (payment.amount, payment.amount_received, payment.currency)
        assert money in {(DUE, DUE, "usd"), (DUE, 0, "usd")}, about
    for row in Refund.select().where(Refund.intent_id == f"pi_{name}"):
        assert (row.refund_id, row.amount, row.currency) == (f"re_{name}", DUE, "usd"), about
    for row in Dispute.select().where(Dispute.intent_id == f"pi_{name}"):
        assert (row.dispute_id, row.amount, row.currency) == (f"dp_{name}", DUE, "usd"), about


@pytest.mark.parametrize("odd", ["inv_\x00", "inv_\ud800", "inv_ 1"])
@pytest.mark.parametrize("name", ["invoice_id", "attempt_id"])
def test_metadata_that_no_database_takes_name_nothing_of_ours(stripe, name, odd):
    """Given another software's payment whose metadata hold what can be stored nowhere, then its
    event is processed, and the comparison with Stripe passes it.
    """
    intent = odd_events.an_event("payment_intent.succeeded", VERSIONS[-1], {name: odd}, DUE)
    inbox_id = given.received(intent)
    for _ in range(4):  # an event may wait for the invoice it names
        with suppress(NotYet):
            process_stripe_event.perform(inbox_id)
    assert InboxEvent.get_by_id(inbox_id).outcome == "unmatched"
    assert compare_intent("", intent["data"]["object"]).invoice is None
