"""Amounts as spreadsheets and bookkeeping programs write them, parsed unambiguously or not at all.

Conventions differ: 1,234.50, 1.234,50, 1 234,50, 1'234.50 and 1,28,500.00 are amounts; minus signs
stand in front or behind, credits are in parentheses or marked CR; a currency's sign or code may
stand at either end. Each cell is parsed in every way that its signs allow. With one reading it is
an amount; with two, as in 1.000, it is refused with both readings and the option that decides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rules.imports.csv_cells import BadCell
from rules.money import CURRENCIES, exponent, step, to_minor, too_much, unchargeable

SIGNS = {"point": ".", "comma": ",", "space": " ", "apostrophe": "'"}
DECIMALS = ("point", "comma")
THOUSANDS = (*SIGNS, "none")
_GROUP = 3  # digits; a decimal sign before exactly this many may be a thousands sign

# no-break, narrow no-break, figure, thin and the other spaces that programs put between thousands
_SPACES = re.compile(r"[\s\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LOOK_ALIKES = str.maketrans(dict.fromkeys("’‘ʼ´`′", "'") | dict.fromkeys("−–—‐‑", "-"))
_SIDE = re.compile(
    r"(?P<before>[^0-9]*?)(?P<number>(?<![A-Za-z])[.,]?[0-9](?:[0-9., ']*[0-9])?)(?P<after>[^0-9]*)"
)
_NO_CENTS = re.compile(r"(?<=[0-9])[.,]-{1,2}$")  # 1'234.- is Swiss for 1'234.00, not a credit
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]{1,2})?")  # unambiguous
# a mark beside an amount → the currencies that it may mean; codes mean themselves
_MARKS: dict[str, frozenset[str]] = {
    mark: frozenset(codes.split())
    for mark, codes in {
        "$": "ars aud bbd bmd bnd bsd bzd cad clp cop cve dop fjd gyd hkd jmd kyd lrd mxn nad nzd"
        " sbd sgd srd top ttd twd usd uyu xcd",
        "us$": "usd",
        "a$": "aud",
        "au$": "aud",
        "c$": "cad",
        "ca$": "cad",
        "nz$": "nzd",
        "s$": "sgd",
        "hk$": "hkd",
        "nt$": "twd",
        "mx$": "mxn",
        "r$": "brl",
        "€": "eur",
        "£": "gbp egp fkp gip shp lbp",
        "¥": "jpy cny",
        "₹": "inr",
        "rs": "inr pkr lkr npr mur scr",
        "fr": "chf",
        "sfr": "chf",
        "kr": "sek nok dkk isk",
        "zł": "pln",
        "kč": "czk",
        "ft": "huf",
        "lei": "ron",
        "₩": "krw",
        "₪": "ils",
        "₫": "vnd",
        "₱": "php",
        "₦": "ngn",
        "฿": "thb",
        "₴": "uah",
        "₺": "try",
        "₽": "rub",
        "r": "zar",
        "ksh": "kes",
        "rm": "myr",
        "dh": "aed mad",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Signs:
    """How a person said amounts are written: names from SIGNS, `none` for no thousands sign, empty
    if not specified.
    """

    decimal: str = ""
    thousands: str = ""


@dataclass(frozen=True, slots=True)
class _Cell:
    """An amount's digits and signs, the marks beside it, and whether it is a credit."""

    number: str
    marks: tuple[str, ...]
    is_negative: bool


def read_amount(text: str, currency: str, signs: Signs) -> int:
    """Parse an amount into minor units of `currency`; negative for a credit. Raises BadCell."""
    is_plain = signs.decimal != "comma" and _PLAIN.fullmatch(text)
    cell = _Cell(text, (), is_negative=False) if is_plain else _parsed(text)
    for mark in cell.marks:
        if currency not in _currencies_of(mark, text):
            raise BadCell(
                f"{_quoted(text)} is not in {currency.upper()}, the currency of its row; correct"
                " the currency's column, or use --currency"
            )
    try:
        minor = to_minor(_value(cell.number, text, currency, signs), currency)
    except ValueError as error:
        if isinstance(error, BadCell):
            raise
        raise BadCell(f"{str(error).rstrip('.')}; round it in your books first") from None
    return -minor if cell.is_negative else minor


def refuse_unchargeable(minor: int, currency: str) -> None:
    """Raise BadCell for an amount in minor units that Stripe cannot charge in `currency`."""
    why = unchargeable(minor, currency)
    if why:
        todo = (
            "round it in your books first"
            if minor % step(currency)
            else "split it"
            if too_much(minor, currency)
            else "leave the row out, or put it on another invoice"
        )
        raise BadCell(f"{why}; {todo}")


def currency_beside(text: str) -> str:
    """The currency named beside an amount, by a code or an unambiguous sign; else ''."""
    try:
        currencies = [_currencies_of(mark, text) for mark in _parsed(text).marks]
    except BadCell:
        return ""
    return next((code for codes in currencies if len(codes) == 1 for code in codes), "")


def _quoted(text: str) -> str:
    return repr(text[:40])


