"""Addresses at Twilio: a clinic's address for emergency calls from its number, and for countries
that require one for a number.

An address is created, then attached to a number; the number's `emergency_address_status` shows how
the registration is going.
"""

import re
from typing import Any

from providers.errors import ignoring
from providers.twilio.client import Json, check_deleted, client, iso, mapped_errors, text, word
from providers.twilio.refusals import NOT_FOUND

# characters of an emergency address's FriendlyName and CustomerName (support.twilio.com, "How to
# validate an address")
LONGEST_TAG = 32
LONGEST_NAME = 32
PAGE = 1000
FIELDS = (
    "friendly_name",
    "customer_name",
    "street",
    "street_secondary",
    "city",
    "region",
    "postal_code",
    "iso_country",
)


def create_address(
    *,
    customer_name: str,
    street: str,
    city: str,
    region: str,
    postal_code: str,
    iso_country: str,
    friendly_name: str,
    street_secondary: str = "",
    emergency_enabled: bool = True,
) -> Json:
    """Register an address; `friendly_name` is the tag by which we find it again.

    Twilio must not correct it silently, because an ambulance is sent there. If Twilio would write
    it differently, it refuses with the code ADDRESS_SUGGESTED and puts its own version into the
    message.
    """
    if not 0 < len(friendly_name) <= LONGEST_TAG:
        raise ValueError(
            f"{friendly_name!r} is not a valid address tag: 1 to {LONGEST_TAG} characters"
        )
    secondary = {"street_secondary": _without_signs(street_secondary)} if street_secondary else {}
    with mapped_errors():
        made = client().addresses.create(
            customer_name=_without_signs(customer_name)[:LONGEST_NAME].strip(),
            street=_without_signs(street),
            city=_without_signs(city),
            region=region,
            postal_code=postal_code,
            iso_country=iso_country,
            friendly_name=friendly_name,
            emergency_enabled=emergency_enabled,
            auto_correct_address=False,
            **secondary,
        )
        return _plain(made)


def find_address(tag: str) -> Json | None:
    """Find the address that carries `tag`, the oldest if there are several."""
    rows = [each for each in _listed(friendly_name=tag) if each["friendly_name"] == tag]
    return min(rows, key=lambda each: each["created_at"], default=None)


def get_address(sid: str) -> Json:
    """Fetch an address in its current state. Refused with code NOT_FOUND if it does not exist."""
    with mapped_errors():
        return _plain(client().addresses(sid).fetch())


def delete_address(sid: str) -> None:
    """Delete an address; one that no longer exists counts as deleted."""
    with ignoring(NOT_FOUND), mapped_errors():
        check_deleted(client().addresses(sid).delete_with_http_info())


def list_addresses(tag_prefix: str = "") -> list[Json]:
    """List every address whose tag begins with `tag_prefix`, over all pages."""
    return [each for each in _listed() if each["friendly_name"].startswith(tag_prefix)]


def _listed(**filters: Any) -> list[Json]:
    with mapped_errors():
        return [_plain(each) for each in client().addresses.list(page_size=PAGE, **filters)]


def _without_signs(words: str) -> str:
    """Remove the characters that make Twilio's address validation fail: & @ #."""
    return " ".join(re.sub(r"[@#]", " ", words.replace("&", " and ")).split())


def _plain(address: Any) -> Json:
    """Turn an address into plain values; a field that Twilio omits becomes an empty string."""
    return {
        "id": word(address.sid),
        **{name: text(getattr(address, name)) for name in FIELDS},
        "emergency_enabled": bool(address.emergency_enabled),
        "validated": bool(address.validated),
        "verified": bool(address.verified),
        "created_at": iso(address.date_created),
    }
