"""Twilio Lookup v2, package `reassigned_number`: whether a number has changed hands since a date.

https://www.twilio.com/docs/lookup/v2-api/reassigned-number. Only the number and the date are sent.
Each lookup costs a fee and has no other effect, so one whose answer was lost is repeated.
"""

import re
from datetime import date
from typing import Any

from providers.errors import ProviderError
from providers.twilio.client import client, mapped_errors, word
from rules.contact.number_lookups import INVALID

# https://www.twilio.com/docs/api/errors: an HTTP status, as a gateway's page gives, does not match
TWILIO_CODE = re.compile("[0-9]{5,6}")
LOOKUP_CODES = "606"  # the prefix of error codes about lookups
GATEWAYS = frozenset({502, 504})  # a gateway that got no valid answer from Twilio


def number_reassigned(number: str, since: date) -> str:
    """Return Twilio's answer: `yes`, `no`, `no_data_available` or a value added later; or the code
    of Twilio's error, which may also come inside a successful answer. Raises ProviderError if
    Twilio cannot be asked, or its answer cannot be Twilio's.
    """
    try:
        with mapped_errors():
            found = (
                client()
                .lookups.v2.phone_numbers(number)
                .fetch(fields="reassigned_number", last_verified_date=f"{since:%Y%m%d}")
            )
            if found.valid is False:
                return INVALID
            answer: Any = found.reassigned_number
            code = answer.get("error_code")
            return _checked_code(str(code)) if code else word(answer["is_number_reassigned"])
    except ProviderError as error:
        is_about_it = error.outcome == "refused" or error.code.startswith(LOOKUP_CODES)
        if error.answered and is_about_it and TWILIO_CODE.fullmatch(error.code):
            return error.code
        raise


def may_have_looked_up(error: ProviderError) -> bool:
    """Whether Twilio may have done the lookup, and charged for it, despite the error: there was no
    answer, or the answer came from a gateway, which cannot know.
    """
    if error.outcome != "unknown":
        return False
    is_own = error.answered and TWILIO_CODE.fullmatch(error.code) is not None
    return not is_own or getattr(error.__cause__, "status", None) in GATEWAYS


def _checked_code(code: str) -> str:
    """Return `code` if it is a Twilio error code, else raise ValueError: an error with the code
    `no` must not pass for the answer "no".
    """
    if not TWILIO_CODE.fullmatch(code):
        raise ValueError("an error without a Twilio code")
    return code
