"""Searches for numbers to buy. Finding a number does not reserve it."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid, missing
from sandbox.twilio.lists import page_of
from sandbox.twilio.parameters import Form
from sandbox.twilio.stock import AREAS, COUNTRIES, Offer, offers, shown

AT_MOST = 200
UNSUPPORTED = frozenset(
    ["Beta", "InLata", "InPostalCode", "InRateCenter", "NearLatLong", "FaxEnabled"]
)
SHORTEST_PATTERN, LONGEST_PATTERN = 2, 16
# the area code of a whole number, or of its beginning
AREA_IN = re.compile(r"(?:\+1|1?(?=\d{10}$))([2-9]\d\d)")
LETTERS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")


def index(books: Books, account: str, form: Form, country: str) -> Json:
    """``GET …/AvailablePhoneNumbers/{CountryCode}/Local.json``."""
    uri = f"/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{country}/Local.json"
    if country not in COUNTRIES:
        raise missing(uri)
    for name in UNSUPPORTED & set(form):
        raise invalid(20001, f"The stand-in does not search by {name}")
    fitting = (
        each
        for each in offers(country, _areas(form))
        if books.is_for_sale(each.e164) and _fits(each, form)
    )
    rows = [shown(each) for each in islice(fitting, AT_MOST)]
    return page_of(rows, "available_phone_numbers", uri, form)


def _areas(form: Form) -> Iterable[int]:
    """Return the area codes to search: the one that the search names or begins with, or else those
    whose place is known.
    """
    if "AreaCode" in form:
        return [int(form["AreaCode"])]
    for text in (form.get("NearNumber", ""), form.get("Contains", "")):
        named = AREA_IN.match(text)
        if named:
            return [int(named[1])]
    return sorted(AREAS)


def _fits(each: Offer, form: Form) -> bool:
    """Whether an offered number matches a search."""
    wanted = [
        each.capabilities[name]
        for name, flag in (("voice", "Voice"), ("SMS", "Sms"), ("MMS", "Mms"))
        if form.get(f"{flag}Enabled") == "true"
    ]
    places = [
        form[name].casefold() == (value or "").casefold()
        for name, value in (("InLocality", each.locality), ("InRegion", each.region))
        if name in form
    ]
    excluded = set(_excluded(form))
    return (
        all(wanted)
        and all(places)
        and each.address_requirements not in excluded
        and ("Contains" not in form or _matches(form["Contains"], each.e164))
    )


def _excluded(form: Form) -> Iterator[str]:
    """Yield the address requirements that a search excludes."""
    if form.get("ExcludeAllAddressRequired") == "true":
        yield from ("any", "local", "foreign")
    if form.get("ExcludeLocalAddressRequired") == "true":
        yield "local"
    if form.get("ExcludeForeignAddressRequired") == "true":
        yield "foreign"


def _matches(pattern: str, e164: str) -> bool:
    """Whether a number contains a pattern: ``*`` is any digit, ``%`` any digits, ``+`` and ``$``
    are the start and end, letters are those of a telephone keypad.
    """
    if not SHORTEST_PATTERN <= len(pattern) <= LONGEST_PATTERN:
        raise invalid(20001, "Contains must be 2 to 16 characters long")
    starts, ends = pattern.startswith("+"), pattern.endswith("$")
    inner = pattern.removeprefix("+").removesuffix("$").upper().translate(LETTERS)
    if not re.fullmatch(r"[\d*%]+", inner):
        raise invalid(20001, f"Contains cannot be read: {pattern}")
    digits = inner.replace("*", r"\d").replace("%", r"\d*")
    return bool(re.search(f"{'^' if starts else ''}{digits}{'$' if ends else ''}", e164[1:]))
