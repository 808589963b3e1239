"""Twilio's stand-in as a fixture: what it has sold and billed, and which requests it received."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from sandbox.twilio import carrier, phones
from sandbox.twilio.account import MAGIC_ACCOUNT
from tests.stand_ins.stand_in import StandIn

NUMBERS = "/2010-04-01/Accounts/*/IncomingPhoneNumbers.json"
ONE_NUMBER = "/2010-04-01/Accounts/*/IncomingPhoneNumbers/*.json"
SEARCH = "/2010-04-01/Accounts/*/AvailablePhoneNumbers/*"
ADDRESSES = "/2010-04-01/Accounts/*/Addresses.json"
CALLS = "/2010-04-01/Accounts/*/Calls.json"
PRICES = "/pricing/v1/PhoneNumbers/Countries/*"


class TwilioStandIn:
    """Twilio as a test sees it from outside. Webhooks wait until `told` delivers them."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.shared = stand_in.sandbox.shared
        self.books = stand_in.sandbox.twilio.books

    def owned(self) -> dict[str, dict[str, Any]]:
        """The account's numbers, by E.164."""
        with self.shared.lock:
            return {row["phone_number"]: dict(row) for row in self.books.incoming.values()}

    def fees(self, what: str = "") -> Decimal:
        """What Twilio would bill so far, in US dollars, for one kind of fee or all."""
        bills = self.stand_in.sandbox.twilio.ledger()["bills"]
        return sum(
            (Decimal(row["amount"]) for row in bills if what in ("", row["what"])), Decimal(0)
        )

    def asked(self, method: str, end: str) -> list[dict[str, Any]]:
        """The parameters of each request whose path has this `end`, whatever its outcome."""
        rows = self.shared.requests.select({"provider": "twilio", "method": method})
        return [row["params"] for row in rows if row["path"].endswith(end)]

    def fault(self, kind: str, path: str, method: str = "POST", **more: Any) -> None:
        self.stand_in.sandbox.inject_fault(
            kind=kind, provider="twilio", path=path, method=method, **more
        )

    def take(self, e164: str) -> None:
        """Let another customer of Twilio buy a number."""
        with self.shared.lock:
            self.books.taken.add(e164)

    def becomes_trial(self) -> None:
        with self.shared.lock:
            self.books.kinds[MAGIC_ACCOUNT] = "Trial"

    def phone(self, number: str, answer: str = "completed", forwards_to: str = "") -> None:
        """Set how an outside telephone behaves."""
        with self.shared.lock:
            phones.set_phone(self.books, number, phones.Phone(answer, forwards_to))

    def person_calls(self, number: str, to: str) -> str:
        """Call as a person, and return the outcome."""
        with self.shared.lock:
            return phones.call_in(self.books, number, to)

    def person_texts(self, number: str, to: str, body: str) -> None:
        with self.shared.lock:
            carrier.receive(self.books, number, to, body)

    def passes(self, seconds: int = 0) -> None:
        """Let time pass and what is due happen; API requests also run what is due."""
        with self.shared.lock:
            self.shared.moved_by += seconds
            while self.shared.tick():
                pass

    def told(self) -> list[tuple[str, dict[str, str], dict[str, str]]]:
        """Deliver every due webhook, and return each with its URL, form and headers."""
        brought: list[tuple[str, dict[str, str], dict[str, str]]] = []

        def bring(delivery: Any, headers: dict[str, str]) -> int:
            fields = dict(parse_qsl(delivery.body, keep_blank_values=True))
            brought.append((delivery.url, fields, headers))
            return 204

        self.passes()
        self.stand_in.sandbox.deliver_due(bring)
        return brought

    def registers_slowly(self, seconds: int) -> None:
        """Make emergency addresses take so many seconds to register."""
        with self.shared.lock:
            self.books.registration = seconds
