"""Whether a number has changed hands since a date: Lookup v2, package `reassigned_number`.

https://www.twilio.com/docs/lookup/v2-api/reassigned-number. Only the number and the date are told.
Each question costs a fee and has no other effect, so one whose answer was lost is asked again.
"""

from datetime import date
from typing import Any

from providers.errors import ProviderError
from providers.twilio.client import client, mapped_errors, word
from rules.contact.number_lookups import INVALID

LOOKUP_CODES = "606"  # how Twilio's codes about look-ups begin: twilio.com/docs/api/errors


def number_reassigned(number: str, since: date) -> str:
    """Twilio's answer: yes, no, no_data_available or a word of later; or else the code of its
    error, which may come inside an answer. Raises ProviderError while it cannot be asked.
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
            code = told["error_code"]
            return str(code) if code else word(told["is_number_reassigned"])
    except ProviderError as error:
        if error.answered and (error.outcome == "refused" or error.code.startswith(LOOKUP_CODES)):
            return error.code
        raise
