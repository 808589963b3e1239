"""Ports for the servers of tests: free, and reserved until the server binds them.

A port chosen by the system could be taken first by an outgoing connection or by another worker of
the suite.
"""

import contextlib
import os
import socket
from itertools import count

FIRST, LAST = 10_000, 32_000  # below the system's ephemeral range
EACH = 2_000  # ports for each worker of the suite

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_numbers = count(os.getpid())  # so that suites running side by side seldom start at the same port


def free_port() -> int:
    """Return a port of this machine that is free and that no other worker chooses."""
    own = FIRST + _worker * EACH % (LAST - FIRST)
    while True:
        port = own + next(_numbers) % EACH
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
