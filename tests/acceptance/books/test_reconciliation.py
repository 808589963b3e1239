"""Our sums against Stripe's: no report when they agree, and each difference by its kind when they
do not (B8, RELIABILITY 7).
"""

from datetime import timedelta

import pytest

from actions.books import compare
from actions.payments.record_offline_payment import OfflinePayment, record_offline_payment
from models.accounts.account import Account
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Difference, Reconciliation, Sighting
from models.delivery.stage import stage
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.refund import Refund
from models.transactions import transaction
from providers.stripe import lists
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given
from tests.clinic import Clinic

NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


@pytest.fixture
def books(client, valkey, stripe_stand_in):
    return Books(client, valkey.client(), stripe_stand_in)


class Books:
    """One clinic paid through the platform's Stripe account and one through its own; every Stripe
    event arrives unless a test withholds it.
    """

    def __init__(self, client, redis, stripe):
        self.client, self.redis, self.stripe = client, redis, stripe
        self.connected = stripe.sdk.accounts.create({"country": "US"}).id
        self.clinic, self.other = (
            given.an_account(),
            given.an_account(stripe_account=self.connected),
        )
        self.headers = given.a_key(self.clinic)

    def paid(self, clinic=None, amount=10_000, heard=True, **metadata):
        """Return a paid invoice and its intent's id."""
        invoice = given.an_invoice(clinic or self.clinic, amount=amount)
        options = (
            {"stripe_account": invoice.account.stripe_account}
            if invoice.account.stripe_account
            else {}
        )
        asked = {
            "amount": amount,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "metadata": given.metadata_of(invoice) | metadata,
        }
        intent = self.stripe.sdk.payment_intents.create(asked | NO_REDIRECTS, options)
        if heard:
            self.hear()
        return invoice, intent.id

    def hear(self):
        """Receive and process every event that Stripe lists so far."""
        for account in ("", self.connected):
            for event in self.stripe.sdk.events.list(
                {"limit": 100}, {"stripe_account": account} if account else {}
            ).data:
                if not InboxEvent.select().where(InboxEvent.event_id == event.id).exists():
                    given.received(event.to_dict() | ({"account": account} if account else {}))
        self.work()

    def work(self):
        for _ in range(40):
            given.make_due()
            given.relayed(self.redis)
            if not given.worked(self.redis, "periodic") + given.worked(self.redis, "webhooks"):
                return

    def reconcile(self, key="test"):
        with transaction():
            stage("reconcile_stripe", key)
        self.work()
        assert {run.state for run in Reconciliation.select()} == {"done"}
        assert not Sighting.select().exists()
        assert given.states() == {"done": len(given.jobs_staged())}
        return self.report()

    def report(self, headers=None):
        runs = self.client.simulate_get(
            "/api/finance/reconciliation", headers=headers or self.headers
        ).json["data"]
        return [line for run in runs for line in run["differences"]]


def named(report):
    return [
        (line["kind"], line["invoiceId"], line["ours"], line["theirs"], line["status"])
        for line in report
    ]


def test_books_that_agree_have_no_differences(books):
    """Given payments on both accounts, a refund and an offline payment, then no difference is
    reported and no backfill starts.
    """
    books.paid()
    books.paid(books.other)
    _, intent = books.paid()
    books.stripe.sdk.refunds.create({"payment_intent": intent, "amount": 1_234})
    books.hear()
    cash = given.an_invoice(books.clinic)
    now = real_now()
    Payment.record_taken(cash, "cash", "receipt 7", 12_500, now)
    # an intent that is not ours
    books.stripe.sdk.payment_intents.create({"amount": 700, "currency": "usd"})
    books.work()
    assert books.reconcile() == []
    assert sum(run.compared for run in Reconciliation.select()) == 4
    assert Backfill.select().count() == 0


def test_differences_due_to_missing_events_are_backfilled_and_marked_healed(books):
    """Given a payment and a refund whose events never arrived, then a backfill fetches them and the
    report shows both as healed.
    """
    half, intent = books.paid()
    lost, _ = books.paid(heard=False)
    books.stripe.sdk.refunds.create({"payment_intent": intent, "amount": 500})
    report = books.reconcile()
    assert sorted(named(report)) == [
        ("payment_missing", lost.id, 0, 10_000, "healed"),
        ("refund_missing", half.id, 0, 500, "healed"),
    ]
    assert (given.fresh(lost).status, given.fresh(half).amount_returned) == ("paid", 500)
    assert InboxEvent.select().where(InboxEvent.type == "refund.created").count() == 1
    assert Backfill.select().where(Backfill.stripe_account == "").count() == 1
    assert books.reconcile("an hour later") == []


