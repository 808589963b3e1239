"""Buying numbers: what is available, what the account needs for it, and the monthly fee."""

import re

from sandbox.twilio import emergency
from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, TwilioError, invalid
from sandbox.twilio.incoming_numbers import SETTABLE, check, take_over
from sandbox.twilio.ledger import MONTH, bill
from sandbox.twilio.parameters import Form
from sandbox.twilio.stock import Offer, offer, offers

RENEWS = "twilio number renews"
# as with Twilio's test credentials (twilio.com/docs/iam/test-credentials)
UNAVAILABLE = "+15005550000"
INVALID = "+15005550001"


def create(books: Books, account: str, form: Form) -> Json:
    """``POST …/IncomingPhoneNumbers.json``: buy a number. For a number of the account's own, it
    works like an update.
    """
    if ("PhoneNumber" in form) == ("AreaCode" in form):
        raise invalid(21450, "Exactly one of PhoneNumber and AreaCode is required")
    check(books, account, form)
    own = books.incoming_by_number(form.get("PhoneNumber", ""))
    if own and own["account_sid"] == account:
        own["status"] = "in-use"
        return take_over(books, own, form)
    wanted = _wanted(books, form)
    _may_buy(books, account, wanted, form)
    return _bought(books, account, wanted, form)


def _wanted(books: Books, form: Form) -> Offer:
    """Return the offer for the requested number or area code, or refuse."""
    if "AreaCode" in form:
        area = int(form["AreaCode"])
        found = next((o for o in offers("US", [area]) if books.is_for_sale(o.e164)), None)
        if found is None:
            raise invalid(21452, f"No phone numbers found in area code {area}")
        return found
    number = form["PhoneNumber"]
    if number == INVALID or not re.fullmatch(r"\+[1-9]\d{7,14}", number):
        raise invalid(21421, f"{number} is not a valid phone number")
    known = offer(number)
    if number == UNAVAILABLE or known is None or not books.is_for_sale(number):
        raise invalid(21422, f"{number} is not available.")
    return known


def _may_buy(books: Books, account: str, wanted: Offer, form: Form) -> None:
    """Check what the account's type and the number's country require."""
    has = any(row["account_sid"] == account for row in books.incoming.values())
    if books.kinds.get(account) == "Trial" and has:
        raise invalid(
            21404,
            "Trial accounts are allowed only one Twilio number. To purchase additional numbers,"
            " please upgrade your account.",
        )
    if wanted.country == "GB" and not form.get("BundleSid"):
        raise TwilioError(*books.bundle_refusal, "Bundle required and not provided")
    if wanted.address_requirements == "none":
        return
    address = books.addresses.get(form.get("AddressSid", ""))
    if address is None:
        raise invalid(21631, "Phone Number Requires an Address but the 'AddressSid' is empty.")
    if wanted.address_requirements == "local" and address["iso_country"] != wanted.country:
        raise invalid(21615, "Phone Number Requires a Local Address")


def _bought(books: Books, account: str, wanted: Offer, form: Form) -> Json:
    """Add a number to the account, with all the fields that Twilio shows."""
    sid, date = books.sid("PN"), books.date()
    empty = dict.fromkeys(SETTABLE.values())
    made: Json = {
        **empty,
        "account_sid": account,
        "address_requirements": wanted.address_requirements,
        "api_version": "2010-04-01",
        "beta": False,
        "capabilities": {
            **{name.lower(): able for name, able in wanted.capabilities.items()},
            "fax": False,
        },
        "date_created": date,
        "date_updated": date,
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": wanted.e164,
        "origin": "twilio",
        "phone_number": wanted.e164,
        "sid": sid,
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": "",
        "status": "new",
        "status_callback": "",
        "status_callback_method": "POST",
        "type": "local",
        "uri": f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json",
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_receive_mode": "voice",
        "voice_url": "",
    }
    books.incoming[sid] = made
    _renew(books, made)
    shown = dict(take_over(books, made, form))
    made["status"] = "in-use"
    return shown


def arrive(books: Books, account: str, e164: str) -> None:
    """Add a number that was ported to the account; it is billed like a bought one."""
    able = {"voice": True, "SMS": True, "MMS": True}
    _bought(books, account, Offer(e164, "US", None, None, "none", able), {})


def _renew(books: Books, number: Json) -> None:
    """Bill a month, and schedule the next."""
    price = books.prices[offered_in(number)]
    bill(books, "number", number["phone_number"], price, number["account_sid"])
    books.shared.timers.at(books.shared.now() + MONTH, RENEWS, number["account_sid"], number["sid"])


def renew(books: Books, sid: str) -> None:
    """Bill the next month of a number, if the account still has it."""
    number = books.incoming.get(sid)
    if number is None:
        return
    _renew(books, number)
    if number["emergency_address_status"] == "registered":
        emergency.bill_month(books, number)


def offered_in(number: Json) -> str:
    """Return the country of a number."""
    known = offer(number["phone_number"])
    return known.country if known else "US"
