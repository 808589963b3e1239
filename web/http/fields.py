"""Field types that several request bodies share.

Every text has a maximum length: an index entry of PostgreSQL holds about 2,700 bytes.
"""

from datetime import date, datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from models.invoices.invoice import MAX_NOTES
from rules.contact.phones import read_phone
from rules.dates import read_day, read_day_or_moment, read_moment
from rules.money import CURRENCIES, MOST
from rules.stripe_account import SHAPE, read_account_id


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError(
            "is not an IANA time zone; a name such as America/New_York is accepted; correct it"
        )
    return text


def _currency(text: str) -> str:
    if text.lower() not in CURRENCIES:
        raise ValueError(
            "is not a currency that Stripe supports; a code such as usd is accepted; correct it"
        )
    return text.lower()


Phone = Annotated[str, Field(max_length=40), AfterValidator(read_phone)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Id = Annotated[str, Field(max_length=200)]  # ours, Stripe's, or from the clinic's own software
# not empty: ids are unique, so only one row could have it
ExternalId = Annotated[str, Field(min_length=1, max_length=200)]
AreaCode = Annotated[str, Field(pattern=r"^[2-9][0-9]{2}$")]  # in the United States and Canada
Language = Annotated[str, Field(max_length=35)]  # RFC 5646
Words = Annotated[str, Field(max_length=500)]
Notes = Annotated[str, Field(max_length=MAX_NOTES)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern=r"^[a-zA-Z]{3}$"), AfterValidator(_currency)]
Amount = Annotated[int, Field(strict=True, gt=0, le=MOST)]
PaymentMethodId = Annotated[str, Field(pattern=r"^(pm|card)_[0-9A-Za-z_]{1,120}$")]
StripeAccountId = Annotated[str, Field(pattern=SHAPE), BeforeValidator(read_account_id)]
# Every date and time in a body has one of these three types: text, in a plausible year.
Day = Annotated[date, BeforeValidator(read_day)]
Moment = Annotated[datetime, BeforeValidator(read_moment)]
DayOrMoment = Annotated[datetime | date, BeforeValidator(read_day_or_moment)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]

__all__ = [
    "Amount",
    "AreaCode",
    "Currency",
    "Day",
    "DayOrMoment",
    "Email",
    "ExternalId",
    "Id",
    "Language",
    "Moment",
    "Name",
    "Notes",
    "PaymentMethodId",
    "Phone",
    "StripeAccountId",
    "TimeZone",
    "Words",
]
