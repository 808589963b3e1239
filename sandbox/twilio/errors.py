"""Twilio's error answers, as exceptions."""

from typing import Any

Json = dict[str, Any]


class TwilioError(Exception):
    """An error answer, with Twilio's own code, or 0 for none, as in some answers."""

    def __init__(self, status: int, code: int, message: str):
        """Build the answer."""
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "status": status}
        if code:
            self.body |= {"code": code, "more_info": f"https://www.twilio.com/docs/errors/{code}"}


def invalid(code: int, message: str) -> TwilioError:
    """Build Twilio's 400 for a request that it refuses."""
    return TwilioError(400, code, message)


def missing(path: str) -> TwilioError:
    """Build Twilio's 404."""
    return TwilioError(404, 20404, f"The requested resource {path} was not found")
