"""Where a clinic's browser comes back to from a provider, with a code that counts once."""

import falcon

from actions.integrations.connect import finish
from runtime.errors import Misconfigured, Refused
from runtime.log import get_log
from web.http.pages import show_page
from web.http.problems import status_of

LONGEST = 4000  # characters of a code
DONE = "{title} is connected"
BACK = "You can close this page and go on where you were. Found there: {found}."
NOT_DONE = "This was not connected"
OURS = "This installation is not set up for it. Tell whoever runs it."

log = get_log("integrations")


class OAuthCallback:
    """`/api/oauth/callback`"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Connect, and say so; or say why not, in words."""
        resp.set_header("Referrer-Policy", "no-referrer")  # the address holds a code
        state, code, error = (
            (req.get_param(name) or "")[:LONGEST] for name in ("state", "code", "error")
        )
        try:
            row, port = finish(state, code, error)
        except Refused as refused:
            resp.status = status_of(refused)
            show_page(resp, "plain.html", title=NOT_DONE, text=refused.detail)
        except Misconfigured as wrong:
            log.error("a callback of a provider that is not set up", reason=str(wrong))
            resp.status = falcon.HTTP_503
            show_page(resp, "plain.html", title=NOT_DONE, text=OURS)
        else:
            text = BACK.format(found=row.found or port.title)
            show_page(resp, "plain.html", title=DONE.format(title=port.title), text=text)
