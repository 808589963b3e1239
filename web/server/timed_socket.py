"""A connection on which no wait goes beyond a deadline, however little arrives or leaves at a time.

A timeout for each read would let a client that sends a byte every few seconds stay for ever.
"""

import errno
import math
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gunicorn.http.errors import LimitRequestHeaders

_PIECE = 8192  # bytes: what gunicorn reads at once


class TooSlow(ConnectionResetError):
    """The peer has not sent, or not taken, everything in time; gunicorn then hangs up, as on a peer
    that is gone.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the peer did not send or take everything in time")


class TimedSocket(socket.socket):
    """A socket that blocks until the deadline `allow` has set, and then raises TooSlow.

    It is tried first and waited for only if need be: with each call of the system Python lets go of
    its lock, and waits for all who have taken it meanwhile.
    """

    _until = math.inf
    _left: float = math.inf
    _early: bytes | None = None  # waits for what is written after it; empty: what is written next
    _lasts: float | None = None  # seconds, how long a read that blocks without a timeout waits

    def allow(self, seconds: float, most: float = math.inf) -> None:
        """Let all that is read and written from now on take `seconds` together, and read about
        `most` bytes; LimitRequestHeaders is raised for more.
        """
        self._until, self._left = time.monotonic() + seconds, most

    def setblocking(self, flag: bool) -> None:
        """Block, or not; nothing to do if it does already."""
        if flag != (self.gettimeout() is None):
            super().setblocking(flag)

    def read_within(self, seconds: float) -> bytes | None:
        """What the peer sends within some seconds; empty where it has hung up, None where nothing
        came. It is one call, where to look and then to read would be two.
        """
        if self._lasts != seconds:
            whole, parts = divmod(round(seconds * 1_000_000), 1_000_000)
            self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", whole, parts))
            self._lasts = seconds
        try:
            return super().recv(_PIECE)
        except BlockingIOError:
            return None
        except OSError:  # it is gone, as the next read will find
            return b""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read what is there, or wait for it."""
        if self._left <= 0:
            raise LimitRequestHeaders("the head is too long")
        left = self._time_left()
        try:
            piece = super().recv(size, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            with self._patience(left):
                piece = super().recv(size, flags)
        self._left -= len(piece)
        return piece

    def gather(self) -> None:
        """Let what is written next be sent with what is written after it, or by `flush`."""
        self._early = b""

    def flush(self) -> None:
        """Send what waits."""
        early, self._early = self._early, None
        if early:
            self.sendall(early)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Write all of it; the timeout of a socket is that of the whole call."""
        if self._early == b"":
            self._early = data
            return
        data, self._early = (self._early or b"") + data, None
        left = self._time_left()
        try:
            sent = super().send(data, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            with self._patience(left):
                super().sendall(data[sent:], flags)

    def _time_left(self) -> float:
        if (left := self._until - time.monotonic()) <= 0:
            raise TooSlow
        return left

    @contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        self.settimeout(seconds if seconds < math.inf else None)
        try:
            yield
        except TimeoutError:
            raise TooSlow from None
        finally:
            self.settimeout(None)
