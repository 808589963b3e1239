"""No account waits behind another's backlog: in each queue, accounts and their endpoints take
turns, however their jobs were queued.

The tests count the order in which jobs are performed, never seconds.
"""

import logging
import threading
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as generated
from hypothesis import strategies as st

from actions.feed.endpoints import new_secret
from actions.payments.retire_open_payments import retire_open_payments
from delivery import registry, relay
from delivery import worker as worker_module
from delivery.registry import JobType
from delivery.rq.keys import queue_key
from delivery.worker import Worker
from models.delivery.attempt import claim_job, release_worker
from models.delivery.stage import Policy, register_policy, stage, stage_again
from models.delivery.staged_job import NewJob, StagedJob, insert_jobs
from models.delivery.turns import claim_next, waiting_accounts
from models.feed.emit import emit
from models.feed.webhook_endpoint import WebhookEndpoint
from models.payments.payment import Payment
from models.payments.payment_link import PaymentLink
from models.transactions import database, execute, is_postgres, release_connection, transaction
from runtime.clock import real_now
from runtime.secret_box import seal
from runtime.settings import QUEUES
from tests import given
from tests.running.processes import reset_process
from tests.stand_ins.hook_receiver import HookReceiver

QUEUE = "messages"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Freeze the worker's clock: time used counts against an account's turn, and a slow machine
    would change the order.
    """
    monkeypatch.setattr(worker_module, "time", SimpleNamespace(monotonic=lambda: 1_000.0))


@pytest.fixture
def redis(database_url, valkey):
    return valkey.client()


@pytest.fixture
def performed():
    """The numbers of the test's jobs, in the order performed."""
    order = []
    kind = JobType("a_test_job", QUEUE, 8, 60, 60.0, order.append)
    registry._jobs[kind.name] = kind
    register_policy(kind.name, Policy(QUEUE, 8))
    yield order
    del registry._jobs[kind.name]


def waiting(fair_to, numbers, queue=QUEUE):
    """Stage jobs of one account for the relay to push; return their ids."""
    new = [NewJob(str(number), [number], fair_to) for number in numbers]
    return insert_jobs("a_test_job", new, queue, 8, 0.0, pushed=False)


@pytest.mark.parametrize("queue", QUEUES)
def test_another_accounts_job_is_next_in_every_queue(redis, performed, queue):
    """Given twenty-five jobs of one account, when another's arrives, then it is first or second,
    and the others keep their order.
    """
    waiting("a", range(25), queue)
    relay.tick(redis)
    waiting("b", [100], queue)
    relay.tick(redis)
    given.worked(redis, queue)
    assert performed.index(100) <= 1
    assert [number for number in performed if number != 100] == list(range(25))


def test_accounts_with_equal_backlogs_alternate(redis, performed):
    waiting("a", range(10))
    waiting("b", range(100, 110))
    relay.tick(redis)
    given.worked(redis, QUEUE)
    assert {tuple(n >= 100 for n in performed[i : i + 2]) for i in range(0, 20, 2)} <= {
        (True, False),
        (False, True),
    }


def test_a_job_pushed_at_its_commit_gets_its_turn_too(redis, performed):
    """Given jobs that their commits pushed into RQ, the other account's last, then that one is
    first or second.
    """
    with transaction():
        for number in range(25):
            stage("a_test_job", number, number, fair_to="a")
    with transaction():
        stage("a_test_job", 100, 100, fair_to="b")
    assert redis.llen(queue_key(QUEUE)) == 26
    given.worked(redis, QUEUE)
    assert performed.index(100) <= 1
    assert sorted(performed) == [*range(25), 100]


def test_accounts_still_take_turns_after_redis_is_emptied(redis, performed):
    waiting("a", range(25))
    waiting("b", [100])
    relay.tick(redis)
    redis.flushall()
    relay.tick(redis)
    given.worked(redis, QUEUE)
    assert performed.index(100) <= 1
    assert sorted(performed) == [*range(25), 100]


