"""gunicorn's threaded worker, made to withstand peers that stall: those that send nothing, half a
head, half a body or a byte now and then, and those that do not read their answer.

A connection is in one of three places. Until it sends anything, and between two requests, it waits
in the poller and costs only a descriptor. Then a thread *talks*: it reads the head and the whole
body, and later writes the answer, each within a deadline. Only once a request has arrived whole
does the thread *work*: it borrows one of the few database connections and calls the application. So
there can be many talking threads, and peers tie up only those.

`docs/decisions/0018-threads-that-talk-and-threads-that-work.md` says what else was considered, and
what endless answers would need.
"""

import errno
import selectors
import time
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import TConn, ThreadWorker

from delivery.nudge import push_in_background
from models.transactions import Connections
from web.http.guards.security_headers import FIXED
from web.server.request_bodies import whole_body
from web.server.request_metrics import count_in_memory_without_files
from web.server.timed_socket import TimedSocket
from web.server.waiting import TALKING, Waiting

WORKING = 8  # threads that call the application at once
WAITING = TALKING - WORKING  # leaves threads free for new requests

HEAD_SECONDS = 10.0  # from the connection, or the last answer, to the end of the head
BODY_SECONDS = 30.0  # to the end of the body
ANSWER_SECONDS = 30.0  # for the peer to read the whole answer
STAY_SECONDS = 0.02  # a thread waits for the next request before the poller takes over
LINGER_SECONDS = 2.0  # for the peer to close after its last answer

HEAD_BYTES = 64 * 1024  # a line of 8 KiB, a header of 8 KiB, cookies, proxies' headers
BODY_BYTES = 64 * 1024 * 1024  # of incomplete bodies, per process

_NOTHING_TO_ACCEPT = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED})
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})

# headers of most answers
USUAL = {*FIXED.items(), ("cache-control", "no-store"), ("content-type", "application/json")}

StartResponse = Callable[..., Any]


def _begin(
    start_response: Any, status: str, headers: list[tuple[str, str]], exc_info: Any = None
) -> Any:
    """Begin an answer. gunicorn checks every header, so it is not given those of every answer."""
    write = start_response(status, [each for each in headers if each not in USUAL], exc_info)
    start_response.__self__.headers += [each for each in headers if each in USUAL]
    return write


class _Connection(TConn):
    """A connection that is registered as waiting until it is closed."""

    def __init__(self, waiting: Waiting, *named: Any) -> None:
        super().__init__(*named)
        self._waiting = waiting
        waiting.enter(self.sock)

    def close(self, graceful: bool = False) -> None:
        """Close without waiting, in the thread that accepts: `handle` has waited for the peer."""
        self._waiting.leave(self.sock)
        util.close(self.sock)


class PatientWorker(ThreadWorker):
    """The worker class of `web/server/gunicorn_conf.py`."""

    def init_process(self) -> None:
        """Set up this worker in its own process, then serve."""
        self._waiting = Waiting(WAITING, BODY_BYTES)
        self._working = Connections(WORKING)
        push_in_background()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application and put `_answer` in front of it. The settings, which no longer
        change, become plain attributes: gunicorn reads two dozen with each request, by two calls
        each.
        """
        count_in_memory_without_files()
        vars(self.cfg).update({name: each.get() for name, each in self.cfg.settings.items()})
        super().load_wsgi()
        self._application, self.wsgi = self.wsgi, self._answer

    def accept(self, listener: Any) -> None:
        """Accept a connection; it waits for its first byte in the poller, without a thread."""
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR:
                self._waiting.hang_up()
            elif error.errno not in _NOTHING_TO_ACCEPT:
                raise
            return
        self.nr_conns += 1
        sock = TimedSocket(fileno=accepted.detach())
        connection = _Connection(self._waiting, self.cfg, sock, client, listener.getsockname())
        connection.timeout = time.monotonic() + HEAD_SECONDS
        self.pending_conns.append(connection)
        readable = partial(self.on_pending_socket_readable, connection)
        poller: Any = self.poller
        poller.register(sock, selectors.EVENT_READ, readable)

    def handle(self, conn: Any) -> Any:
        """Read and answer requests, in a thread that talks; returns whether to keep the
        connection.
        """
        keep = self._handle_one(conn)
        while keep and self.alive and self._goes_on(conn):
            keep = self._handle_one(conn)
        if not keep:
            conn.sock.allow(LINGER_SECONDS)
            util.close_graceful(conn.sock, LINGER_SECONDS)
        return keep

    @staticmethod
    def _goes_on(conn: Any) -> bool:
        """Whether to continue at once: the next request has begun to arrive, or does within a
        moment, or the peer has hung up.
        """
        unreader = conn.parser.unreader
        if unreader.buf.getvalue():
            return True
        piece = conn.sock.read_within(STAY_SECONDS)
        if piece:
            unreader.unread(piece)
        return piece is not None

    def _handle_one(self, conn: Any) -> Any:
        conn.sock.allow(HEAD_SECONDS, HEAD_BYTES)
        keep = super().handle(conn)
        try:
            conn.sock.flush()
        except OSError:
            return False
        return keep

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether to keep the connection. A body that was read whole is forgotten here: gunicorn
        would look twice for the rest of it, with three system calls.
        """
        body = conn.parser.mesg.body
        if isinstance(body.reader, LengthReader) and not body.failed and not body.reader.length:
            conn.parser.mesg = None
            return keepalive
        kept: bool = super()._keepalive_after(conn, keepalive)
        return kept

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Read the body, and call the application once a database connection is free."""
        sock = environ["gunicorn.socket"]
        sock.allow(BODY_SECONDS)
        environ["wsgi.input"] = whole_body(environ, partial(self._waiting.hold, sock))
        self._waiting.leave(sock)
        try:
            with self._working.one():
                answer: Iterable[bytes] = copy_context().run(
                    self._application, environ, partial(_begin, start_response)
                )
        finally:
            self._waiting.enter(sock)
            sock.allow(ANSWER_SECONDS)
        if isinstance(answer, list):
            sock.gather()  # send the head with the body's only piece
        return answer
