"""The fold and its merges: the order and number of reports do not matter, and money is never
invented.
"""

from dataclasses import replace
from datetime import date
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.stripe.events import FetchRefunds, PaymentFinding, RefundFinding, read_event
from rules.invoice_fold import RETURNING, PaymentFact, ReturnFact, Terms, fold
from rules.payment_merge import Charge, PaymentReport, merge_refund_status
from tests.samples.histories import histories, shuffled

TODAY = date(2026, 11, 22)
TERMS = Terms(amount_due=10_000, currency="usd", mark="sent", due_date=date(2026, 12, 1))
REFUND_STATES = ["pending", "requires_action", "succeeded", "failed", "canceled"]
NEW_WORDS = ["reversed", "unknown"]  # not among Stripe's statuses today

charges = st.builds(
    Charge,
    st.sampled_from(["processing", "failed"]),
    st.sampled_from(["", "expired_card", "insufficient_funds"]),
)
reports = st.builds(
    PaymentReport,
    terminal=st.sampled_from(["", "canceled", "succeeded"]),
    amount=st.integers(0, 20_000),
    amount_received=st.integers(0, 20_000),
    currency=st.sampled_from(["usd", "jpy"]),
    charges=st.dictionaries(st.sampled_from(["ch_1", "ch_2", "ch_3"]), charges),
    by_intent=st.booleans(),
)
own_or_not = st.sampled_from(["usd", "usd", "jpy"])
one_payment = st.builds(
    PaymentFact,
    st.sampled_from(["p1", "p2", "p3"]),
    st.integers(0, 15_000),
    own_or_not,
    st.booleans(),
)
payment_facts = st.lists(one_payment, unique_by=lambda fact: fact.key)
return_facts = st.lists(
    st.builds(
        ReturnFact, st.sampled_from(["p1", "p2", "p9"]), st.integers(-5_000, 15_000), own_or_not
    )
)


def standing(terms=TERMS, payments=(), returns=(), disputed=False, today=TODAY):
    return fold(terms, payments, returns, disputed, today)


def paid(amount, currency="usd", key="p1"):
    return PaymentFact(key, amount, currency)


@given(reports, reports, reports)
def test_merging_reports_is_commutative_associative_and_idempotent(a, b, c):
    """Commutative, associative, idempotent: so the order and number of events are harmless."""
    assert a.merged(b) == b.merged(a)
    assert a.merged(b).merged(c) == a.merged(b.merged(c))
    assert a.merged(a) == a
    assert a.merged(b).merged(b) == a.merged(b)


def money_of(report):
    return report.amount, report.amount_received, report.currency


@given(reports, reports)
def test_merged_amounts_and_currency_come_from_the_same_report(a, b):
    """An amount of one report with the currency of another would be money that nobody paid."""
    assert money_of(a.merged(b)) in {money_of(a), money_of(b)}


def test_the_intents_amount_takes_precedence_over_the_sessions():
    """Given a session with the amount that the payer was shown, then the intent's own amount
    counts, even if it is less.
    """
    shown = PaymentReport("succeeded", 163_400, 163_400, "inr")
    own = PaymentReport("succeeded", 1_900, 1_900, "usd", by_intent=True)
    assert money_of(shown.merged(own)) == money_of(own.merged(shown)) == (1_900, 1_900, "usd")


@given(
    st.lists(st.sampled_from(REFUND_STATES + NEW_WORDS), min_size=1),
    st.randoms(use_true_random=False),
)
def test_merging_refund_states_ignores_order(states, dice):
    in_any_order = list(states)
    dice.shuffle(in_any_order)
    assert reduce(merge_refund_status, states) == reduce(merge_refund_status, in_any_order)


def test_a_refund_that_succeeded_may_still_fail():
    assert merge_refund_status("succeeded", "failed") == "failed"
    assert merge_refund_status("failed", "succeeded") == "failed"


def test_succeeded_takes_precedence_over_canceled_and_open_statuses():
    processing = PaymentReport(charges={"ch_1": Charge("processing")})
    assert processing.status == "processing"
    assert processing.merged(PaymentReport("canceled")).status == "canceled"
    assert PaymentReport("canceled").merged(PaymentReport("succeeded")).status == "succeeded"
    assert PaymentReport(charges={"ch_1": Charge("failed")}).merged(processing).status == "failed"
    assert PaymentReport().status == "pending"


@given(payment_facts, return_facts, st.randoms(use_true_random=False))
def test_the_fold_ignores_the_order_of_facts(payments, returns, dice):
    mixed_payments, mixed_returns = list(payments), list(returns)
    dice.shuffle(mixed_payments)
    dice.shuffle(mixed_returns)
    assert standing(payments=payments, returns=returns) == standing(
        payments=mixed_payments, returns=mixed_returns
    )


