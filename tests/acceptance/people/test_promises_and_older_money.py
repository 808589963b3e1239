"""A promise is measured by the money that arrives after it. Older money that is refunded, or comes
back from a dispute, neither breaks nor keeps it.
"""

from datetime import timedelta

import pytest

from actions.contact.promise import decide_promise, record_promise
from actions.payments.recompute import recompute
from models.contact.promise import Promise
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from models.payments.payment import Payment
from models.payments.refund import Refund
from models.transactions import transaction
from runtime.clock import business_now, move_business_time, real_now
from tests import given


class Bill:
    """An invoice of 100.00, of which 40.00 were paid by card and 10.00 in cash before a promise of
    50.00.
    """

    def __init__(self):
        account = given.an_account()
        self.invoice = given.an_invoice(account, amount=10_000)
        self.old = self.pays(4_000)
        self.cash = self.takes_cash(1_000, "till")

    def promises(self, amount=5_000):
        invoice = Invoice.get_by_id(self.invoice.id)
        today = invoice.account.local_date(business_now())
        record_promise(invoice, amount, today + timedelta(days=3), by="test")
        return self

    def pays(self, amount):
        intent = given.an_intent(self.invoice, amount=amount)
        given.received(given.an_event("payment_intent.succeeded", intent))
        return intent

    def goes_back(self, amount, intent=None):
        Refund.record_report("", given.a_refund(intent or self.old, amount), real_now())
        self._recomputed()

    def is_disputed(self, status, moved):
        """Record the dispute of the earlier card payment with this status and these movements."""
        said = {
            "id": "dp_1",
            "payment_intent": self.old["id"],
            "amount": 4_000,
            "currency": "usd",
            "status": status,
            "balance_transactions": [
                {"id": f"txn_{place}", "amount": amount, "currency": "usd"}
                for place, amount in enumerate(moved)
            ],
        }
        Dispute.record_report("", said, real_now())
        self._recomputed()

    def cash_was_a_mistake(self):
        with transaction():
            invoice = Invoice.locked_with("account", self.invoice.id)
            Payment.get_by_id(self.cash.id).record_voided("typed wrong", real_now())
            recompute(invoice)

    def takes_cash(self, amount, reference):
        with transaction():
            invoice = Invoice.locked_with("account", self.invoice.id)
            row = Payment.record_taken(invoice, "cash", reference, amount, real_now())
            recompute(invoice)
        return row

    def _recomputed(self):
        with transaction():
            recompute(Invoice.locked_with("account", self.invoice.id))

    def stands(self):
        row = Promise.get()
        return row.state, row.paid

    def on_its_day(self):
        move_business_time(Promise.get().decided_from - real_now() + timedelta(seconds=5))
        with transaction():
            decide_promise(Invoice.locked_with("account", self.invoice.id))
        return self.stands()


@pytest.fixture
def bill(client, valkey):
    made = Bill()
    given.worked(valkey.client())
    return made.promises()


@pytest.fixture
def worked(valkey):
    return lambda: given.worked(valkey.client())


@pytest.mark.parametrize("is_first", [True, False])
def test_a_payment_keeps_the_promise_despite_a_refund_of_older_money(bill, worked, is_first):
    if is_first:
        bill.goes_back(4_000)
    bill.pays(5_000)
    worked()
    if not is_first:
        bill.goes_back(4_000)
    assert bill.stands() == ("kept", 5_000)


def test_a_partial_payment_counts_despite_larger_refunds_of_older_money(bill, worked):
    bill.cash_was_a_mistake()
    bill.goes_back(4_000)
    bill.pays(2_000)
    worked()
    assert bill.on_its_day() == ("partly_kept", 2_000)


def test_a_refunded_new_payment_does_not_keep_the_promise(bill, worked):
    new = bill.pays(4_500)
    worked()
    bill.goes_back(4_500, new)
    assert bill.on_its_day() == ("broken", 0)


def test_older_money_won_back_in_a_dispute_does_not_keep_the_promise(client, valkey):
    """Given a dispute that took money before the promise, when it comes back after it, then it does
    not count.
    """
    bill = Bill()
    given.worked(valkey.client())
    bill.is_disputed("lost", [-4_000])
    bill.promises(4_000)
    bill.is_disputed("won", [-4_000, 4_000])
    assert Promise.get().is_open
    assert bill.on_its_day() == ("broken", 0)


def test_an_intent_declined_before_the_promise_and_paid_after_counts(client, valkey):
    """Given a card declined before the promise, when the same intent succeeds after it, then the
    payment counts.
    """
    bill = Bill()
    failed = given.an_intent(bill.invoice, "requires_payment_method", amount=5_000)
    given.received(given.an_event("payment_intent.payment_failed", failed))
    given.worked(valkey.client())
    bill.promises()
    paid = failed | {"status": "succeeded", "amount_received": 5_000}
    given.received(given.an_event("payment_intent.succeeded", paid))
    given.worked(valkey.client())
    assert bill.stands() == ("kept", 5_000)


def test_cash_voided_and_entered_again_is_not_new_money(bill):
    """Given cash entered wrong before the promise, when it is voided and entered again, then it
    does not count; an amount beyond it does.
    """
    bill.cash_was_a_mistake()
    bill.takes_cash(1_000, "till 2")
    assert Promise.get().is_open
    bill.takes_cash(2_000, "till 3")
    assert bill.on_its_day() == ("partly_kept", 2_000)


def test_a_payment_voided_before_the_promise_does_not_reduce_it(client, valkey):
    bill = Bill()
    given.worked(valkey.client())
    bill.cash_was_a_mistake()
    bill.promises(6_000)
    bill.takes_cash(6_000, "till 2")
    assert bill.stands() == ("kept", 6_000)


def test_a_promise_from_an_older_release_can_still_be_kept(bill, worked):
    Promise.update(payments_before=None).execute()
    bill.pays(5_000)
    worked()
    assert bill.stands() == ("kept", 5_000)
