"""What the stand-in knows: accounts, senders, messages, who opted out of which sender."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.ground import Ground
from sandbox.twilio.errors import Json, missing
from sandbox.twilio.numbers import MAGIC_SENDER, MAGIC_SERVICE

MAGIC_ACCOUNT = f"AC{'0' * 32}"
MAGIC_TOKEN = "sandbox-token"  # noqa: S105  # guards nothing


@dataclass
class Sender:
    """A number of the account's, the messaging service it is in,
    and where its incoming texts go.
    """

    number: str
    service: str = ""
    sms_url: str = ""

    @property
    def key(self) -> str:
        """What people opt out of: the service, or the lone number."""
        return self.service or self.number


@dataclass
class Books:
    """All state, apart from clocks and webhooks."""

    ground: Ground
    tokens: dict[str, str] = field(default_factory=lambda: {MAGIC_ACCOUNT: MAGIC_TOKEN})
    standing: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    senders: list[Sender] = field(default_factory=lambda: [Sender(MAGIC_SENDER, MAGIC_SERVICE)])
    messages: dict[str, Json] = field(default_factory=dict)
    private: dict[str, Json] = field(default_factory=dict)
    opted_out: set[tuple[str, str]] = field(default_factory=set)
    outcomes: dict[str, int] = field(default_factory=dict)
    step: int = 0

    def sid(self, prefix: str) -> str:
        """Draw an identifier: two letters and 32 hexadecimal digits."""
        return prefix + self.ground.ids.token(16).encode().hex()

    def date(self) -> str:
        """Now, as Twilio writes dates."""
        return format_datetime(datetime.fromtimestamp(int(self.ground.wall()), UTC))

    def message(self, account: str, sid: str) -> Json:
        """Find a message of an account."""
        found = self.messages.get(sid)
        if found is None or found["account_sid"] != account:
            raise missing(f"/2010-04-01/Accounts/{account}/Messages/{sid}.json")
        return found

    def sender(self, *, number: str = "", service: str = "") -> Sender | None:
        """Find a sender by its number, or the first of a service."""
        return next(
            (
                each
                for each in self.senders
                if (number and each.number == number) or (service and each.service == service)
            ),
            None,
        )

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
        self.private[sid] = {"callback": "", "validity": 36_000, "created": self.ground.now()}
        return made
