"""Disputes: the bank takes the money back, collection pauses, and the verdict counts, in any order
of events.
"""

import itertools
import random
from datetime import UTC, datetime

import pytest

from actions.payments.recompute import recompute
from jobs.ask_stripe_again import ask_stripe_again, stripe_api
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.delivery.stage import stage
from models.feed.outgoing_event import OutgoingEvent
from models.payments.dispute import Dispute, DisputeMovement
from models.payments.payment_link import PayAddress, PaymentLink
from models.payments.refund_request import refundable
from models.transactions import transaction
from rules.dispute_course import may_follow, withheld
from runtime.clock import business_now
from tests import given
from tests.clinic import Clinic


@pytest.fixture
def clinic(client, valkey, stand_in):
    return Disputed(client, stand_in, valkey.client(), amount=10_000)


class Disputed(Clinic):
    """An invoice of 100.00, paid at Stripe; each test decides which events reach Payphone."""

    def __init__(self, client, stripe, redis, **invoice):
        super().__init__(client, stripe, redis, **invoice)
        self.intent = stripe.charge(self.invoice)

    def hear(self):
        self.stripe.deliver(self.client, self.redis)

    def books(self):
        return *super().books(), self.now.disputed

    def dispute(self, **how):
        self.stripe.act(self.intent["id"], "dispute", **how)
        return self.stripe.sdk.disputes.list({"payment_intent": self.intent["id"]}).data[0].id


DISPUTED, WON, LOST = (
    ("sent", 0, 10_000, True),
    ("paid", 10_000, 0, False),
    ("sent", 0, 10_000, False),
)


def test_dispute_removes_the_money_and_stops_collection(clinic, client):
    """Given a paid invoice, when its payment is disputed, then the money no longer counts, and the
    customer is not asked to pay.
    """
    clinic.hear()
    assert clinic.books() == WON
    clinic.dispute()
    clinic.hear()
    assert clinic.books() == DISPUTED
    answer = clinic.link()
    assert (answer.status_code, answer.json["code"]) == (409, "invoice_not_payable")
    address = PayAddress.of(given.fresh(clinic.invoice), business_now())
    page = client.simulate_get(f"/p/{address.token}")
    assert page.status_code == 410
    assert PaymentLink.select().count() == 0


@pytest.mark.parametrize(("verdict", "end"), [("win", WON), ("lose", LOST)])
def test_won_dispute_restores_the_payment_and_a_lost_one_does_not(clinic, verdict, end):
    clinic.hear()
    dispute = clinic.dispute()
    clinic.hear()
    clinic.stripe.act(dispute, verdict)
    clinic.hear()
    assert clinic.books() == end
    assert Dispute.get().status == {"win": "won", "lose": "lost"}[verdict]
    assert sum(row.amount for row in DisputeMovement.select()) == (
        0 if verdict == "win" else -10_000
    )


def test_won_dispute_blocks_collection_until_the_money_is_back(clinic, client):
    """Given a dispute won by the clinic whose money Stripe returns later, then the customer is not
    asked to pay in between.
    """
    clinic.hear()
    dispute = clinic.dispute()
    clinic.stripe.act(dispute, "decide_won")
    clinic.hear()
    assert (Dispute.get().status, clinic.books()) == ("won", DISPUTED)
    assert clinic.link().status_code == 409
    order = {"invoiceId": clinic.invoice.id, "paymentMethodId": "pm_card_visa"}
    headers = clinic.headers | {"Idempotency-Key": "k1"}
    answer = client.simulate_post("/api/payments/phone", json=order, headers=headers)
    assert answer.status_code == 409
    clinic.stripe.act(dispute, "reinstate")
    clinic.hear()
    assert (clinic.books(), given.fresh(clinic.invoice).overpaid) == (WON, 0)


def test_partial_dispute_leaves_the_rest_paid(clinic):
    clinic.hear()
    clinic.dispute(amount=3_000)
    clinic.hear()
    assert clinic.books() == ("sent", 7_000, 3_000, True)