def test_retries_share_their_accounts_turn(redis):
    """Given an account all of whose jobs fail at first, then their second attempts do not delay
    another account's jobs.
    """
    order = []

    def fail_first(number):
        order.append(number)
        if number < 100 and order.count(number) == 1:
            raise RuntimeError("not yet")

    registry._jobs["a_test_job"] = JobType("a_test_job", QUEUE, 8, 60, 60.0, fail_first)
    try:
        waiting("a", range(12))
        relay.tick(redis)
        given.worked(redis, QUEUE)
        given.make_due()
        relay.tick(redis)
        waiting("b", range(100, 103))
        relay.tick(redis)
        del order[:]
        order.extend(range(12))
        given.worked(redis, QUEUE)
    finally:
        del registry._jobs["a_test_job"]
    assert max(order[12:].index(number) for number in range(100, 103)) <= 6


def test_rows_of_an_older_release_share_one_turn(redis, performed):
    """Given rows of a release without turns, then they are performed, and another account's job
    does not wait behind them.
    """
    for number in range(25):
        execute(
            "INSERT INTO staged_job (name, key, args, queue, state, attempts, claim, max_attempts,"
            f" due_at, created_at) VALUES ('a_test_job', ?, '[{number}]', '{QUEUE}', 'waiting', 0,"
            " 0, 8, 0, 0)",
            (str(number),),
        )
    waiting("b", [100])
    relay.tick(redis)
    given.worked(redis, QUEUE)
    assert performed.index(100) <= 1
    assert sorted(performed) == [*range(25), 100]


def test_one_account_does_not_occupy_both_workers(redis):
    """Given a worker busy with one account, then a second one takes another account's job, although
    the first account has more waiting, and the first one's again once no other waits.
    """
    begun = []
    second = Worker(QUEUE, redis, "second", lambda _at: None)

    def perform(number):
        begun.append(number)
        if number in {0, 1}:  # while this job runs
            second.take(redis.lpop(queue_key(QUEUE)).decode())

    registry._jobs["a_test_job"] = JobType("a_test_job", QUEUE, 8, 60, 60.0, perform)
    try:
        waiting("a", range(5))
        waiting("b", [100])
        relay.tick(redis)
        Worker(QUEUE, redis, "first", lambda _at: None).take(redis.lpop(queue_key(QUEUE)).decode())
        assert begun == [0, 100]
        Worker(QUEUE, redis, "first", lambda _at: None).take(redis.lpop(queue_key(QUEUE)).decode())
        assert begun == [0, 100, 1, 2]
    finally:
        del registry._jobs["a_test_job"]


def test_a_job_performed_by_its_request_uses_up_no_turn(redis, performed):
    first, _ = waiting("a", [1, 2])
    waiting("b", [100])
    claim_job(first, "web:1", early=True)
    relay.tick(redis)
    found = waiting_accounts(first, QUEUE, "")
    assert [(one.fair_to, one.running) for one in found.waiting] == [("a", 0), ("b", 0)]
    assert found.fair_to is None, "it waits no more"


def test_workers_on_a_machine_named_web_count_as_busy(redis, performed):
    """Given a worker whose name begins with its machine's, "web-01", then it counts as a worker,
    not as a request.
    """
    first, *_ = waiting("a", [1, 2])
    waiting("b", [100])
    claim_job(first, "web-01-7-1a2b3c4d-webhooks-1-0")
    relay.tick(redis)
    found = waiting_accounts(first, QUEUE, "")
    assert [(one.fair_to, one.running) for one in found.waiting] == [("a", 1), ("b", 0)]


