"""A proxy in front of PostgreSQL that cuts the connection at a COMMIT: before the server receives
it, or after the server has executed it but before the client knows.
"""

import contextlib
import select
import socket
import threading
from urllib.parse import parse_qs, urlsplit

COMMIT = b"COMMIT\x00"  # as it ends a message


class PostgresProxy:
    """Forwards every connection, but can cut it at one COMMIT. Each COMMIT counts as two chances:
    at an odd `at` it is not forwarded, at an even one it is not answered.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.{parts.port or 5432}"
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        user = parts.username or "postgres"
        self.url = f"postgresql://{user}@127.0.0.1:{port}{parts.path}?gssencmode=disable"
        self.at, self.seen, self.where = 0, 0, ""
        threading.Thread(target=self._accept, daemon=True).start()

    def order(self, at: int) -> None:
        """Cut at the `at`-th chance from now on; 0 means never."""
        self.at, self.seen, self.where = at, 0, ""

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        prepared: set[bytes] = set()
        with client, server, contextlib.suppress(OSError):
            server.connect(self._server)
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for source in ready:
                    data = source.recv(65536)
                    commits = source is client and is_commit(data, prepared)
                    if not data or (commits and self._cuts(data, server)):
                        return
                    (server if source is client else client).sendall(data)

    def _cuts(self, data: bytes, server: socket.socket) -> bool:
        """Whether to cut the connection at this COMMIT."""
        self.seen += 2
        if self.at == self.seen - 1:
            self.where = "COMMIT, not arrived"
        elif self.at == self.seen:
            self.where = "COMMIT, done and not answered"
            server.sendall(data)
            server.recv(65536)  # the server has answered, so the COMMIT is executed
        return self.at in {self.seen - 1, self.seen}


def is_commit(message: bytes, prepared: set[bytes]) -> bool:
    """Whether a message commits: as text, or under the name with which psycopg has `prepared` it,
    as it does with frequent statements.
    """
    if message[:1] == b"P" and COMMIT in message:
        prepared.add(message[5 : message.index(b"\x00", 5)])
        return False
    if message[:1] == b"B":
        return any(b"\x00" + name + b"\x00" in message for name in prepared)
    return message[:1] == b"Q" and COMMIT in message
