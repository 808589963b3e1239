"""Connections that wait: each until its deadline, and only a limited number and size of them."""

import socket
import threading
from types import SimpleNamespace

import pytest
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.unreader import Unreader

from web.server.patient_worker import PatientWorker
from web.server.timed_socket import TimedSocket, TooSlow
from web.server.waiting import Waiting


@pytest.fixture
def pairs():
    """Makes pairs of our connection and its peer."""
    made = []

    def make() -> tuple[TimedSocket, socket.socket]:
        ours, theirs = socket.socketpair()
        made.extend([TimedSocket(fileno=ours.detach()), theirs])
        return made[-2], made[-1]

    yield make
    for sock in made:
        sock.close()


def without_end(act):
    while True:
        act()


def test_a_peer_that_drips_bytes_does_not_extend_the_read_deadline(pairs):
    """Given a peer that sends single bytes without end, when half a second is allowed, then reading
    fails.
    """
    ours, theirs = pairs()
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.01):
            theirs.send(b"a")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        ours.allow(0.5)
        with pytest.raises(TooSlow):
            without_end(lambda: ours.recv(1))
    finally:
        over.set()
        dripping.join()


def test_a_peer_that_reads_slowly_does_not_extend_the_write_deadline(pairs):
    ours, theirs = pairs()
    ours.allow(0.5)
    with pytest.raises(TooSlow):
        without_end(lambda: (ours.sendall(b"a" * 1_000_000), theirs.recv(10)))


def test_a_short_wait_for_the_next_request_does_not_shorten_later_reads(pairs):
    """Given a short wait in which nothing came, then a later read still waits until its deadline,
    and the next short wait takes what has arrived; a closed peer reads as empty.
    """
    ours, theirs = pairs()
    ours.allow(60)
    assert ours.read_within(0.01) is None
    later = threading.Timer(0.2, theirs.send, (b"body",))
    later.start()
    assert ours.recv(10) == b"body"
    later.join()
    theirs.send(b"head")
    assert ours.read_within(120) == b"head"
    theirs.close()
    assert ours.read_within(120) == b""


def test_a_thread_keeps_a_connection_with_new_data_or_a_hang_up(pairs):
    """Given an answered connection, then the thread leaves it to the poller only if nothing has
    arrived; it takes data, or a hang-up, at once.
    """
    ours, theirs = pairs()
    known = SimpleNamespace(sock=ours, parser=SimpleNamespace(unreader=Unreader()))
    assert not PatientWorker._goes_on(known)
    theirs.send(b"GET")
    assert PatientWorker._goes_on(known)
    assert known.parser.unreader.read() == b"GET"
    theirs.close()
    assert PatientWorker._goes_on(known)


def test_data_is_read_and_written_within_the_deadline(pairs):
    ours, theirs = pairs()
    ours.allow(120)
    ours.sendall(b"abc")
    assert theirs.recv(10) == b"abc"
    theirs.sendall(b"defg")
    assert (ours.recv(2), ours.recv(10)) == (b"de", b"fg")
    theirs.close()
    assert ours.recv(10) == b""


def test_after_a_deadline_nothing_is_read_until_more_time_is_allowed(pairs):
    ours, theirs = pairs()
    theirs.sendall(b"abc")
    ours.allow(0)
    with pytest.raises(TooSlow):
        ours.recv(1)
    with pytest.raises(TooSlow):
        ours.sendall(b"a")
    ours.allow(120)
    assert ours.recv(1) == b"a"


def test_reading_more_than_the_limit_raises(pairs):
    ours, theirs = pairs()
    theirs.sendall(b"a" * 100)
    ours.allow(120, most=50)
    assert len(ours.recv(80)) == 80
    with pytest.raises(LimitRequestHeaders):
        ours.recv(1)


def test_one_connection_too_many_closes_the_longest_waiting_one(pairs):
    waiting = Waiting(most=2, most_bytes=100)
    (first, peer), (second, other), (third, _) = pairs(), pairs(), pairs()
    for sock in (first, second, first, third):
        waiting.enter(sock)
    assert len(waiting) == 2
    peer.settimeout(120)
    assert peer.recv(1) == b""
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.recv(1)


def test_a_connection_that_left_is_not_closed(pairs):
    waiting = Waiting(most=1, most_bytes=100)
    (first, peer), (second, _) = pairs(), pairs()
    waiting.enter(first)
    waiting.leave(first)
    waiting.leave(first)
    waiting.enter(second)
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_incomplete_bodies_take_only_limited_memory(pairs):
    waiting = Waiting(most=10, most_bytes=100)
    (first, peer), (second, other) = pairs(), pairs()
    waiting.enter(first)
    waiting.enter(second)
    waiting.hold(first, 60)
    waiting.hold(second, 30)
    waiting.hold(second, 30)
    peer.settimeout(120)
    assert (peer.recv(1), len(waiting)) == (b"", 1)
    waiting.hold(first, 1_000)  # it is no longer waiting
    waiting.leave(second)
    waiting.enter(second)
    waiting.hold(second, 100)
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.recv(1)


def test_making_room_closes_the_longest_waiting_connection_if_any(pairs):
    waiting = Waiting(most=10, most_bytes=100)
    waiting.hang_up()
    (first, peer), (second, _) = pairs(), pairs()
    waiting.enter(first)
    waiting.enter(second)
    waiting.hang_up()
    peer.settimeout(120)
    assert (peer.recv(1), len(waiting)) == (b"", 1)


def test_a_connection_that_is_already_closed_causes_no_error(pairs):
    waiting = Waiting(most=1, most_bytes=100)
    (first, _), (second, _) = pairs(), pairs()
    waiting.enter(first)
    first.close()
    waiting.enter(second)
    assert len(waiting) == 1
