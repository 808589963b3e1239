"""Headers every answer carries, so that a browser does nothing with it that we did not mean."""

import falcon

from web.http.address import is_https

# for what is no page
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
YEAR = 365 * 24 * 3600


class SecurityHeaders:
    """Sets them after the responder, which may have set its own Content-Security-Policy."""

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Add what is not there yet."""
        for name, value in (*_FIXED.items(), ("Content-Security-Policy", NOTHING)):
            if resp.get_header(name) is None:
                resp.set_header(name, value)
        if is_https(req):
            resp.set_header("Strict-Transport-Security", f"max-age={YEAR}")
