"""Twilio's error answers, as exceptions of the stand-in."""

from typing import Any

Json = dict[str, Any]


class TwilioError(Exception):
    """An answer other than success, with Twilio's own code; 0 is none, as some answers have."""

    def __init__(self, status: int, code: int, message: str):
        """Say what went wrong."""
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "status": status}
        if code:
            self.body |= {"code": code, "more_info": f"https://www.twilio.com/docs/errors/{code}"}


def invalid(code: int, message: str) -> TwilioError:
    """A request that Twilio refuses."""
    return TwilioError(400, code, message)


def missing(path: str) -> TwilioError:
    """No such thing."""
    return TwilioError(404, 20404, f"The requested resource {path} was not found")
