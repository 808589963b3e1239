"""Error answers of these stand-ins, as exceptions."""

from typing import Any


class IntegrationError(Exception):
    """An error answer."""

    def __init__(self, status: int, body: Any) -> None:
        """Build the answer."""
        super().__init__(str(body))
        self.status = status
        self.body = body


def oauth_error(code: str) -> IntegrationError:
    """Build a token endpoint's error (RFC 6749, 5.2)."""
    return IntegrationError(400, {"error": code})
