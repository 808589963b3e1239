"""Where a clinic's browser comes back to from a provider, with a code that counts once.

The person is asked for whom to connect before the code is used: whoever began may have sent the
provider's address to somebody else, whose calendar would land in the wrong account.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import falcon
from peewee import InterfaceError, OperationalError

from actions.integrations.connect import CALLBACK, finish, pending_consent
from models.database_errors import explain
from models.transactions import OutcomeUnknown, commits
from runtime.errors import Misconfigured, Refused
from runtime.log import get_log
from web.http.body import read_raw
from web.http.pages import show_page
from web.http.problems import status_of

LONGEST = 4000  # characters of a code
FORM_CAP = 32 * 1024  # bytes; three for a character that is escaped
DONE = "{title} is connected"
BACK = "You can close this page and go on where you were. Found there: {found}."
NOT_DONE = "This was not connected"
NOT_KNOWN = "This may not be connected"
OURS = "This installation is not set up for it. Tell whoever runs it."
# what a database that fails leaves: nothing done, a way back that is used up, or nobody knows
LOAD_AGAIN = "Nothing was changed. Load this page again in a moment."
START_AGAIN = "What you allowed was not kept. Start again where you connect it."
LOOK = (
    "It is not known whether it was connected. Look where you connect it; if it is not connected"
    " there, start again."
)

log = get_log("integrations")


class OAuthCallback:
    """`/api/oauth/callback`"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask for whom it is to be connected; or say why it cannot be, in words."""
        state, code, error = (
            (req.get_param(name) or "")[:LONGEST] for name in ("state", "code", "error")
        )
        with _in_words(req, resp):
            if error or not code:
                _finish(resp, state, "", error)
                return
            account, connector = pending_consent(state)
            known = {"account": account.name, "account_id": account.id, "callback": CALLBACK}
            show_page(resp, "connect.html", title=connector.title, state=state, code=code, **known)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Connect, and say so; or say why not, in words. Nobody but the page above has the code."""
        form = parse_qs(read_raw(req, FORM_CAP).decode("utf-8", "replace"))
        state, code = (form.get(name, [""])[0][:LONGEST] for name in ("state", "code"))
        with _in_words(req, resp):
            _finish(resp, state, code, "")


def _finish(resp: falcon.Response, state: str, code: str, error: str) -> None:
    row, connector = finish(state, code, error)
    text = BACK.format(found=row.found or connector.title)
    show_page(resp, "plain.html", title=DONE.format(title=connector.title), text=text)


@contextmanager
def _in_words(req: falcon.Request, resp: falcon.Response) -> Iterator[None]:
    """What cannot be done is a page that says why."""
    resp.set_header("Referrer-Policy", "no-referrer")  # the address holds a code
    try:
        yield
    except Refused as refused:
        resp.status = status_of(refused)
        show_page(resp, "plain.html", title=NOT_DONE, text=refused.detail)
    except Misconfigured as wrong:
        log.error("a callback of a provider that is not set up", reason=str(wrong))
        resp.status = falcon.HTTP_503
        show_page(resp, "plain.html", title=NOT_DONE, text=OURS)
    except (OperationalError, InterfaceError) as away:
        log.error(explain(away), error=type(away).__name__)
        is_known = not isinstance(away, OutcomeUnknown)
        resp.status = falcon.HTTP_503
        text = LOOK
        if is_known:  # a commit of this request has used the way back up
            text = LOAD_AGAIN if commits() == req.context.commits else START_AGAIN
        show_page(resp, "plain.html", title=NOT_DONE if is_known else NOT_KNOWN, text=text)
