"""A small threaded WSGI server, for a process that starts and stops at once."""

import socketserver
import sys
import threading
from typing import IO, Any, cast
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from sandbox.wire import App


class _Exchange(ServerHandler):
    """One request; a connection cut by a fault is not an error."""

    def log_exception(self, exc_info: Any) -> None:
        """Report every error but a broken connection."""
        if not issubclass(exc_info[0], OSError):
            super().log_exception(exc_info)

    def error_output(self, environ: Any, start_response: Any) -> list[bytes]:
        """Answer 500 in plain text, or give up if the connection is broken."""
        if isinstance(sys.exc_info()[1], OSError):
            raise ConnectionAbortedError
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
        )
        return [b"the sandbox has a bug"]


class Handler(WSGIRequestHandler):
    """Logs nothing, and passes its socket to the application."""

    disable_nagle_algorithm = True

    def get_environ(self) -> dict[str, Any]:
        """Add the socket, so that a fault can cut it."""
        return {**super().get_environ(), "sandbox.socket": self.connection}

    def handle(self) -> None:
        """Serve one request, whose request line may have 64 KiB."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        exchange = _Exchange(
            cast(IO[bytes], self.rfile),
            cast(IO[bytes], self.wfile),
            self.get_stderr(),
            self.get_environ(),
            multithread=True,
        )
        exchange.request_handler = self  # type: ignore[attr-defined]  # wsgiref logs through it
        exchange.run(self.server.get_app())  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the sandbox has its own log."""


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """Serves each connection in a daemon thread, which does not keep the process alive."""

    daemon_threads = True
    request_queue_size = 256

    def server_bind(self) -> None:
        """Bind without looking up our own host name, which can be slow."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = (
            str(self.server_address[0]),
            int(self.server_address[1]),
        )
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that have disconnected."""
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """The URL at which it listens."""
        return f"http://{self.server_name}:{self.server_port}"


def listen(app: App, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Bind a server for an application; ``serve_forever`` runs it."""
    server = Server((host, port), Handler)
    server.set_app(app)
    return server


def serve_in_background(server: Server) -> threading.Thread:
    """Run a server in a thread, as tests do."""
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    return thread
