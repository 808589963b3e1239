"""Payment links (F18, F40): planned, made once, followed through our own address, and refused with
a reason.
"""

import signal

import falcon.testing
import pytest

from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.payments.payment_link import PaymentLink
from tests import given
from tests.clinic import Clinic
from tests.stand_ins.stand_in import LINKS


@pytest.fixture
def clinic(client, valkey, stand_in):
    return Linking(client, stand_in, valkey.client(), amount=10_000)


class Linking(Clinic):
    def follow(self, answer):
        return self.client.simulate_get("/p/" + answer.json["url"].rsplit("/", 1)[1])

    def work(self, rounds=0):
        for queue in ("messages", "webhooks"):
            given.worked(self.redis, queue)
            given.retried(self.redis, queue, rounds)


def test_payment_link_is_requested_created_followed_and_paid(clinic, client):
    answer = clinic.link()
    assert (answer.status_code, answer.json["status"], answer.json["amount"]) == (
        202,
        "planned",
        10_000,
    )
    assert answer.headers["location"] == f"/api/invoices/{clinic.invoice.id}"
    clinic.work()
    link = PaymentLink.get_by_id(answer.json["paymentLinkId"])
    followed = clinic.follow(answer)
    assert (followed.status_code, followed.headers["Location"]) == (303, link.url)
    clinic.stripe.follow_and_pay(link.url)
    clinic.stripe.deliver(client, clinic.redis)
    assert given.fresh(clinic.invoice).status == "paid"
    assert "has been paid" in clinic.follow(answer).text


def test_following_a_link_before_a_worker_runs_creates_it_once(clinic):
    """Given a link that no worker has made yet, when it is followed, then the request makes it,
    once, and RQ shows the job as finished.
    """
    answer = clinic.link()
    job = StagedJob.get(StagedJob.name == "create_payment_link")
    followed = clinic.follow(answer)
    assert (followed.status_code, followed.headers["Location"]) == (303, PaymentLink.get().url)
    assert clinic.redis.hget(f"rq:job:create_payment_link-{job.id}", "status") == b"finished"
    clinic.work(rounds=1)
    assert (len(clinic.stripe.requests(LINKS)), StagedJob.get_by_id(job.id).attempts) == (1, 1)


def test_following_a_failed_link_calls_stripe_only_when_the_job_is_due(clinic):
    """Given a failure at Stripe, when the address is opened again and again, then Stripe is not
    called each time, but only once the job is due again.
    """
    answer = clinic.link()
    clinic.stripe.fault("bad_gateway", "POST", LINKS)
    assert [clinic.follow(answer).status_code for _ in range(3)] == [503] * 3
    assert len(clinic.stripe.requests(LINKS)) == 1
    given.make_due()
    assert clinic.follow(answer).status_code == 303


def test_following_a_link_while_a_worker_creates_it_answers_503(clinic):
    answer = clinic.link()
    StagedJob.update(
        state="running", claim=1, attempts=1, lease_until=given.database_now() + 30_000_000
    ).execute()
    assert clinic.follow(answer).status_code == 503
    assert clinic.stripe.requests(LINKS) == []


def test_link_opens_while_redis_is_down_and_is_created_once(database_url, own_valkey, stand_in):
    """Given a frozen Redis, when a link is requested and followed, then it opens; once Redis
    answers again, nothing is made twice.
    """
    from web.app import create_app

    redis = own_valkey.client()
    clinic = Linking(falcon.testing.TestClient(create_app()), stand_in, redis, amount=10_000)
    own_valkey.send(signal.SIGSTOP)
    try:
        answer = clinic.link()
        followed = clinic.follow(answer)
    finally:
        own_valkey.send(signal.SIGCONT)
    assert (answer.status_code, followed.status_code) == (202, 303), followed.text
    clinic.work(rounds=2)
    assert (len(stand_in.requests(LINKS)), clinic.follow(answer).headers["Location"]) == (
        1,
        followed.headers["Location"],
    )
    assert {job.state for job in StagedJob.select()} == {"done"}


def test_link_takes_one_payment_and_carries_metadata_but_no_customer_name(clinic):
    """Given a link, then it takes one payment, it and its intent name the invoice and the account,
    and the customer's name is not sent.
    """
    answer = clinic.link()
    clinic.work()
    link = clinic.stripe.links(answer.json["paymentLinkId"])[0]
    assert link["restrictions"] == {"completed_sessions": {"limit": 1, "count": 0}}
    assert link["metadata"] == link["payment_intent_data"]["metadata"]
    assert (link["metadata"]["invoice_id"], link["metadata"]["account_id"]) == (
        clinic.invoice.id,
        clinic.account.id,
    )
    assert "Ada" not in str(clinic.stripe.requests(LINKS))


def test_requesting_a_link_again_returns_the_same_link(clinic):
    first, second = clinic.link(), clinic.link()
    clinic.work()
    third = clinic.link()
    assert len({answer.json["paymentLinkId"] for answer in (first, second, third)}) == 1
    assert third.json["status"] == "active"
    assert len(clinic.stripe.requests(LINKS)) == 1


def test_link_refused_by_stripe_can_be_requested_again(clinic):
    """Given a refusal whose cause is gone, when the link is requested again, then it is a new
    attempt.
    """
    clinic.stripe.fault("refused_400", "POST", LINKS)
    refused = clinic.link()
    clinic.work()
    row = PaymentLink.get_by_id(refused.json["paymentLinkId"])
    assert (row.state, Effect.get().state) == ("refused", "refused")
    assert "in use just now" in row.error
    again = clinic.link()
    clinic.work()
    assert PaymentLink.get_by_id(again.json["paymentLinkId"]).state == "active"


