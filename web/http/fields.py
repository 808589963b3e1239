"""Field types that several request bodies share. Each text has a length: an index of PostgreSQL
takes some 2,700 bytes.
"""

from typing import Annotated
from zoneinfo import available_timezones

import phonenumbers
from pydantic import AfterValidator, Field

from models.invoices.invoice import MAX_NOTES
from rules.money import CURRENCIES


def _e164(text: str) -> str:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise ValueError(
            "must be a phone number in international form, such as +12025550123"
        ) from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError("is not a possible phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("must be an IANA time zone, such as America/New_York")
    return text


def _currency(text: str) -> str:
    if text.lower() not in CURRENCIES:
        raise ValueError("is not a currency that Stripe takes, such as usd")
    return text.lower()


Phone = Annotated[str, Field(max_length=40), AfterValidator(_e164)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Id = Annotated[str, Field(max_length=200)]  # of ours, of Stripe's, of the clinic's own software
Language = Annotated[str, Field(max_length=35)]  # RFC 5646
Words = Annotated[str, Field(max_length=500)]
Notes = Annotated[str, Field(max_length=MAX_NOTES)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern=r"^[a-zA-Z]{3}$"), AfterValidator(_currency)]
Amount = Annotated[int, Field(strict=True, gt=0, le=99_999_999)]  # Stripe takes eight digits
PaymentMethodId = Annotated[str, Field(pattern=r"^(pm|card)_\w{1,120}$")]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]

__all__ = [
    "Amount",
    "Currency",
    "Email",
    "Id",
    "Language",
    "Name",
    "Notes",
    "PaymentMethodId",
    "Phone",
    "TimeZone",
    "Words",
]
