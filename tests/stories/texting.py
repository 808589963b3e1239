"""The fixture of tests about texts: a clinic whose sender is set up, a customer who can consent,
and Twilio's stand-in.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from models.contact.consent import Consent
from models.contact.message import Message
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.effects.pause_switch import PauseSwitch
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from rules.contact.hours import closing
from rules.contact.person_time_zones import zones_of
from runtime.clock import business_now, move_business_time, real_now
from runtime.ids import new_id
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN, Sender
from sandbox.twilio.control import add_sender
from sandbox.twilio.numbers import MAGIC_SERVICE
from sandbox.twilio.webhooks import signature
from tests import given

HOME = "http://payphone"
MESSAGES = "/2010-04-01/Accounts/*/Messages.json"
INBOUND = "/api/webhooks/twilio/messages"
STATUS = "/api/webhooks/twilio/message-status"
Address = dict[str, str] | None
Home = Callable[[str], Address]
SHARED_NUMBER = "+15005550006"
# Numbers in several time zones, so that it is daytime at one of them whenever the tests run (all
# are fictitious).
PHONES = [
    "+12025550123",
    "+18085550123",
    "+442079460958",
    "+819012345678",
    "+919812345678",
    "+61255501234",
    "+14155550123",
    "+971501234567",
]
TWILIO = {
    "TWILIO_ACCOUNT_SID": MAGIC_ACCOUNT,
    "TWILIO_AUTH_TOKEN": MAGIC_TOKEN,
    "TWILIO_MESSAGING_SERVICE_SID": MAGIC_SERVICE,
    "PUBLIC_URL": HOME,
}


def hours_end(phone: str, home: Home = lambda _: None) -> datetime | None:
    """Return when today's contact hours end for a person with this number who lives at `home`;
    None outside them.
    """
    return closing(zones_of(phone, home(phone), None), business_now())


def a_daytime_phone(phones: Sequence[str] = PHONES, home: Home = lambda _: None) -> str:
    """Return the number with the most contact hours left today."""
    ends = {phone: end for phone in phones if (end := hours_end(phone, home))}
    return max(ends, key=lambda phone: ends[phone])


class Texting:
    """A clinic that texts. The stand-in's webhooks wait until `deliver`."""

    phones: Sequence[str] = tuple(PHONES)

    @staticmethod
    def home(_phone: str) -> Address:
        """Return the address of the customer with this number."""
        return None

    def __init__(self, client: Any, redis: Any, stand_in: Any) -> None:
        self.client, self.redis, self.stand_in = client, redis, stand_in
        self.twilio = stand_in.sandbox.twilio
        add_sender(self.twilio, Sender(SHARED_NUMBER, MAGIC_SERVICE, HOME + INBOUND))
        self.phone = a_daytime_phone(self.phones, self.home)
        self.account = given.an_account(name="Harbor Dental")
        self.headers = given.a_key(self.account)
        self.customer = given.a_customer(
            self.account, phone=self.phone, address=self.home(self.phone)
        )
        self.invoice = given.an_invoice(
            self.account, amount=12_000, customer=self.customer, project="Root canal"
        )

    def another_clinic(self, name: str = "Hill Clinic") -> "Texting":
        other = type(self).__new__(type(self))
        other.__dict__ |= self.__dict__
        other.account = given.an_account(name=name)
        other.headers = given.a_key(other.account)
        other.customer = given.a_customer(other.account, phone=self.phone)
        other.invoice = given.an_invoice(other.account, customer=other.customer)
        return other

    def consents(self, phone: str | None = None, channels: tuple[str, ...] = ("sms",)) -> "Texting":
        now = real_now()
        words = {
            "source": "intake form",
            "text": "You may text me about my invoices.",
            "text_version": "1",
            "recorded_by": "test",
        }
        Consent.record(
            self.customer,
            phone or self.phone,
            list(channels),
            now - timedelta(days=30),
            now,
            **words,
        )
        return self

    def ask(self, key: str | None = None, invoice: Invoice | None = None, **body: Any) -> Any:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        path = f"/api/invoices/{(invoice or self.invoice).id}/payment-links"
        return self.client.simulate_post(path, json={"channel": "sms"} | body, headers=headers)

    def post(self, path: str, **body: Any) -> Any:
        headers = self.headers | {"Idempotency-Key": new_id("key")}
        return self.client.simulate_post(path, json=body, headers=headers)

    def get(self, path: str) -> Any:
        return self.client.simulate_get(path, headers=self.headers).json

    def work(self, rounds: int = 3) -> None:
        """Perform everything due, and let time pass a few times."""
        given.worked(self.redis, "messages")
        given.retried(self.redis, "messages", rounds)

    def deliver(self) -> list[int]:
        """Deliver all webhooks, and return how Twilio's were answered."""
        answers: list[int] = []

        def bring(delivery: Any, headers: dict[str, str]) -> int:
            if delivery.provider != "twilio":
                return 200
            answer = self.client.simulate_post(
                delivery.url.removeprefix(HOME), body=delivery.body.encode(), headers=headers
            )
            answers.append(answer.status_code)
            return int(answer.status_code)

        self.stand_in.sandbox.deliver_due(bring)
        return answers

    def send(self) -> Message:
        """Request a text and send it; it is not yet reported as delivered."""
        answer = self.ask()
        assert answer.status_code == 202, answer.text
        self.work()
        return self.message(answer.json["message"]["id"])

    def message(self, message_id: str | None = None) -> Message:
        row: Message = (
            Message.get_by_id(message_id)
            if message_id
            else Message.select().order_by(Message.created_at.desc()).first()
        )
        return row

    def sent(self) -> list[dict[str, Any]]:
        """The texts that Twilio has sent for us, from which tests check "at most once"."""
        return [
            row for row in self.twilio.books.messages.values() if row["direction"] == "outbound-api"
        ]

    def requests(self) -> list[dict[str, Any]]:
        """Every request to send that reached Twilio, whatever its outcome."""
        rows = self.stand_in.sandbox.shared.requests.select(
            {"provider": "twilio", "method": "POST"}
        )
        return [row for row in rows if row["path"].endswith("/Messages.json")]

    def fault(self, kind: str, **more: Any) -> None:
        self.stand_in.sandbox.inject_fault(
            kind=kind, provider="twilio", path=MESSAGES, **({"method": "POST"} | more)
        )

    def hear(self, body: str, to: str = SHARED_NUMBER, phone: str | None = None) -> Any:
        """Text as the customer, deliver the webhook, and return how it was answered."""
        from sandbox.twilio.carrier import receive

        with self.twilio.shared.lock:
            receive(self.twilio.books, phone or self.phone, to, body)
        return self.deliver()

    def tell(
        self, path: str, fields: dict[str, str], token: str = MAGIC_TOKEN, **headers: str
    ) -> Any:
        """Post a form signed as by Twilio."""
        signed = {
            "X-Twilio-Signature": signature(token, HOME + path, fields),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.client.simulate_post(path, body=urlencode(fields), headers=signed | headers)

    def report(
        self, message: Message, status: str, code: str = "", sid: str | None = None, **more: str
    ) -> Any:
        """Post Twilio's status callback for a text."""
        fields = {
            "MessageSid": sid or message.sid or f"SM{'a' * 32}",
            "MessageStatus": status,
            "To": message.to,
            "AccountSid": MAGIC_ACCOUNT,
        }
        return self.tell(
            f"{STATUS}?effect={message.effect_id}",
            fields | ({"ErrorCode": code} if code else {}) | more,
        )

    def ledger(self, customer: Customer | None = None) -> dict[str, Any]:
        return dict(
            self.get(f"/api/customers/{(customer or self.customer).id}/contact-ledger?limit=100")
        )

    def pause(self, paused: bool = True) -> None:
        PauseSwitch.set(self.account.id, "texts", paused, "test", "a test")

    def job(self, name: str = "send_payment_link") -> StagedJob:
        row: StagedJob = (
            StagedJob.select().where(StagedJob.name == name).order_by(StagedJob.id.desc()).first()
        )
        return row

    def effect(self, message: Message) -> Effect:
        row: Effect = Effect.get_by_id(self.message(message.id).effect_id)
        return row

    @staticmethod
    def address_in(text: str) -> str:
        found = re.search(r"http://payphone/p/([0-9a-z]+)", text)
        assert found, text
        return found[1]


def local_hour(zone: str, hour: int, minute: int = 0) -> None:
    """Set business time to that hour of today in a zone (the fixture `_as_it_was` resets it)."""
    from zoneinfo import ZoneInfo

    wanted = datetime.now(ZoneInfo(zone)).replace(hour=hour, minute=minute, second=0)
    move_business_time(wanted.astimezone(UTC) - real_now())
