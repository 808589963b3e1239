"""Refunds (F23): requested, made once, counted, failing late; never more than was taken."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.feed.outgoing_event import OutgoingEvent
from models.payments.dispute import DisputeMovement
from models.payments.refund_request import RefundRequest
from models.reports.figures import count_failed_refunds
from runtime.ids import new_id
from tests import given
from tests.clinic import Clinic


@pytest.fixture
def clinic(client, valkey, stand_in):
    """An account, its key, and an invoice of 100.00 that has been paid."""
    return Paid(client, stand_in, valkey.client(), amount=10_000)


class Paid(Clinic):
    def __init__(self, client, stripe, redis, **more):
        super().__init__(client, stripe, redis, **more)
        self.payment = stripe.paid(self.invoice, redis=redis)

    def refund(self, amount=None, key=None, **more):
        body = more | ({} if amount is None else {"amount": amount})
        headers = self.headers | {"Idempotency-Key": key or new_id("key")}
        return self.client.simulate_post(
            f"/api/payments/{self.payment.id}/refunds", json=body, headers=headers
        )

    def shown(self):
        return self.get(f"/api/payments/{self.payment.id}").json

    def work(self):
        given.worked(self.redis)
        self.stripe.deliver(self.client, self.redis)

    def books(self):
        invoice = self.now
        return invoice.amount_returned, invoice.amount_paid, invoice.outstanding, invoice.status


def test_partial_refund_reopens_part_of_the_balance(clinic):
    answer = clinic.refund(2_500, reason="requested_by_customer")
    told = answer.json["status"], answer.json["amount"], answer.json["currency"]
    assert (answer.status_code, told) == (202, ("requested", 2_500, "usd"))
    clinic.work()
    assert clinic.books() == (2_500, 7_500, 2_500, "sent")
    shown = clinic.shown()
    assert shown["refundable"] == 7_500
    assert [(refund["amount"], refund["status"]) for refund in shown["refunds"]] == [
        (2_500, "succeeded")
    ]
    assert [request["status"] for request in shown["refundRequests"]] == ["confirmed"]
    [made] = clinic.stripe.refunds(answer.json["id"])
    assert (made["reason"], made["metadata"].get("project")) == ("requested_by_customer", None)


def test_a_hint_about_refunds_that_stripe_does_not_show_is_refused(clinic):
    """Given an event that an intent's refunds have changed, when Stripe refuses to list them, as
    for an intent of the other mode, then the event is refused for an operator to see, and holds
    nobody back.
    """
    clinic.stripe.fault("refused_400", "GET", "/v1/refunds", times=20)
    charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_elsewhere"}
    given.received(given.an_event("charge.refunded", charge))
    given.retried(clinic.redis)
    event = InboxEvent.get(InboxEvent.type == "charge.refunded")
    assert (event.outcome, "refunds of pi_elsewhere" in event.reason) == ("refused", True)


def test_bounced_refund_counts_as_received_and_can_be_refunded_again(clinic):
    """Given a refund that succeeded, when the bank returns it, then the money counts as received
    and can be refunded again.
    """
    clinic.refund()
    clinic.work()
    assert clinic.books() == (10_000, 0, 10_000, "sent")
    clinic.stripe.act(clinic.shown()["refunds"][0]["id"], "fail")
    clinic.work()
    assert clinic.books() == (0, 10_000, 0, "paid")
    assert clinic.shown()["refundable"] == 10_000
    assert clinic.refund().status_code == 202
    clinic.work()
    assert clinic.books() == (10_000, 0, 10_000, "sent")


def told():
    return [
        (row.type, row.payload["refundId"], row.payload["status"])
        for row in OutgoingEvent.select().order_by(OutgoingEvent.id)
        if "refund" in row.type
    ]


def test_a_refund_whose_event_comes_before_its_answer_counts_once(clinic):
    """Given a refund whose answer was lost, when Stripe's event about it comes first, then the feed
    names its request, and the rest of the payment can still be refunded.
    """
    clinic.stripe.fault("timeout_after", "POST", "/v1/refunds", seconds=3)
    request = clinic.refund(6_000).json
    clinic.work()
    given.worked(clinic.redis)
    [row] = clinic.shown()["refundRequests"]
    assert (row["status"], clinic.books()) == ("requested", (6_000, 4_000, 6_000, "sent"))
    event = OutgoingEvent.get(OutgoingEvent.type == "refund.succeeded").payload
    assert (event["refundRequestId"], event["refundId"]) == (request["id"], row["refundId"])
    assert clinic.shown()["refundable"] == 4_000
    assert clinic.refund(4_000).status_code == 202
    given.retried(clinic.redis)
    assert clinic.books() == (10_000, 0, 10_000, "sent")
    assert {row["status"] for row in clinic.shown()["refundRequests"]} == {"confirmed"}
    assert [refund["amount"] for refund in clinic.stripe.refunds(request["id"])] == [6_000]


def test_late_refund_failure_is_reported_until_it_is_requested_again(clinic):
    """Given a refund that succeeded, when the bank returns it, then the request, the feed, the
    audit log, the timeline and the metrics show it, and it counts as failed until it is requested
    again.
    """
    asked = clinic.refund().json["id"]
    clinic.work()
    refund = clinic.shown()["refunds"][0]["id"]
    assert (told(), count_failed_refunds()) == ([("refund.succeeded", refund, "succeeded")], 0)
    clinic.stripe.act(refund, "fail")
    clinic.work()
    [request] = clinic.shown()["refundRequests"]
    assert (request["id"], request["status"]) == (asked, "failed")
    assert "Request it again" in request["error"]
    assert told()[1:] == [("refund.failed", refund, "failed")]
    assert (
        OutgoingEvent.get(OutgoingEvent.type == "refund.failed").payload["refundRequestId"] == asked
    )
    assert (
        AuditEntry.select()
        .where(
            AuditEntry.subject == f"refund_request:{asked}", AuditEntry.action == "refund.failed"
        )
        .count()
        == 1
    )
    lines = clinic.client.simulate_get(
        f"/api/invoices/{clinic.invoice.id}/timeline?limit=100", headers=clinic.headers
    ).json["data"]
    [line] = [
        line["reason"]
        for line in lines
        if line["type"] == "refund.failed" and line["kind"] == "fact"
    ]
    assert "the person did not get it" in line
    assert "another way" in line
    assert (
        "payphone_refunds_failed 1.0"
        in clinic.client.simulate_get("/metrics", headers=given.a_key(None)).text
    )
    anew = clinic.refund()
    assert (anew.status_code, anew.json["id"] != asked) == (202, True)
    clinic.work()
    assert [request["status"] for request in clinic.shown()["refundRequests"]] == [
        "failed",
        "confirmed",
    ]
    assert (count_failed_refunds(), [kind for kind, _, _ in told()]) == (
        0,
        ["refund.succeeded", "refund.failed", "refund.succeeded"],
    )


def test_refund_requested_before_the_failure_does_not_replace_the_failed_one(clinic):
    """Given two refunds, when the first fails after the second was requested, then the first still
    counts as failed.
    """
    clinic.refund(3_000)
    clinic.refund(2_000)
    clinic.work()
    first = next(row["id"] for row in clinic.shown()["refunds"] if row["amount"] == 3_000)
    clinic.stripe.act(first, "fail")
    clinic.work()
    assert count_failed_refunds() == 1


def test_refused_refund_counts_as_failed_until_one_succeeds(clinic):
    """Given a Stripe balance that lacks the money, then a refund that is refused twice counts as
    one failed refund until it succeeds.
    """
    for _ in range(2):
        clinic.stripe.fault("refused_400", "POST", "/v1/refunds")
        clinic.refund(2_000)
        clinic.work()
        assert count_failed_refunds() == 1
    clinic.refund(2_000)
    clinic.work()
    assert [request["status"] for request in clinic.shown()["refundRequests"]] == [
        "refused",
        "refused",
        "confirmed",
    ]
    assert count_failed_refunds() == 0


def test_refund_refused_because_of_a_dispute_does_not_count_as_failed(clinic):
    """Given a customer whose bank has taken the money back, then the refused refund no longer
    counts as failed.
    """
    clinic.stripe.fault("refused_400", "POST", "/v1/refunds")
    clinic.refund()
    clinic.work()
    assert count_failed_refunds() == 1
    DisputeMovement.create(
        balance_transaction_id="txn_1",
        dispute_id="du_1",
        intent_id=clinic.payment.intent_id,
        amount=-10_000,
        currency="usd",
        created_at=clinic.payment.created_at,
    )
    assert count_failed_refunds() == 0


def test_failed_dashboard_refund_is_published_once_despite_duplicate_events(clinic):
    refund = clinic.stripe.sdk.refunds.create(
        {"payment_intent": clinic.payment.intent_id, "amount": 9_000}
    ).id
    clinic.stripe.act(refund, "fail")
    clinic.work()
    for event in clinic.stripe.events():
        given.received(event | {"id": f"{event['id']}_again"})
    given.worked(clinic.redis)
    assert [kind for kind, _, _ in told()][-1:] == ["refund.failed"]
    assert [kind for kind, _, _ in told()].count("refund.failed") == 1


def test_refund_above_the_refundable_amount_is_refused(clinic):
    assert clinic.refund(10_001).json["code"] == "amount_exceeds_payment"
    assert clinic.refund(6_000).status_code == 202
    again = clinic.refund(4_001)
    assert (again.status_code, again.json["code"]) == (422, "amount_exceeds_payment")
    assert "4000 usd" in again.json["detail"]
    clinic.work()
    assert clinic.books()[0] == 6_000


def test_repeated_idempotency_key_makes_one_refund(clinic):
    first, second = clinic.refund(3_000, key="k1"), clinic.refund(3_000, key="k1")
    assert first.json["id"] == second.json["id"]
    clinic.work()
    assert clinic.books()[0] == 3_000
    assert RefundRequest.select().count() == 1


def test_concurrent_refunds_never_exceed_the_payment(clinic):
    """Given eight requests at the same moment, each to refund 30.00 of 100.00, then three are
    accepted.
    """
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(
            answer.status_code for answer in pool.map(lambda _: clinic.refund(3_000), range(8))
        )
    assert statuses == [202] * 3 + [422] * 5
    clinic.work()
    assert clinic.books() == (9_000, 1_000, 9_000, "sent")
    assert (
        sum(
            row["amount"]
            for row in clinic.stripe.sdk.refunds.list(
                {"payment_intent": clinic.payment.intent_id}
            ).data
        )
        == 9_000
    )


def test_a_refund_made_in_stripes_dashboard_counts_too(clinic):
    clinic.stripe.sdk.refunds.create({"payment_intent": clinic.payment.intent_id, "amount": 9_000})
    clinic.work()
    assert clinic.books() == (9_000, 1_000, 9_000, "sent")
    assert clinic.refund(1_001).status_code == 422
    assert clinic.refund().json["amount"] == 1_000


def test_refund_refused_by_stripe_is_shown_and_reserves_nothing(clinic):
    """Given staff who refund the whole payment in the dashboard first, then our request is refused,
    says so, and reserves nothing.
    """
    asked = clinic.refund(5_000)
    clinic.stripe.sdk.refunds.create({"payment_intent": clinic.payment.intent_id})
    clinic.work()
    assert clinic.books()[0] == 10_000
    request = clinic.shown()["refundRequests"][0]
    assert (request["id"], request["status"]) == (asked.json["id"], "refused")
    assert "already been refunded" in request["error"]
    assert count_failed_refunds() == 0, "the money went back all the same"


def test_only_the_accounts_own_succeeded_payment_can_be_refunded(clinic, client):
    other = given.a_key(given.an_account(name="Other"))
    assert (
        client.simulate_post(
            f"/api/payments/{clinic.payment.id}/refunds",
            json={},
            headers=other | {"Idempotency-Key": "k1"},
        ).status_code
        == 404
    )
    clinic.payment.status = "failed"
    clinic.payment.save()
    assert clinic.refund().json["code"] == "payment_not_refundable"


def test_connected_accounts_payment_is_refunded_in_that_account(client, valkey, stand_in):
    connected = stand_in.open_account()
    account = given.an_account(stripe_account=connected)
    clinic = Paid(client, stand_in, valkey.client(), account=account, amount=10_000)
    asked = clinic.refund(4_000)
    clinic.work()
    assert clinic.books()[0] == 4_000
    assert [row["stripe_account"] for row in stand_in.refunds(asked.json["id"])] == [connected]
    assert {request["account"] for request in stand_in.requests("/v1/refunds")} == {connected}


def test_refund_request_and_its_outcome_are_audited(clinic):
    """F61: each refund's request, by whom, and its outcome are audited."""
    asked = clinic.refund(2_000)
    clinic.work()
    entries = list(
        AuditEntry.select()
        .where(AuditEntry.subject == f"refund_request:{asked.json['id']}")
        .order_by(AuditEntry.id)
    )
    assert [entry.action for entry in entries] == ["refund.requested", "refund.confirmed"]
    assert entries[0].actor.startswith("key:")
    assert entries[1].detail["amount"] == 2_000
    assert AuditEntry.select().where(AuditEntry.action == "payment.succeeded").count() == 1
