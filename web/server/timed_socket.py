"""A connection on which no wait goes beyond a deadline, however little arrives or leaves at a time.

A timeout for each read would let a client that sends a byte every few seconds stay for ever.
"""

import errno
import math
import socket
import time

from gunicorn.http.errors import LimitRequestHeaders


class TooSlow(ConnectionResetError):
    """The peer has not sent, or not taken, everything in time; gunicorn then hangs up, as on a peer
    that is gone.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the peer did not send or take everything in time")


class TimedSocket(socket.socket):
    """A socket that blocks until the deadline `allow` has set, and then raises TooSlow."""

    _until = math.inf
    _left: float = math.inf

    def allow(self, seconds: float, most: float = math.inf) -> None:
        """Let all that is read and written from now on take `seconds` together, and read about
        `most` bytes; LimitRequestHeaders is raised for more.
        """
        self._until, self._left = time.monotonic() + seconds, most

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read what is there, or wait for it."""
        if self._left <= 0:
            raise LimitRequestHeaders("the head is too long")
        self._wait()
        try:
            piece = super().recv(size, flags)
        except TimeoutError:
            raise TooSlow from None
        self._left -= len(piece)
        return piece

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Write all of it; the timeout of a socket is that of the whole call."""
        self._wait()
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise TooSlow from None

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TooSlow
        self.settimeout(left if left < math.inf else None)
