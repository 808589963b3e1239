"""Vapi over HTTP: each kind of object at the root, as at ``https://api.vapi.ai``."""

import re

import falcon

from sandbox.stripe.door import give
from sandbox.stripe.exchange import Request
from sandbox.vapi.books import KINDS
from sandbox.vapi.live import LIVE
from sandbox.vapi.provider import Vapi

LARGEST_BODY = 1 << 25
PREFIX = re.compile(rf"/({'|'.join(KINDS)}|{LIVE})(/.*)?$")


class VapiDoor:
    """A sink for the address of each kind, and below."""

    def __init__(self, vapi: Vapi) -> None:
        """Serve a stand-in."""
        self.vapi = vapi

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Answer one request, or break its connection."""
        body = req.bounded_stream.read(LARGEST_BODY).decode("latin-1")
        headers = {name.lower(): value for name, value in req.headers.items()}
        request = Request(req.method, req.path, req.query_string, body, headers, req.prefix)
        give(req, resp, self.vapi.serve(request))
