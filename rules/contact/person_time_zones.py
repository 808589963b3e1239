"""The time zones in which a person may be: from their number, from their address, or as given by
the clinic.
"""

from functools import cache
from importlib import resources
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import timezone

from rules.contact.places import is_abroad, states_of_address
from rules.contact.us.zones import STATES

UNKNOWN = "Etc/Unknown"


def zones_of(phone: str, address: dict[str, str] | None, given: str | None) -> tuple[str, ...]:
    """Every zone that counts: a person is contacted only when the hour is lawful in all of them.

    A mobile number shows where it was issued, an address where the person lives, so neither
    overrides the other (47 CFR and 12 CFR 1006.6(b)(1): both count). Empty if nothing is known.
    """
    home = (given,) if given else _zones_of_address(address)
    found = {*zones_of_number(phone), *home}
    return tuple(sorted(found & _known_zones()))


def _zones_of_address(address: dict[str, str] | None) -> tuple[str, ...]:
    if is_abroad(address):
        country = str((address or {}).get("country") or "").strip().upper()
        return _zones_of_countries().get(country, ())
    return tuple(zone for state in states_of_address(address) for zone in STATES[state])


@cache
def _zones_of_countries() -> dict[str, tuple[str, ...]]:
    """The zones of each country, by its ISO code and by its English name, in capitals."""
    tables = resources.files("tzdata") / "zoneinfo"
    zones, names = (
        [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
        for text in ((tables / name).read_text("utf-8") for name in ("zone.tab", "iso3166.tab"))
    )
    found: dict[str, tuple[str, ...]] = {}
    for code, _, zone, *_ in zones:
        found[code] = (*found.get(code, ()), zone)
    return found | {name.upper(): found.get(code, ()) for code, name in names}


@cache
def _known_zones() -> frozenset[str]:
    """Every zone in the database, cached because reading them walks hundreds of files."""
    return frozenset(available_timezones())


def zones_of_number(phone: str) -> tuple[str, ...]:
    """The zones of a number (for a number without a location, such as +1 800, all of its country
    code).
    """
    try:
        zones = timezone.time_zones_for_number(phonenumbers.parse(phone, None))
    except phonenumbers.NumberParseException:
        return ()
    return tuple(zone for zone in zones if zone != UNKNOWN)
