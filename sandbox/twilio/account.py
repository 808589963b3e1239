"""What the stand-in knows: accounts, senders, messages, numbers, addresses, calls, fees."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sandbox.shared import Shared
from sandbox.twilio.errors import Json, missing
from sandbox.twilio.numbers import MAGIC_SENDER, MAGIC_SERVICE
from sandbox.twilio.stock import COUNTRIES

MAGIC_ACCOUNT = f"AC{'0' * 32}"
MAGIC_TOKEN = "sandbox-token"  # noqa: S105  # guards nothing
DAY = 86_400  # seconds that a port takes for each of its steps
USUAL_PRICE = "1.15"  # US dollars a month, for a local number


@dataclass
class Sender:
    """A number of the account's, the messaging service it is in, where its incoming texts go, and
    where they go if that fails.
    """

    number: str
    service: str = ""
    sms_url: str = ""
    fallback_url: str = ""

    @property
    def key(self) -> str:
        """What people opt out of: the service, or the lone number."""
        return self.service or self.number


@dataclass
class Books:
    """All state, apart from clocks and webhooks."""

    shared: Shared
    tokens: dict[str, str] = field(default_factory=lambda: {MAGIC_ACCOUNT: MAGIC_TOKEN})
    standing: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    senders: list[Sender] = field(default_factory=lambda: [Sender(MAGIC_SENDER, MAGIC_SERVICE)])
    messages: dict[str, Json] = field(default_factory=dict)
    private: dict[str, Json] = field(default_factory=dict)
    opted_out: set[tuple[str, str]] = field(default_factory=set)
    outcomes: dict[str, int] = field(default_factory=dict)
    step: int = 0
    lists_by_day: bool = False  # of messages: a time that bounds a list counts as its day
    incoming: dict[str, Json] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    addresses: dict[str, Json] = field(default_factory=dict)
    calls: dict[str, Json] = field(default_factory=dict)
    trunks: dict[str, Json] = field(default_factory=dict)
    login_lists: dict[str, Json] = field(default_factory=dict)
    documents: dict[str, Json] = field(default_factory=dict)
    ports: dict[str, Json] = field(default_factory=dict)
    port_webhook: str = ""
    port_step: int = DAY
    unportable: dict[str, Any] = field(default_factory=dict)
    rejections: dict[str, Any] = field(default_factory=dict)
    wants_pin: list[str] = field(default_factory=list)
    lost_uploads: int = 0  # of the next bills nothing arrives
    answers_sip: Callable[[str, str], bool] = lambda _address, _caller_ip: False
    payments: dict[str, Json] = field(default_factory=dict)
    mistyped: list[str] = field(default_factory=list)  # what goes wrong with the next pieces
    keypad_result: str = "success"
    keypad_token: str = "pm_card_visa"  # noqa: S105 - a test card
    phones: dict[str, Any] = field(default_factory=dict)
    prices: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COUNTRIES, USUAL_PRICE))
    bills: list[Json] = field(default_factory=list)
    registration: int = 0
    submissions: dict[str, Any] = field(default_factory=dict)
    unbound: set[str] = field(default_factory=set)
    bundle_refusal: tuple[int, int] = (400, 21649)
    habits: dict[str, Any] = field(default_factory=dict)  # of numbers that are looked up

    def sid(self, prefix: str) -> str:
        """Draw an identifier: two letters and 32 hexadecimal digits."""
        return prefix + self.shared.ids.token(16).encode().hex()

    def date(self) -> str:
        """Now, as Twilio writes dates."""
        return format_datetime(datetime.fromtimestamp(int(self.shared.wall()), UTC))

    def message(self, account: str, sid: str) -> Json:
        """Find a message of an account."""
        return self.owned(self.messages, account, "Messages", sid)

    def owned(self, table: dict[str, Json], account: str, kind: str, sid: str) -> Json:
        """Find a thing of an account."""
        found = table.get(sid)
        if found is None or found["account_sid"] != account:
            raise missing(f"/2010-04-01/Accounts/{account}/{kind}/{sid}.json")
        return found

    def incoming_by_number(self, e164: str) -> Json | None:
        """Find a number that an account has bought."""
        return next((row for row in self.incoming.values() if row["phone_number"] == e164), None)

    def is_for_sale(self, e164: str) -> bool:
        """Whether nobody has a number, and nobody had it and gave it back."""
        return e164 not in self.taken and self.incoming_by_number(e164) is None

    def sender(self, *, number: str = "", service: str = "") -> Sender | None:
        """Find a sender by its number, or the first of a service; a number that was bought is a
        sender too.
        """
        known = next(
            (
                each
                for each in self.senders
                if (number and each.number == number) or (service and each.service == service)
            ),
            None,
        )
        bought = self.incoming_by_number(number) if number and known is None else None
        if bought is None or not bought["capabilities"]["sms"]:
            return known
        listens = not bought["sms_application_sid"]
        urls = (bought["sms_url"], bought["sms_fallback_url"]) if listens else ()
        return Sender(number, "", *urls)

    def new_message(self, account: str, **known: object) -> Json:
        """Make and keep a message with all the fields Twilio shows."""
        sid, date = self.sid("SM"), self.date()
        uri = f"/2010-04-01/Accounts/{account}/Messages/{sid}"
        empty = dict.fromkeys(
            ("from", "messaging_service_sid", "error_code", "error_message", "price", "date_sent")
        )
        made: Json = {
            **empty,
            "account_sid": account,
            "api_version": "2010-04-01",
            "date_created": date,
            "date_updated": date,
            "direction": "outbound-api",
            "num_media": "0",
            "num_segments": "1",
            "price_unit": "USD",
            "sid": sid,
            "status": "queued",
            "uri": f"{uri}.json",
            "subresource_uris": {"media": f"{uri}/Media.json", "feedback": f"{uri}/Feedback.json"},
            **known,
        }
        self.messages[sid] = made
        self.private[sid] = {"callback": "", "validity": 36_000, "created": self.shared.now()}
        return made
