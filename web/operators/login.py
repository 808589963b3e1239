"""`/login` and `/logout`."""

import hmac
from urllib.parse import parse_qs, urlsplit

import falcon

from models.accounts.audit_entry import AuditEntry
from models.accounts.operator import BUILT_IN, Operator, normal_name, password_holds
from models.accounts.operator_session import OperatorSession
from models.transactions import transaction
from runtime.clock import real_now
from runtime.ids import new_token
from runtime.log import get_log
from runtime.settings import get_settings
from web.http.address import client_address
from web.http.body import read_raw
from web.http.guards.sessions import (
    CSRF_FIELD,
    check_csrf,
    cookie_of,
    delete_cookie,
    session_of,
    set_cookie,
    set_session_cookie,
)
from web.http.pages import show_page
from web.http.problems import Problem
from web.operators.login_limit import WINDOW, LoginLimit

FORM_CAP = 8 * 1024  # bytes
FORM_LIFE = 3600  # seconds a login page may be left open
FAILED = "Wrong name or password."
TOO_OFTEN = "Too many attempts. Try again in 15 minutes."
STALE = "This page has expired. Please sign in again."

log = get_log("login")


class Login:
    """`/login`: a form that answers with a session, or with the same sentence for any failure."""

    def __init__(self) -> None:
        self._limit = LoginLimit()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The form; an operator who is already signed in is redirected."""
        if session_of(req):
            onwards = _next(req.get_param("next") or "/")
            raise falcon.HTTPFound(falcon.uri.encode_check_escaped(onwards))
        _show_form(req, resp, _next(req.get_param("next") or "/"))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Check a name and a password, and open a session."""
        form = read_form(req)
        after, name, password, address = (
            _next(form.get("next", "/")),
            form.get("name", "")[:200],
            form.get("password", "")[:1000],
            client_address(req),
        )
        try:
            # without the cookie, a fresh token that nothing can match
            check_csrf(req, form.get(CSRF_FIELD, ""), cookie_of(req, "form") or new_token())
        except Problem:
            resp.status = falcon.HTTP_403
            _show_form(req, resp, after, STALE)
            return
        if not self._limit.may_try(address, name):
            # not audited: an append-only table must not be floodable
            log.warning("login limited", address=address)
            resp.status = falcon.HTTP_429
            resp.set_header("Retry-After", str(WINDOW))
            _show_form(req, resp, after, TOO_OFTEN)
            return
        operator, holds = _check(name, password)
        if not holds:
            self._record_failure(name, address)
            resp.status = falcon.HTTP_403
            _show_form(req, resp, after, FAILED)
            return
        self._limit.clear(address, name)
        with transaction():
            session, token = OperatorSession.open(
                operator, get_settings().operator_password, real_now()
            )
            AuditEntry.record(
                f"operator:{session.name}",
                "login.succeeded",
                f"operator:{session.name}",
                address=address,
            )
        set_session_cookie(resp, token)
        delete_cookie(resp, "form")
        resp.status, resp.location = falcon.HTTP_303, after

    def _record_failure(self, name: str, address: str) -> None:
        """Audit the failure, but no unknown name: it may be a password in the wrong field."""
        known = (
            Operator.get_or_none(Operator.name == normal_name(name)) is not None
            or normal_name(name) == BUILT_IN
        )
        subject = f"operator:{normal_name(name)}" if known else "operator:unknown"
        if known or self._limit.may_record_unknown():
            AuditEntry.record("system", "login.failed", subject, address=address)
        log.warning("login failed", subject=subject, address=address)


class Logout:
    """`/logout`"""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End the session, in the browser and in the database."""
        session = session_of(req)
        if session is not None:
            check_csrf(req, read_form(req).get(CSRF_FIELD, ""), session.csrf_token)
            with transaction():
                session.revoke()
                AuditEntry.record(f"operator:{session.name}", "logout", f"operator:{session.name}")
        delete_cookie(resp, "session")
        resp.status, resp.location = falcon.HTTP_303, "/login"


def read_form(req: falcon.Request) -> dict[str, str]:
    """The fields of a posted form, the first of each name. Raises Problem 400 or 413."""
    try:
        return {
            name: values[0]
            for name, values in parse_qs(
                read_raw(req, FORM_CAP).decode("utf-8"), keep_blank_values=True, max_num_fields=20
            ).items()
        }
    except ValueError:
        raise Problem("bad_request", "The form cannot be read.") from None


def _check(name: str, password: str) -> tuple[Operator | None, bool]:
    """The operator (None for the built-in one) and whether name and password match. Every failure
    takes the same time: one Argon2 run, then one comparison.
    """
    operator, built_in = Operator.live(name), get_settings().operator_password
    holds = password_holds(operator, password)
    is_built_in = (
        hmac.compare_digest(password.encode(), built_in.encode())
        and bool(built_in)
        and normal_name(name) == BUILT_IN
    )
    return (operator, True) if holds else (None, is_built_in)


def _show_form(req: falcon.Request, resp: falcon.Response, after: str, message: str = "") -> None:
    token = cookie_of(req, "form") or new_token()  # shared by all tabs
    set_cookie(resp, "form", token, FORM_LIFE)
    show_page(resp, "login.html", csrf_token=token, next=after, message=message)


def _next(target: str) -> str:
    """The path of ours to redirect to after the login; the front page for anything else."""
    try:
        parts = urlsplit(target)
    except ValueError:  # such as `//[`, an unterminated IPv6 address
        return "/"
    safe = (
        target.startswith("/")
        and not target.startswith(("//", "/\\", "/login", "/logout"))
        and not parts.netloc
        and not parts.scheme
    )
    return target if safe and target.isprintable() and "\\" not in target else "/"