def test_an_inquiry_moves_no_money_until_it_escalates(clinic):
    clinic.hear()
    dispute = clinic.dispute(inquiry=True)
    clinic.hear()
    assert clinic.books() == ("paid", 10_000, 0, True)
    clinic.stripe.act(dispute, "escalate")
    clinic.hear()
    assert clinic.books() == DISPUTED


def told():
    rows = (
        OutgoingEvent.select()
        .where(OutgoingEvent.type.startswith("dispute."))
        .order_by(OutgoingEvent.id)
    )
    return [(row.type, row.payload["status"], row.payload.get("verdict")) for row in rows]


def test_evidence_deadline_of_a_dispute_is_shown_until_it_is_decided(clinic, client):
    """Given a dispute, then the payment, the invoice and the timeline show the deadline for
    evidence; once it is decided, nothing is due.
    """
    clinic.hear()
    dispute = clinic.dispute()
    clinic.hear()
    seconds = clinic.stripe.sdk.disputes.retrieve(dispute).evidence_details.due_by
    due = datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    payment = given.fresh(clinic.invoice).payments.get()

    def shown(path):
        return client.simulate_get(path, headers=clinic.headers).json

    [row] = shown(f"/api/payments/{payment.id}")["disputes"]
    assert (row["id"], row["status"], row["dueBy"]) == (dispute, "needs_response", due)
    assert shown(f"/api/invoices/{clinic.invoice.id}")["disputeDueBy"] == due
    [line] = [
        line
        for line in shown(f"/api/invoices/{clinic.invoice.id}/timeline?limit=100")["data"]
        if (line["kind"], line["type"]) == ("fact", "dispute")
    ]
    assert f"Send evidence in Stripe's dashboard by {due[:10]} {due[11:16]} UTC." in line["reason"]
    clinic.stripe.act(dispute, "lose")
    clinic.hear()
    assert shown(f"/api/invoices/{clinic.invoice.id}")["disputeDueBy"] is None


def test_later_evidence_deadline_replaces_the_earlier_one(database_url):
    invoice = given.an_invoice()
    said = {
        "id": "dp_1",
        "payment_intent": "pi_1",
        "amount": 100,
        "currency": "usd",
        "status": "needs_response",
        "evidence_details": {"due_by": 1_800_000_000},
    }
    assert Dispute.record_report("", said, invoice.created_at)
    assert not Dispute.record_report("", said, invoice.created_at)
    assert Dispute.record_report(
        "", said | {"evidence_details": {"due_by": 1_800_086_400}}, invoice.created_at
    )
    assert Dispute.get().due_by == datetime.fromtimestamp(1_800_086_400, UTC)


@pytest.mark.parametrize(("verdict", "status"), [("win", "won"), ("lose", "lost")])
def test_dispute_and_its_verdict_are_each_published_once(clinic, verdict, status):
    clinic.hear()
    dispute = clinic.dispute()
    clinic.hear()
    assert told() == [("dispute.opened", "needs_response", None)]
    clinic.stripe.act(dispute, verdict)
    clinic.hear()
    for event in clinic.stripe.events():
        given.received(event | {"id": f"{event['id']}_again"})
    given.worked(clinic.redis)
    assert told()[1:] == [("dispute.closed", status, status)]


def test_closed_inquiry_that_becomes_a_dispute_is_published_as_opened_again(clinic):
    clinic.hear()
    payment = given.fresh(clinic.invoice).payments.get()
    said = {"id": "dp_1", "payment_intent": payment.intent_id, "amount": 10_000, "currency": "usd"}
    for status in ("warning_needs_response", "warning_closed", "needs_response", "lost"):
        Dispute.record_report("", said | {"status": status}, business_now())
        recompute(given.fresh(clinic.invoice))
    assert [kind for kind, _, _ in told()] == ["dispute.opened", "dispute.closed"] * 2


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("verdict", "end"), [("win", WON), ("lose", LOST)])
def test_shuffled_and_duplicated_dispute_events_give_the_same_books(clinic, verdict, end, seed):
    """Given every event of a dispute and of its payment, shuffled and doubled, then the books end
    the same.
    """
    dispute = clinic.dispute()
    clinic.stripe.act(dispute, verdict)
    events = [event.to_dict() for event in clinic.stripe.sdk.events.list({"limit": 100}).data]
    doubled = events + [dict(event, id=f"{event['id']}_again") for event in events]
    random.Random(seed).shuffle(doubled)
    for event in doubled:
        given.received(event)
    given.worked(clinic.redis)
    assert clinic.books() == end
    assert InboxEvent.select().where(InboxEvent.outcome.is_null()).count() == 0
    assert AuditEntry.select().where(AuditEntry.subject == f"dispute:{dispute}").count() == 1


