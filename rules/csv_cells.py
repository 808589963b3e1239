"""Single cells of an exported CSV: amounts, dates, phones, currencies. Each is read one way, or not
at all.

Nothing is guessed: dates that can be read two ways need the order of day and month to be said,
amounts the decimal sign. What cannot be read raises BadCell, whose message says what to do.
"""

import re
from datetime import date, datetime
from decimal import Decimal

import phonenumbers

from rules.money import CURRENCIES, to_minor

MOST = 99_999_999  # minor units; Stripe takes eight digits
LONGEST = 200  # characters, as the API takes them
YEARS = range(2000, 2101)  # another year is a mistyped one
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# none can be read two ways
_ISO = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
DATE_FORMATS = {
    "iso": (),
    "us": ("%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y"),
    "eu": ("%d/%m/%Y", "%d/%m/%y", "%d.%m.%Y", "%d-%m-%Y"),
}
_POINT = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_COMMA = re.compile(r"\d{1,3}(?:[. ]\d{3})+(?:,\d+)?|\d+(?:,\d+)?")


class BadCell(ValueError):
    """A cell cannot be read; the message says what is wrong and what to do."""


def read_currency(text: str, usual: str) -> str:
    """A currency code, lower case; `usual` when the cell is empty."""
    code = (text or usual).lower()
    if not re.fullmatch(r"[a-z]{3}", code):
        raise BadCell(
            f"{text[:40]!r} is not a currency code such as USD"
            if code
            else "has no currency; add a code such as USD, or use --currency usd"
        )
    if code not in CURRENCIES:
        raise BadCell(f"{code.upper()} is not a currency that Stripe takes")
    return code


def read_amount(text: str, currency: str, decimal: str) -> int:
    """An amount in minor units of `currency`; `decimal` is point or comma."""
    bare = re.sub(r"^(?:[A-Za-z]{3}|[A-Z]{0,2}[$€£¥₹])\s*|\s*(?:[A-Za-z]{3}|[$€£¥₹])$", "", text)
    if not bare:
        raise BadCell("is empty; an amount such as 125.00 is needed")
    if bare.startswith(("-", "(")):
        raise BadCell(f"{text!r} is negative; remove credit notes from the file")
    comma = decimal == "comma"
    if not (_COMMA if comma else _POINT).fullmatch(bare):
        other = "point" if comma else "comma"
        raise BadCell(
            f"{text[:40]!r} is not an amount such as {'1.234,50' if comma else '1,234.50'}; for the"
            f" other notation use --decimal {other}"
        )
    value = (
        bare.replace(".", "").replace(" ", "").replace(",", ".") if comma else bare.replace(",", "")
    )
    try:
        minor = to_minor(Decimal(value), currency)
    except ValueError as error:
        raise BadCell(f"{error} Round it in your books first.") from None
    if minor > MOST:
        raise BadCell(f"{text[:40]!r} is more than {MOST} minor units, Stripe's limit")
    return minor


def read_date(text: str, dates: str) -> date:
    """A day; `dates` is a key of DATE_FORMATS."""
    if not text:
        raise BadCell("is empty; a date such as 2026-01-31 is needed")
    for pattern in (*_ISO, *DATE_FORMATS[dates]):
        try:
            found = datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day, in the account's zone
        except ValueError:
            continue
        if found.year not in YEARS:
            raise BadCell(f"{text[:40]!r} is in the year {found.year}; correct it")
        return found
    advice = (
        "use --dates us (month first) or --dates eu (day first)"
        if dates == "iso"
        else "write it as 2026-01-31"
    )
    raise BadCell(f"{text[:40]!r} cannot be read as a date; {advice}")


def read_phone(text: str, region: str) -> str | None:
    """A phone number in E.164; `region` is where one without a country code is."""
    if not text:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number) or number.extension:
        raise BadCell(
            f"{text[:40]!r} is not a phone number in {region}; write one number as +12025550123, or"
            " use --region"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_short(text: str) -> str:
    """A text that must be there."""
    if not text:
        raise BadCell("is empty; every invoice needs one")
    if len(text) > LONGEST:
        raise BadCell(f"has {len(text)} characters; the limit is {LONGEST}")
    return text


def read_email(text: str) -> str | None:
    """One e-mail address, or none."""
    if text and not (_EMAIL.fullmatch(text) and len(text) <= 254):  # noqa: PLR2004 - RFC 5321
        raise BadCell(
            f"{text[:40]!r} is not a single e-mail address; leave the cell empty or correct it"
        )
    return text or None
