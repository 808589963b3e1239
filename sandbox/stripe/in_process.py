"""The SDK's transport without a socket.

``StripeClient(key, http_client=InProcess(sandbox.stripe))``.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from sandbox.stripe.exchange import Request
from sandbox.stripe.provider import Stripe


class InProcess(stripe.HTTPClient):
    """Passes each request to a stand-in; hangs and resets raise connection errors at once."""

    name = "in-process"

    def __init__(self, provider: Stripe) -> None:
        """Send requests to a stand-in."""
        super().__init__()
        self.provider = provider

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Serve one request."""
        parts = urlsplit(url)
        names = {name.lower(): str(value) for name, value in (headers or {}).items()}
        base = f"{parts.scheme}://{parts.netloc}"
        answer = self.provider.serve(
            Request(method.upper(), parts.path, parts.query, post_data or "", names, base)
        )
        if answer.ending:
            why = f"the sandbox ended the connection: {answer.ending}"
            raise stripe.APIConnectionError(why)  # type: ignore[no-untyped-call]
        return (
            answer.body,
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
        )

    def close(self) -> None:
        """Nothing to close."""