def split(stand_in):
    """Stripe's events so far: those of refunds and disputes, and those of the payment itself."""
    events = [event.to_dict() for event in stand_in.sdk.events.list({"limit": 100}).data]
    back = [
        event
        for event in events
        if event["type"].startswith(("charge.dispute", "charge.refund", "refund."))
    ]
    return back, [event for event in events if event["type"].startswith("payment_intent.")]


def outcomes(events):
    rows = InboxEvent.select().where(InboxEvent.event_id.in_([event["id"] for event in events]))
    return {(row.outcome, row.reason, row.invoice_id) for row in rows}


def go_back(clinic, what):
    if what == "dispute":
        clinic.dispute()
    else:
        clinic.stripe.sdk.refunds.create({"payment_intent": clinic.intent["id"], "amount": 10_000})


@pytest.mark.parametrize("what", ["dispute", "refund"])
def test_unmatched_dispute_or_refund_is_applied_once_its_payment_is_known(clinic, what):
    """Given a dispute or refund whose event arrives before its payment's, when that arrives, then
    both count, and the event is `applied`.
    """
    go_back(clinic, what)
    back, paid = split(clinic.stripe)
    elsewhere = given.an_event(
        "charge.refunded", {"object": "charge", "payment_intent": "pi_of_another_business"}
    )
    for event in [*back, elsewhere]:
        given.received(event)
    given.worked(clinic.redis)
    assert outcomes(back) == {
        ("unmatched", f"{clinic.intent['id']} belongs to no invoice here", None)
    }
    for event in paid:
        given.received(event)
    given.worked(clinic.redis)
    assert outcomes(back) == {("applied", None, clinic.invoice.id)}
    assert outcomes([elsewhere]) == {
        ("unmatched", "pi_of_another_business belongs to no invoice here", None)
    }
    assert clinic.books()[:3] == DISPUTED[:3]


def test_disputed_payment_cannot_also_be_refunded(clinic):
    """Given money that the bank has taken back, then it cannot be refunded as well."""
    clinic.hear()
    clinic.dispute()
    clinic.hear()
    payment = given.fresh(clinic.invoice).payments.get()
    answer = clinic.client.simulate_post(
        f"/api/payments/{payment.id}/refunds",
        json={},
        headers=clinic.headers | {"Idempotency-Key": "k1"},
    )
    assert (answer.status_code, answer.json["code"]) == (422, "amount_exceeds_payment")


def test_payment_refunded_and_then_disputed_has_nothing_refundable(clinic):
    """Given a payment refunded in full, when it is disputed too, then the money has gone twice, and
    the refundable amount is zero, not negative.
    """
    clinic.hear()
    clinic.stripe.sdk.refunds.create({"payment_intent": clinic.intent["id"]})
    clinic.dispute()
    clinic.hear()
    payment = given.fresh(clinic.invoice).payments.get()
    assert clinic.get(f"/api/payments/{payment.id}").json["refundable"] == 0
    answer = clinic.client.simulate_post(
        f"/api/payments/{payment.id}/refunds",
        json={},
        headers=clinic.headers | {"Idempotency-Key": "k1"},
    )
    assert (answer.status_code, answer.json["code"]) == (422, "amount_exceeds_payment")
    assert "0 usd (minor units) can still be refunded" in answer.json["detail"]
    assert clinic.books() == DISPUTED


