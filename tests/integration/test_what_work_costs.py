"""What work costs: statements and commits at the database, round trips to Redis. A change that
reads a row twice, or commits once more, fails here.

The numbers are today's; they can fall, and rise only for a reason.
"""

import pytest

from delivery import registry, relay
from delivery.registry import JobType
from delivery.worker import Worker
from models.contact.message import Message
from models.delivery.staged_job import StagedJob
from models.transactions import execute
from runtime.settings import QUEUES
from tests import given
from tests.watching.counting import commands_done, counted


def performed(redis, name):
    """Return what a worker with open connections spends on the newest job called `name`, and its
    row; no other job is due.
    """
    due = "UPDATE staged_job SET due_at = ?, pushed_at = NULL WHERE state = 'waiting' AND name"
    execute(f"{due} <> ?", (2**60, name))
    execute(f"{due} = ?", (0, name))
    for queue in QUEUES:
        redis.delete(f"rq:queue:{queue}")
        redis.sadd(f"rq:workers:{queue}", "rq:worker:w1")  # each queue has a worker
    redis.hset("rq:worker:w1", "state", "idle")
    relay.tick(redis)
    (queue,) = (queue for queue in QUEUES if redis.llen(f"rq:queue:{queue}"))
    (entry,) = redis.lrange(f"rq:queue:{queue}", 0, -1)
    redis.delete(f"rq:queue:{queue}")
    worker = Worker(queue, redis, "test-worker", lambda _at: None)
    asked = commands_done(redis)
    with counted() as cost:
        assert worker.take(entry.decode()) is not None
    cost.commands = commands_done(redis) - asked
    return cost, StagedJob.select().where(StagedJob.name == name).order_by(
        StagedJob.id.desc()
    ).get()


def test_a_webhook_costs_three_statements_and_one_commit(client, valkey):
    invoice = given.an_invoice()
    first, second = (
        given.signed(given.an_event("payment_intent.succeeded", given.an_intent(invoice)))
        for _ in range(2)
    )
    client.simulate_post("/api/webhooks/stripe", **first)  # opens the connections
    with counted() as cost:
        answer = client.simulate_post("/api/webhooks/stripe", **second)
    assert answer.status_code == 200
    assert len(cost.statements) <= 3, cost.statements
    assert cost.commits == 1
    assert cost.trips <= 1


def test_an_event_costs_eighteen_statements_and_two_commits(client, valkey):
    """Given a payment that settles its invoice: the most that an event usually changes."""
    redis = valkey.client()
    for invoice in (given.an_invoice(), given.an_invoice()):  # the first opens the connections
        given.received(given.an_event("payment_intent.succeeded", given.an_intent(invoice)))
        cost, job = performed(redis, "process_stripe_event")
    assert (job.state, given.fresh(invoice).status) == ("done", "paid")
    assert len(cost.statements) <= 18, "\n".join(cost.statements)
    assert cost.commits == 2
    # one trip each: shown as started; locked; unlocked and shown as finished
    assert cost.trips <= 3
    assert cost.commands <= 29  # one reads whether another worker has had it since


def test_sending_a_text_costs_twenty_statements_and_four_commits(texting):
    """Given an existing link and a customer who consented, then each row is read once."""
    texting.consents().ask()
    for queue in QUEUES:
        given.worked(texting.redis, queue)
    assert Message.get().status == "waiting", "its link is there now"
    cost, job = performed(texting.redis, "send_payment_link")
    assert (job.state, Message.get().status) == ("done", "accepted")
    assert len(cost.statements) <= 20, "\n".join(cost.statements)
    assert cost.commits == 4  # claimed, decided, about to send, recorded


def test_a_job_that_does_nothing_costs_two_statements_and_two_trips(
    database_url, valkey, monkeypatch
):
    """Given a job that does nothing, then what remains is the cost of any job."""
    kind = JobType("a_test_job", "messages", 3, 60, 60.0, lambda _number: None)
    monkeypatch.setitem(registry._jobs, kind.name, kind)
    redis = valkey.client()
    for number in range(2):  # the first opens the connections
        given.a_job(kind.name, number, kind.queue)
        cost, job = performed(redis, kind.name)
    assert job.state == "done"
    assert len(cost.statements) <= 2, "\n".join(cost.statements)
    assert cost.commits == 2
    assert cost.trips <= 2
    assert cost.commands <= 26


@pytest.mark.parametrize("name", ["fold_totals", "mark_overdue"])
def test_a_scan_with_nothing_to_do_costs_little(database_url, valkey, name):
    given.a_job(name, 0, queue="periodic")
    execute("UPDATE staged_job SET args = '[]'")
    cost, job = performed(valkey.client(), name)
    assert job.state == "done"
    assert len(cost.statements) <= 6, "\n".join(cost.statements)
    assert cost.commits <= 3
