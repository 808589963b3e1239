"""Security headers of every answer, which restrict what a browser does with it."""

import falcon

from web.http.address import is_https

# for answers that are not pages
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)

_FIXED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "content-security-policy": NOTHING,
}
YEAR = 365 * 24 * 3600


class SecurityHeaders:
    """Sets the headers after the responder, which may set its own Content-Security-Policy."""

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Add the headers that are not set yet."""
        present = resp.headers
        resp.set_headers([each for each in _FIXED.items() if each[0] not in present])
        if is_https(req):
            resp.set_header("Strict-Transport-Security", f"max-age={YEAR}")
