"""A Stripe that answers the lookups which odd events cause: objects by id, and lists of what a
test has put there.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


class OddStripe:
    """Answers with `objects` by id, in our own API version, and with `events` as the list of all
    events, newest first.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.events: list[Any] = []
        stripe = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = stripe.answer(self.path)
                missing = {"error": {"code": "resource_missing", "message": "No such object"}}
                body = json.dumps(found or missing).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> Json | None:
        """Return the answer to a GET, or None if there is no such object."""
        where, asked = urlsplit(path).path, parse_qs(urlsplit(path).query)
        if where == "/v1/events":
            return _listed(where, self.events)
        if where == "/v1/refunds":
            refunds = (row for row in self.objects.values() if row["object"] == "refund")
            of = asked["payment_intent"][0]
            return _listed(where, [row for row in refunds if row["payment_intent"] == of])
        return self.objects.get(where.rpartition("/")[2])

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _listed(path: str, rows: list[Any]) -> Json:
    return {"object": "list", "url": path, "has_more": False, "data": rows}
