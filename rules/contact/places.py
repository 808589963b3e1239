"""Where a person may live, for the rules of states and cities.

The address decides. If it does not say, the number does, because nothing else is known; and a US
number without a location (+1 800) may belong to anyone, so every state's rules apply. Being too
strict costs a text, being too lax breaks a law.
"""

import re
from dataclasses import dataclass

import phonenumbers

from rules.contact.us.area_codes import STATE_OF_AREA
from rules.contact.us.states import NAMES, may_be_new_york_city, state_named, state_of_postal_code

EVERYWHERE = tuple(sorted(NAMES.values()))
NEW_YORK_CITY = "New York"
_CITY_AREAS = frozenset(["212", "332", "347", "465", "646", "718", "917", "929"])
# without spaces and dots
_HOME = frozenset(
    ["", "US", "USA", "UNITEDSTATES", "UNITEDSTATESOFAMERICA", "AMERICA", "ESTADOSUNIDOS", "EEUU"]
)
_TERRITORIES = ("GU", "PR", "VI")
_AREA = slice(2, 5)  # the area code in +12025550123


@dataclass(frozen=True, slots=True)
class Places:
    """The states, and the cities with rules of their own, where a person may live."""

    states: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()


NOWHERE_KNOWN = Places()


def places_of(phone: str, address: dict[str, str] | None) -> Places:
    """Where the person at `phone` may live."""
    states = states_of_address(address)
    if states:
        code = str((address or {}).get("postalCode") or "")
        in_city = "NY" in states and may_be_new_york_city(code)
        return Places(states, (NEW_YORK_CITY,) if in_city else ())
    if is_abroad(address) or not is_american(phone):
        return NOWHERE_KNOWN
    state = STATE_OF_AREA.get(phone[_AREA])
    if state is None:
        return Places(EVERYWHERE, (NEW_YORK_CITY,))
    return Places((state,), (NEW_YORK_CITY,) if phone[_AREA] in _CITY_AREAS else ())


def states_of_address(address: dict[str, str] | None) -> tuple[str, ...]:
    """The states an address may lie in: the one it names and the one of its postal code. All states
    if it names one that is not recognised; empty if it says nothing or is abroad.
    """
    if not address or is_abroad(address):
        return ()
    named = str(address.get("state") or "").strip()
    found = {state_named(named), state_of_postal_code(str(address.get("postalCode") or ""))} - {""}
    if not found and named:
        return EVERYWHERE
    return tuple(sorted(found))


def is_abroad(address: dict[str, str] | None) -> bool:
    """Whether an address is explicitly outside the US."""
    country = re.sub(r"\W", "", str((address or {}).get("country") or "")).upper()
    return country.removeprefix("THE") not in _HOME


def is_american(phone: str) -> bool:
    """Whether a number may be a US number: Canada and others share +1."""
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return False
    region = phonenumbers.region_code_for_number(number)
    return number.country_code == 1 and region in {None, "US", *_TERRITORIES}
