"""The emergency address of a number: registered and unregistered after a delay, billed monthly."""

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json
from sandbox.twilio.ledger import bill

REGISTERS = "twilio emergency address registers"
HELD = frozenset({"registered", "pending-registration", "pending-unregistration"})
PRICE = "0.75"  # US dollars a month


def set_address(books: Books, number: Json, address: str) -> None:
    """Start to register or unregister an address; ``register`` completes it."""
    if (number["emergency_address_sid"] or "") == address:
        return
    number["emergency_address_sid"] = address or None
    number["emergency_address_status"] = (
        "pending-registration" if address else "pending-unregistration"
    )
    books.shared.timers.at(
        books.shared.now() + books.registration, REGISTERS, number["account_sid"], number["sid"]
    )


def register(books: Books, sid: str) -> None:
    """Complete what was started: registered, refused by the authority, or unregistered."""
    number = books.incoming.get(sid)
    if number is None or not number["emergency_address_status"].startswith("pending"):
        return
    address = books.addresses.get(number["emergency_address_sid"] or "")
    if address is None:
        status = "unregistered"
    elif books.private[address["sid"]]["unregistrable"]:
        status = "registration-failure"
    else:
        status = "registered"
        bill_month(books, number)
    number["emergency_address_status"] = status
    number["emergency_status"] = "Active" if status == "registered" else "Inactive"


def bill_month(books: Books, number: Json) -> None:
    """Bill one month of a registered address."""
    bill(books, "emergency address", number["phone_number"], PRICE, number["account_sid"])
