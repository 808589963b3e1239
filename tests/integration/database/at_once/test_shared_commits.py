"""What several threads of a process write at the same moment is committed together on SQLite; each
is answered after that commit, and none suffers for another.
"""

import sqlite3
import threading

import pytest
from peewee import OperationalError
from structlog.contextvars import bind_contextvars

from models import shared_commit, transactions
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.shared_commit import in_shared_commit
from models.transactions import OutcomeUnknown, commits, is_postgres, transaction
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
    """A database that another process writes to, until it is let go."""
    holder = sqlite3.connect(
        on_sqlite.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    holder.execute("BEGIN IMMEDIATE")
    yield lambda: holder.execute("COMMIT")
    holder.close()


class Writer(threading.Thread):
    """A thread that has a part of a commit, and what it was told."""

    def __init__(self, work):
        super().__init__()
        self.work, self.answer, self.error, self.counted = work, None, None, 0
        self.start()

    def run(self):
        before = commits()
        try:
            self.answer = in_shared_commit(self.work)
        except BaseException as error:
            self.error = error
        self.counted = commits() - before
        transactions.database.close()


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


def test_those_who_come_while_somebody_writes_share_one_commit(held, monkeypatch):
    """Given threads that come while another process writes, when it is done, then there is one
    commit for all of them, and each is told its own row.
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


def test_a_part_that_fails_takes_no_others_with_it(held):
    """Given one among them that fails after it has written, then it is told so, and nothing of it
    is there; the others are saved.
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


def test_all_are_told_that_nobody_could_write(held, monkeypatch):
    """Given a database that another holds for longer than anybody waits, then all are told so, and
    those who come later are not held up.
    """
    monkeypatch.setattr(transactions.database.obj, "patience", 0.5, raising=False)
    writers = ended([Writer(staged(number)) for number in range(MANY)])
    assert all("locked" in str(one.error) for one in writers)
    assert [one.counted for one in writers] == [0] * MANY
    held()
    assert ended([Writer(staged("later"))])[0].error is None
    assert [job.key for job in StagedJob.select()] == ["later"]


def test_whatever_fails_at_its_beginning_is_told_and_the_next_is_committed(held, monkeypatch):
    """Given a BEGIN that fails as nobody expects, then whoever led is not told that it was saved,
    and those who waited, and who come later, are served.
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
def test_a_commit_that_is_not_answered_is_unknown_to_all(held, monkeypatch, raised, told):
    """Given a COMMIT whose answer is lost, then nobody is told that nothing was saved, and the next
    one is made as usual.
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


def test_each_is_logged_and_staged_under_its_own_request(held):
    """Given threads of several requests, when one of them commits for all, then each job knows the
    request it came from.
    """

    def one(number):
        def run():
            bind_contextvars(request_id=f"req_{number}")
            in_shared_commit(lambda: stage("process_stripe_event", number, number))
            transactions.database.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [one(number) for number in range(MANY)]
    all_wait(MANY)
    held()
    for thread in threads:
        thread.join(60)
    assert {job.key: job.request_id for job in StagedJob.select()} == {
        str(number): f"req_{number}" for number in range(MANY)
    }


def test_inside_a_transaction_it_is_a_part_of_that(database_url):
    def undone():
        with transaction():
            in_shared_commit(staged("mine"))
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        undone()
    assert in_shared_commit(staged("own")) == StagedJob.get().id
    assert StagedJob.get().key == "own"
