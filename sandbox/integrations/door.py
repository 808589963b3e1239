"""Google, an OAuth server, Open Dental and NexHealth over HTTP."""

import re

import falcon

from sandbox.integrations.provider import PROVIDERS, Integrations
from sandbox.stripe.door import give
from sandbox.stripe.exchange import Request

PREFIX = re.compile("|".join(re.escape(prefix) for prefix in PROVIDERS))
LARGEST_BODY = 1 << 20


class IntegrationsDoor:
    """A sink for everything below the labels of these hosts."""

    def __init__(self, integrations: Integrations) -> None:
        """Serve a stand-in."""
        self.integrations = integrations

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Answer one request, or break its connection."""
        body = req.bounded_stream.read(LARGEST_BODY).decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in req.headers.items()}
        request = Request(req.method, req.path, req.query_string, body, headers, req.prefix)
        give(req, resp, self.integrations.serve(request))
