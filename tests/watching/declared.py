"""Checks every problem that the API returns in a test against its description: its code must be
declared for the operation.
"""

import re
import threading
from typing import Any

import falcon
import falcon.testing

from web.openapi.openapi import openapi_document

# a bug of ours, and a path without that method
ANYWHERE = {"internal", "method_not_allowed"}

Declared = dict[tuple[str, str], frozenset[tuple[int, str]]]

_known: list[Declared] = []
_lock = threading.Lock()  # so that concurrent first calls build the document once


def declared_codes(app: falcon.App) -> Declared:
    """Return the statuses and codes in the OpenAPI document, by path template and method. Every
    application has the same.
    """
    with _lock:
        if not _known:
            _known.append(_read(app))
        return _known[0]


def _read(app: falcon.App) -> Declared:
    return {
        (path, method.upper()): frozenset(
            (int(status), code)
            for status, answer in operation["responses"].items()
            for code in re.findall(r"`(\w+)`", answer["description"])
        )
        for path, operations in openapi_document(app)["paths"].items()
        for method, operation in operations.items()
    }


def check_declared(app: falcon.App, path: str, method: str, status: int, problem: Any) -> None:
    """Fail if an operation returns a problem that its description does not declare; `path` is the
    template.
    """
    declared, code = declared_codes(app).get((path, method.upper())), problem.get("code", "")
    if declared is not None and code not in ANYWHERE:
        told = (
            f"{method} {path} answered {status} {code}, which its @documented does not declare:"
            f" {problem.get('detail')}"
        )
        assert (status, code) in declared, told


class DeclaredClient(falcon.testing.TestClient):
    """The client of every API test."""

    def simulate_request(self, *args: Any, **kwargs: Any) -> falcon.testing.Result:
        """Send a request as falcon does, and check the answer."""
        answer = super().simulate_request(*args, **kwargs)
        # a HEAD has no content
        if (
            answer.headers.get("content-type", "").startswith("application/problem+json")
            and answer.content
        ):
            asked = dict(zip(("method", "path"), args, strict=False)) | kwargs
            found = self.app._router.find(asked["path"].partition("?")[0])
            if found is not None:
                check_declared(self.app, found[3], asked["method"], answer.status_code, answer.json)
        return answer
