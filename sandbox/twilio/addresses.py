"""Addresses: created, read, listed, deleted. Some streets have magic behaviour."""

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json, invalid
from sandbox.twilio.lists import page_of
from sandbox.twilio.parameters import Form

# how the street begins, ignoring case
NOWHERE = "1 nowhere"  # cannot be validated
MISSPELT = "1 misspelt"  # another spelling is suggested
UNREGISTRABLE = "1 unregistrable"  # valid, but emergency registration fails
REQUIRED = ("CustomerName", "Street", "City", "Region", "PostalCode", "IsoCountry")
LONGEST_EMERGENCY_NAME, LONGEST_NAME = 32, 64
SUGGESTED = "1 MISSPELLED ST"


def create(books: Books, account: str, form: Form) -> Json:
    """``POST …/Addresses.json``."""
    for name in REQUIRED:
        if not form.get(name):
            raise invalid(20001, f"{name} is required")
    emergency = form.get("EmergencyEnabled") == "true"
    longest = LONGEST_EMERGENCY_NAME if emergency else LONGEST_NAME
    for name in ("FriendlyName", "CustomerName"):
        if len(form.get(name, "")) > longest:
            raise invalid(20001, f"{name} must be at most {longest} characters long")
    street = _validated(form)
    sid, date = books.sid("AD"), books.date()
    made: Json = {
        "account_sid": account,
        "city": form["City"],
        "customer_name": form["CustomerName"],
        "date_created": date,
        "date_updated": date,
        "emergency_enabled": emergency,
        "friendly_name": form.get("FriendlyName", ""),
        "iso_country": form["IsoCountry"],
        "postal_code": form["PostalCode"],
        "region": form["Region"],
        "sid": sid,
        "street": street,
        "street_secondary": form.get("StreetSecondary") or None,
        "uri": f"/2010-04-01/Accounts/{account}/Addresses/{sid}.json",
        "validated": emergency,
        "verified": False,
    }
    books.addresses[sid] = made
    unregistrable = street.casefold().startswith(UNREGISTRABLE)
    books.private[sid] = {"unregistrable": unregistrable}
    return made


def _validated(form: Form) -> str:
    """Return the street to store. A misspelt one is corrected, or refused with a suggestion if
    ``AutoCorrectAddress`` is false (twilio.com/docs/api/errors/21629).
    """
    street = form["Street"]
    if street.casefold().startswith(NOWHERE):
        raise invalid(21628, "Failed to validate address.")
    if not street.casefold().startswith(MISSPELT):
        return street
    if form.get("AutoCorrectAddress", "true") == "true":
        return SUGGESTED
    right = {
        "FriendlyName": form.get("FriendlyName", ""),
        "CustomerName": form["CustomerName"],
        "Street": SUGGESTED,
        "Locality": form["City"].upper(),
        "Region": form["Region"].upper(),
        "PostalCode": form["PostalCode"],
        "IsoCountry": form["IsoCountry"],
    }
    shown = ", ".join(f"{name}: {value}" for name, value in right.items())
    raise invalid(21629, f"Failed to validate address. Check the suggested address. | {shown}")


def retrieve(books: Books, account: str, form: Form, sid: str) -> Json:
    """``GET …/Addresses/{Sid}.json``."""
    return books.owned(books.addresses, account, "Addresses", sid)


def index(books: Books, account: str, form: Form) -> Json:
    """``GET …/Addresses.json``, oldest first."""
    rows = [
        dict(row)
        for row in books.addresses.values()
        if row["account_sid"] == account
        and form.get("FriendlyName", row["friendly_name"]) == row["friendly_name"]
        and form.get("CustomerName", row["customer_name"]) == row["customer_name"]
        and form.get("IsoCountry", row["iso_country"]) == row["iso_country"]
        and form.get("EmergencyEnabled", str(row["emergency_enabled"]).lower())
        == str(row["emergency_enabled"]).lower()
    ]
    return page_of(rows, "addresses", f"/2010-04-01/Accounts/{account}/Addresses.json", form)


def delete(books: Books, account: str, form: Form, sid: str) -> None:
    """``DELETE …/Addresses/{Sid}.json``; refused while a number uses the address."""
    retrieve(books, account, form, sid)
    for number in books.incoming.values():
        if sid in {number["address_sid"], number["emergency_address_sid"]}:
            raise invalid(20001, f"The address is in use by {number['phone_number']}")
    del books.addresses[sid]
