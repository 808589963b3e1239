"""Stripe.js and its card fields: a script for other people's pages, and the page inside the frame
it puts there.

The frame is of the stand-in's own origin, so that a card number never is in the page around it.
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
    """One file, as it is."""

    def __init__(self, name: str, media_type: str) -> None:
        """Serve a file of this folder."""
        self.text, self.media_type = (HERE / name).read_text("utf-8"), media_type

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send it."""
        resp.content_type, resp.text = self.media_type, self.text
        resp.set_header("Content-Security-Policy", FRAME_POLICY)
        resp.set_header("Cache-Control", "no-store")


def add_routes(app: App) -> None:
    """Put Stripe.js and the frame where a page of the pinned release looks for them."""
    for address, (name, media_type) in FILES.items():
        app.add_route(address, ElementsFile(name, media_type))
