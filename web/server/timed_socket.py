"""A connection on which no wait exceeds a deadline, however little arrives or leaves at a time.

With a timeout per read, a client that sends a byte every few seconds could stay for ever.
"""

import errno
import math
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gunicorn.http.errors import LimitRequestHeaders

_PIECE = 8192  # bytes that gunicorn reads at a time
_AT_ONCE = int(socket.MSG_DONTWAIT)  # combining flags of an enum takes Python a microsecond


class TooSlow(ConnectionResetError):
    """The peer has not sent or read everything in time. gunicorn then hangs up, as on a peer that
    has disconnected.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the peer did not send or take everything in time")


class TimedSocket(socket.socket):
    """A socket that blocks until the deadline set by `allow`, and then raises TooSlow.

    Each operation is tried without waiting first: every system call releases Python's GIL, and
    getting it back means waiting for the threads that took it.
    """

    _deadline = math.inf
    _bytes_left: float = math.inf
    _held_back: bytes | None = None  # a write that was held back; empty: hold back the next one
    _receive_timeout: float | None = None  # seconds: the socket's current SO_RCVTIMEO

    def allow(self, seconds: float, most: float = math.inf) -> None:
        """Let all reads and writes from now on take `seconds` in total, and reads return about
        `most` bytes; further reads raise LimitRequestHeaders.
        """
        self._deadline, self._bytes_left = time.monotonic() + seconds, most

    def setblocking(self, flag: bool) -> None:
        """Set blocking mode, without a system call if it is already set."""
        if flag != (self.gettimeout() is None):
            super().setblocking(flag)

    def read_within(self, seconds: float) -> bytes | None:
        """Read what the peer sends within `seconds`: empty if it has hung up, None if nothing came.
        This is one system call; polling first would be two.
        """
        if self._receive_timeout != seconds:
            whole, parts = divmod(round(seconds * 1_000_000), 1_000_000)
            self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", whole, parts))
            self._receive_timeout = seconds
        try:
            return super().recv(_PIECE)
        except BlockingIOError:
            return None
        except OSError:  # disconnected, which the next read will report
            return b""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read what has arrived, or wait for something to arrive."""
        if self._bytes_left <= 0:
            raise LimitRequestHeaders("the head is too long")
        left = self._time_left()
        try:
            piece = super().recv(size, flags | _AT_ONCE)
        except BlockingIOError:
            with self._time_limit(left):
                piece = super().recv(size, flags)
        self._bytes_left -= len(piece)
        return piece

    def gather(self) -> None:
        """Hold back the next write: send it with the one after it, or by `flush`."""
        self._held_back = b""

    def flush(self) -> None:
        """Send the write that was held back, if any."""
        held_back, self._held_back = self._held_back, None
        if held_back:
            self.sendall(held_back)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Write all of `data`; a socket's timeout applies to the whole of this call."""
        if self._held_back == b"":
            self._held_back = data
            return
        data, self._held_back = (self._held_back or b"") + data, None
        left = self._time_left()
        try:
            sent = super().send(data, flags | _AT_ONCE)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            with self._time_limit(left):
                super().sendall(data[sent:], flags)

    def _time_left(self) -> float:
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TooSlow
        return left

    @contextmanager
    def _time_limit(self, seconds: float) -> Iterator[None]:
        self.settimeout(seconds if seconds < math.inf else None)
        try:
            yield
        except TimeoutError:
            raise TooSlow from None
        finally:
            self.settimeout(None)
