"""On SQLite, what several threads of a process write at once is committed together. Each is
answered after that commit, and none suffers for another's error.
"""

import json
import sqlite3
import threading
from functools import partial

import pytest
from peewee import OperationalError

from actions.books.receive_event import read_stripe_event, store_stripe_events
from models import shared_commit, transactions
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.shared_commit import in_shared_commit
from models.transactions import OutcomeUnknown, commits, is_postgres, transaction
from runtime.log import bound
from tests import given
from tests.running.servers import wait_for

MANY = 6


@pytest.fixture
def on_sqlite(database_url):
    if is_postgres():
        pytest.skip("PostgreSQL shares commits by itself")
    return database_url


@pytest.fixture
def held(on_sqlite):
    """A database that another process has locked until the returned function is called."""
    holder = sqlite3.connect(
        on_sqlite.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    holder.execute("BEGIN IMMEDIATE")
    yield lambda: holder.execute("COMMIT")
    holder.close()


class Writer(threading.Thread):
    """A thread with its part of a shared commit, and its outcome."""

    def __init__(self, work, shared=True):
        super().__init__()
        self.answer, self.error, self.counted = None, None, 0
        self.act = partial(in_shared_commit, each, work) if shared else work
        self.start()

    def run(self):
        before = commits()
        try:
            self.answer = self.act()
        except BaseException as error:
            self.error = error
        self.counted = commits() - before
        transactions.database.close()


def each(works):
    return [work() for work in works]


def all_wait(many):
    wait_for(lambda: len(shared_commit._line.waiting) == many, f"{many} wait")


def staged(key):
    def work():
        return given.a_job("a_test_job", key)

    return work


def ended(writers):
    for writer in writers:
        writer.join(60)
    assert not shared_commit._line.is_led
    assert not shared_commit._line.waiting
    return writers


def test_threads_that_arrive_during_a_write_share_one_commit(held, monkeypatch):
    """Given threads that come while another process writes, when that is done, then one commit
    serves them all, and each gets its own row.
    """
    made, commit = [], transactions.database.obj.commit

    def noted():
        commit()
        made.append(threading.current_thread())

    monkeypatch.setattr(transactions.database.obj, "commit", noted, raising=False)
    writers = [Writer(staged(number)) for number in range(MANY)]
    all_wait(MANY)
    held()
    ended(writers)
    assert len(made) == 1
    assert [one.error for one in writers] == [None] * MANY
    assert [one.counted for one in writers] == [1] * MANY
    for number, writer in enumerate(writers):
        assert StagedJob.get_by_id(writer.answer).key == str(number)


def test_a_failing_write_does_not_fail_the_others_in_its_commit(held):
    """Given one part that fails after writing, then its thread gets the error and its rows are
    rolled back; the others are saved.
    """

    def fails():
        given.a_job("a_test_job", "nothing")
        raise ValueError("not this one")

    writers = [Writer(staged(0)), Writer(fails), Writer(staged(2))]
    all_wait(3)
    held()
    ended(writers)
    assert [type(one.error) for one in writers] == [type(None), ValueError, type(None)]
    assert {job.key for job in StagedJob.select()} == {"0", "2"}


def test_a_locked_database_fails_every_waiting_thread(held, monkeypatch):
    """Given a database locked for longer than the patience, then all threads get that error, and
    later ones are served.
    """
    monkeypatch.setattr(transactions.database.obj, "patience", 0.5, raising=False)
    writers = ended([Writer(staged(number)) for number in range(MANY)])
    assert all("locked" in str(one.error) for one in writers)
    assert [one.counted for one in writers] == [0] * MANY
    held()
    assert ended([Writer(staged("later"))])[0].error is None
    assert [job.key for job in StagedJob.select()] == ["later"]


def test_a_failing_begin_raises_and_later_writes_still_commit(held, monkeypatch):
    """Given a BEGIN that fails in the leading thread, then all waiting threads are served; given
    one that always fails, then the thread gets the error and nothing is saved.
    """

    def fails(*_how):
        raise MemoryError("no room")

    begin, leads = transactions.database.obj.begin, []

    def begins(*how):
        begin(*how)
        if not leads:
            leads.append(threading.current_thread())
            transactions.database.obj.rollback()
            fails()

    monkeypatch.setattr(transactions.database.obj, "begin", begins, raising=False)
    writers = [Writer(staged(number)) for number in range(MANY)]
    all_wait(MANY)
    held()
    ended(writers)
    assert leads
    assert [one.error for one in writers] == [None] * MANY
    assert [one.counted for one in writers] == [1] * MANY
    assert StagedJob.select().count() == MANY
    monkeypatch.setattr(transactions.database.obj, "begin", fails, raising=False)
    (failed,) = ended([Writer(staged("failed"))])
    assert isinstance(failed.error, MemoryError)
    assert StagedJob.select().count() == MANY


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (OperationalError("disk I/O error"), OutcomeUnknown),
        (SystemExit("a thread that is ended"), SystemExit),
    ],
    ids=["unanswered", "ended"],
)
def test_an_unanswered_commit_is_an_unknown_outcome_for_every_thread(
    held, monkeypatch, raised, told
):
    """Given a COMMIT whose answer is lost, then no thread is told that nothing was saved, and the
    next commit works as usual.
    """

    def lost():
        monkeypatch.undo()
        raise raised

    writers = [Writer(staged(0))]
    all_wait(1)
    writers += [Writer(staged(number)) for number in range(1, MANY)]
    all_wait(MANY)
    monkeypatch.setattr(transactions.database.obj, "commit", lost, raising=False)
    held()
    ended(writers)
    assert isinstance(writers[0].error, told)
    assert all(isinstance(one.error, OutcomeUnknown) for one in writers[1:])
    assert ended([Writer(staged("later"))])[0].error is None


