"""Stripe's error answers, as exceptions."""

from typing import Any

Json = dict[str, Any]

ELSEWHERE = (
    "; a similar object exists in live mode, but a test mode key was used to make this request."
)


class ApiError(Exception):
    """An error answer. ``kept``: whether the idempotency key replays it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        kept: bool = True,
        **extra: Any,
    ):
        """Build the answer; ``extra`` holds Stripe's ``code``, ``param`` and so on."""
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.body: Json = {"error": {"type": type, "message": message, **extra}}


def invalid(message: str, **extra: Any) -> ApiError:
    """Refuse an invalid parameter: nothing is executed, and no key keeps the answer."""
    return ApiError(400, message, kept=False, **extra)


def missing(kind: str, id: str, param: str = "id", elsewhere: bool = False) -> ApiError:
    """Report that no such object exists: 404 if the path named it, 400 if a parameter did.
    ``elsewhere``: it exists in live mode, for which the stand-in takes no keys.
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
    """Refuse what the object's state does not allow."""
    return ApiError(400, message, **extra)


def unrecognized(method: str, path: str) -> ApiError:
    """Report that no operation has this address."""
    return ApiError(404, f"Unrecognized request URL ({method}: {path}).", kept=False)