def _parsed(text: str) -> _Cell:
    bare = _SPACES.sub(" ", _INVISIBLE.sub("", text)).translate(_LOOK_ALIKES).strip()
    if not bare:
        raise BadCell("is empty; write an amount such as 125.00")
    found = _SIDE.fullmatch(_NO_CENTS.sub("", bare))
    if found is None:
        raise _no_amount(text)
    before, after = found["before"].strip(), found["after"].strip()
    minus = [before.startswith("(") and after.endswith(")"), "-" in before, "-" in after]
    if minus[0]:
        before, after = before[1:], after[:-1]
    sides = [side.replace("-", "", 1).strip() for side in (before, after)]
    debit_or_credit = re.fullmatch(r"(.*?)\s*\b(cr|dr)\.?", sides[1], re.IGNORECASE)
    if debit_or_credit:
        sides[1] = debit_or_credit[1]
        minus.append(debit_or_credit[2].casefold() == "cr")
    if sum(minus) > 1:
        raise _no_amount(text)
    marks = tuple(side.removeprefix("+").strip() for side in sides)
    return _Cell(found["number"], tuple(mark for mark in marks if mark), any(minus))


def _currencies_of(mark: str, text: str) -> frozenset[str]:
    """The currencies that a sign or code may mean. Raises BadCell if it is neither."""
    low = mark.casefold().rstrip(".")
    # "USD $" and "$ USD" name it twice
    parts = low.split() or [low]
    known = [_MARKS.get(part) or (frozenset([part]) & CURRENCIES) for part in parts]
    if not all(known):
        raise _no_amount(text)
    return frozenset.intersection(*known)


def _no_amount(text: str) -> BadCell:
    return BadCell(
        f"{_quoted(text)} is not an amount such as 1234.50, 1,234.50 or 1.234,50; correct it in the"
        " file"
    )


def _value(number: str, text: str, currency: str, signs: Signs) -> Decimal:
    """The number in its one possible reading. Raises BadCell if there is none, or more than one."""
    if signs.decimal != "comma" and _PLAIN.fullmatch(number):
        return Decimal(number)
    all_ways = dict(_ways(number))
    allowed = {way: value for way, value in all_ways.items() if _fits(way, signs)}
    if not all_ways:
        raise _no_amount(text)
    if not allowed:
        raise BadCell(
            f"{_quoted(text)} is not written as --decimal and --thousands say; say what it is:"
            f" {_readings(all_ways, currency)}"
        )
    is_doubtful = len(set(all_ways.values())) > 1 and not signs.thousands
    if not is_doubtful:
        return next(iter(allowed.values()))
    value, *others = allowed.values()
    if not others and "." not in f"{value:f}":
        return value  # the decimal sign was specified, so this sign is the thousands one
    if exponent(currency) >= _GROUP and "." in number and signs.decimal != "comma":
        return Decimal(number)  # such a currency is written with three decimals
    raise BadCell(
        f"{_quoted(text)} can be read two ways; say which: {_readings(all_ways, currency)}"
    )


def _ways(number: str) -> Iterator[tuple[tuple[str, str], Decimal]]:
    """Each (decimal sign, thousands sign) that the number may have been written with, and its value
    then. The signs are names; `none` for none.
    """
    for decimal in ("none", *DECIMALS):
        for thousands in THOUSANDS:
            value = _read_as(number, SIGNS.get(decimal, ""), SIGNS.get(thousands, ""))
            if value is not None and (decimal == "none" or decimal != thousands):
                yield (decimal, thousands), value


def _read_as(number: str, decimal: str, thousands: str) -> Decimal | None:
    """Parse the number with exactly these signs; None if it does not fit them."""
    whole, sign, fraction = number.partition(decimal) if decimal else (number, "", "")
    if decimal and (not sign or not fraction.isdigit() or not fraction.isascii()):
        return None
    sep = re.escape(thousands)
    groups = rf"[1-9]\d{{0,2}}(?:{sep}\d{{3}})+"
    if thousands == ",":
        groups += rf"|[1-9]\d?(?:{sep}\d{{2}})+{sep}\d{{3}}"  # lakhs and crores
    pattern = groups if thousands else (r"\d*" if decimal else r"\d+")
    if not re.fullmatch(pattern, whole, re.ASCII):
        return None
    plain = (whole.replace(thousands, "") if thousands else whole) or "0"
    return Decimal(f"{plain}.{fraction}" if decimal else plain)


def _fits(way: tuple[str, str], signs: Signs) -> bool:
    decimal, thousands = way
    return (
        decimal in ("none", signs.decimal or decimal)
        and thousands in ("none", signs.thousands or thousands)
        and (decimal != signs.thousands and thousands != signs.decimal)
    )


def _readings(ways: dict[tuple[str, str], Decimal], currency: str) -> str:
    """Each value with the option that selects it, the smaller first."""
    shown: dict[Decimal, str] = {}
    for (decimal, thousands), value in ways.items():
        places = max(exponent(currency), -int(value.normalize().as_tuple().exponent))
        switch = (
            f"--decimal {decimal}" if len(set(ways.values())) == 1 else f"--thousands {thousands}"
        )
        shown.setdefault(value, f"{value:,.{places}f} {currency.upper()} with {switch}")
    return ", or ".join(shown[value] for value in sorted(shown))
