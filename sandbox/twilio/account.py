"""The stand-in's state: accounts, senders, messages, numbers, addresses, calls, fees."""

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
DAY = 86_400  # seconds between two steps of a port
USUAL_PRICE = "1.15"  # US dollars a month, for a local number


@dataclass
class Sender:
    """A number of the account, its messaging service, the URL that receives its incoming texts, and
    the fallback URL.
    """

    number: str
    service: str = ""
    sms_url: str = ""
    fallback_url: str = ""

    @property
    def key(self) -> str:
        """What a person opts out of: the messaging service, or the number if it is in none."""
        return self.service or self.number


@dataclass
class Books:
    """All state, except clocks and webhooks."""

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
    lists_by_day: bool = False  # lists of messages compare days, not times
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
    lost_uploads: int = 0  # how many uploads from now on arrive empty
    answers_sip: Callable[[str, str], bool] = lambda _address, _caller_ip: False
    payments: dict[str, Json] = field(default_factory=dict)
    mistyped: list[str] = field(default_factory=list)  # ErrorTypes of the next pieces typed
    keypad_result: str = "success"
    keypad_token: str = "pm_card_visa"  # noqa: S105 - a test card
    phones: dict[str, Any] = field(default_factory=dict)
    prices: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COUNTRIES, USUAL_PRICE))
    bills: list[Json] = field(default_factory=list)
    registration: int = 0
    submissions: dict[str, Any] = field(default_factory=dict)
    unbound: set[str] = field(default_factory=set)
    bundle_refusal: tuple[int, int] = (400, 21649)
    habits: dict[str, Any] = field(default_factory=dict)  # by number looked up

    def sid(self, prefix: str) -> str:
        """Create an identifier: two letters and 32 hexadecimal digits."""
        return prefix + self.shared.ids.token(16).encode().hex()

    def date(self) -> str:
        """Return the current time in Twilio's date format."""
        return format_datetime(datetime.fromtimestamp(int(self.shared.wall()), UTC))

    def message(self, account: str, sid: str) -> Json:
        """Return an account's message, or raise a 404."""
        return self.owned(self.messages, account, "Messages", sid)

    def owned(self, table: dict[str, Json], account: str, kind: str, sid: str) -> Json:
        """Return an account's row of a table, or raise a 404."""
        found = table.get(sid)
        if found is None or found["account_sid"] != account:
            raise missing(f"/2010-04-01/Accounts/{account}/{kind}/{sid}.json")
        return found

    def incoming_by_number(self, e164: str) -> Json | None:
        """Return the row of a number that an account has bought, or None."""
        return next((row for row in self.incoming.values() if row["phone_number"] == e164), None)

    def is_for_sale(self, e164: str) -> bool:
        """Whether a number is neither bought nor taken; a released number stays taken."""
        return e164 not in self.taken and self.incoming_by_number(e164) is None

    def sender(self, *, number: str = "", service: str = "") -> Sender | None:
        """Return the sender with a number, or the first of a service; a bought number with SMS is a
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
        """Create and store a message with all the fields that Twilio shows."""
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
