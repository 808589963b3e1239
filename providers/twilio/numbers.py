"""Phone numbers at Twilio: search, buy, find by tag, update, release.

A number is bought by its E.164 form, never by area code, because a repeated purchase by area code
would buy another number. The tag in its FriendlyName is not an idempotency key: it lets us find a
number whose purchase was not answered. Twilio also answers a purchase of a number that the account
already owns with success, and updates it, so the caller must check that no other clinic of ours has
it.
"""

from dataclasses import dataclass
from typing import Any

from providers.errors import ProviderError, ignoring
from providers.twilio.client import Json, check_deleted, client, iso, mapped_errors, text, word
from providers.twilio.refusals import NOT_FOUND

LONGEST_TAG = 64  # characters of a FriendlyName
PAGE = 1000  # Twilio's maximum
CAPABILITIES = ("voice", "sms", "mms")
# Twilio does not release a number while its emergency address has one of these statuses
_HELD_STATUSES = frozenset({"registered", "pending-registration", "pending-unregistration"})
_FIELDS = (
    "friendly_name",
    "sms_url",
    "sms_fallback_url",
    "voice_url",
    "voice_fallback_url",
    "status_callback",
    "status",
    "address_requirements",
    "address_sid",
    "bundle_sid",
    "emergency_address_sid",
    "emergency_address_status",
    "emergency_status",
    # each of these overrides the URLs above
    "sms_application_sid",
    "voice_application_sid",
    "trunk_sid",
)


@dataclass(frozen=True, slots=True)
class AvailableNumber:
    """A number that was on sale at the time of the search, which reserves nothing.

    `address_requirements` is none, any, local or foreign, as the law of its country requires.
    """

    e164: str
    locality: str
    region: str
    address_requirements: str
    voice: bool
    sms: bool
    mms: bool


def search_numbers(
    *,
    area_code: str = "",
    contains: str = "",
    locality: str = "",
    near: str = "",
    country: str = "US",
    with_address: bool = False,
    limit: int = 20,
) -> list[AvailableNumber]:
    """Search for local numbers that take calls and texts; `near` is an E.164 to search around.

    Numbers that require an address are left out unless `with_address`. `area_code` is three digits.
    """
    criteria: Json = {
        "area_code": int(area_code) if area_code else None,
        "contains": contains,
        "in_locality": locality,
        "near_number": near,
    }
    with mapped_errors():
        found = (
            client()
            .available_phone_numbers(country)
            .local.list(
                **{name: value for name, value in criteria.items() if value},
                sms_enabled=True,
                voice_enabled=True,
                exclude_all_address_required=not with_address,
                limit=limit,
            )
        )
        numbers = [_available(each) for each in found]
    return [
        each
        for each in numbers
        if each.voice and each.sms and (with_address or each.address_requirements == "none")
    ]


def buy_number(
    e164: str,
    *,
    friendly_name: str,
    sms_url: str,
    voice_url: str,
    sms_fallback_url: str = "",
    voice_fallback_url: str = "",
    status_callback: str = "",
    emergency_address_sid: str = "",
    address_sid: str = "",
    bundle_sid: str = "",
) -> Json:
    """Buy this number; `friendly_name` is the tag by which we find it again. Twilio requests a
    fallback URL if the primary one does not answer with 200.
    """
    tag = _tag(friendly_name)
    optional = {
        "sms_fallback_url": sms_fallback_url,
        "voice_fallback_url": voice_fallback_url,
        "status_callback": status_callback,
        "status_callback_method": "POST" if status_callback else "",
        "emergency_address_sid": emergency_address_sid,
        "address_sid": address_sid,
        "bundle_sid": bundle_sid,
    }
    with mapped_errors():
        made = client().incoming_phone_numbers.create(
            phone_number=e164,
            friendly_name=tag,
            sms_url=sms_url,
            sms_method="POST",
            voice_url=voice_url,
            voice_method="POST",
            **{name: value for name, value in optional.items() if value},
        )
        return _plain(made)


def find_number(tag: str) -> Json | None:
    """Find our number that carries `tag`, the oldest if there are several."""
    return _oldest([each for each in _listed(friendly_name=tag) if each["friendly_name"] == tag])


