"""Whether a connection is kept after an answer. gunicorn decides, and says so in `Connection`; here
the application may say no.

An application may not send that header itself (PEP 3333), and nothing of what WSGI hands it leads
to gunicorn's request.
"""

from contextvars import ContextVar
from typing import Any

_current: ContextVar[Any] = ContextVar("gunicorn's request of this thread", default=None)


def begin_request(_worker: Any, request: Any) -> None:
    """Gunicorn's `pre_request`: in the thread that will call the application, before it does."""
    _current.set(request)


def close_connection() -> None:
    """Let this answer be the connection's last, and announce it."""
    request = _current.get()
    if request is not None:
        request.force_close()
