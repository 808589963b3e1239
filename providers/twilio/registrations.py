"""A sender's registration with the carriers, read from Twilio: a messaging service's campaign and
brand, and a toll-free number's verification. Read only.
"""

from typing import Any

from providers.twilio.client import Json, client, iso, mapped_errors, text, word

PAGE = 1000


def campaigns_of(service_sid: str) -> list[Json]:
    """List the campaigns of a messaging service, newest first, each with the sid of its `brand`."""
    with mapped_errors():
        listed = client().messaging.v1.services(service_sid).us_app_to_person.list(page_size=PAGE)
        rows = [
            {
                "id": word(each.sid),
                "status": text(each.campaign_status),
                "brand": text(each.brand_registration_sid),
                "created_at": iso(each.date_created),
                **_first_error(each.errors),
            }
            for each in listed
        ]
    return sorted(rows, key=lambda row: str(row["created_at"]), reverse=True)


def brand_of(brand_sid: str) -> Json:
    """Fetch a brand in its current state. Refused with the code NOT_FOUND if it is not ours."""
    with mapped_errors():
        brand = client().messaging.v1.brand_registrations(brand_sid).fetch()
        why = _first_error(brand.errors)
        why["words"] = why["words"] or text(brand.failure_reason)
        return {"id": word(brand.sid), "status": text(brand.status), **why}


def verification_of(number_sid: str) -> Json | None:
    """Return the newest verification request of a toll-free number, or None."""
    with mapped_errors():
        listed = client().messaging.v1.tollfree_verifications.list(
            tollfree_phone_number_sid=number_sid, page_size=PAGE
        )
        rows = [
            {
                "id": word(each.sid),
                "status": text(each.status),
                "code": text(each.error_code),
                "words": text(each.rejection_reason),
                "final": each.edit_allowed is False,
                "created_at": iso(each.date_created),
            }
            for each in listed
        ]
    return max(rows, key=lambda row: str(row["created_at"]), default=None)


def numbers_in(service_sid: str) -> list[Json]:
    """List the numbers that a messaging service sends from: `id` and `phone_number`."""
    with mapped_errors():
        rows = client().messaging.v1.services(service_sid).phone_numbers.list(page_size=PAGE)
        return [{"id": word(each.sid), "phone_number": word(each.phone_number)} for each in rows]


def services(most: int) -> list[str]:
    """List the sids of up to `most` messaging services of the account."""
    with mapped_errors():
        return [word(each.sid) for each in client().messaging.v1.services.list(limit=most)]


def _first_error(errors: Any) -> dict[str, str]:
    """The first error's code and message; Twilio uses several field names for each."""
    first = next((each for each in errors or () if isinstance(each, dict)), {})
    code = first.get("error_code") or first.get("code") or ""
    words = first.get("description") or first.get("error_message") or first.get("message") or ""
    return {"code": str(code), "words": str(words)}
