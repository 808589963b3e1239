"""Clients that stall: whatever they hold back, the web answers others, and hangs up on them.

gunicorn runs as `bin/run` starts it, with two processes.
"""

import contextlib
import resource
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.town import all_children_of, children_of, is_alive
from tests.running.servers import wait_for
from tests.running.website import serve
from web.http.body import CAP
from web.server.patient_worker import BODY_SECONDS, HEAD_SECONDS, STAY_SECONDS

CROWD = 300
PATIENCE = 4 * (HEAD_SECONDS + BODY_SECONDS)  # seconds; on a busy machine
HOST = b"Host: x\r\n"
POST = b"POST /api/webhooks/stripe HTTP/1.1\r\n" + HOST
WHOLE = b"GET /healthz HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# what each connection of a crowd sends before it stalls
STALLS = {
    "nothing": b"",
    "a byte": b"G",
    "a line that does not end": b"GET /" + b"a" * 2_000,
    "half a head": WHOLE + b"X-Half: ",
    "a head of many headers": WHOLE + b"X-A: b\r\n" * 90,
    "no body": POST + b"Content-Length: 100\r\n\r\n",
    "half a body": POST + b"Content-Length: 100\r\n\r\n" + b"{" * 50,
    "half a body for a key": b"POST /api/customers HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 9\r\n\r\n{",
    "half a body of the largest size": POST + b"Content-Length: %d\r\n\r\n" % CAP + b"x" * 20_000,
    "a body over the cap": POST + b"Content-Length: %d\r\n\r\n{" % (100 * CAP),
    "half a report on a call": b"POST /api/webhooks/vapi HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: %d\r\n\r\n{" % (2 * CAP),
    "no chunk": CHUNKED,
    "half a chunk": CHUNKED + b"64\r\n" + b"{" * 50,
    "a chunk and no more": CHUNKED + b"5\r\nabcde\r\n",
    "half a trailer": CHUNKED + b"0\r\nX-Half: ",
    "a body that waits to be asked for": (
        POST + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"
    ),
    "the beginning of TLS": bytes.fromhex("16030100ba010000b60303") + b"\x17" * 60,
    "an answer was had": WHOLE + b"\r\n",
    "a last answer was had": WHOLE + b"Connection: close\r\n\r\n",
    "a bad request": b"\x00\r\n\r\n",
    "a large answer, not taken": b"GET /api/openapi.json HTTP/1.1\r\n" + HOST + b"\r\n",
    "large answers, not taken": (b"GET /static/payphone.css HTTP/1.1\r\n" + HOST + b"\r\n") * 40,
}


