"""Stripe's hosted pages: a link's page, a session's payment page, the 3-D Secure question.

Each answers JSON to a scripted payer that accepts ``application/json``, and HTML to other payers. A
closed link or session is a page with status 200, and in JSON a 410.
"""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

import falcon

from sandbox.stripe import checkout_sessions, payment_links
from sandbox.stripe.account import Account
from sandbox.stripe.actions import owner_of
from sandbox.stripe.amounts import shown
from sandbox.stripe.checkout_payment import Payer, authenticate, refusal, submit
from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.provider import Stripe
from sandbox.wire import App

PAGE = Template(Path(__file__).with_name("hosted.html").read_text("utf-8"))
FORM = Template(Path(__file__).with_name("hosted_form.html").read_text("utf-8"))
QUESTION = """<form method="post"><p>Your bank asks whether this is you.</p>
<button name="outcome" value="succeed">Yes, it is me</button>
<button name="outcome" value="fail" class="quiet">No</button></form>"""


class HostedPages:
    """Resources a payer visits."""

    def __init__(self, stripe: Stripe) -> None:
        """Serve a stand-in's pages."""
        self.stripe = stripe

    def on_get_link(self, req: falcon.Request, resp: falcon.Response, token: str) -> None:
        """Visit a link: open a new session, or show the message of a closed link."""
        with self.stripe.shared.lock:
            account, link = self._link(token)
            if not payment_links.is_open(link):
                _closed(
                    req,
                    resp,
                    link["inactive_message"] or payment_links.CLOSED,
                    "payment_link_inactive",
                )
                return
            self._use_own_address(req)
            reference, email = (
                req.get_param("client_reference_id"),
                req.get_param("prefilled_email"),
            )
            session = checkout_sessions.visit(account, link, reference, email)
            self._show(req, resp, account, session)

    def _link(self, token: str) -> tuple[Account, Json]:
        """Return the account and link with this token, or raise a 404."""
        for account in self.stripe.accounts.values():
            link = payment_links.by_token(account, token)
            if link:
                return account, link
        raise falcon.HTTPNotFound(title="No such link")

    def _use_own_address(self, req: falcon.Request) -> None:
        """Make URLs created by this request lead back to the address that the payer uses."""
        self.stripe.cause.base_url = self.stripe.shared.public_url or req.prefix

    def on_get_session(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Show a session."""
        with self.stripe.shared.lock:
            self.stripe.shared.tick()
            account, session = owner_of(self.stripe, id)
            self._show(req, resp, account, session)

    def on_post_session(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Submit the payment form."""
        payer = _payer(req)
        with self.stripe.shared.lock:
            self.stripe.shared.tick()
            account, session = owner_of(self.stripe, id)
            self._use_own_address(req)
            try:
                submit(account, session, payer)
                self._show(req, resp, account, session)
            except ApiError as error:
                self._refused(req, resp, account, session, error)

    def _refused(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        account: Account,
        session: Json,
        error: ApiError,
    ) -> None:
        """Show an error; after a decline the form is shown again."""
        if error.body["error"].get("code") == "checkout_session_unpayable":
            _closed(req, resp, str(error), "checkout_session_unpayable")
        elif _wants_json(req):
            resp.status, resp.media = (
                error.status,
                {
                    **error.body,
                    "session": session["id"],
                    "status": session["status"],
                },
            )
        else:
            _page(resp, _form(account, session, str(error)))

    def _show(
        self, req: falcon.Request, resp: falcon.Response, account: Account, session: Json
    ) -> None:
        """Show a session's state: payable, awaiting authentication, complete or closed."""
        why = refusal(account, session)
        waiting = _waiting_intent(account, session)
        if session["status"] == "complete":
            _completed(req, resp, account, session)
        elif why:
            _closed(req, resp, why, "checkout_session_unpayable")
        elif _wants_json(req):
            resp.media = _summary(session) | (
                {"authenticate": _question_url(waiting)} if waiting else {}
            )
        elif waiting:
            raise falcon.HTTPSeeOther(_question_url(waiting))
        else:
            _page(resp, _form(account, session))

    def on_get_question(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Show the 3-D Secure question."""
        _page(resp, QUESTION)

    def on_post_question(self, req: falcon.Request, resp: falcon.Response, id: str) -> None:
        """Take the answer to the question: ``outcome`` is ``succeed`` or ``fail``."""
        outcome = _fields(req).get("outcome", "succeed")
        with self.stripe.shared.lock:
            account, intent = owner_of(self.stripe, id)
            authenticate(account, intent, outcome == "succeed")
            session_id = account.secret(id).get("session")
            if session_id:
                self._show(req, resp, account, account.get("checkout.session", session_id))
            elif _wants_json(req):
                resp.media = {"payment_intent": id, "status": intent["status"]}
            else:
                raise falcon.HTTPSeeOther(account.secret(id).get("return_url") or "/")


def _wants_json(req: falcon.Request) -> bool:
    """Whether the payer is a script."""
    return "application/json" in req.accept


def _fields(req: falcon.Request) -> dict[str, Any]:
    """Return the posted fields, from a form or JSON."""
    media = req.get_media(default_when_empty={})
    return media if isinstance(media, dict) else {}


def _payer(req: falcon.Request) -> Payer:
    """Read the payer's details and card."""
    given = _fields(req)
    known = {
        name: str(given[name])
        for name in ("card_number", "payment_method", "email", "name")
        if given.get(name)
    }
    return Payer(**known)


def _summary(session: Json) -> Json:
    """Return what a scripted payer needs to know of a session."""
    names = ("url", "status", "payment_status", "payment_intent", "payment_link", "currency")
    return {
        "session": session["id"],
        "amount": session["amount_total"],
        **{name: session[name] for name in names},
    }


def _waiting_intent(account: Account, session: Json) -> Json | None:
    """Return the session's intent if it awaits authentication, or None."""
    if not session["payment_intent"]:
        return None
    intent = account.get("payment_intent", session["payment_intent"])
    return intent if intent["status"] == "requires_action" else None


def _question_url(intent: Json) -> str:
    """Return the URL of an intent's 3-D Secure question."""
    return str(intent["next_action"]["redirect_to_url"]["url"])


def _completed(req: falcon.Request, resp: falcon.Response, account: Account, session: Json) -> None:
    """Thank the payer, or redirect to where the session or link says."""
    onward = _return_url(account, session)
    if _wants_json(req):
        resp.media = _summary(session) | {"redirect": onward}
    elif onward:
        raise falcon.HTTPSeeOther(onward)
    else:
        paid = "Thank you. Your payment has been received."
        _page(
            resp,
            '<p role="status"'
            f' class="done">{paid if session["payment_status"] == "paid" else "Thank you."}</p>',
        )


def _return_url(account: Account, session: Json) -> str | None:
    """Return the URL to visit after paying, or None."""
    target = session["success_url"]
    if session["payment_link"]:
        after = account.get("payment_link", session["payment_link"])["after_completion"]
        target = (after.get("redirect") or {}).get("url")
    return target.replace("{CHECKOUT_SESSION_ID}", session["id"]) if target else None


def _closed(req: falcon.Request, resp: falcon.Response, message: str, code: str) -> None:
    """Show that nothing can be paid here any more."""
    if _wants_json(req):
        resp.status, resp.media = (
            falcon.HTTP_410,
            {"error": {"type": "invalid_request_error", "code": code, "message": message}},
        )
    else:
        _page(resp, f'<p role="status">{escape(message)}</p>')


def _form(account: Account, session: Json, problem: str = "") -> str:
    """Render the card form for a session's lines."""
    items = account.secret(session["id"])["items"]
    amount = shown(session["amount_total"], session["currency"]) if items else "Save a card"
    return FORM.substitute(
        action=escape(f"/checkout/{session['id']}"),
        amount=escape(amount),
        what=escape(", ".join(item["description"] or "" for item in items)),
        problem=f'<p role="alert" id="problem">{escape(problem)}</p>' if problem else "",
        email=escape(session["customer_email"] or ""),
        button=escape(f"Pay {amount}" if items else "Save card"),
    )


def _page(resp: falcon.Response, content: str) -> None:
    """Wrap content in the page's layout."""
    resp.content_type = falcon.MEDIA_HTML
    resp.text = PAGE.substitute(content=content)


def add_routes(app: App, stripe: Stripe) -> None:
    """Serve the pages at the URLs of links and sessions."""
    pages = HostedPages(stripe)
    app.add_route("/pay/{token}", pages, suffix="link")
    app.add_route("/checkout/{id}", pages, suffix="session")
    app.add_route("/authenticate/{id}", pages, suffix="question")
