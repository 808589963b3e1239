"""Security headers of every answer, which restrict what a browser does with it."""

import falcon

from web.http.address import is_https

# for answers that are not pages
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)

FIXED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "content-security-policy": NOTHING,
}
YEAR = 365 * 24 * 3600


class Answer(falcon.Response):
    """A response that has the headers from the start. A responder may set its own
    Content-Security-Policy.
    """

    __slots__ = ()

    def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
        super().__init__(options)
        self._headers.update(FIXED)


class StrictTransport:
    """Adds the header that only answers over HTTPS have."""

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Tell a browser to use nothing but HTTPS from now on."""
        if is_https(req):
            resp.set_header("Strict-Transport-Security", f"max-age={YEAR}")
