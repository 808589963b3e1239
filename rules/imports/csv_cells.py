"""Single cells of an exported CSV: currencies, phones, names, e-mail addresses, each parsed
unambiguously or not at all. Amounts and dates have modules of their own.

A cell that cannot be parsed raises BadCell, whose message says what to do.
"""

import re

from rules.contact import phones
from rules.money import CURRENCIES

LONGEST = 200  # characters, as in the API
YEARS = range(2000, 2101)  # any other year is a typo
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{1,3}", re.ASCII)
_FAULT = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!)|#{3,}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class BadCell(ValueError):
    """A cell cannot be parsed; the message says what is wrong and what to do."""


def read_currency(text: str, usual: str) -> str:
    """A currency code, lower case; `usual` if the cell is empty."""
    code = (text or usual).lower()
    if not re.fullmatch(r"[a-z]{3}", code):
        raise BadCell(
            f"{text[:40]!r} is not a currency code; write one such as USD, or name its column with"
            " --mapping currency=COLUMN"
            if code
            else "has no currency; add a code such as USD, or use --currency usd"
        )
    if code not in CURRENCIES:
        raise BadCell(
            f"{code.upper()} is not a currency that Stripe takes; correct the code, or leave the"
            " row out"
        )
    return code


def read_phone(text: str, region: str) -> str | None:
    """A phone number in E.164; `region` is used for a number without a country code."""
    try:
        return phones.read_phone(text, region) if text else None
    except phones.BadPhone as error:
        raise BadCell(f"{text[:40]!r} {error}, or use --region") from None


def read_short(text: str) -> str:
    """A required text."""
    if not text:
        raise BadCell("is empty; every invoice needs one: add it, or leave the row out")
    if len(text) > LONGEST:
        raise BadCell(f"has {len(text)} characters; the limit is {LONGEST}: shorten it")
    if _FAULT.fullmatch(text):
        raise BadCell(f"{text!r} is a spreadsheet's error; correct it, and export the file again")
    return text


def read_id(text: str) -> str:
    """A required number or id, whose digits a spreadsheet may have rounded away."""
    if _SCIENTIFIC.fullmatch(text):
        raise BadCell(
            f"{text!r} is in a spreadsheet's scientific notation, which loses digits; export the"
            " file again, and import it before a spreadsheet has saved it"
        )
    return read_short(text)


def read_email(text: str) -> str | None:
    """One e-mail address, or None."""
    if text and not (_EMAIL.fullmatch(text) and len(text) <= 254):  # noqa: PLR2004 - RFC 5321
        raise BadCell(
            f"{text[:40]!r} is not a single e-mail address; leave the cell empty or correct it"
        )
    return text or None
