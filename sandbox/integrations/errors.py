"""Error answers of these stand-ins, as exceptions."""

from typing import Any


class IntegrationError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: Any) -> None:
        """Say what went wrong."""
        super().__init__(str(body))
        self.status = status
        self.body = body


def oauth_error(code: str) -> IntegrationError:
    """An error of a token endpoint (RFC 6749, 5.2)."""
    return IntegrationError(400, {"error": code})
