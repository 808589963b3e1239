"""Routing beyond what falcon does: HEAD wherever there is GET, exactly one slash before a path,
static files for GET and HEAD only, and the names of routes in logs and metrics.
"""

from collections.abc import Callable
from typing import Any

import falcon
from falcon.routing import CompiledRouter, StaticRoute

from web.http.pages import STATIC

METHODS = ["GET", "HEAD"]


class Router(CompiledRouter):
    """Falcon's router, in which every responder to GET answers HEAD too; falcon then sends the
    headers alone (RFC 9110, section 9.3.2).
    """

    def find(self, uri: str, req: falcon.Request | None = None) -> Any:
        """The route of a path. None unless exactly one slash is in front, which falcon ignores: a
        proxy's rules, our guards and the limits on bodies go by the path as it is.
        """
        return super().find(uri, req) if uri[:1] == "/" != uri[1:2] else None

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Callable[..., Any]]:
        """The responders of a resource by method."""
        responders = super().map_http_methods(resource, **kwargs)
        return {"HEAD": responders["GET"]} | responders if "GET" in responders else responders


class StaticFiles:
    """The sink for everything under `/static/`; falcon's own static route would answer a POST with
    the file.
    """

    PATHS = r"/static/"

    def __init__(self) -> None:
        self._files = StaticRoute("/static", STATIC)

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_params: str) -> None:
        """Answer with the file. Raises HTTPMethodNotAllowed for any method that would change it."""
        if req.method not in {*METHODS, "OPTIONS"}:
            raise falcon.HTTPMethodNotAllowed([*METHODS, "OPTIONS"])
        self._files(req, resp)
        if req.method == "OPTIONS":
            resp.set_header("Allow", ", ".join(METHODS))


def needs_key(req: falcon.Request, resource: object) -> bool:
    """Whether the responder that answers this request needs a key."""
    name = "get" if req.method == "HEAD" else req.method.lower()
    return bool(getattr(getattr(resource, f"on_{name}", None), "needs_key", False))


def route_of(req: falcon.Request) -> str:
    """The route's template, `/rq` or `/static` for everything below these, or `none`; never the
    path, which may contain a secret.
    """
    return req.uri_template or _sink(req.path)


def method_of(req: falcon.Request) -> str:
    """The method, or `other` if HTTP does not define it."""
    return req.method if req.method in falcon.HTTP_METHODS else "other"


def _sink(path: str) -> str:
    return next(
        (
            prefix
            for prefix in ("/rq", "/static")
            if path == prefix or path.startswith(f"{prefix}/")
        ),
        "none",
    )
