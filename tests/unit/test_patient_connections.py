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


def test_a_byte_now_and_then_does_not_put_the_deadline_off(pairs):
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


def test_nor_does_taking_a_little_now_and_then(pairs):
    ours, theirs = pairs()
    ours.allow(0.5)
    with pytest.raises(TooSlow):
        without_end(lambda: (ours.sendall(b"a" * 1_000_000), theirs.recv(10)))


def test_to_wait_a_moment_for_the_next_request_cuts_no_later_read_short(pairs):
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


def test_a_thread_goes_on_with_what_comes_or_with_the_end(pairs):
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


def test_what_is_there_is_read_and_written_within_it(pairs):
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


def test_no_more_is_read_than_allowed(pairs):
    ours, theirs = pairs()
    theirs.sendall(b"a" * 100)
    ours.allow(120, most=50)
    assert len(ours.recv(80)) == 80
    with pytest.raises(LimitRequestHeaders):
        ours.recv(1)


def test_one_too_many_hangs_up_on_the_one_that_waits_longest(pairs):
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


def test_whoever_left_is_not_hung_up_on(pairs):
    waiting = Waiting(most=1, most_bytes=100)
    (first, peer), (second, _) = pairs(), pairs()
    waiting.enter(first)
    waiting.leave(first)
    waiting.leave(first)
    waiting.enter(second)
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_bodies_that_are_not_all_there_take_so_much_memory_and_no_more(pairs):
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


def test_when_room_is_needed_the_longest_waiting_goes_if_there_is_one(pairs):
    waiting = Waiting(most=10, most_bytes=100)
    waiting.hang_up()
    (first, peer), (second, _) = pairs(), pairs()
    waiting.enter(first)
    waiting.enter(second)
    waiting.hang_up()
    peer.settimeout(120)
    assert (peer.recv(1), len(waiting)) == (b"", 1)


def test_a_peer_that_has_gone_is_no_fault(pairs):
    waiting = Waiting(most=1, most_bytes=100)
    (first, _), (second, _) = pairs(), pairs()
    waiting.enter(first)
    first.close()
    waiting.enter(second)
    assert len(waiting) == 1