@pytest.mark.slow
def test_every_one_of_very_many_accounts_gets_a_turn(redis, performed, monkeypatch):
    """Given more accounts than a claim looks at, then each gets a turn before any has had many."""
    monkeypatch.setattr("models.delivery.turns.MOST", 10)
    monkeypatch.setattr(worker_module, "MOST", 10)
    for account in range(27):
        waiting(f"account_{account:02}", range(account * 100, account * 100 + 6))
    relay.tick(redis)
    given.worked(redis, QUEUE)
    assert len(performed) == len(set(performed)) == 27 * 6
    firsts = [min(performed.index(a * 100 + n) for n in range(6)) for a in range(27)]
    assert max(firsts) < 27 * 3


def test_rqs_list_holds_exactly_the_waiting_jobs(redis, performed):
    """Given jobs taken out of order, then RQ's list always holds exactly the waiting rows, each
    once.
    """
    waiting("a", range(6))
    waiting("b", range(100, 103))
    waiting("c/1", range(200, 202))
    relay.tick(redis)
    worker = Worker(QUEUE, redis, "w", lambda _at: None)
    for left in reversed(range(11)):
        worker.take(redis.lpop(queue_key(QUEUE)).decode())
        entries = redis.lrange(queue_key(QUEUE), 0, -1)
        listed = sorted(int(entry.decode().rpartition("-")[2]) for entry in entries)
        waits = StagedJob.select().where(StagedJob.state == "waiting").order_by(StagedJob.id)
        assert listed == [row.id for row in waits]
        assert len(listed) == left


