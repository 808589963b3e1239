"""What every request goes through: it gets an id for the log, its database connection is released,
and its errors are answered as problems.
"""

import time

import falcon
from peewee import DataError, IntegrityError, InterfaceError, OperationalError, PeeweeException
from structlog.contextvars import bind_contextvars, clear_contextvars

from actions.payments.refused_attempts import audit_refused
from models.accounts.operator_session import OperatorSession
from models.base import NoInstant
from models.database_errors import explain
from models.transactions import release_connection
from rules.cards.card_numbers import has_bare_card_number
from runtime.errors import Conflict, Misconfigured, Refused
from runtime.ids import new_id
from runtime.log import LogThrottle, get_log
from web.http.guards.auth import Caller
from web.http.guards.card_guard import API
from web.http.idempotency import request_key
from web.http.keep_alive import close_connection
from web.http.outcome import answer_database_down, answered_accepted, begin
from web.http.pages import show_page
from web.http.problems import Problem, status_of, write_problem
from web.http.routing import method_of, route_of

# not logged: requested every few seconds, or with every page
NOT_LOGGED = frozenset({"/healthz", "/readyz", "/metrics", "/static"})

log = get_log("web")
_throttle = LogThrottle()


class RequestContext:
    """Gives each request an id, taken from a proxy's `X-Request-Id` when it looks like one."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set the request's id."""
        begin(req)
        clear_contextvars()
        given = req.get_header("X-Request-Id") or ""
        usable = (
            given.isascii()
            and given.replace("-", "").replace("_", "").isalnum()
            and len(given) <= 64  # noqa: PLR2004
        )
        request_id = given if usable and not has_bare_card_number(given) else new_id("req")
        bind_contextvars(request_id=request_id)
        resp.set_header("X-Request-Id", request_id)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Release the database connection and log one line, without path, query or body: these hold
        private data.
        """
        release_connection()
        resp.set_header("Cache-Control", resp.get_header("Cache-Control") or "no-store")
        if (route := route_of(req)) not in NOT_LOGGED:
            seconds = round(time.perf_counter() - req.context.started, 4)
            log.info(
                "request",
                method=method_of(req),
                route=route,
                status=resp.status_code,
                seconds=seconds,
                **_caller_fields(req),
            )


def _caller_fields(req: falcon.Request) -> dict[str, str]:
    """The actor and the account, as far as the request has been authenticated."""
    caller: Caller | None = getattr(req.context, "caller", None)
    session: OperatorSession | None = getattr(req.context, "session", None)
    if caller is None:
        return {"actor": f"operator:{session.name}"} if session else {}
    return {"actor": caller.actor} | ({"account_id": caller.account.id} if caller.account else {})


def on_problem(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """Answer a refusal with its problem document, and audit a refused attempt to pay."""
    if isinstance(error, Refused):
        log.info("problem", code=error.code, route=route_of(req))
        if error.attempt is not None:
            audit_refused(error, *request_key(req))
        _answer_problem(req, resp, error)


def on_http_error(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """Answer the framework's own errors (404, 405, …) as problems."""
    if isinstance(error, falcon.HTTPError):
        codes = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
        headers = dict(error.headers or {}) if error.headers else {}
        _answer_problem(
            req,
            resp,
            Problem(
                codes.get(error.status_code, "bad_request"),
                error.description or "",
                headers=headers,
            ),
        )


def _answer_problem(req: falcon.Request, resp: falcon.Response, problem: Refused) -> None:
    """Answer with a problem document; or with a page, for a browser at an unknown address or on an
    operators' page that it may not see. If the body was too large, the rest of it is not read.
    """
    if problem.code == "body_too_large":
        close_connection()
    title = _page_title(req, problem) if "text/html" in (req.accept or "") else ""
    if not title:
        write_problem(resp, problem)
        return
    resp.status = status_of(problem)
    text = problem.detail or "Check the address: a link from a message must be complete."
    show_page(resp, "plain.html", title=title, text=text)


def _page_title(req: falcon.Request, problem: Refused) -> str:
    """The title of a page that explains the problem to a person; empty if a program asks."""
    if problem.code == "not_found" and not req.uri_template:
        return "Page not found"
    if problem.code == "forbidden" and req.method == "GET" and not req.path.startswith(API):
        return "You may not see this page"
    return ""


def on_database_away(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """The database is down or locked: say whether anything was saved, and to retry."""
    if isinstance(error, PeeweeException) and _throttle.is_due(why := explain(error)):
        kind = type(error).__name__
        log.error(why, route=route_of(req), error=kind, detail=str(error)[:200])
    answer_database_down(req, resp, error)


def on_crash(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """Any other exception is our bug: log it in full, answer without detail."""
    log.exception("request failed", route=route_of(req))
    if answered_accepted(req, resp):
        return
    write_problem(resp, Problem("internal", "Quote the X-Request-Id header when you report this."))


def on_misconfigured(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """A setting is missing or wrong: the operator has to change it."""
    if _throttle.is_due(str(error)):
        log.error("a setting is missing or wrong", route=route_of(req), error=str(error)[:200])
    if answered_accepted(req, resp):
        return
    write_problem(resp, Problem("not_configured", str(error), headers={"Retry-After": "60"}))


def on_conflict(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """Another request wrote the same row, or took the same unique value, at the same time."""
    log.info("conflict", route=route_of(req), error=type(error).__name__)
    if answered_accepted(req, resp):
        return
    write_problem(
        resp,
        Problem(
            "conflict",
            "Another request changed this first. Read it again, then decide whether to retry.",
            headers={"Retry-After": "1"},
        ),
    )


def on_unknowable(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """The database rejects a value of the request: a NUL character, or a text that is too long."""
    log.info("value rejected by the database", route=route_of(req), error=type(error).__name__)
    if answered_accepted(req, resp):
        return
    write_problem(
        resp, Problem("bad_request", "A value is too long or contains characters we do not accept.")
    )


def on_no_instant(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, object]
) -> None:
    """The request contains a time that could be stored but not read back."""
    log.info("time out of range", route=route_of(req))
    if answered_accepted(req, resp):
        return
    write_problem(resp, Problem("bad_request", str(error)))


def install(app: falcon.App) -> None:
    """Make `app` answer every error as a problem."""
    app.add_error_handler(Exception, on_crash)
    app.add_error_handler(falcon.HTTPError, on_http_error)
    app.add_error_handler((OperationalError, InterfaceError), on_database_away)
    app.add_error_handler(Misconfigured, on_misconfigured)
    app.add_error_handler((Conflict, IntegrityError), on_conflict)
    app.add_error_handler(DataError, on_unknowable)
    app.add_error_handler(NoInstant, on_no_instant)
    app.add_error_handler(Refused, on_problem)
