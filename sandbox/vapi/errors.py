"""Vapi's error answers, as exceptions."""

from typing import Any

Json = dict[str, Any]


class VapiError(Exception):
    """An error answer."""

    def __init__(self, status: int, body: Json) -> None:
        """Build the answer."""
        super().__init__(str(body.get("message")))
        self.status = status
        self.body = body


def failure(status: int, error: str, message: str | list[str]) -> VapiError:
    """Build an error of the usual shape, with one message or a list."""
    return VapiError(status, {"message": message, "error": error, "statusCode": status})


def invalid(*messages: str) -> VapiError:
    """Build the 400 for a body, with everything that is wrong with it."""
    return failure(400, "Bad Request", list(messages))


def missing(kind: str, id: str) -> VapiError:
    """Build the 404 for an unknown object."""
    return failure(404, "Not Found", f"Couldn't find {kind} {id}.")


def pinned(kind: str, by: str) -> VapiError:
    """Build the 409 for deleting an assistant or tool in use, in the shape that Vapi publishes."""
    return VapiError(409, {"error": f"{kind}_pinned", "message": f"This {kind} is used by {by}."})


def in_use(kind: str, by: str) -> VapiError:
    """Build the 409 for deleting another object in use, for which Vapi publishes no shape."""
    return failure(409, "Conflict", f"This {kind} is used by {by}.")