def test_four_workers_at_once_claim_each_job_once(redis, performed):
    waiting("a", range(60))
    waiting("b", range(100, 160))
    relay.tick(redis)
    claimed, gate = [], threading.Barrier(4)

    def claim(name):
        gate.wait()
        for fair_to in ["a", "b"] * 40:
            job = claim_next(QUEUE, fair_to, name)
            claimed.extend([job.id] if job else [])
        release_connection()

    threads = [threading.Thread(target=claim, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 120


def test_a_lost_queue_entry_costs_no_account_its_turn(redis, performed):
    """Given an id lost with a dead worker, then its job is found by its row."""
    waiting("a", range(5))
    waiting("b", [100])
    relay.tick(redis)
    redis.lrem(queue_key(QUEUE), 0, f"a_test_job-{StagedJob.get(StagedJob.key == '100').id}")
    given.worked(redis, QUEUE)
    assert performed.index(100) <= 1


# What turns cost


@pytest.fixture
def statements():
    """The statements that peewee sends."""
    sent = []

    class Kept(logging.Handler):
        def emit(self, record):
            sent.append(record.msg)

    logger, kept = logging.getLogger("peewee"), Kept()
    before = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.DEBUG)
    yield sent
    logger.removeHandler(kept)
    logger.setLevel(before)


def test_taking_turns_costs_one_statement_and_none_for_a_single_account(
    redis, performed, statements
):
    worker = Worker(QUEUE, redis, "w", lambda _at: None)

    def cost():
        del statements[:]
        assert worker.take(redis.lpop(queue_key(QUEUE)).decode()) is not None
        return len(statements)

    waiting("a", [1])
    relay.tick(redis)
    alone = cost()
    waiting("a", range(10, 300))
    relay.tick(redis)
    assert cost() == alone
    waiting("b", range(1_000, 1_100))
    relay.tick(redis)
    assert cost() <= alone + 2, "it finds out"
    for _ in range(5):
        assert cost() <= alone + 1


def test_a_claim_finds_the_next_turn_by_an_index(redis, performed, statements):
    """Given thousands of rows, then both databases find the next turn in an index of the rows that
    wait in RQ.
    """
    waiting("a", range(3_000))
    StagedJob.update(state="done", finished_at=1).where(StagedJob.id < 1_000).execute()
    StagedJob.update(pushed_at=1).where(StagedJob.id > 2_000).execute()
    waiting("b", range(5_000, 5_100))
    execute("UPDATE staged_job SET pushed_at = 1 WHERE fair_to = 'b'")
    given.statistics()
    del statements[:]
    found = StagedJob.get(StagedJob.fair_to == "a", StagedJob.pushed_at == 1).id
    assert claim_job(found, "w", False, QUEUE) is None
    assert [one.fair_to for one in waiting_accounts(found, QUEUE, "").waiting] == ["a", "b"]
    assert claim_next(QUEUE, "b", "w") is not None
    for sql, params in statements[1:]:
        explain = "EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN "
        plan = "\n".join(str(row) for row in database.execute_sql(explain + sql, params).fetchall())
        assert "staged_job_turns" in plan, plan
        assert "SCAN staged_job" not in plan, plan
        assert "Seq Scan on staged_job" not in plan, plan


# Existing jobs take turns


def test_a_slow_endpoint_does_not_hold_up_other_webhook_deliveries(redis, monkeypatch):
    """Given twenty-five events for one endpoint, one for another clinic's and one for another
    endpoint of the same clinic, then those two are among the first.
    """
    monkeypatch.setenv("WEBHOOKS_TO_LOOPBACK", "true")
    reset_process()
    box = HookReceiver()
    try:
        slow, other = given.an_account(), given.an_account()
        for account, types in ((slow, ["invoice.paid"]), (slow, ["invoice.overdue"]), (other, [])):
            box.secret = new_secret()
            WebhookEndpoint.register(account, box.url, types, seal(box.secret), real_now())
        told = [emit(slow.id, "invoice.paid", {}).event_id for _ in range(25)]
        same_clinic = emit(slow.id, "invoice.overdue", {}).event_id
        other_clinic = emit(other.id, "invoice.paid", {}).event_id
        relay.tick(redis)
        given.worked(redis, "outgoing")
        order = [headers["webhook-id"] for headers, _ in box.got]
    finally:
        box.stop()
    assert order.index(other_clinic) <= 1
    assert order.index(same_clinic) <= 3
    assert sorted(order) == sorted([*told, same_clinic, other_clinic])


def test_an_event_does_not_wait_behind_another_clinics_burst(redis):
    """Given twelve payment events of one clinic on the platform's Stripe account, then another
    clinic's event, told apart by its metadata, is processed within two rounds.
    """
    first, second = given.an_invoice(), given.an_invoice()
    for number in range(12):
        intent = given.an_intent(first, intent_id=f"pi_{number}")
        given.received(given.an_event("payment_intent.succeeded", intent))
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(second)))
    whose = {row.fair_to for row in StagedJob.select()}
    assert whose == {first.account_id, second.account_id}
    given.worked(redis, rounds=2)
    assert given.fresh(second).status == "paid"


# No interleaving loses or duplicates a job

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("stage"), st.sampled_from(["a", "a", "b/1", "b/2", ""])),
        st.tuples(st.just("nudge"), st.sampled_from(["a", "b/1"])),
        st.tuples(
            st.sampled_from(["relay", "flush", "dies_with_an_id", "dies_with_a_claim", "copy"]),
            st.just(""),
        ),
        st.tuples(st.just("work"), st.sampled_from(["w1", "w2"])),
    ),
    max_size=40,
)


@pytest.mark.slow
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@generated(steps=STEPS)
def test_no_interleaving_loses_or_doubles_a_job(redis, performed, steps):
    """Given jobs of several accounts that are staged, pushed, copied and popped in any order,
    workers that die with an id or a claim, and a Redis that is emptied, then each job is performed
    once.
    """
    StagedJob.delete().execute()
    redis.flushall()
    del performed[:]
    staged = _Story(redis).play(steps)
    for _ in range(2):
        given.relayed(redis)
        given.worked(redis, QUEUE)
    assert sorted(performed) == list(range(staged))
    assert {row.state for row in StagedJob.select()} <= {"done"}


