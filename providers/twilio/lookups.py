"""Whether a number has changed hands since a date: Lookup v2, package `reassigned_number`.

https://www.twilio.com/docs/lookup/v2-api/reassigned-number. Only the number and the date are told.
Each question costs a fee and has no other effect, so one whose answer was lost is asked again.
"""

import re
from datetime import date
from typing import Any

from providers.errors import ProviderError
from providers.twilio.client import client, mapped_errors, word
from rules.contact.number_lookups import INVALID

# https://www.twilio.com/docs/api/errors: a status, as of a gateway's page, is none of them
TWILIO_CODE = re.compile("[0-9]{5,6}")
LOOKUP_CODES = "606"  # how those about look-ups begin
GATEWAYS = frozenset({502, 504})  # their status says that what is behind them did not


def number_reassigned(number: str, since: date) -> str:
    """Twilio's answer: yes, no, no_data_available or a word of later; or else the code of its
    error, which may come inside an answer. Raises ProviderError while it cannot be asked, or
    answers what Twilio never does.
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
            told: Any = found.reassigned_number
            code = told.get("error_code")
            return _checked(str(code)) if code else word(told["is_number_reassigned"])
    except ProviderError as error:
        is_about_it = error.outcome == "refused" or error.code.startswith(LOOKUP_CODES)
        if error.answered and is_about_it and TWILIO_CODE.fullmatch(error.code):
            return error.code
        raise


def may_have_looked_up(error: ProviderError) -> bool:
    """Whether Twilio may have looked the number up all the same, for its fee: nothing came, or
    what came is a gateway's, which does not know.
    """
    if error.outcome != "unknown":
        return False
    is_own = error.answered and TWILIO_CODE.fullmatch(error.code) is not None
    return not is_own or getattr(error.__cause__, "status", None) in GATEWAYS


def _checked(code: str) -> str:
    """A code of Twilio's. Raises ValueError for what is none: an error that calls itself `no` must
    not pass for that answer.
    """
    if not TWILIO_CODE.fullmatch(code):
        raise ValueError("an error without a code of Twilio's")
    return code