def test_wrong_payment_amount_is_reported_and_not_corrected(books):
    """Given a payment whose amount was altered in our database, then it is reported with both
    amounts and is not corrected.
    """
    invoice, intent = books.paid()
    Payment.update(amount_received=9_000).where(Payment.intent_id == intent).execute()
    Invoice.update(amount_received=9_000, amount_paid=9_000).where(
        Invoice.id == invoice.id
    ).execute()
    assert named(books.reconcile()) == [("payment_differs", invoice.id, 9_000, 10_000, "open")]
    assert named(books.reconcile("later")) == [
        ("payment_differs", invoice.id, 9_000, 10_000, "open")
    ]
    assert Payment.get().amount_received == 9_000


def test_payment_or_refund_unknown_to_stripe_is_reported(books):
    """Given a payment and a refund in our books that Stripe does not have, then each is reported
    and no backfill starts.
    """
    invoice, intent = books.paid()
    now = real_now()
    invented = given.an_intent(other := given.an_invoice(books.clinic, amount=4_000))
    given.received(given.an_event("payment_intent.succeeded", invented))
    refund = given.a_refund({"id": intent, "currency": "usd", "latest_charge": "ch_1"}, 300)
    Refund.record_report("", refund, now)
    books.work()
    report = named(books.reconcile())
    assert ("payment_unknown", other.id, 4_000, 0, "open") in report
    assert ("refund_unknown", invoice.id, 300, 0, "open") in report
    assert Backfill.select().count() == 0


def test_refund_that_failed_at_stripe_but_counts_here_is_reported(books):
    """Given a refund that failed at Stripe and whose event never arrived, then it is reported as
    returning nothing there.
    """
    invoice, intent = books.paid()
    refund = books.stripe.sdk.refunds.create({"payment_intent": intent, "amount": 800})
    books.hear()
    with books.stripe.sandbox.shared.lock:
        at_stripe = books.stripe.sandbox.stripe.platform.tables["refund"][refund.id]
        at_stripe |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    assert ("refund_differs", invoice.id, 800, 0, "open") in named(books.reconcile())


def test_refund_with_a_different_amount_at_stripe_is_reported(books):
    """Given a refund whose amount in our books is not Stripe's, then it is reported with both
    amounts.
    """
    invoice, intent = books.paid()
    refund = books.stripe.sdk.refunds.create({"payment_intent": intent, "amount": 800})
    books.hear()
    Refund.update(amount=900).where(Refund.refund_id == refund.id).execute()
    assert ("refund_differs", invoice.id, 900, 800, "open") in named(books.reconcile())


def test_invoice_sums_that_disagree_with_their_payments_are_reported(books):
    """Given an invoice whose own sums were altered while its payments are right, then the sums are
    reported.
    """
    invoice, _ = books.paid()
    Invoice.update(amount_received=1, amount_returned=2).where(Invoice.id == invoice.id).execute()
    assert named(books.reconcile()) == [
        ("received", invoice.id, 1, 10_000, "open"),
        ("returned", invoice.id, 2, 0, "open"),
    ]


def test_an_open_intent_for_another_amount_is_shown_and_restored(books):
    """Given an open intent whose amount at Stripe is not the one last confirmed, as after a change
    that took effect late, then it is reported once, and changed back; nobody has to do anything.
    """
    clinic = Clinic(books.client, books.stripe, account=books.clinic)
    intent_id = clinic.intent().json["paymentIntentId"]
    books.work()
    books.stripe.sdk.payment_intents.update(intent_id, {"amount": 15_000})
    assert books.reconcile("at once") == []  # it may be changing just now
    PaymentAttempt.update(updated_at=real_now() - timedelta(hours=1)).execute()
    assert named(books.reconcile()) == [
        ("intent_differs", clinic.invoice.id, 12_500, 15_000, "healed")
    ]
    assert books.stripe.sdk.payment_intents.retrieve(intent_id).amount == 12_500
    assert books.reconcile("later") == []


def test_an_invoice_that_is_paid_while_its_sums_are_compared_is_not_shown(books, monkeypatch):
    """Given an invoice whose sums were just read, when a payment is recorded before its facts are
    read, as may happen on PostgreSQL, then no difference is reported.
    """
    invoice, _ = books.paid(amount=4_000)
    real = compare.InvoiceFacts

    class Meanwhile:
        """Record cash between the two reads."""

        @staticmethod
        def of(row):
            if not Payment.select().where(Payment.method == "cash").exists():
                cash = OfflinePayment(1_000, "usd", "cash", "till 1")
                record_offline_payment(invoice.id, cash, "test")
            return real.of(row)

    monkeypatch.setattr(compare, "InvoiceFacts", Meanwhile)
    assert books.reconcile() == []
    assert given.fresh(invoice).amount_received == 5_000


