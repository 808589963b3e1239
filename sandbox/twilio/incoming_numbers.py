"""An account's numbers: read, listed, changed, released.

Twilio does not publish the code with which it refuses a release; the one here is our own.
"""

import re

from sandbox.twilio import emergency
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.lists import page_of
from sandbox.twilio.parameters import Form

LONGEST_NAME = 64
SETTABLE = {
    "FriendlyName": "friendly_name",
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method",
    "SmsApplicationSid": "sms_application_sid",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "VoiceApplicationSid": "voice_application_sid",
    "VoiceReceiveMode": "voice_receive_mode",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
    "TrunkSid": "trunk_sid",
    "AddressSid": "address_sid",
    "BundleSid": "bundle_sid",
    "IdentitySid": "identity_sid",
}
# an empty value removes one of these; for other parameters it is stored
SIDS = frozenset(name for name in SETTABLE if name.endswith("Sid"))


def retrieve(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET …/IncomingPhoneNumbers/{Sid}.json``."""
    return books.owned(books.incoming, account, "IncomingPhoneNumbers", sid)


def index(books: Books, account: str, form: Form) -> Json:
    """``GET …/IncomingPhoneNumbers.json``, oldest first; ``PhoneNumber`` can be a part of it, with
    ``*`` for any digit.
    """
    part = re.escape(form.get("PhoneNumber", "")).replace(r"\*", r"\d")
    rows = [
        dict(row)
        for row in books.incoming.values()
        if row["account_sid"] == account
        and form.get("FriendlyName", row["friendly_name"]) == row["friendly_name"]
        and re.search(part, row["phone_number"])
    ]
    uri = f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json"
    return page_of(rows, "incoming_phone_numbers", uri, form)


def update(books: Books, account: str, form: Form, sid: str) -> Json:
    """``POST …/IncomingPhoneNumbers/{Sid}.json``."""
    number = retrieve(books, account, form, sid)
    check(books, account, form)
    return take_over(books, number, form)


def check(books: Books, account: str, form: Form) -> None:
    """Refuse a name that is too long, and addresses that do not exist or do not fit."""
    if len(form.get("FriendlyName", "")) > LONGEST_NAME:
        raise invalid(20001, "FriendlyName must be at most 64 characters long")
    for name in ("AddressSid", "EmergencyAddressSid"):
        address = books.addresses.get(form.get(name, ""))
        if form.get(name) and (address is None or address["account_sid"] != account):
            raise invalid(20001, f"{name} {form[name]} was not found")
        if name == "EmergencyAddressSid" and address and not address["emergency_enabled"]:
            raise invalid(20001, f"{name} {form[name]} is not enabled for emergency calls")


def take_over(books: Books, number: Json, form: Form) -> Json:
    """Copy a form's settings to a number."""
    for name, field in SETTABLE.items():
        if name in form:
            number[field] = (form[name] or None) if name in SIDS else form[name]
    # at most one of the two (twilio.com/docs/phone-numbers/api/incomingphonenumber-resource)
    if form.get("TrunkSid"):
        number["voice_application_sid"] = None
    elif form.get("VoiceApplicationSid"):
        number["trunk_sid"] = None
    if "EmergencyAddressSid" in form:
        emergency.set_address(books, number, form["EmergencyAddressSid"])
    number["date_updated"] = books.date()
    return number


def delete(books: Books, account: str, form: Form, sid: str) -> None:
    """``DELETE …/IncomingPhoneNumbers/{Sid}.json``: release it. No account here can buy
    it again.
    """
    number = retrieve(books, account, form, sid)
    if number["emergency_address_status"] in emergency.HELD:
        raise invalid(20001, "The registered emergency address must be removed first")
    del books.incoming[sid]
    books.taken.add(number["phone_number"])