@given(payment_facts, return_facts)
def test_the_fold_invents_no_money(payments, returns):
    """The amount returned never exceeds the amount received, other currencies are never added, and
    the parts add up.
    """
    found = standing(payments=payments, returns=returns)
    counting = [fact for fact in payments if not fact.voided]
    own = sum(fact.amount_received for fact in counting if fact.currency == "usd")
    assert found.amount_received == own
    assert 0 <= found.amount_returned <= own
    assert found.amount_paid == own - found.amount_returned
    assert found.outstanding - found.overpaid == TERMS.amount_due - found.amount_paid
    assert (found.status == "paid") == (found.outstanding == 0)
    assert found.mismatched == any(
        fact.currency == "jpy" and fact.amount_received for fact in counting
    )


@given(
    payment_facts,
    return_facts,
    st.sets(st.sampled_from(["p1", "p2", "p3"])),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_a_voided_payment_never_counts_in_any_order_or_repetition(
    payments, returns, voided, times, dice
):
    """However often and in whatever order a void is reported, the invoice stands as if the payment
    had never been recorded.
    """
    said = [
        *payments,
        *(
            replace(fact, voided=True)
            for fact in payments
            for _ in range(times)
            if fact.key in voided
        ),
    ]
    dice.shuffle(said)
    without = [fact for fact in payments if fact.key not in voided and not fact.voided]
    assert standing(payments=said, returns=returns) == standing(payments=without, returns=returns)


@given(st.data())
def test_a_history_in_any_order_folds_to_its_ledger(data):
    """The same property as the one tested over rows, here without rows: read, merge, fold."""
    history = data.draw(histories({}, 10_000))
    known, refunds = {}, {}
    for event in data.draw(shuffled(history)):
        match read_event(event):
            case PaymentFinding(intent_id, report):
                known[intent_id] = known.get(intent_id, PaymentReport()).merged(report)
            case RefundFinding(_, refund):
                _take_refund(refunds, refund)
            case FetchRefunds(intent_id):
                for refund in history.refunds_of(intent_id):
                    _take_refund(refunds, refund)
    returns = [
        ReturnFact(refund["payment_intent"], refund["amount"], refund["currency"])
        for refund in refunds.values()
        if refund["status"] in RETURNING
    ]
    returns += _moved_by_disputes(history)
    payments = [
        PaymentFact(key, report.amount_received, report.currency) for key, report in known.items()
    ]
    found = standing(payments=payments, returns=returns)
    assert (found.amount_received, found.amount_returned, found.mismatched) == (
        history.received,
        history.returned,
        history.mismatched,
    )


def _take_refund(refunds, refund):
    before = refunds.get(refund["id"], refund)
    refunds[refund["id"]] = refund | {
        "status": merge_refund_status(before["status"], refund["status"])
    }


def _moved_by_disputes(history):
    disputes = [dispute for intent in history.intents for dispute in intent.disputes.values()]
    return [
        ReturnFact(each["payment_intent"], -moved["amount"], each["currency"])
        for each in disputes
        for moved in each["balance_transactions"]
    ]


@pytest.mark.parametrize(
    ("terms", "payments", "returns", "expected"),
    [
        (TERMS, [], [], ("sent", 10_000, 0)),
        (TERMS, [paid(4_000)], [], ("sent", 6_000, 0)),
        (TERMS, [paid(4_000), paid(6_000, key="p2")], [], ("paid", 0, 0)),
        (TERMS, [paid(12_000)], [], ("paid", 0, 2_000)),
        (TERMS, [paid(10_000)], [ReturnFact("p1", 1, "usd")], ("sent", 1, 0)),
        (TERMS, [paid(10_000, "jpy")], [], ("sent", 10_000, 0)),
        (replace(TERMS, mark="cancelled"), [paid(10_000)], [], ("paid", 0, 0)),
        (replace(TERMS, mark="cancelled"), [paid(4_000)], [], ("cancelled", 0, 4_000)),
        (replace(TERMS, mark="written_off"), [], [], ("written_off", 0, 0)),
        (replace(TERMS, mark="written_off"), [paid(4_000)], [], ("written_off", 0, 0)),
        (replace(TERMS, mark="written_off"), [paid(12_000)], [], ("paid", 0, 2_000)),
        (replace(TERMS, due_date=date(2026, 11, 21)), [paid(4_000)], [], ("overdue", 6_000, 0)),
        (replace(TERMS, due_date=TODAY), [], [], ("sent", 10_000, 0)),
        (replace(TERMS, due_date=date(2026, 11, 21)), [paid(10_000)], [], ("paid", 0, 0)),
        (replace(TERMS, mark="draft", due_date=date(2026, 11, 21)), [], [], ("draft", 10_000, 0)),
    ],
)
def test_payments_and_returns_decide_where_an_invoice_stands(terms, payments, returns, expected):
    found = standing(terms, payments, returns)
    assert (found.status, found.outstanding, found.overpaid) == expected


def test_returns_of_a_payment_are_capped_at_its_amount():
    """Returns beyond a payment's amount (a late dispute on a refunded payment) are capped at that
    amount.
    """
    found = standing(
        payments=[paid(4_000), paid(6_000, key="p2")],
        returns=[ReturnFact("p1", 4_000, "usd"), ReturnFact("p1", 4_000, "usd")],
    )
    assert (found.amount_returned, found.amount_paid) == (4_000, 6_000)