def test_a_payment_through_the_account_used_before_is_missing_not_refused(books):
    """Given a link made in the platform's account and paid there after its clinic has connected an
    account of its own, when the event is lost, then the payment is fetched, not reported as money
    that names another account's invoice.
    """
    clinic = Clinic(books.client, books.stripe, account=books.clinic)
    intent_id = clinic.intent().json["paymentIntentId"]
    books.work()
    own = books.stripe.sdk.accounts.create({"country": "US"}).id
    Account.update(stripe_account=own).where(Account.id == books.clinic.id).execute()
    books.stripe.sdk.payment_intents.confirm(
        intent_id, {"payment_method": "pm_card_visa", "return_url": "https://example.org"}
    )
    Payment.delete().execute()
    books.reconcile()
    assert [(row.kind, row.invoice_id, row.state) for row in Difference.select()] == [
        ("payment_missing", clinic.invoice.id, "healed")
    ]
    assert clinic.now.status == "paid"


def test_payment_that_names_another_stripe_accounts_invoice_is_reported(books):
    """Given a payment on the platform's account that names an invoice of a clinic with its own
    account, then it is reported as refused and the invoice stays unpaid.
    """
    theirs = given.an_invoice(books.other)
    asked = {
        "amount": 5_000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "metadata": given.metadata_of(theirs),
    }
    books.stripe.sdk.payment_intents.create(asked | NO_REDIRECTS)
    books.reconcile()
    assert [(row.kind, row.invoice_id, row.theirs) for row in Difference.select()] == [
        ("payment_refused", theirs.id, 5_000)
    ]
    assert given.fresh(theirs).status == "sent"


def test_each_clinic_sees_its_own_differences_and_operators_see_all(books):
    """Given one difference at each of three clinics, two of them on one Stripe account, then each
    clinic sees only its own, and operators see all three.
    """
    neighbour = given.an_account()
    for clinic in (books.clinic, books.other, neighbour):
        _, intent = books.paid(clinic)
        Payment.update(amount_received=1).where(Payment.intent_id == intent).execute()
    books.reconcile()
    seen = {
        clinic.id: {line["invoiceId"] for line in books.report(given.a_key(clinic))}
        for clinic in (books.clinic, books.other, neighbour)
    }
    for clinic_id, invoices in seen.items():
        assert {Invoice.get_by_id(invoice).account_id for invoice in invoices} == {clinic_id}
    assert len({line["invoiceId"] for line in books.report(given.a_key(None))}) == 3
    shown = books.client.simulate_get("/api/finance/reconciliation", headers=books.headers).json[
        "data"
    ]
    assert [run["compared"] for run in shown] == [None]


def test_metrics_count_differences_by_kind(books):
    _, intent = books.paid()
    Payment.update(amount_received=1).where(Payment.intent_id == intent).execute()
    books.reconcile()
    from models.reports.figures import count_differences

    assert count_differences()["payment_differs"] == 1


def test_each_payment_is_compared_once_across_many_pages(books, monkeypatch):
    """Given more payments than a page holds, then each is compared once, page by page."""
    monkeypatch.setattr(lists, "PAGE", 2)
    invoices = [books.paid()[0] for _ in range(5)]
    Payment.update(amount_received=1).where(Payment.invoice == invoices[0].id).execute()
    report = books.reconcile()
    assert {line["invoiceId"] for line in report} == {invoices[0].id}
    run = Reconciliation.get(Reconciliation.stripe_account == "")
    assert (run.compared, run.page > 5) == (5, True)


def test_daily_rereading_fetches_an_event_lost_before_the_watermark(books):
    """Given an event that the inbox lost although the watermark is past it, then the daily
    re-reading of the last days fetches it.
    """
    from models.books.stripe_watermark import StripeWatermark
    from runtime.clock import real_seconds

    invoice, _ = books.paid(heard=False)
    StripeWatermark.record_reached("", 0, int(real_seconds()) + 7_200, "evt_newest", real_now())
    Backfill.create(
        stripe_account="",
        since=0,
        asked_by="test",
        created_at=real_now() - timedelta(hours=25),
        state="done",
    )
    with transaction():
        stage("backfill_stripe_events", new_id("t"))
    books.work()
    assert given.fresh(invoice).status == "paid"
