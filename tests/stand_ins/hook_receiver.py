"""The clinic's own software as a receiver of webhooks: a server on loopback that stores what it
receives.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


class HookReceiver:
    """Answers with `statuses` in turn, then 200. `events` are verified with the scheme's own
    library; requests to the paths in `seconds` take that long.
    """

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.secret, self.location, self.release = "", "", threading.Event()
        self.hang = False
        self.seconds: dict[str, float] = {}
        box = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                box.got.append((dict(self.headers.items()), body))
                time.sleep(next((box.seconds[at] for at in box.seconds if at in self.path), 0.0))
                if box.hang:
                    box.release.wait(120)
                self.send_response(box.statuses.pop(0) if box.statuses else 200)
                if box.location:
                    self.send_header("Location", box.location)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events received; raises if a signature is invalid."""
        return [Webhook(self.secret).verify(body, headers) for headers, body in list(self.got)]

    def stop(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
