"""The session of an operator's browser: its cookie, the redirect to the login, CSRF protection."""

import hmac
from datetime import UTC, datetime

import falcon

from models.accounts.operator_session import LIFETIME, OperatorSession
from runtime.clock import real_now
from runtime.settings import get_settings
from web.http.problems import Problem

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
CSRF_FIELD = "csrf_token"


def is_secure() -> bool:
    """Whether cookies are sent over HTTPS only: always, but for the demo and tests."""
    return get_settings().payphone_env not in {"demo", "test"}


def cookie_name(kind: str) -> str:
    """A cookie's name; `__Host-` keeps other hosts of the domain from setting it."""
    return f"__Host-payphone_{kind}" if is_secure() else f"payphone_{kind}"


def cookie_of(req: falcon.Request, kind: str) -> str:
    """The value of one of our cookies. Empty if it is not plain ASCII, as ours always are: other
    bytes can be neither compared nor sent back.
    """
    value = req.cookies.get(cookie_name(kind), "")
    return value if value.isascii() and value.isprintable() else ""


def set_cookie(resp: falcon.Response, kind: str, value: str, seconds: int) -> None:
    """Set a cookie: for this host only, hidden from scripts, not sent with other sites' forms."""
    resp.set_cookie(
        cookie_name(kind),
        value,
        max_age=seconds or "0",  # type: ignore[arg-type]  # falcon ignores the number 0
        expires=None if seconds else LONG_AGO,
        path="/",
        secure=is_secure(),
        http_only=True,
        same_site="Lax",
    )


def delete_cookie(resp: falcon.Response, kind: str) -> None:
    """Delete a cookie: set it again, expired, with the same name, path and attributes."""
    set_cookie(resp, kind, "", 0)


def set_session_cookie(resp: falcon.Response, token: str) -> None:
    """Set the session's cookie."""
    set_cookie(resp, "session", token, int(LIFETIME.total_seconds()))


def session_of(req: falcon.Request) -> OperatorSession | None:
    """The live session of this request, looked up once."""
    if not hasattr(req.context, "session"):
        req.context.session_token = token = cookie_of(req, "session")
        req.context.session = (
            OperatorSession.find(token, get_settings().operator_password, real_now())
            if token
            else None
        )
    session: OperatorSession | None = req.context.session
    return session


def require_session(req: falcon.Request) -> OperatorSession:
    """The session of a page's reader. Without one, they are sent to the login and come back
    afterwards. Raises HTTPFound.
    """
    session = session_of(req)
    if session is None:
        raise falcon.HTTPFound(f"/login?next={falcon.uri.encode_value(req.relative_uri)}")
    return session


def check_csrf(req: falcon.Request, given: str, expected: str) -> None:
    """Raises Problem 403 unless the request carries the token and was not sent by another site.

    There are three defences, each sufficient alone: the token, SameSite cookies, and the browser's
    `Origin` and `Sec-Fetch-Site` headers, if it sends them.
    """
    site = req.get_header("Sec-Fetch-Site")
    origin = req.get_header("Origin")
    foreign = (site is not None and site not in {"same-origin", "none"}) or (
        origin is not None and origin not in _own_origins(req)
    )
    if foreign or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Problem(
            "forbidden",
            "This request did not come from our own page. Load the page again and repeat it there.",
        )


def _own_origins(req: falcon.Request) -> set[str]:
    public = get_settings().public_url
    return {f"{req.forwarded_scheme}://{req.netloc}", f"{req.scheme}://{req.netloc}"} | (
        {public} if public else set()
    )
