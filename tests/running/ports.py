"""Ports for the servers of tests: free, and they stay so until the server has come.

One that the system chooses may be taken meanwhile, by a connection that goes out or by another
worker of the suite.
"""

import contextlib
import os
import socket
from itertools import count

FIRST, LAST = 10_000, 32_000  # below those the system chooses from
EACH = 2_000  # for each worker of the suite

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_numbers = count(os.getpid())  # suites that run side by side seldom begin at the same


def free_port() -> int:
    """A port of this machine that nobody has and no other worker is told of."""
    own = FIRST + _worker * EACH % (LAST - FIRST)
    while True:
        port = own + next(_numbers) % EACH
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
