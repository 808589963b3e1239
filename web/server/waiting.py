"""The connections that wait for their peers, limited in number and in buffered bytes."""

import contextlib
import socket
import threading

TALKING = 256  # threads that talk with peers
CONNECTIONS = 2 * TALKING  # including those being closed


class Waiting:
    """Waiting connections, oldest first. At the limit, the oldest is closed for a new one.

    A crowd of stalling peers thus evicts its own connections, and a peer that sends at once is
    served.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._held: dict[socket.socket, int] = {}  # buffered bytes of each incomplete body
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def enter(self, connection: socket.socket) -> None:
        """Register a connection that waits for its peer; closes the oldest at the limit."""
        with self._lock:
            self._held.setdefault(connection, 0)
            if len(self._held) > self._most:
                self._hang_up()

    def hold(self, connection: socket.socket, size: int) -> None:
        """Count `size` more buffered bytes of a body; closes the oldest connections at the
        limit.
        """
        with self._lock:
            if connection not in self._held:  # closed in the meantime
                return
            self._held[connection] += size
            self._bytes += size
            while self._bytes > self._most_bytes:
                self._hang_up()

    def hang_up(self) -> None:
        """Close the longest waiting connection, if there is one."""
        with self._lock:
            if self._held:
                self._hang_up()

    def leave(self, connection: socket.socket) -> None:
        """Unregister a connection: its request is being worked on, or it is closed."""
        with self._lock:
            self._bytes -= self._held.pop(connection, 0)

    def _hang_up(self) -> None:
        """Shut the socket down, which wakes the thread or the poller that waits for that peer."""
        longest = next(iter(self._held))
        self._bytes -= self._held.pop(longest)
        with contextlib.suppress(OSError):
            longest.shutdown(socket.SHUT_RDWR)
