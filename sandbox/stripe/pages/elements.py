"""Stripe.js and its card fields: a script for other sites' pages, and the page inside the frame
that it adds.

The frame has the stand-in's own origin, so that the page around it never holds a card number.
"""

from pathlib import Path

import falcon

from sandbox.wire import App

HERE = Path(__file__).parent
FRAME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'"
)
FILES = {
    "/endive/stripe.js": ("stripe.js", "text/javascript"),
    "/elements/frame": ("elements_frame.html", falcon.MEDIA_HTML),
    "/elements/frame.js": ("elements_frame.js", "text/javascript"),
    "/elements/frame.css": ("elements_frame.css", "text/css"),
}


class ElementsFile:
    """Serves one file unchanged."""

    def __init__(self, name: str, media_type: str) -> None:
        """Serve a file of this folder."""
        self.text, self.media_type = (HERE / name).read_text("utf-8"), media_type

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send the file."""
        resp.content_type, resp.text = self.media_type, self.text
        resp.set_header("Content-Security-Policy", FRAME_POLICY)
        resp.set_header("Cache-Control", "no-store")


def add_routes(app: App) -> None:
    """Serve Stripe.js and the frame at the URLs that the pinned release uses."""
    for address, (name, media_type) in FILES.items():
        app.add_route(address, ElementsFile(name, media_type))
