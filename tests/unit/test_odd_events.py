"""Each field of each event that we process is missing, null, of another type or a new word, in the
shapes of four API versions: reading raises only Unreadable, and invents nothing.
"""

import pytest

from providers.stripe.events import (
    FetchDispute,
    FetchObject,
    FetchRefunds,
    PaymentFinding,
    RefundFinding,
    Unreadable,
    read_dispute,
    read_event,
    read_intent,
)
from rules.payment_merge import Charge
from rules.stripe_event_types import SUBSCRIBED, names_of
from tests.samples import odd_events
from tests.samples.odd_events import ODD, VERSIONS, at, is_odd, made_odd, paths_in

METADATA = {"account_id": "ac_1", "invoice_id": "inv_1", "attempt_id": "att_1", "project": "P"}
ANSWERS = PaymentFinding | RefundFinding | FetchRefunds | FetchDispute | FetchObject | None


def read(event):
    """Return what an event is read as; None also if it is Unreadable."""
    assert all(isinstance(name, str) for name in names_of(event))
    try:
        found = read_event(event)
    except Unreadable:
        return None
    assert isinstance(found, ANSWERS)
    return found


def money(finding):
    report = finding.report
    return report.amount, report.amount_received, report.currency


@pytest.mark.parametrize("kind", SUBSCRIBED)
def test_no_odd_field_makes_reading_an_event_raise_or_invent_facts(kind):
    for version in VERSIONS:
        event = odd_events.an_event(kind, version, METADATA, 12_500)
        truth = read(event)
        assert truth is not None
        for path in paths_in(event):
            for odd in ODD:
                if is_odd(at(event, path), odd):
                    assert_no_more_than(truth, read(made_odd(event, path, odd)))


def assert_no_more_than(truth, found):
    """Assert that what was read from an odd event is also in the usual one, or is to be fetched
    from Stripe.
    """
    if isinstance(found, FetchObject):
        assert found.id in {truth_id(truth), truth.intent_id}
    elif isinstance(found, PaymentFinding):
        assert found.intent_id == truth.intent_id
        assert money(found) == money(truth) or not found.report.amount_received
        assert found.report.terminal in {"", truth.report.terminal}
        for charge in found.report.charges.values():
            assert charge.state in {each.state for each in truth.report.charges.values()}
    elif isinstance(found, RefundFinding):
        assert found.intent_id == truth.intent_id
        assert [found.refund[name] for name in ("amount", "currency")] == [12_500, "usd"]
    elif found is not None:
        assert found.intent_id == truth.intent_id


def truth_id(truth):
    match truth:
        case RefundFinding():
            return truth.refund["id"]
        case FetchDispute():
            return truth.dispute_id
        case _:
            return truth.intent_id


@pytest.mark.parametrize("version", VERSIONS)
def test_the_latest_charge_is_read_in_every_api_version(version):
    processing = odd_events.an_event("payment_intent.processing", version, METADATA, 12_500)
    failed = odd_events.an_event("payment_intent.payment_failed", version, METADATA, 12_500)
    assert read(processing).report.charges == {"ch_1": Charge("processing")}
    assert read(failed).report.charges == {"ch_1": Charge("failed", "expired_card")}


@pytest.mark.parametrize("there", [{}, {"latest_charge": None}, {"charges": {"data": []}}])
def test_an_intent_is_processing_even_if_no_charge_is_named(there):
    """Given a running bank debit whose event names no charge, then it is processing, with a doubt
    for which Stripe is asked.
    """
    intent = odd_events.an_event("payment_intent.processing", VERSIONS[-1], METADATA, 12_500)
    del intent["data"]["object"]["latest_charge"]
    intent["data"]["object"] |= there
    found = read(intent)
    assert found.report.status == "processing"
    assert "names no charge" in found.doubt


@pytest.mark.parametrize("expanded", [False, True])
def test_an_expanded_charge_is_read_as_its_id(expanded):
    charge = {"id": "ch_9", "object": "charge"}
    intent = odd_events.an_event("payment_intent.processing", VERSIONS[-1], METADATA, 12_500)
    intent = intent["data"]["object"] | {"latest_charge": charge if expanded else "ch_9"}
    assert read_intent(intent).report.charges == {"ch_9": Charge("processing")}


def test_no_odd_field_of_a_fetched_dispute_is_invented():
    """Only a dispute whose odd field is needed is Unreadable."""
    needed = {"id", "payment_intent", "amount", "currency", "balance_transactions"}
    dispute = odd_events.a_dispute("charge.dispute.created", VERSIONS[-1], METADATA, 500, "1")
    for path in paths_in(dispute):
        for odd in ODD:
            if is_odd(at(dispute, path), odd):
                try:
                    found = read_dispute(made_odd(dispute, path, odd))
                except Unreadable:
                    assert path[0] in needed
                    continue
                assert found["payment_intent"] == "pi_1"
                assert (found["amount"], found["currency"]) == (500, "usd")
                assert all(each["amount"] == -500 for each in found["balance_transactions"])