def test_following_a_link_not_sent_before_its_deadline_creates_it(clinic):
    """Given a link that was never sent to Stripe before its deadline, when its address is followed,
    then it is made then.
    """
    answer = clinic.link()
    clinic.stripe.fault("refuse", "POST", LINKS)
    clinic.work()
    Effect.update(state="sending", sent_at=None, last_sent_at=None, deadline=1).execute()
    clinic.work(rounds=1)
    assert Effect.get().error_code == "deadline_passed"
    followed = clinic.follow(answer)
    newest = PaymentLink.get(PaymentLink.state == "active")
    assert (followed.status_code, followed.headers["Location"]) == (303, newest.url)


def test_planned_link_is_retired_if_the_invoice_is_paid_first(clinic):
    """Given a planned link, when the invoice is paid first, then the link is not made."""
    answer = clinic.link()
    StagedJob.update(due_at=StagedJob.due_at * 2).execute()  # postpone the link's job
    clinic.stripe.paid(clinic.invoice, redis=clinic.redis)
    given.retried(clinic.redis)
    assert PaymentLink.get_by_id(answer.json["paymentLinkId"]).state == "retired"
    assert clinic.stripe.requests(LINKS) == []


def test_link_with_a_lost_response_is_found_and_closed_once_paid(clinic):
    """Given a call whose answer was lost, when the invoice is paid before a retry, then the link is
    found at Stripe, recorded and closed.
    """
    answer = clinic.link()
    clinic.stripe.fault("timeout_after", "POST", LINKS, seconds=2)
    clinic.work()
    assert Effect.get(Effect.kind == "payment_link").state == "unknown"
    clinic.stripe.paid(clinic.invoice, redis=clinic.redis)
    clinic.work(rounds=3)
    link = PaymentLink.get_by_id(answer.json["paymentLinkId"])
    made = clinic.stripe.links(link.id)
    assert [(row["id"], row["active"]) for row in made] == [(link.stripe_link_id, False)]
    assert link.state == "retired"
    assert Effect.get(Effect.kind == "payment_link").state == "confirmed"
    assert {job.state for job in StagedJob.select()} == {"done"}


def test_unsent_link_is_dropped_if_the_invoice_is_paid_before_the_retry(clinic):
    """Given a worker that died before its call, when the invoice is paid before a retry, then
    nothing is sent any more.
    """
    answer = clinic.link()
    clinic.stripe.fault("refuse", "POST", LINKS)
    clinic.work()
    Effect.update(state="sending", sent_at=None, last_sent_at=None).execute()
    clinic.stripe.paid(clinic.invoice, redis=clinic.redis)
    clinic.work(rounds=2)
    assert PaymentLink.get_by_id(answer.json["paymentLinkId"]).state == "retired"
    effect = Effect.get(Effect.kind == "payment_link")
    assert (effect.state, effect.error_code) == ("refused", "not_wanted")
    assert clinic.stripe.links(answer.json["paymentLinkId"]) == []


def test_link_search_starts_over_if_the_previous_link_is_gone_at_stripe(clinic):
    """Given an earlier link that Stripe no longer has, as after a change from test to live mode,
    then the search starts from the beginning.
    """
    clinic.link()
    clinic.work()
    Effect.update(created_at=1, settled_at=2, provider_id="plink_of_test_mode").execute()
    clinic.invoice = given.an_invoice(clinic.account, amount=5_000)
    answer = clinic.link()
    clinic.stripe.fault("error_500_after", "POST", LINKS)
    clinic.work()
    assert PaymentLink.get_by_id(answer.json["paymentLinkId"]).state == "active"


@pytest.mark.slow
def test_link_search_reads_only_links_newer_than_the_previous_one(clinic):
    """Given many links made since our last link that is certainly older, then only those are
    searched, page by page.
    """
    older = clinic.link()
    clinic.work()
    Effect.update(created_at=1, settled_at=2).execute()
    for number in range(120):
        clinic.stripe.sdk.payment_links.create({"line_items": [line(number)]})
    clinic.invoice = given.an_invoice(clinic.account, amount=5_000)
    answer = clinic.link()
    clinic.stripe.fault("error_500_after", "POST", LINKS)
    clinic.work()
    assert PaymentLink.get_by_id(answer.json["paymentLinkId"]).state == "active"
    looks = clinic.stripe.requests(LINKS, "GET")
    assert (
        looks[0]["params"]["ending_before"]
        == PaymentLink.get_by_id(older.json["paymentLinkId"]).stripe_link_id
    )
    assert len(looks) == 2


def line(number):
    return {
        "price_data": {
            "currency": "usd",
            "unit_amount": 1_000 + number,
            "product_data": {"name": "Another"},
        },
        "quantity": 1,
    }


def test_planning_and_creating_a_link_are_audited_once_each(clinic):
    """F61: each link is audited when it is planned and when it is created, once each."""
    answer = clinic.link()
    clinic.link()
    clinic.work()
    entries = (
        AuditEntry.select()
        .where(AuditEntry.subject == f"payment_link:{answer.json['paymentLinkId']}")
        .order_by(AuditEntry.id)
    )
    assert [entry.action for entry in entries] == ["payment_link.planned", "payment_link.created"]
