"""Checks every request's parameters against the list that Twilio publishes (`parameters.json`).

Twilio ignores parameters that it does not know; the stand-in refuses them, because a misspelt
parameter is a mistake.
"""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

from sandbox.twilio.errors import TwilioError, invalid

Form = dict[str, str]
Kind = str | list[str]

PARAMETERS: dict[str, dict[str, Kind]] = json.loads(
    Path(__file__).with_name("parameters.json").read_text("utf-8")
)
BAD_PARAMETER = 20001
PATTERNS = {
    "boolean": r"true|false",
    "integer": r"-?\d+",
    "int64": r"-?\d+",
    "number": r"-?\d+(\.\d+)?",
    "uri": r"https?://[^\s_/?#]+(?:[/?#]\S*)?|sip:\S+",
    "http-method": "GET|POST",
    "iso-country-code": "[A-Z]{2}",
    "date-time": r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z)?",
}
# operations in which an empty value removes a setting
EMPTIED = frozenset({"CreateIncomingPhoneNumber", "UpdateIncomingPhoneNumber"})
CODES = {"StatusCallback": 21609, "To": 21211, "From": 21212}


def check(operation: str, text: str) -> Form:
    """Decode a form and check each parameter; a repeated one keeps its last value."""
    given = dict(parse_qsl(text, keep_blank_values=True))
    for name, value in given.items():
        kind = PARAMETERS[operation].get(name)
        if kind is None:
            raise invalid(BAD_PARAMETER, f"Unknown parameter {name} of {operation}")
        if not _fits(kind, value) and (value or operation not in EMPTIED):
            raise _unfit(name, value)
    return given


def _fits(kind: Kind, value: str) -> bool:
    """Whether a value has its parameter's type; free text always fits."""
    if isinstance(kind, list):
        return value in kind
    pattern = kind if kind.startswith("^") else PATTERNS.get(kind)
    return pattern is None or re.fullmatch(pattern, value) is not None


def _unfit(name: str, value: str) -> TwilioError:
    """Build Twilio's error for a value of the wrong type."""
    return invalid(
        CODES.get(name, BAD_PARAMETER), f"The '{name}' parameter {value[:60]!r} is not valid"
    )
