"""Stripe's error answers, as exceptions of the stand-in."""

from typing import Any

Json = dict[str, Any]

ELSEWHERE = (
    "; a similar object exists in live mode, but a test mode key was used to make this request."
)


class ApiError(Exception):
    """An answer other than success. ``kept``: whether an idempotency key replays it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        kept: bool = True,
        **extra: Any,
    ):
        """Say what went wrong, with Stripe's ``code``, ``param`` and so on as extras."""
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.body: Json = {"error": {"type": type, "message": message, **extra}}


def invalid(message: str, **extra: Any) -> ApiError:
    """A parameter that fails validation: nothing executed, nothing kept."""
    return ApiError(400, message, kept=False, **extra)


def missing(kind: str, id: str, param: str = "id", elsewhere: bool = False) -> ApiError:
    """No such object; 404 when the path named it, 400 when a parameter did. ``elsewhere``: it is
    there for a live key, which the stand-in takes none of.
    """
    status = 404 if param == "id" else 400
    return ApiError(
        status,
        f"No such {kind.replace('.', ' ')}: '{id}'" + (ELSEWHERE if elsewhere else ""),
        kept=False,
        code="resource_missing",
        param=param,
    )


def unexpected(message: str, **extra: Any) -> ApiError:
    """The object is in a state that does not allow this."""
    return ApiError(400, message, **extra)


def unrecognized(method: str, path: str) -> ApiError:
    """No such address."""
    return ApiError(404, f"Unrecognized request URL ({method}: {path}).", kept=False)