# after a report of October 2024: the account settles in a currency other than the payment's
WITHDRAWN, ADJUSTED, BACK = (
    ("txn_1", -7_900, "eur"),
    ("txn_2", -120, "eur"),
    ("txn_3", 8_020, "eur"),
)


def settles(clinic, dispute, *moved):
    """Set the dispute's balance transactions, as Stripe lists them now."""
    rows = [{"id": txn, "amount": amount, "currency": code} for txn, amount, code in moved]
    with clinic.stripe.sandbox.shared.lock:
        account = clinic.stripe.sandbox.stripe.platform
        account.tables["dispute"][dispute]["balance_transactions"] = rows


@pytest.mark.parametrize("moved", list(itertools.permutations([WITHDRAWN, ADJUSTED, BACK])))
def test_a_dispute_in_a_foreign_settlement_currency_nets_out(clinic, moved):
    """Given a dispute on a payment in dollars whose money moves in euros, at two rates and with an
    adjustment, then the whole dispute is withheld until the sum is zero, whatever the order in
    which the movements become known.
    """
    clinic.hear()
    dispute = clinic.dispute()
    for known in (1, 2):
        settles(clinic, dispute, *moved[:known])
        given.received(given.an_event("charge.dispute.updated", about(clinic, dispute)))
        given.worked(clinic.redis)
        is_gone = sum(amount for _, amount, _ in moved[:known]) < 0
        assert clinic.books()[:3] == (DISPUTED if is_gone else WON)[:3]
    settles(clinic, dispute, *moved)
    clinic.stripe.act(dispute, "decide_won")
    clinic.hear()
    assert clinic.books() == WON
    payment = given.fresh(clinic.invoice).payments.get()
    assert refundable(payment) == 10_000


def test_wrong_foreign_movements_of_an_earlier_release_are_corrected(clinic):
    """Given a won dispute for which an earlier release stored the dispute's own amount for each
    movement, so that 100.00 stayed withheld, then the hourly comparison with Stripe corrects it.
    """
    clinic.hear()
    dispute = clinic.dispute()
    settles(clinic, dispute, WITHDRAWN, ADJUSTED, BACK)
    clinic.stripe.act(dispute, "decide_won")
    clinic.hear()
    DisputeMovement.update(currency="usd", amount=-10_000).where(
        DisputeMovement.amount < 0
    ).execute()
    DisputeMovement.update(currency="usd", amount=10_000).where(
        DisputeMovement.amount == 8_020
    ).execute()
    recompute(given.fresh(clinic.invoice))
    assert clinic.books()[:3] == DISPUTED[:3]
    with transaction():
        stage("reconcile_stripe", "hourly")
    for queue in ("periodic", "webhooks"):
        given.retried(clinic.redis, queue, 1)
    assert clinic.books() == WON
    assert Dispute.won_but_withheld("") == []


@pytest.mark.parametrize(("first", "then"), [("win", "lost"), ("lose", "won")])
def test_verdict_reversed_by_an_unreported_appeal_counts_once_read_again(clinic, first, then):
    """Given a verdict reversed on appeal, of which every event was missed, when the dispute is read
    again, then the last verdict counts, as the movements show.
    """
    clinic.hear()
    dispute = clinic.dispute()
    clinic.hear()
    clinic.stripe.act(dispute, first)
    clinic.hear()
    with clinic.stripe.sandbox.shared.lock:
        row = clinic.stripe.sandbox.stripe.platform.tables["dispute"][dispute]
        amount = 10_000 if then == "won" else -10_000
        again = {"id": "txn_again", "amount": amount, "currency": "usd"}
        row["balance_transactions"] = [*row["balance_transactions"], again]
        row["status"] = then
    given.received(given.an_event("charge.dispute.updated", about(clinic, dispute)))
    given.worked(clinic.redis)
    end = {"won": WON, "lost": LOST}[then]
    assert (Dispute.get().status, clinic.books()) == (then, end)