def find_number_by_e164(e164: str) -> Json | None:
    """Find our number with this E.164, whatever its tag."""
    return _oldest([each for each in _listed(phone_number=e164) if each["phone_number"] == e164])


def get_number(sid: str) -> Json:
    """Fetch a number in its current state. Refused with the code NOT_FOUND if it is not ours."""
    with mapped_errors():
        return _plain(client().incoming_phone_numbers(sid).fetch())


def update_number(
    sid: str,
    *,
    friendly_name: str | None = None,
    sms_url: str | None = None,
    sms_fallback_url: str | None = None,
    voice_url: str | None = None,
    voice_fallback_url: str | None = None,
    status_callback: str | None = None,
    emergency_address_sid: str | None = None,
    address_sid: str | None = None,
    bundle_sid: str | None = None,
) -> Json:
    """Change the values given; an empty string clears a value, None leaves it."""
    changes = {
        "friendly_name": friendly_name and _tag(friendly_name),
        "sms_url": sms_url,
        "sms_fallback_url": sms_fallback_url,
        "voice_url": voice_url,
        "voice_fallback_url": voice_fallback_url,
        "status_callback": status_callback,
        "emergency_address_sid": emergency_address_sid,
        "address_sid": address_sid,
        "bundle_sid": bundle_sid,
    }
    with mapped_errors():
        changed = (
            client()
            .incoming_phone_numbers(sid)
            .update(**{name: value for name, value in changes.items() if value is not None})
        )
        return _plain(changed)


def release_number(sid: str) -> None:
    """Release a number for good; one that is no longer ours counts as released.

    Twilio does not release a number whose emergency address is registered, and unregistering takes
    time: `retry_later` until that is done (support.twilio.com, "Cancel or release a Twilio
    number").
    """
    with ignoring(NOT_FOUND):
        _unregister_emergency_address(sid)
        with mapped_errors():
            check_deleted(client().incoming_phone_numbers(sid).delete_with_http_info())


def _unregister_emergency_address(sid: str) -> None:
    number = get_number(sid)
    if number["emergency_address_sid"]:
        number = update_number(sid, emergency_address_sid="")
    if number["emergency_address_status"] in _HELD_STATUSES:
        raise ProviderError(
            "twilio",
            "retry_later",
            f"{number['phone_number']}: its emergency address is still being unregistered",
            "emergency_address_pending",
            answered=True,
        )


def list_numbers(tag_prefix: str = "") -> list[Json]:
    """List every number of ours whose tag begins with `tag_prefix`, over all pages."""
    return [each for each in _listed() if each["friendly_name"].startswith(tag_prefix)]


def _listed(**filters: Any) -> list[Json]:
    with mapped_errors():
        rows = client().incoming_phone_numbers.list(page_size=PAGE, **filters)
        return [_plain(each) for each in rows]


def _oldest(rows: list[Json]) -> Json | None:
    return min(rows, key=lambda each: each["created_at"], default=None)


def _tag(tag: str) -> str:
    """Return the tag if Twilio accepts it. Raises ValueError for a longer one: a truncated tag
    would not be found again.
    """
    if not 0 < len(tag) <= LONGEST_TAG:
        raise ValueError(f"{tag!r} is not a valid number tag: 1 to {LONGEST_TAG} characters")
    return tag


def _available(found: Any) -> AvailableNumber:
    return AvailableNumber(
        e164=word(found.phone_number),
        locality=found.locality or "",
        region=found.region or "",
        # if Twilio does not say, an address may be required
        address_requirements=text(found.address_requirements) or "any",
        **_capabilities(found.capabilities),
    )


def _capabilities(capabilities: Any) -> dict[str, bool]:
    """A number's capabilities, with names in lower case: a search writes SMS and MMS in capitals, a
    number of ours does not.
    """
    able = {str(name).lower(): bool(value) for name, value in dict(capabilities or {}).items()}
    return {name: able.get(name, False) for name in CAPABILITIES}


def _plain(number: Any) -> Json:
    """Turn a number of ours into plain values; what Twilio omits becomes an empty string."""
    return {
        "id": word(number.sid),
        "phone_number": word(number.phone_number),
        **{name: text(getattr(number, name)) for name in _FIELDS},
        "capabilities": _capabilities(number.capabilities),
        "created_at": iso(number.date_created),
    }
