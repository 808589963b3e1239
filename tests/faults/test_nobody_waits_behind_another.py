"""Real processes: a slow receiver, a clinic's burst of events, workers with an older setting. The
tests check who is served after whom, never seconds.
"""

import json

import pytest

from actions.feed.endpoints import new_secret
from models.books.inbox_event import InboxEvent
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.feed.emit import emit
from models.feed.webhook_endpoint import WebhookEndpoint
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import release_connection, transaction
from runtime.clock import real_now
from runtime.secret_box import seal
from tests import given
from tests.faults.town import PATIENT, all_settled, request
from tests.running.servers import wait_for

OLD_WORKERS = "webhooks=2,deploys=1,messages=1,calls=1,periodic=1,outgoing=1"
SLOW = 1.5  # seconds a slow receiver takes while it matters: longer than a busy machine loses


def told(receiver):
    return [headers["webhook-id"] for headers, _ in list(receiver.got)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_slow_receiver_delays_no_other_clinic(town, receiver, workers):
    """Given twenty-five events for a slow receiver with workers in the middle of them, when five
    for another clinic arrive, then all five are delivered after a few more of the slow ones.
    """
    receiver.seconds = {"slow": SLOW}
    slow, quick = given.an_account(), given.an_account()
    for account, path in ((slow, "slow"), (quick, "quick")):
        url = f"{receiver.url}/{path}"
        WebhookEndpoint.register(account, url, [], seal(new_secret()), real_now())
    for _ in range(25):
        emit(slow.id, "invoice.paid", {})
    release_connection()
    town.pool(f"outgoing={workers}", WEBHOOKS_TO_LOOPBACK="true", PAYPHONE_LEASE=PATIENT)
    wait_for(lambda: len(receiver.got) >= 3, "the slow one is at work")
    with transaction():
        ids = [emit(quick.id, "invoice.paid", {}).event_id for _ in range(5)]
    release_connection()
    came = len(receiver.got)
    wait_for(lambda: set(ids) <= set(told(receiver)), "the others are served")
    order = told(receiver)
    receiver.seconds = {}
    before = [one for one in order[came : order.index(ids[-1])] if one not in ids]
    assert len(before) <= 4 * workers, "between the other's five"
    all_settled()
    assert len(set(told(receiver))) == len(told(receiver)) == 30


def test_a_charge_goes_through_if_no_worker_serves_the_interactive_queue(
    town, clinic, monkeypatch, valkey
):
    """Given a pool with WORKERS of an older release, and a web process that dies during a charge,
    then a worker of `webhooks` makes the charge, once, and /readyz says what to do.
    """
    town.pool(OLD_WORKERS)
    town.web(PAYPHONE_KILL_AT=town.at("lock.held"), PAYPHONE_LEASE="2")
    wait_for(lambda: "nobody serves interactive" in readiness(town), "it says so")
    assert "add interactive=1 to WORKERS" in readiness(town)
    body = json.dumps({"invoiceId": clinic.invoice.id, "paymentMethodId": "pm_card_visa"})
    headers = clinic.headers | {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    with pytest.raises(OSError, match=r"Remote end|reset"):
        request(town.port, "POST", "/api/payments/phone", body.encode(), headers)
    wait_for(lambda: PaymentConfirmation.get().state == "settled", "it is charged")
    job = StagedJob.get(StagedJob.name == "confirm_payment")
    assert (job.queue, job.state) == ("interactive", "done")
    assert "-webhooks-" in job.worker
    assert clinic.stripe.received(clinic.invoice.id) == 12_500
    release_connection()


def readiness(town):
    return " ".join(town.get("/readyz")[1]["reasons"])


def test_jobs_in_a_queue_without_workers_are_done_by_other_workers(town, valkey):
    """Given a job in the queue `interactive`, when its last worker has left, then workers with an
    older setting do it.
    """
    event = given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
    town.stage(event)
    StagedJob.update(queue="interactive").execute()
    redis = valkey.client()
    redis.delete("rq:queue:webhooks")
    redis.rpush("rq:queue:interactive", f"process_stripe_event-{StagedJob.get().id}")
    release_connection()
    town.pool(OLD_WORKERS)
    all_settled()
    assert "-webhooks-" in StagedJob.get().worker
    assert redis.llen("rq:queue:interactive") == 0


def test_an_interactive_job_does_not_wait_behind_a_burst_of_events(town, valkey):
    """Given a clinic's events in `webhooks`, whose worker is busy, when an interactive job of the
    same clinic is staged, then the `interactive` worker does it at once.
    """
    invoice = given.an_invoice()
    given.a_job("wait_for_go", 1, "webhooks")
    town.pool_with_test_jobs("webhooks=1,interactive=1", PAYPHONE_LEASE=PATIENT)
    served = "rq:workers:interactive"
    wait_for(lambda: valkey.client().scard(served), "there is a worker for it")
    wait_for(lambda: town.lines("began"), "the other worker is busy")
    for number in range(30):
        intent = given.an_intent(invoice, intent_id=f"pi_{number}")
        town.stage(given.an_event("payment_intent.processing", intent | {"status": "processing"}))
    inbox_id = InboxEvent.receive("stripe", "", "evt_w", "plan.created", "{}", real_now())
    with transaction():
        waited_for = stage(
            "process_stripe_event",
            inbox_id,
            inbox_id,
            fair_to=invoice.account_id,
            queue="interactive",
        )
    wait_for(lambda: StagedJob.get_by_id(waited_for).state == "done", "it is done")
    assert given.states() == {"running": 1, "done": 1, "waiting": 30}
    assert "-interactive-" in StagedJob.get_by_id(waited_for).worker
    town.file("go").touch()
    all_settled()
