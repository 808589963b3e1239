"""Read each sender's registration with the carriers at Twilio, and store it for the gate."""

from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.contact.account_sender import AccountSender
from models.contact.sender_registration import SenderRegistration
from providers.errors import none_if_missing
from providers.twilio import registrations
from providers.twilio.client import Json
from providers.twilio.numbers import find_number_by_e164
from providers.twilio.refusals import NOT_FOUND
from rules.contact.sender_registration import (
    APPROVED,
    NO_CAMPAIGN,
    NO_NUMBERS,
    NO_VERIFICATION,
    Registration,
    Submission,
    is_toll_free,
    needs_registration,
    of_campaign,
    of_verification,
    worst,
)
from runtime.clock import real_now
from runtime.log import get_log
from runtime.settings import get_settings

MOST_SERVICES = 50  # services searched for a number; each costs a request
UNKNOWN_SENDER = "Twilio does not know {sender}: it is not, or no longer, in this Twilio account."

log = get_log("contact")


def senders_in_use(after: str, limit: int) -> list[str]:
    """The senders that accounts text from, and the shared one, sorted, after `after`."""
    settings = get_settings()
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        return []
    found = set(AccountSender.in_order(after, limit))
    shared = settings.twilio_messaging_service_sid
    return sorted(found | ({shared} if shared and shared > after else set()))[:limit]


def read_registration(sender: str) -> Registration | None:
    """Read a sender's registration at Twilio, or None if Twilio does not say. Raises ProviderError
    while Twilio is down.
    """
    return _of_number(sender) if sender.startswith("+") else _of_service(sender)


def record_registration(sender: str, found: Registration) -> None:
    """Store the registration, and audit a change. Needs a transaction."""
    now = real_now()
    before = SenderRegistration.record(sender, found.state, found.code, found.reason, now)
    if found.state == (before or "approved"):
        return
    log.warning("sender's registration changed", state=found.state, code=found.code)
    AuditEntry.record(
        SYSTEM,
        "sender.registration_changed",
        f"sender:{sender}",
        state=found.state,
        before=before,
        code=found.code,
        reason=found.reason,
    )


def _of_service(sid: str) -> Registration:
    """A service texts from any of its numbers, so each must be registered."""
    numbers = none_if_missing(NOT_FOUND, registrations.numbers_in, sid)
    if numbers is None:  # only the service itself being absent means that the sender is unknown
        return Registration("unregistered", NOT_FOUND, UNKNOWN_SENDER.format(sender=sid))
    ours = [each for each in numbers if needs_registration(each["phone_number"])]
    if not numbers:
        return NO_NUMBERS
    found = [_verified(each["id"]) for each in ours if is_toll_free(each["phone_number"])]
    if any(not is_toll_free(each["phone_number"]) for each in ours):
        found.append(_campaign(sid))
    return worst(found)


def _of_number(e164: str) -> Registration | None:
    if not needs_registration(e164):
        return APPROVED
    if is_toll_free(e164):
        number = find_number_by_e164(e164)
        if number is None:
            return Registration("unregistered", NOT_FOUND, UNKNOWN_SENDER.format(sender=e164))
        return _verified(number["id"])
    services = registrations.services(MOST_SERVICES + 1)
    for sid in services[:MOST_SERVICES]:
        if any(each["phone_number"] == e164 for each in registrations.numbers_in(sid)):
            return _campaign(sid)
    return NO_CAMPAIGN if len(services) <= MOST_SERVICES else None


def _campaign(service_sid: str) -> Registration:
    """The best of a service's campaigns counts: a rejected one may have been followed by
    another.
    """
    found = [
        of_campaign(_said(each), _brand(each["brand"]))
        for each in registrations.campaigns_of(service_sid)
    ]
    return next((each for each in found if each.state == "approved"), (found or [NO_CAMPAIGN])[0])


def _brand(sid: str) -> Submission | None:
    """The brand, or None if it is not visible here: it may belong to another Twilio account."""
    brand = none_if_missing(NOT_FOUND, registrations.brand_of, sid)
    return None if brand is None else _said(brand)


def _verified(number_sid: str) -> Registration:
    found = registrations.verification_of(number_sid)
    return NO_VERIFICATION if found is None else of_verification(_said(found))


def _said(row: Json) -> Submission:
    return Submission(row["status"], row["code"], row["words"], bool(row.get("final")))
