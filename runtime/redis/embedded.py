"""An embedded Valkey for a machine without Redis: started by the worker pool, reached by a socket.

It is used while `REDIS_URL` is not set, on one machine only: processes elsewhere need a Redis they
can reach. `embedded_server.py`, which only the pool and the demo import, starts it.
"""

import os
from pathlib import Path

from runtime.errors import Misconfigured
from runtime.settings import get_settings

LONGEST_SOCKET = 100  # bytes; the system allows 108, including a final NUL


def folder() -> Path:
    """Where the server keeps its socket, its data and its log."""
    return get_settings().state_dir / "redis"


def socket_url() -> str:
    """The URL of the server's socket. Raises Misconfigured if its path is too long for one."""
    path = folder() / "valkey.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise Misconfigured(
            f"{path} is too long for a socket. Move the folder to a shorter path, or set REDIS_URL."
        )
    return f"unix://{path}"


def configuration(place: Path, **listen: str) -> str:
    """The configuration file: no eviction, an append-only file synced every second, and
    `listen`.
    """
    lines = {
        "dir": f'"{place}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": '""',
        # a title would overwrite the environment, by which a demo recognises its processes
        "set-proc-title": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in (lines | listen).items())
