"""The sections of the state page about Twilio, and the state saved across restarts."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sandbox.stripe.state import Section
from sandbox.twilio.account import Sender
from sandbox.twilio.lookups import Habit
from sandbox.twilio.phones import Phone
from sandbox.twilio.provider import Twilio
from sandbox.twilio.registrations import Submission

# saved unchanged
PLAIN = (
    "tokens",
    "standing",
    "kinds",
    "messages",
    "private",
    "outcomes",
    "step",
    "lists_by_day",
    "incoming",
    "addresses",
    "calls",
    "trunks",
    "login_lists",
    "documents",
    "ports",
    "port_webhook",
    "port_step",
    "unportable",
    "rejections",
    "wants_pin",
    "lost_uploads",
    "payments",
    "mistyped",
    "keypad_result",
    "keypad_token",
    "prices",
    "bills",
    "registration",
)
# columns, and the fields they show
MESSAGE = {
    "Id": "sid",
    "Direction": "direction",
    "From": "from",
    "To": "to",
    "Status": "status",
    "Error": "error_code",
    "Text": "body",
}
NUMBER = {
    "Id": "sid",
    "Number": "phone_number",
    "Name": "friendly_name",
    "Status": "status",
    "Emergency address": "emergency_address_status",
}
CALL = {
    "Id": "sid",
    "Direction": "direction",
    "From": "from",
    "Forwarded from": "forwarded_from",
    "To": "to",
    "Status": "status",
}
TRUNK = {"Id": "sid", "Domain": "domain_name", "Name": "friendly_name"}
PORT = {
    "Id": "port_in_request_sid",
    "Status": "port_in_request_status",
    "Created": "date_created",
}
FEE = {"Fee": "what", "For": "for", "Amount": "amount", "Currency": "currency"}


def sections(twilio: Twilio, at_most: int) -> Iterator[tuple[Section, int]]:
    """Yield messages, opt-outs, numbers, calls, trunks, ports and fees, with their full counts."""
    books = twilio.books
    yield _section("Messages", MESSAGE, list(books.messages.values()), at_most)
    stopped = sorted(books.opted_out)
    yield Section("Opted out", ("Sender", "Person"), list(stopped[:at_most])), len(stopped)
    yield _section("Phone numbers", NUMBER, list(books.incoming.values()), at_most)
    yield _section("Calls", CALL, list(books.calls.values()), at_most)
    yield _section("SIP trunks", TRUNK, list(books.trunks.values()), at_most)
    yield _section("Ports", PORT, list(books.ports.values()), at_most)
    yield _section("Twilio's fees", FEE, books.bills, at_most)


def _section(
    title: str, columns: dict[str, str], rows: list[dict[str, Any]], at_most: int
) -> tuple[Section, int]:
    """Return a table of the newest rows, and the full count."""
    shown = [tuple(row[name] for name in columns.values()) for row in rows[::-1][:at_most]]
    return Section(title, tuple(columns), shown), len(rows)


def saved(twilio: Twilio) -> dict[str, Any]:
    """Return everything to save, as JSON values."""
    books = twilio.books
    return {name: getattr(books, name) for name in PLAIN} | {
        "senders": [asdict(sender) for sender in books.senders],
        "opted_out": sorted(books.opted_out),
        "taken": sorted(books.taken),
        "phones": {number: asdict(phone) for number, phone in books.phones.items()},
        "submissions": {sender: asdict(said) for sender, said in books.submissions.items()},
        "unbound": sorted(books.unbound),
        "bundle_refusal": list(books.bundle_refusal),
        "habits": {number: asdict(habit) for number, habit in books.habits.items()},
    }


def restore(twilio: Twilio, state: dict[str, Any]) -> None:
    """Restore saved state; callers hold the lock. A file of an older version lacks newer fields."""
    books = twilio.books
    for name in PLAIN:
        setattr(books, name, state.get(name, getattr(books, name)))
    books.senders = [Sender(**sender) for sender in state["senders"]]
    books.opted_out = {(sender, phone) for sender, phone in state["opted_out"]}
    books.taken = set(state.get("taken", ()))
    books.phones = {number: Phone(**phone) for number, phone in state.get("phones", {}).items()}
    books.habits = {number: Habit(**habit) for number, habit in state.get("habits", {}).items()}
    submissions = state.get("submissions", {})
    books.submissions = {sender: Submission(**said) for sender, said in submissions.items()}
    books.unbound = set(state.get("unbound", ()))
    status, code = state.get("bundle_refusal", books.bundle_refusal)
    books.bundle_refusal = (status, code)