class Crowd:
    """Connections that are opened, send something, and then do nothing more."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets:
            sock.close()

    def come(self, count: int, sends: bytes) -> list[socket.socket]:
        came = []
        for _ in range(count):
            sock = socket.socket()
            self._sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # take little unread
            sock.settimeout(120)
            sock.connect(self._address)
            with contextlib.suppress(OSError):  # refused or hung up on already, which is fine
                sock.sendall(sends)
            came.append(sock)
        return came


def is_hung_up(sock: socket.socket) -> bool:
    """Return whether the server has closed its end, after reading what it has sent."""
    sock.setblocking(False)
    try:
        while sock.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@pytest.fixture
def site(processes, tmp_path):
    return serve(processes, DATABASE_URL=f"sqlite:///{tmp_path}/payphone.sqlite3")


def port_of(url: str) -> int:
    return int(urlsplit(url).port or 0)


def answers(url: str) -> bool:
    return httpx.get(f"{url}/healthz", timeout=PATIENCE).status_code == 200


def test_stalled_connections_do_not_block_other_requests(site):
    """Given 300 connections that stall, of each kind in turn, then other requests are answered,
    then and once the crowd is gone.
    """
    for kind, sends in STALLS.items():
        with Crowd(port_of(site)) as crowd:
            crowd.come(CROWD, sends)
            assert [answers(site) for _ in range(3)] == [True] * 3, kind
    assert answers(site)


def test_stalled_and_dripping_connections_do_not_block_other_requests(site):
    """Given 300 connections that stall and 300 that send one byte at a time, when another request
    comes between two bytes, then it is answered, each time.
    """
    kinds = (WHOLE + b"X-Slow: ", POST + b"Content-Length: 1000\r\n\r\n", CHUNKED + b"ffff\r\n")
    with Crowd(port_of(site)) as crowd:
        for sends in kinds:
            crowd.come(CROWD // len(kinds), sends[: len(sends) // 2])
        slow = [sock for sends in kinds for sock in crowd.come(CROWD // len(kinds), sends)]
        for _ in range(5):
            for sock in slow:
                with contextlib.suppress(OSError):  # hung up on, which is fine
                    sock.send(b"a")
            assert answers(site)


def test_stalled_and_dripping_connections_are_closed_in_the_end(site):
    """Given some connections that stall in each way and some that send a byte every second, then
    all are hung up on in the end, and other requests are answered throughout.
    """
    over = threading.Event()

    def drip(sockets: list[socket.socket]) -> None:
        while not over.wait(1):
            for sock in sockets:
                with contextlib.suppress(OSError):
                    sock.send(b"a")

    with Crowd(port_of(site)) as crowd:
        left = [sock for sends in STALLS.values() for sock in crowd.come(8, sends)]
        slow = crowd.come(20, WHOLE + b"X-Slow: ")
        slow += crowd.come(20, POST + b"Content-Length: 1000\r\n\r\n")
        slow += crowd.come(20, CHUNKED + b"ffff\r\n")
        dripping = threading.Thread(target=drip, args=(slow,))
        dripping.start()
        try:
            left += slow
            end = time.monotonic() + PATIENCE
            while left and time.monotonic() < end:
                assert answers(site)
                left = [sock for sock in left if not is_hung_up(sock)]
                time.sleep(0.2)
        finally:
            over.set()
            dripping.join()
    assert left == []


def test_too_many_connections_close_the_oldest_ones(site):
    """Given more connections than there are threads, none of which sends a whole request, then the
    first are closed for the last, well before any deadline.
    """
    with Crowd(port_of(site)) as crowd:
        first = crowd.come(CROWD, STALLS["half a body"])
        crowd.come(CROWD, STALLS["half a head"])
        assert answers(site)
        wait_for(lambda: any(map(is_hung_up, first)), "the first are hung up on", BODY_SECONDS / 2)


def test_exhausted_file_descriptors_do_not_block_other_requests(processes, tmp_path):
    """Given a process that can open few files, when a crowd has used them all up, then other
    requests are answered, by the same processes.
    """
    started = []

    def start(*command: str, **env: str):
        started.append(processes(*command, **env))
        return started[-1]

    url = serve(start, DATABASE_URL=f"sqlite:///{tmp_path}/payphone.sqlite3")
    workers = all_children_of(started[0].pid, 2)
    for worker in workers:
        opened = len(list(Path(f"/proc/{worker}/fd").iterdir()))
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (opened + 40, opened + 40))
    with Crowd(port_of(url)) as crowd:
        crowd.come(CROWD, STALLS["half a head"])
        assert [answers(url) for _ in range(3)] == [True] * 3
    assert children_of(started[0].pid) == workers


def test_a_slow_reader_gets_all_of_a_large_answer(site):
    whole = httpx.get(f"{site}/api/openapi.json", timeout=PATIENCE).content
    with Crowd(port_of(site)) as crowd:
        sends = STALLS["a large answer, not taken"].replace(
            b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
        )
        [sock] = crowd.come(1, sends)
        taken = b""
        while piece := sock.recv(32_768):
            taken += piece
            time.sleep(0.01)
    assert taken.partition(b"\r\n\r\n")[2] == whole


def test_a_body_in_tiny_chunks_is_refused_early(site):
    """Reading a chunk costs the same whatever its size, so a megabyte in single bytes would be
    seconds of work. Chunks of usual sizes are read.
    """
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for chunk, count, told in (
        (b"1\r\na\r\n", 20_000, b"invalid"),
        (b"1;ext=1\r\na\r\n", 20_000, b"invalid"),
        (b"80\r\n" + b"a" * 128 + b"\r\n", 4_000, b"bad_signature"),
        (b"1\r\na\r\n", 500, b"bad_signature"),
    ):
        with Crowd(port_of(site)) as crowd:
            [sock] = crowd.come(1, head + chunk * count + b"0\r\n\r\n")
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := sock.recv(65_536):
                    answer += piece
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert told in answer, (chunk, answer)


def test_a_request_head_that_is_too_long_is_refused(site):
    with Crowd(port_of(site)) as crowd:
        [sock] = crowd.come(1, WHOLE + (b"X-Long: " + b"a" * 8_000 + b"\r\n") * 20)
        assert sock.recv(100).startswith(b"HTTP/1.1 431 ")


def test_workers_do_not_outlive_a_killed_gunicorn(processes, tmp_path):
    """Given gunicorn's master killed with -9, then its workers end too, and the next master has the
    port at once, although connections were open.
    """
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/payphone.sqlite3"}
    started = []

    def start(*command: str, **more: str):
        started.append(processes(*command, **more))
        return started[-1]

    url = serve(start, **env)
    workers = all_children_of(started[0].pid, 2)
    with Crowd(port_of(url)) as crowd:
        crowd.come(20, STALLS["half a body"])
        started[0].send_signal(signal.SIGKILL)
        started[0].wait(120)
        wait_for(lambda: not any(map(is_alive, workers)), "the workers are gone")
        again = processes(
            "-m",
            "gunicorn",
            "-c",
            "web/server/gunicorn_conf.py",
            "web.app:create_app()",
            PORT=str(port_of(url)),
            **env,
        )
        wait_for(lambda: answers(url), "the next one answers")
        assert again.poll() is None


def test_requests_on_one_connection_are_answered_in_order_at_any_pace(site):
    """Given one connection, when requests follow at once, after a moment, after longer than a
    thread waits for them, or several in one piece, some of them HEAD, then each gets its whole
    answer, in order.
    """
    head = WHOLE.replace(b"GET", b"HEAD")
    with (
        socket.create_connection(("127.0.0.1", port_of(site)), timeout=120) as sock,
        sock.makefile("rb") as answered,
    ):
        for pause, sends in (
            (0, [WHOLE]),
            (STAY_SECONDS / 4, [WHOLE]),
            (STAY_SECONDS * 10, [head]),
            (0, [WHOLE, head, WHOLE]),
            (0, [head]),
        ):
            time.sleep(pause)
            sock.sendall(b"".join(each + b"\r\n" for each in sends))
            for each in sends:
                assert answered.readline() == b"HTTP/1.1 200 OK\r\n"
                lines = iter(lambda: answered.readline().lower(), b"\r\n")
                fields = dict(line.split(b": ") for line in lines)
                if each is WHOLE:
                    assert answered.read(int(fields[b"content-length"])).endswith(b"}")