@pytest.fixture
def events(held, monkeypatch):
    """Bring Stripe events at once, in a request each, while another process writes; return what
    each request got and the statements sent.
    """
    sent, run = [], transactions.database.obj.execute_sql

    def noted(sql, params=None):
        sent.append(sql)
        return run(sql, params)

    def brought(*came):
        def bring(place, event):
            with bound(request_id=f"req_{place}"):
                return in_shared_commit(
                    store_stripe_events, read_stripe_event(event, json.dumps(event))
                )

        writers = []
        for place, event in enumerate(came):
            writers.append(Writer(partial(bring, place, event), shared=False))
            all_wait(place + 1)
        monkeypatch.setattr(transactions.database.obj, "execute_sql", noted, raising=False)
        held()
        return [writer.answer for writer in ended(writers)], sent

    return brought


def test_concurrent_events_are_stored_by_two_statements(events):
    """Given several events at once, then one statement keeps them all and one stages their jobs,
    each with its own request's id.
    """
    came = [
        given.an_event("plan.created", {"id": f"plan_{number}", "object": "plan"}) | {"account": ""}
        for number in range(MANY)
    ]
    told, sent = events(*came)
    assert len(set(told)) == MANY
    assert len([sql for sql in sent if sql.startswith("INSERT")]) == 2
    kept = {row.id: row.event_id for row in InboxEvent.select()}
    assert [kept[row_id] for row_id in told] == [event["id"] for event in came]
    jobs = {job.key: job.request_id for job in StagedJob.select()}
    assert jobs == {str(row_id): f"req_{place}" for place, row_id in enumerate(told)}
    assert all(job.args == f"[{job.key}]" for job in StagedJob.select())


def test_an_event_delivered_twice_at_once_is_stored_once(events):
    """Given an event twice at once and another one, then one request learns that it is a duplicate,
    and two rows and two jobs exist.
    """
    twice, once = (
        given.an_event("plan.created", {"id": f"plan_{name}", "object": "plan"}) for name in "ab"
    )
    (first, again, other), _sent = events(twice, twice, once)
    assert (again, len({first, other})) == (None, 2)
    assert {row.id: row.event_id for row in InboxEvent.select()} == {
        first: twice["id"],
        other: once["id"],
    }
    assert {job.key for job in StagedJob.select()} == {str(first), str(other)}


def test_a_refused_event_does_not_hold_up_the_others(events):
    """Given an event of the other mode among others, then it alone is kept as refused, without a
    job.
    """
    live = given.an_event("plan.created", {"id": "plan_l", "object": "plan"}) | {"livemode": True}
    test = given.an_event("plan.created", {"id": "plan_t", "object": "plan"})
    (refused, taken), _sent = events(live, test)
    assert InboxEvent.get_by_id(refused).outcome == "refused"
    assert InboxEvent.get_by_id(taken).outcome is None
    assert [job.key for job in StagedJob.select()] == [str(taken)]


def test_writes_by_different_functions_share_a_commit(held):
    """Given threads that write by different functions, then each function gets its own work, and
    each thread its own result.
    """
    given_to_it = []

    def other(works):
        given_to_it.append(len(works))
        return each(works)

    writers = [Writer(staged(0)), Writer(partial(in_shared_commit, other, staged(1)), shared=False)]
    all_wait(2)
    held()
    ended(writers)
    assert given_to_it == [1]
    assert [StagedJob.get_by_id(one.answer).key for one in writers] == ["0", "1"]


def test_a_shared_commit_inside_a_transaction_joins_it(database_url):
    def undone():
        with transaction():
            in_shared_commit(each, staged("mine"))
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        undone()
    assert in_shared_commit(each, staged("own")) == StagedJob.get().id
    assert StagedJob.get().key == "own"
