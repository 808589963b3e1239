"""An httpx transport without a socket: ``httpx.Client(transport=InProcess(sandbox.vapi), …)``."""

import httpx

from sandbox.stripe.exchange import Request
from sandbox.vapi.provider import Vapi


class InProcess(httpx.BaseTransport):
    """Passes each request to a stand-in; hangs and resets raise errors at once."""

    def __init__(self, vapi: Vapi) -> None:
        """Send requests to a stand-in."""
        self.vapi = vapi

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Serve one request."""
        answer = self.vapi.serve(
            Request(
                request.method,
                request.url.path,
                request.url.query.decode(),
                request.read().decode("latin-1"),
                {name.lower(): value for name, value in request.headers.items()},
                f"{request.url.scheme}://{request.url.host}",
            )
        )
        if answer.ending == "hang":
            raise httpx.ReadTimeout("the sandbox does not answer", request=request)
        if answer.ending:
            raise httpx.ReadError("the sandbox has ended the connection", request=request)
        return httpx.Response(answer.status, headers=answer.headers, text=answer.body)
