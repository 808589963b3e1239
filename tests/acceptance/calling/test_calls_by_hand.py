"""Calls that clinic staff make by hand count like the assistant's: as attempts, and as
conversations, after which no call about the debt is made for seven days (12 CFR 1006.14(b)(2)).
"""

from importlib import import_module

import pytest

from actions.contact.escalate import open_escalation
from actions.contact.evaluate import evaluate
from models.calling.call import Call
from models.contact.work_item import WorkItem
from models.transactions import database, transaction
from runtime.clock import business_now, real_now
from tests import given
from tests.stories.calling import Calling


def an_item(calling: Calling, kind: str, **about) -> WorkItem:
    """Return an open work item about the clinic's customer."""
    account, customer = calling.account, calling.customer
    if kind == "escalation":
        return open_escalation(account, customer, calling.invoice, "asked_for_person", {})
    about = {"customer_id": customer.id, "context": {"phone": calling.phone}} | about
    return WorkItem.open(account.id, kind, "SM1", "The person asks to be called.", **about)


def resolved(calling: Calling, item: WorkItem, action: str):
    answer = calling.post(f"/api/work-items/{item.id}/resolve", action=action, note="rang at noon")
    assert answer.status_code == 200, answer.text
    return answer.json


def history(calling: Calling, invoice=None):
    """Return the calls that the gate counts for an invoice: their outcomes, and whether they
    concern it.
    """
    invoice = invoice or calling.invoice
    phone = invoice.customer.preferred_phone
    with transaction():
        found = evaluate(invoice, phone, "voice", business_now(), "reminder")
    return [(one.outcome, one.debt_id == invoice.id) for one in found.facts.history]


@pytest.mark.parametrize("kind", ["reply", "escalation", "call"])
def test_customer_reached_by_hand_is_not_called_for_seven_days(calling: Calling, kind):
    resolved(calling, an_item(calling, kind), "called")
    answer = calling.asks()
    assert answer.json.get("reasonCode") == "recent_conversation", answer.text
    assert history(calling) == [("spoke", True)]


@pytest.mark.parametrize("kind", ["reply", "escalation", "call"])
def test_customer_not_reached_by_hand_can_be_called_and_the_attempt_counts(calling: Calling, kind):
    resolved(calling, an_item(calling, kind), "not_reached")
    assert history(calling) == [("no_answer", True)]
    assert calling.asks().status_code == 202


def test_waiting_call_is_refused_after_a_call_by_hand(calling: Calling):
    """Given a call that waits for its worker, when staff resolve an item with `called`, then the
    waiting call is refused.
    """
    item, asked = an_item(calling, "reply"), calling.asks().json
    resolved(calling, item, "called")
    calling.work_calls()
    call = calling.call(asked["id"])
    assert (call.state, call.error_code) == ("refused", "recent_conversation")


def test_call_by_hand_counts_once_per_work_item(calling: Calling):
    """Given an escalation resolved by a call, twice, when it opens again, then one call is
    counted.
    """
    item = an_item(calling, "escalation")
    for _ in range(2):
        resolved(calling, item, "called")
    assert WorkItem.get_by_id(an_item(calling, "escalation").id).is_open
    assert history(calling) == [("spoke", True)]


def test_call_by_hand_covers_all_unpaid_invoices_of_the_customer(calling: Calling):
    other = given.an_invoice(calling.account, customer=calling.customer)
    paid = given.an_invoice(calling.account, customer=calling.customer, status="paid")
    resolved(calling, an_item(calling, "reply"), "called")
    (call,) = Call.select()
    assert set(call.invoice_ids) == {calling.invoice.id, other.id} - {paid.id}


def test_call_by_hand_to_an_unknown_caller_counts_by_phone_number(calling: Calling):
    item = an_item(calling, "call", customer_id=None)
    resolved(calling, item, "called")
    assert history(calling) == [("spoke", True)]
    assert Call.get().customer_id is None


def test_call_by_hand_without_customer_or_number_can_be_recorded(calling: Calling):
    item = an_item(calling, "call", customer_id=None, context={})
    resolved(calling, item, "called")
    assert history(calling) == []


def test_call_by_hand_is_on_timeline_ledger_and_call_list(calling: Calling):
    resolved(calling, an_item(calling, "reply"), "called")
    shown = calling.get(f"/api/invoices/{calling.invoice.id}/timeline?limit=100")["data"]
    (line,) = [row for row in shown if row["type"] == "call.ended"]
    assert "called by hand: the person was spoken to" in line["reason"]
    (call,) = calling.get(f"/api/invoices/{calling.invoice.id}/calls")["data"]
    assert (call["endedReason"], call["outcome"]) == ("made-by-hand", "spoke")
    (entry,) = [row for row in calling.ledger()["data"] if row["type"] == "call"]
    assert (entry["call"]["id"], entry["call"]["outcome"]) == (call["id"], "spoke")


def test_call_by_hand_does_not_count_in_answer_rates(calling: Calling):
    """Answer rates cover only the calls placed from the clinic's number."""
    resolved(calling, an_item(calling, "reply"), "called")
    assert calling.get(f"/api/accounts/{calling.account.id}/answer-rates")["rates"] == []


def test_call_by_hand_is_not_polled_at_vapi(calling: Calling):
    resolved(calling, an_item(calling, "reply"), "called")
    (call,) = Call.select()
    calling.quiet_for(call, 60 * 24)
    assert Call.silent(real_now(), "", 9) == []


@pytest.mark.parametrize("named", [{}, {"callId": "their-own-17"}], ids=["unnamed", "named"])
def test_card_payment_taken_by_telephone_counts_as_a_conversation(
    calling: Calling, named: dict[str, str]
):
    """Given a part payment by a card that staff took by telephone, outside any of the assistant's
    calls and perhaps under the clinic's own call id, then it counts as a conversation about that
    invoice, and as no attempt to reach the customer.
    """
    other = given.an_invoice(calling.account, customer=calling.customer)
    given_by = {"invoiceId": calling.invoice.id, "paymentMethodId": "pm_card_visa", "amount": 100}
    given_by |= named
    calling.post("/api/payments/phone", **given_by)
    assert history(calling) == [("spoke", True)]
    assert history(calling, other) == []
    with transaction():
        found = evaluate(calling.invoice, calling.phone, "voice", business_now(), "reminder")
    assert found.facts.history[0].asked_for, "it counts towards no cap"


@pytest.mark.parametrize("kind", ["reply", "call"])
def test_migration_records_each_call_by_hand_of_older_releases_once(calling: Calling, kind):
    """Given an item that an older release resolved with `called`, when the migration runs, even
    twice, then one call is recorded for it.
    """
    item = an_item(calling, kind)
    item.record_resolved("called", "operator:Mia")
    module = import_module("models.migrations.0045_calls_by_hand")
    for _ in range(2):
        module.up(None, database)
    assert history(calling) == [("in_doubt", True)]
    assert calling.asks().json["reasonCode"] == "recent_conversation"
