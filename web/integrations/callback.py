"""Where a provider sends a clinic's browser back to, with a code that works once.

A page asks to confirm the account before the code is used: whoever began could have sent the
provider's URL to someone else, whose calendar would end up in the wrong account.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import falcon
from peewee import InterfaceError, OperationalError

from actions.integrations.connect import CALLBACK, USED, finish_authorization, pending_consent
from models.database_errors import explain
from models.transactions import OutcomeUnknown, commits
from runtime.errors import Misconfigured, Refused
from runtime.log import get_log
from web.http.body import read_raw
from web.http.pages import show_page
from web.http.problems import status_of

LONGEST = 4000  # characters of a code
FORM_CAP = 32 * 1024  # bytes; an escaped character takes three
DONE = "{title} is connected"
BACK = "You can close this page and continue where you were. Found: {found}."
NOT_DONE = "This was not connected"
NOT_KNOWN = "This may not be connected"
NOT_SET_UP = "This installation is not set up for it. Tell its operator."
# after a database error: nothing was changed, the state is used up, or the outcome is unknown
LOAD_AGAIN = "Nothing was changed. Load this page again in a moment."
START_AGAIN = "Your consent was not saved. Start again where you connect it."
LOOK = (
    "It is not known whether it was connected. Check where you connect it; if it is not connected"
    " there, start again."
)

log = get_log("integrations")


class OAuthCallback:
    """`/api/oauth/callback`"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Ask for confirmation of the account to connect, or say why nothing can be connected."""
        state, code, error = (
            (req.get_param(name) or "")[:LONGEST] for name in ("state", "code", "error")
        )
        with _errors_as_pages(req, resp):
            if error or not code:
                _finish(resp, state, "", error)
                return
            account, connector = pending_consent(state)
            known = {"account": account.name, "account_id": account.id, "callback": CALLBACK}
            show_page(resp, "connect.html", title=connector.title, state=state, code=code, **known)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Connect, and say so; or say why not. Only the page above has the code."""
        form = parse_qs(read_raw(req, FORM_CAP).decode("utf-8", "replace"))
        state, code = (form.get(name, [""])[0][:LONGEST] for name in ("state", "code"))
        with _errors_as_pages(req, resp):
            _finish(resp, state, code, "")


def _finish(resp: falcon.Response, state: str, code: str, error: str) -> None:
    row, connector = finish_authorization(state, code, error)
    text = BACK.format(found=row.found or connector.title)
    show_page(resp, "plain.html", title=DONE.format(title=connector.title), text=text)


@contextmanager
def _errors_as_pages(req: falcon.Request, resp: falcon.Response) -> Iterator[None]:
    """Answer an error with a page that says why."""
    resp.set_header("Referrer-Policy", "no-referrer")  # the address holds a code
    try:
        yield
    except Refused as refused:
        resp.status = status_of(refused)
        title = NOT_KNOWN if refused.detail == USED else NOT_DONE
        show_page(resp, "plain.html", title=title, text=refused.detail)
    except Misconfigured as wrong:
        log.error("callback from a provider that is not set up", reason=str(wrong))
        resp.status = falcon.HTTP_503
        show_page(resp, "plain.html", title=NOT_DONE, text=NOT_SET_UP)
    except (OperationalError, InterfaceError) as error:
        log.error(explain(error), error=type(error).__name__)
        is_known = not isinstance(error, OutcomeUnknown)
        resp.status = falcon.HTTP_503
        text = LOOK
        if is_known:  # a commit of this request may have used the state up
            text = LOAD_AGAIN if commits() == req.context.commits else START_AGAIN
        show_page(resp, "plain.html", title=NOT_DONE if is_known else NOT_KNOWN, text=text)
