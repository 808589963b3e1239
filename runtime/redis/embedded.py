"""A Valkey of our own, for a machine that has no Redis: started by the worker pool, reached by a
socket.

It is there while `REDIS_URL` is not set. One machine only: processes elsewhere need a Redis they
can reach. What starts it is in `embedded_server.py`, which only the pool and the demo import.
"""

import os
from pathlib import Path

from runtime.errors import Misconfigured
from runtime.settings import get_settings

LONGEST_SOCKET = 100  # bytes; the system allows 108, with a closing zero


def folder() -> Path:
    """Where the server keeps its socket, its data and its log."""
    return get_settings().state_dir / "redis"


def socket_url() -> str:
    """The address of the embedded server. Raises Misconfigured where the path is too long for a
    socket.
    """
    path = folder() / "valkey.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise Misconfigured(
            f"{path} is too long for a socket. Move the folder to a shorter path, or set REDIS_URL."
        )
    return f"unix://{path}"


def configuration(place: Path, **listen: str) -> str:
    """The server's settings: nothing evicted, everything appended to disk each second, this user
    only.
    """
    lines = {
        "dir": f'"{place}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        # a title would overwrite the environment, by which a demo's processes are known
        "daemonize": "no",
        "logfile": '""',
        "set-proc-title": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in (lines | listen).items())
