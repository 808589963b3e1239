"""The numbers that the stand-in has for sale: always the same ones for an area code.

They begin with numbers reserved for fiction (555-0100 to 555-0199, of which people in stories have
the first half) and go on with 555-0200, which nobody has either. The last two digits decide what a
number can do and requires.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.twilio.errors import Json

LINES = range(150, 1000)
# numbers that need an address, or lack a capability, by their last two digits
ADDRESS_REQUIRED = {**dict.fromkeys(range(80, 85), "any"), **dict.fromkeys(range(85, 90), "local")}
VOICE_ONLY = range(90, 95)
WITHOUT_MMS = range(95, 100)
AREA_CODES = range(201, 990)
EMPTY_AREA = 533  # has no numbers, as with Twilio's test credentials
LENGTH = 12  # +1 and ten digits
AREAS = {
    202: ("US", "DC", "Washington"),
    206: ("US", "WA", "Seattle"),
    212: ("US", "NY", "New York"),
    303: ("US", "CO", "Denver"),
    305: ("US", "FL", "Miami"),
    312: ("US", "IL", "Chicago"),
    415: ("US", "CA", "San Francisco"),
    416: ("CA", "ON", "Toronto"),
    512: ("US", "TX", "Austin"),
    604: ("CA", "BC", "Vancouver"),
    617: ("US", "MA", "Boston"),
    628: ("US", "CA", "San Francisco"),
}
# 020 7946 0000 to 0999 is reserved for fiction too (Ofcom, "Telephone numbers for use in TV and
# radio drama programmes"); such numbers need a regulatory bundle here
BRITISH = tuple(f"+442079460{line:03d}" for line in range(100, 200))
COUNTRIES = ("US", "CA", "GB")


@dataclass(frozen=True)
class Offer:
    """A number for sale, with its address requirements and capabilities."""

    e164: str
    country: str
    region: str | None
    locality: str | None
    address_requirements: str
    capabilities: dict[str, bool]

    @property
    def area(self) -> int:
        """The area code, or 0 outside North America."""
        return int(self.e164[2:5]) if self.country != "GB" else 0


def offer(e164: str) -> Offer | None:
    """Return the offer of a number, or None if it is never for sale."""
    if e164 in BRITISH:
        able = {"voice": True, "SMS": True, "MMS": False}
        return Offer(e164, "GB", None, "London", "none", able)
    if not (e164.startswith("+1") and e164[1:].isdigit() and len(e164) == LENGTH):
        return None
    area, exchange, line = int(e164[2:5]), e164[5:8], int(e164[8:])
    if area not in AREA_CODES or area == EMPTY_AREA or exchange != "555" or line not in LINES:
        return None
    country, region, locality = AREAS.get(area, ("US", None, None))
    last = line % 100
    able = {
        "voice": True,
        "SMS": last not in VOICE_ONLY,
        "MMS": last not in VOICE_ONLY and last not in WITHOUT_MMS,
    }
    return Offer(e164, country, region, locality, ADDRESS_REQUIRED.get(last, "none"), able)


def offers(country: str, areas: Iterable[int]) -> Iterator[Offer]:
    """Yield the offers in a country and its area codes, always in the same order."""
    written = (
        BRITISH
        if country == "GB"
        else (f"+1{area}555{line:04d}" for area in areas for line in LINES)
    )
    for e164 in written:
        found = offer(e164)
        if found and found.country == country:
            yield found


def shown(found: Offer) -> Json:
    """Return an offer with all the fields that Twilio shows."""
    national = found.e164[2:] if found.country != "GB" else found.e164[1:]
    pretty = f"({national[:3]}) {national[3:6]}-{national[6:]}"
    return {
        "friendly_name": pretty if found.country != "GB" else found.e164,
        "phone_number": found.e164,
        "lata": None,
        "locality": found.locality,
        "rate_center": found.locality.upper() if found.locality else None,
        "latitude": None,
        "longitude": None,
        "region": found.region,
        "postal_code": None,
        "iso_country": found.country,
        "address_requirements": found.address_requirements,
        "beta": False,
        "capabilities": dict(found.capabilities),
    }
