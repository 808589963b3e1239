"""Cutting connections on purpose, under the sandbox's own server or gunicorn."""

import contextlib
import os
import select
import socket
import struct
import time
from typing import Any

import falcon

App = falcon.App[falcon.Request, falcon.Response]

SOCKETS = ("sandbox.socket", "gunicorn.socket")
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def cut(environ: dict[str, Any], after: float, reset: bool) -> None:
    """Close a request's connection without an answer, after ``after`` seconds or as soon as the
    client hangs up.
    """
    connection = next((environ[name] for name in SOCKETS if name in environ), None)
    if connection is None:
        time.sleep(after)
        return
    _wait(connection, after)
    with contextlib.suppress(OSError):
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        os.close(connection.detach())


def _wait(connection: socket.socket, seconds: float) -> None:
    """Wait until the time is up or the client hangs up."""
    with contextlib.suppress(OSError):
        readable, _, _ = select.select([connection], [], [], seconds)
        if readable and connection.recv(1, socket.MSG_PEEK):
            time.sleep(seconds)  # the client sent more data and still waits
