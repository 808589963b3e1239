"""Whatever the number of threads, no more connections are in use at once than the maximum."""

import threading

import pytest

from models import transactions
from models.connections.postgres import _Patient
from models.connections.sqlite import Sqlite
from models.transactions import (
    Connections,
    execute,
    is_postgres,
    release_connection,
    transaction,
)

MOST, THREADS = 2, 12


def test_many_threads_share_a_few_connections(database_url, monkeypatch):
    """Given twelve threads and two connections, when each writes several times, then nothing is
    lost and at most two connections are opened, even if some transactions fail.
    """
    opened, kind = [], _Patient if is_postgres() else Sqlite
    connect = kind._connect
    monkeypatch.setattr(kind, "_connect", lambda self: opened.append(1) or connect(self))
    execute("CREATE TABLE counted (number INTEGER)")
    execute("INSERT INTO counted VALUES (0)")
    transactions.database.close()
    opened.clear()
    few, errors = Connections(MOST), []

    def add():
        for number in range(5):
            try:
                with few.one(), transaction():
                    execute("UPDATE counted SET number = number + 1")
                    errors.append(1 / number)
            except ZeroDivisionError:
                errors.append(None)
            with few.one():
                release_connection()

    threads = [threading.Thread(target=add) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors.count(None) == THREADS
    assert len(opened) <= MOST
    with few.one():
        assert execute("SELECT number FROM counted").fetchone() == (THREADS * 4,)
        release_connection()


def test_a_borrowed_connection_does_not_disturb_the_threads_own_transaction(database_url):
    """Given a thread in its own transaction, when it borrows a connection, then that one is not in
    a transaction, and the thread's own goes on afterwards.
    """
    with transaction():
        with Connections(1).one():
            assert not transactions.database.in_transaction()
            assert transactions.database.is_closed()
        assert transactions.database.in_transaction()


@pytest.mark.one_database
def test_a_thread_waits_while_all_connections_are_in_use(database_url):
    few, asks, order = Connections(1), threading.Event(), []

    def want():
        asks.set()
        with few.one():
            order.append("got it")

    thread = threading.Thread(target=want)
    with few.one():
        thread.start()
        asks.wait(60)
        order.append("gave it back")
    thread.join(60)
    assert order == ["gave it back", "got it"]