def test_dispute_counts_if_its_payment_is_recorded_during_the_lookup(clinic, monkeypatch):
    """Given a dispute read from Stripe before its payment is known, when the payment is recorded
    while Stripe answers, then the invoice is disputed.
    """
    dispute = clinic.dispute()
    _, paid = split(clinic.stripe)
    read = stripe_api.get_dispute

    def is_paid_meanwhile(*asked):
        told = read(*asked)
        for event in paid:
            given.received(event)
        given.worked(clinic.redis)
        return told

    monkeypatch.setattr(stripe_api, "get_dispute", is_paid_meanwhile)
    ask_stripe_again.perform("dispute", dispute, "")
    assert clinic.books()[:3] == DISPUTED[:3]


def test_stale_dispute_lookup_does_not_overwrite_a_newer_state(clinic, monkeypatch):
    """Given a dispute read from Stripe while its payment is unknown, when the payment and a newer
    state of the dispute are recorded before the answer comes, then the newer state stays.
    """
    dispute = clinic.dispute()
    others, paid = split(clinic.stripe)
    read = stripe_api.get_dispute

    def answered_meanwhile(*asked):
        told = read(*asked)
        monkeypatch.setattr(stripe_api, "get_dispute", read)
        with clinic.stripe.sandbox.shared.lock:
            row = clinic.stripe.sandbox.stripe.platform.tables["dispute"][dispute]
            row["status"] = "under_review"
        for event in (*paid, *others):
            given.received(event)
        given.retried(clinic.redis)
        return told

    monkeypatch.setattr(stripe_api, "get_dispute", answered_meanwhile)
    with transaction():
        stage("ask_stripe_again", f"dispute:{dispute}", "dispute", dispute, "")
    given.retried(clinic.redis)
    assert (Dispute.get().status, clinic.books()) == ("under_review", DISPUTED)


def about(clinic, dispute):
    return {"id": dispute, "object": "dispute", "payment_intent": clinic.intent["id"]}


@pytest.mark.parametrize(
    ("moved", "held"),
    [
        ([], 0),
        ([(-100, "eur")], 5_000),
        ([(-100, "eur"), (100, "eur")], 0),
        ([(-100, "eur"), (130, "eur")], 0),
        ([(-100, "eur"), (60, "eur")], 5_000),
        # the account now settles in another currency: a sum across both means nothing
        ([(-100, "eur"), (90, "usd")], 0),
    ],
)
def test_dispute_is_withheld_entirely_or_not_at_all(moved, held):
    assert withheld(5_000, moved) == withheld(5_000, reversed(moved)) == held


@pytest.mark.parametrize("word", [None, "being_looked_into"])
def test_dispute_with_an_unknown_status_is_shown_and_stays_open(clinic, word):
    """Given a dispute whose status is null or a new word of Stripe's, then the customer is not
    asked to pay, the word is shown, and a known one replaces it.
    """
    clinic.hear()
    dispute = clinic.dispute()
    with clinic.stripe.sandbox.shared.lock:
        rows = clinic.stripe.sandbox.stripe.platform.tables["dispute"]
        before, rows[dispute]["status"] = rows[dispute]["status"], word
    clinic.hear()
    assert (Dispute.get().status, clinic.books()) == (word or "unknown", DISPUTED)
    assert given.states() == {"done": len(given.jobs_staged())}
    rows[dispute]["status"] = before
    clinic.stripe.act(dispute, "win")
    clinic.hear()
    assert (Dispute.get().status, clinic.books()) == ("won", WON)


@pytest.mark.parametrize(
    ("known", "told", "holds"),
    [
        ("needs_response", "under_review", True),
        ("under_review", "won", True),
        ("won", "under_review", False),
        ("lost", "needs_response", False),
        ("lost", "won", False),
        ("lost", "appeal_under_review", True),
        ("appeal_under_review", "won", True),
        ("warning_closed", "needs_response", True),
        ("warning_closed", "warning_under_review", False),
        ("won", "won", False),
    ],
)
def test_dispute_status_follows_only_allowed_transitions(known, told, holds):
    assert may_follow(known, told) is holds
