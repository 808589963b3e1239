"""In which time zones a person may be: those of their number, of their address, or the one that the
clinic gave.
"""

from functools import cache
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import timezone

from rules.contact.places import states_of_address
from rules.contact.us_zones import STATES

UNKNOWN = "Etc/Unknown"


def zones_of(phone: str, address: dict[str, str] | None, given: str | None) -> tuple[str, ...]:
    """Every zone that counts: a person is contacted only when it is a lawful hour in all of them.

    A mobile number tells where it was bought, an address where they live, so neither overrules the
    other (47 CFR and 12 CFR 1006.6(b)(1): both count). Empty when nothing is known.
    """
    home = (
        (given,)
        if given
        else (zone for state in states_of_address(address) for zone in STATES[state])
    )
    found = {*zones_of_number(phone), *home}
    return tuple(sorted(found & _known_zones()))


@cache
def _known_zones() -> frozenset[str]:
    """Every zone there is: asking for them walks hundreds of files, once."""
    return frozenset(available_timezones())


def zones_of_number(phone: str) -> tuple[str, ...]:
    """The zones a number may lie in (for a number without a place, such as +1 800, all of its
    country code).
    """
    try:
        zones = timezone.time_zones_for_number(phonenumbers.parse(phone, None))
    except phonenumbers.NumberParseException:
        return ()
    return tuple(zone for zone in zones if zone != UNKNOWN)
