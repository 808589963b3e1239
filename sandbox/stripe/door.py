"""Stripe over HTTP: the ``/v1`` address space."""

import falcon

from sandbox.stripe.exchange import Answer, Request
from sandbox.stripe.provider import Stripe
from sandbox.wire import cut

LARGEST_BODY = 1 << 20


class StripeDoor:
    """A sink for everything below ``/v1``."""

    def __init__(self, stripe: Stripe) -> None:
        """Serve a stand-in."""
        self.stripe = stripe

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Answer one request, or break its connection."""
        body = req.bounded_stream.read(LARGEST_BODY).decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in req.headers.items()}
        request = Request(
            req.method, req.path.rstrip("/"), req.query_string, body, headers, req.prefix
        )
        give(req, resp, self.stripe.serve(request))


def give(req: falcon.Request, resp: falcon.Response, answer: Answer) -> None:
    """Send an answer, or end without one."""
    if answer.ending:
        cut(req.env, answer.seconds, reset=answer.ending == "reset")
        return
    resp.status = answer.status
    resp.text = answer.body
    resp.content_type = answer.headers.pop("Content-Type")
    resp.set_headers(answer.headers)
