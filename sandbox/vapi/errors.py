"""Vapi's error answers, as exceptions of the stand-in."""

from typing import Any

Json = dict[str, Any]


class VapiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: Json) -> None:
        """Say what went wrong."""
        super().__init__(str(body.get("message")))
        self.status = status
        self.body = body


def failure(status: int, error: str, message: str | list[str]) -> VapiError:
    """The usual shape of an error: words, or a list of them."""
    return VapiError(status, {"message": message, "error": error, "statusCode": status})


def invalid(*messages: str) -> VapiError:
    """A body that is refused, with everything that is wrong with it."""
    return failure(400, "Bad Request", list(messages))


def missing(kind: str, id: str) -> VapiError:
    """No such thing."""
    return failure(404, "Not Found", f"Couldn't find {kind} {id}.")


def pinned(kind: str, by: str) -> VapiError:
    """Something that is referred to is not taken away; Vapi publishes this for assistants and
    tools.
    """
    return VapiError(409, {"error": f"{kind}_pinned", "message": f"This {kind} is used by {by}."})


def in_use(kind: str, by: str) -> VapiError:
    """The same for what Vapi publishes no shape for."""
    return failure(409, "Conflict", f"This {kind} is used by {by}.")
