"""Closing a connection that would otherwise be kept after the answer. gunicorn decides, and says so
in the `Connection` header; here the application can overrule it.

An application may not send that header itself (PEP 3333), and nothing in the WSGI environment leads
to gunicorn's request.
"""

from contextvars import ContextVar
from typing import Any

_current: ContextVar[Any] = ContextVar("gunicorn's request of this thread", default=None)


def begin_request(_worker: Any, request: Any) -> None:
    """The `pre_request` hook of gunicorn: runs in the thread that will call the application."""
    _current.set(request)


def close_connection() -> None:
    """Close the connection after this answer, and announce that in its head."""
    request = _current.get()
    if request is not None:
        request.force_close()