class _Story:
    """What happens to the jobs of several accounts, their queue and its workers."""

    def __init__(self, redis):
        self.redis, self.staged = redis, 0

    def play(self, steps):
        """Play the steps; return how many jobs were staged."""
        for what, who in steps:
            getattr(self, what)(who)
        return self.staged

    def stage(self, account):
        waiting(account, [self.staged])
        self.staged += 1

    def nudge(self, account):
        with transaction():
            stage("a_test_job", self.staged, self.staged, fair_to=account)
        self.staged += 1

    def relay(self, _who):
        relay.tick(self.redis)

    def flush(self, _who):
        self.redis.flushall()

    def copy(self, _who):
        head = self.redis.lindex(queue_key(QUEUE), 0)
        if head:
            self.redis.rpush(queue_key(QUEUE), head)

    def dies_with_an_id(self, _who):
        self.redis.lpop(queue_key(QUEUE))

    def dies_with_a_claim(self, _who):
        popped = self.redis.lpop(queue_key(QUEUE))
        if popped:
            identity = popped.decode()
            Worker(QUEUE, self.redis, "doomed", lambda _at: None)._claim(
                identity, int(identity.rpartition("-")[2])
            )
            release_worker("doomed")

    def work(self, name):
        popped = self.redis.lpop(queue_key(QUEUE))
        if popped:
            Worker(QUEUE, self.redis, name, lambda _at: None).take(popped.decode())


# Which jobs go to which queue


def staged():
    """Return each job's queue and account, by the job's name."""
    return {row.name: (row.queue, row.fair_to) for row in StagedJob.select()}


def test_payment_links_and_texts_requested_by_staff_are_interactive(texting):
    texting.consents().ask()
    ours = ("interactive", texting.account.id)
    assert staged() == {"create_payment_link": ours, "send_payment_link": ours}


def test_charges_refunds_and_jobs_a_charge_waits_for_are_interactive(clinic, valkey):
    """Given a link, a charge by phone, which waits until the link is closed, and a refund, then all
    are in the interactive queue; an event is not.
    """
    links = f"/api/invoices/{clinic.invoice.id}/payment-links"
    clinic.client.simulate_post(links, json={}, headers=clinic.headers)
    given.worked(valkey.client(), QUEUE)
    clinic.phone(amount=4_000)
    given.retried(valkey.client())
    clinic.post(f"{Payment.get().id}/refunds", key="k1")
    ours = ("interactive", clinic.account.id)
    asked_for = {name: where for name, where in staged().items() if where[0] == "interactive"}
    assert asked_for == dict.fromkeys(
        (
            "create_payment_link",
            "open_payment_intent",
            "confirm_payment",
            "retire_payment_link",
            "refund_payment",
        ),
        ours,
    )
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(clinic.invoice)))
    assert staged()["process_stripe_event"] == ("webhooks", clinic.account.id)


def test_jobs_staged_by_a_balance_change_are_not_interactive(redis):
    """Given a link that closes because the balance changed, then its job is not interactive."""
    invoice = given.an_invoice()
    with transaction():
        link = PaymentLink.plan(invoice, real_now())
        link.record_created("plink_1", "https://pay.example/1", real_now())
        retire_open_payments(invoice)
    assert staged()["retire_payment_link"] == ("webhooks", invoice.account_id)


def test_a_waiting_job_moves_to_the_interactive_queue_when_requested(redis):
    """Given a job in its own queue, when a request stages it again as interactive, then it moves
    there; an unknown queue is refused.
    """
    invoice = given.an_invoice()
    with transaction():
        stage("retire_payment_link", "1", "1", fair_to=invoice.account_id)
    with transaction():
        stage_again("retire_payment_link", "1", "1", queue="interactive")
    row = StagedJob.get()
    assert (row.queue, row.pushed_at, row.state) == ("interactive", None, "waiting")
    with transaction(), pytest.raises(ValueError, match="there are webhooks, deploys"):
        stage("retire_payment_link", "2", "2", queue="interactiv")
