"""Twilio over HTTP: ``https://api.twilio.com/…`` is found below ``/api``, and so on: each host
below its first label.
"""

import falcon

from sandbox.stripe.door import give
from sandbox.stripe.exchange import Request
from sandbox.twilio.provider import Twilio

PREFIX = "/api"
LARGEST_BODY = 1 << 20


class TwilioDoor:
    """A sink for everything below a host's label; that of ``api`` is left out of the address."""

    def __init__(self, twilio: Twilio) -> None:
        """Serve a stand-in."""
        self.twilio = twilio

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Answer one request, or break its connection."""
        is_file = (req.content_type or "").startswith("multipart/")
        raw = req.bounded_stream.read(LARGEST_BODY)
        body = raw.decode("latin-1") if is_file else raw.decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in req.headers.items()}
        give(
            req,
            resp,
            self.twilio.serve(
                Request(
                    req.method,
                    req.path.removeprefix(PREFIX),
                    req.query_string,
                    body,
                    headers,
                    req.prefix,
                )
            ),
        )
