"""Connections that wait for their peers: so many and no more, and no more than so much of what
they have sent.
"""

import contextlib
import socket
import threading

TALKING = 256  # threads that talk with peers
CONNECTIONS = 2 * TALKING  # including those that are being closed


class Waiting:
    """Those connections, the longest waiting first; it is hung up for a new one.

    So a crowd that stalls pushes itself out, and whoever comes and sends at once is served.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._held: dict[socket.socket, int] = {}  # bytes of a body that is not all there
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def enter(self, connection: socket.socket) -> None:
        """It waits for its peer from now on."""
        with self._lock:
            self._held.setdefault(connection, 0)
            if len(self._held) > self._most:
                self._hang_up()

    def hold(self, connection: socket.socket, size: int) -> None:
        """So many bytes more are kept of what it has sent so far."""
        with self._lock:
            if connection not in self._held:  # hung up meanwhile
                return
            self._held[connection] += size
            self._bytes += size
            while self._bytes > self._most_bytes:
                self._hang_up()

    def hang_up(self) -> None:
        """Let the longest waiting go, if there is any."""
        with self._lock:
            if self._held:
                self._hang_up()

    def leave(self, connection: socket.socket) -> None:
        """It waits no more: what it has sent is worked on, or it is closed."""
        with self._lock:
            self._bytes -= self._held.pop(connection, 0)

    def _hang_up(self) -> None:
        """Whoever waits for that peer, a thread or the poller, is told by the socket."""
        longest = next(iter(self._held))
        self._bytes -= self._held.pop(longest)
        with contextlib.suppress(OSError):
            longest.shutdown(socket.SHUT_RDWR)
