"""What customers, clinics and banks do in a storm: each actor draws its next step from the seed."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests import given
from tests.storm.client import Api, Asked, Json, Person, Records, StandIn
from tests.storm.town import SENDER, ZONE, Town

VISA, DECLINED, NO_FUNDS, DISPUTED, INQUIRY, REFUND_PENDS, REFUND_FAILS = (
    "4242424242424242",
    "4000000000000002",
    "4000000000009995",
    "4000000000000259",
    "4000000000001976",
    "4000000000007726",
    "4000000000005126",
)
METHODS = (
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_chargeDeclined",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_createDispute",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_usBankAccount",
    "pm_usBankAccount_success",
    "pm_usBankAccount_insufficientFunds",
)
CARD_IN_WORDS = "my card is 4242 4242 4242 4242, thanks"


@dataclass
class Clinic:
    """A clinic, its key, and the Stripe account that takes its money (empty: the platform's)."""

    id: str
    key: str
    stripe_account: str


@dataclass
class Bill:
    """An invoice as the clinic's software knows it."""

    id: str
    clinic: Clinic
    customer: Json
    amount: int
    currency: str
    url: str = ""
    intents: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


class World:
    """The state that all actors share."""

    def __init__(self, town: Town, clinics: list[Clinic], records: Records, seed: int) -> None:
        self.town, self.clinics, self.records, self.seed = town, clinics, records, seed
        self.today = (
            (datetime.now(UTC) + timedelta(seconds=town.business_shift))
            .astimezone(ZoneInfo(ZONE))
            .date()
        )
        self.customers: list[tuple[Clinic, Json]] = []
        self.bills: list[Bill] = []
        self.over = threading.Event()
        self.steps: Counter[str] = Counter()
        self._numbers = iter(range(1000, 10_000_000))
        self._lock = threading.Lock()

    def number(self) -> int:
        """Return a number that no other caller gets."""
        with self._lock:
            return next(self._numbers)


class Actor:
    """One thread with its own random generator."""

    steps: tuple[tuple[str, int], ...] = ()
    pause = 0.2

    def __init__(self, world: World, index: int) -> None:
        self.world, self.records = world, world.records
        self.name = f"{type(self).__name__.lower()}-{index}"
        self.dice = random.Random(f"{world.seed}:{self.name}")
        self.stand_in, self.person = StandIn(world.town.stand_in), Person()
        self.apis = {
            clinic.id: Api(world.town.url, clinic.key, world.records) for clinic in world.clinics
        }
        self._count = 0

    def run(self) -> None:
        """Take steps until the storm is over."""
        names, weights = zip(*self.steps, strict=True)
        while not self.world.over.is_set():
            step = self.dice.choices(names, weights)[0]
            try:
                getattr(self, step)()
                self.world.steps[step] += 1
            except httpx.HTTPError as error:  # from the stand-in, which a fault may have struck
                self.world.steps[f"{step}: {type(error).__name__}"] += 1
            except Exception as error:
                self.records.problems.append(
                    f"the load itself failed in {step}: {type(error).__name__}: {error}"
                )
            time.sleep(self.dice.uniform(0.2, 1.8) * self.pause)

    def key(self) -> str:
        """A fresh idempotency key."""
        self._count += 1
        return f"{self.name}-{self._count}"

    def bill(self) -> Bill | None:
        """Return some invoice, mostly a recent one, so that several actors pick the same one."""
        bills = self.world.bills
        if not bills:
            return None
        recent = bills[-12:] if self.dice.random() < 0.75 else bills
        return self.dice.choice(recent)

    def ask(
        self, what: str, clinic: Clinic, path: str, body: Json, method: str = "POST", **about: Any
    ) -> Asked:
        """Send a request as the clinic; sometimes twice at once under one key, like an impatient
        client.
        """
        key, api = self.key(), self.apis[clinic.id]
        if method != "POST" or self.dice.random() > 0.15:
            return api.ask(what, path, body, key, method, **about)
        with ThreadPoolExecutor(2) as pair:
            both = [pair.submit(api.ask, what, path, body, key, method, **about) for _ in range(2)]
        return both[0].result()


class Office(Actor):
    """A clinic's software."""

    channels: tuple[str, ...] = ("sms",)  # to which its customers consent
    due = (-5, 20)  # days from today until a new invoice is due
    steps = (
        ("new_customer", 12),
        ("new_invoice", 26),
        ("make_link", 12),
        ("text_link", 22),
        ("open_intent", 10),
        ("confirm", 12),
        ("look", 4),
        ("charge_by_phone", 10),
        ("save_card", 3),
        ("charge_saved_card", 5),
        ("refund", 12),
        ("record_cash", 8),
        ("record_again", 3),
        ("void", 3),
        ("cancel", 2),
        ("write_off", 1),
        ("card_number_in_words", 1),
    )

    def new_customer(self) -> None:
        number, clinic = self.world.number(), self.dice.choice(self.world.clinics)
        phone = (
            f"+1{self.dice.choice(('202', '212', '305', '404'))}{555_0000 + number % 10_000:07d}"
        )
        body = {"name": f"Pat {_in_letters(number)}", "phone": phone, "externalId": f"x{number}"}
        body |= self.more_of(body)
        made = self.ask("customer", clinic, "/api/customers", body)
        if not made.accepted:
            return
        given_at = (datetime.now(UTC) - timedelta(days=2)).isoformat()
        words = {
            "channels": self.channels,
            "source": "form",
            "text": "I agree to be texted about my invoices.",
            "textVersion": "1",
            "givenAt": given_at,
        }
        if self.dice.random() < 0.9:
            self.ask("consent", clinic, f"/api/customers/{made.answer['id']}/consents", words)
        self.world.customers.append((clinic, made.answer))

    def more_of(self, _body: Json) -> Json:
        """Return more fields of a new customer."""
        return {}

    def new_invoice(self) -> None:
        if not self.world.customers:
            return
        clinic, customer = self.dice.choice(self.world.customers[-20:])
        due = self.world.today + timedelta(days=self.dice.randint(*self.due))
        body = {
            "customerId": customer["id"],
            "number": f"N{self.world.number()}",
            "amountDue": self.dice.randint(500, 40_000),
            "currency": self.dice.choice(("usd", "usd", "usd", "jpy", "eur")),
            "dueDate": due.isoformat(),
        }
        made = self.ask("invoice", clinic, "/api/invoices", body)
        if made.accepted:
            self.world.bills.append(
                Bill(
                    made.answer["id"],
                    clinic,
                    customer,
                    made.answer["amountDue"],
                    made.answer["currency"],
                )
            )

    def make_link(self) -> None:
        self._link("none")

    def text_link(self) -> None:
        self._link("sms")

    def _link(self, channel: str) -> None:
        bill = self.bill()
        if bill is None:
            return
        made = self.ask(
            "link",
            bill.clinic,
            f"/api/invoices/{bill.id}/payment-links",
            {"channel": channel},
            invoice=bill.id,
            channel=channel,
        )
        if made.accepted:
            bill.url = made.answer["url"]

    def open_intent(self) -> None:
        bill = self.bill()
        if bill is None:
            return
        amount = (
            {"amount": max(100, bill.amount // self.dice.randint(2, 4))}
            if self.dice.random() < 0.3
            else {}
        )
        made = self.ask(
            "intent",
            bill.clinic,
            "/api/payments/create-payment-intent",
            {"invoiceId": bill.id, **amount},
            invoice=bill.id,
        )
        if made.accepted and made.answer.get("paymentIntentId"):
            bill.intents.append(made.answer["paymentIntentId"])

    def confirm(self) -> None:
        self._confirm({"paymentMethodId": self.dice.choice(METHODS)})

    def look(self) -> None:
        self._confirm({})

    def _confirm(self, method: Json) -> None:
        bill = self.bill()
        if bill is None or not bill.intents:
            return
        body = {"paymentIntentId": bill.intents[-1], "invoiceId": bill.id, **method}
        self.ask(
            "confirm" if method else "look",
            bill.clinic,
            "/api/payments/confirm-payment",
            body,
            invoice=bill.id,
        )

    def charge_by_phone(self) -> None:
        bill = self.bill()
        if bill is None:
            return
        amount = {"amount": max(100, bill.amount // 3)} if self.dice.random() < 0.3 else {}
        body = {"invoiceId": bill.id, "paymentMethodId": self.dice.choice(METHODS[:6]), **amount}
        self.ask("phone", bill.clinic, "/api/payments/phone", body, invoice=bill.id)

    def save_card(self) -> None:
        bill = self.bill()
        if bill is None:
            return
        account = bill.clinic.stripe_account
        saved = self.stand_in.create(
            "customers", account, name="on file", **{"metadata[account_id]": bill.clinic.id}
        )
        if saved and self.stand_in.create(
            "payment_methods/pm_card_visa/attach", account, customer=saved["id"]
        ):
            self.ask(
                "save card",
                bill.clinic,
                f"/api/customers/{bill.customer['id']}",
                {"stripeCustomerId": saved["id"]},
                "PATCH",
            )

    def charge_saved_card(self) -> None:
        bill = self.bill()
        if bill is not None:
            self.ask(
                "saved card",
                bill.clinic,
                "/api/payments/phone",
                {"invoiceId": bill.id, "useSavedCard": True},
                invoice=bill.id,
            )

    def refund(self) -> None:
        bill = self.bill()
        if bill is None:
            return
        payments = (
            self.apis[bill.clinic.id].read("/api/payments", invoiceId=bill.id).get("data", [])
        )
        taken = [
            payment
            for payment in payments
            if payment["status"] == "succeeded" and payment["method"] == "stripe"
        ]
        if not taken:
            return
        payment = self.dice.choice(taken)
        part = (
            {"amount": max(1, payment["amountReceived"] // self.dice.randint(2, 5))}
            if self.dice.random() < 0.7
            else {}
        )
        self.ask(
            "refund",
            bill.clinic,
            f"/api/payments/{payment['id']}/refunds",
            {"reason": "requested_by_customer", **part},
            payment=payment["id"],
        )

    def record_cash(self) -> None:
        bill = self.bill()
        if bill is not None:
            reference = f"R{self.world.number()}"
            bill.references.append(reference)
            self._record(bill, reference, self.dice.randint(1, max(1, bill.amount // 3)))

    def record_again(self) -> None:
        bill = self.bill()
        known = [
            one
            for one in self.records.asked
            if one.what == "offline" and bill and one.body["invoiceId"] == bill.id
        ]
        if bill and known:
            before = self.dice.choice(known)
            self._record(
                bill, before.body["reference"], before.body["amount"], before.body["method"]
            )

    def _record(self, bill: Bill, reference: str, amount: int, method: str = "cash") -> None:
        body = {
            "invoiceId": bill.id,
            "amount": amount,
            "currency": bill.currency,
            "method": method,
            "reference": reference,
        }
        self.ask("offline", bill.clinic, "/api/payments/upsert", body)

    def void(self) -> None:
        known = [one for one in self.records.asked[-400:] if one.what == "offline" and one.accepted]
        if known:
            before = self.dice.choice(known)
            bill = next(bill for bill in self.world.bills if bill.id == before.body["invoiceId"])
            self.ask(
                "void",
                bill.clinic,
                f"/api/payments/{before.answer['payment']['id']}/void",
                {"reason": "typing error"},
                payment=before.answer["payment"]["id"],
            )

    def cancel(self) -> None:
        self._end("cancel")

    def write_off(self) -> None:
        self._end("write-off")

    def _end(self, how: str) -> None:
        bill = self.bill()
        if bill is not None:
            self.ask(
                how,
                bill.clinic,
                f"/api/invoices/{bill.id}/{how}",
                {"reason": "agreed"},
                invoice=bill.id,
            )

    def card_number_in_words(self) -> None:
        bill = self.bill()
        if bill is not None:
            self.ask(
                "card number",
                bill.clinic,
                f"/api/invoices/{bill.id}/notes",
                {"text": CARD_IN_WORDS},
            )


class Payers(Actor):
    """Customers who pay on the hosted page and text STOP or START, and payments that are made at
    Stripe past the application.
    """

    pause = 0.5
    steps = (
        ("pay", 60),
        ("two_tabs", 6),
        ("say_stop", 2),
        ("say_start", 1),
        ("dashboard", 6),
        ("alien", 2),
    )

    def pay(self) -> None:
        bill = self._with_link()
        if bill is not None:
            first = [self.dice.choice((DECLINED, NO_FUNDS))] if self.dice.random() < 0.25 else []
            card = self.dice.choices(
                (VISA, DISPUTED, INQUIRY, REFUND_PENDS, REFUND_FAILS), (12, 1, 1, 1, 1)
            )[0]
            self.person.pay(bill.url, [*first, card])

    def two_tabs(self) -> None:
        bill = self._with_link()
        if bill is not None:
            with ThreadPoolExecutor(2) as tabs:
                list(tabs.map(lambda _: Person().pay(bill.url, [VISA]), range(2)))

    def _with_link(self) -> Bill | None:
        return next(
            (bill for bill in (self.bill() for _ in range(6)) if bill is not None and bill.url),
            None,
        )

    def say_stop(self) -> None:
        """A customer texts STOP; it is committed once the application has answered. One webhook in
        three is lost, and then only Twilio's list has the text.
        """
        if self.world.customers:
            _, customer = self.dice.choice(self.world.customers[-40:])
            self._say("STOP", customer["phone"], self.records.stops)

    def say_start(self) -> None:
        """A customer who has texted STOP changes their mind."""
        stops = [stop for stop in self.records.stops if stop["heard_at"]]
        if stops:
            self._say("START", self.dice.choice(stops)["phone"], self.records.starts)

    def _say(self, word: str, phone: str, kept: list[Json]) -> None:
        before = time.time()
        said = self.stand_in.control(
            "twilio/inbound",
            **{"from": phone, "to": SENDER, "body": word},
            is_lost=self.dice.random() < 1 / 3,
        )
        one = {"phone": phone, "sid": said["sid"], "said_at": before, "heard_at": None}
        kept.append(one)
        for _ in range(60):
            rows = self.stand_in.shown("deliveries", event_id=said["sid"])["deliveries"]
            if any(row["state"] == "delivered" for row in rows):
                one["heard_at"] = time.time()
                return
            if all(row["state"] in {"failed", "dropped"} for row in rows):
                return  # only Twilio's list has it
            time.sleep(0.5)

    def dashboard(self) -> None:
        """Staff charge a card for part of the invoice in Stripe's dashboard, past the
        application.
        """
        bill = self.bill()
        if bill is not None:
            self._intent(bill, bill.clinic.id)

    def alien(self) -> None:
        """A payment names this invoice together with another clinic's account, so it belongs to no
        invoice.
        """
        bill = self.bill()
        if bill is not None:
            self._intent(
                bill, next(clinic.id for clinic in self.world.clinics if clinic is not bill.clinic)
            )

    def _intent(self, bill: Bill, named: str) -> None:
        metadata = {
            "account_id": named,
            "invoice_id": bill.id,
            "attempt_id": "dashboard",
            "project": "Treatment",
        }
        form = {
            "amount": str(max(100, bill.amount // 4)),
            "currency": bill.currency,
            "payment_method": "pm_card_visa",
            "confirm": "true",
        }
        form |= {
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
        }
        self.stand_in.create(
            "payment_intents",
            bill.clinic.stripe_account,
            **form,
            **{f"metadata[{name}]": value for name, value in metadata.items()},
        )


class Banks(Actor):
    """Banks that settle payments and decide disputes, Stripe redelivering old events, and a forger
    of events.
    """

    steps = (("decide", 14), ("dispute", 3), ("send_again", 16), ("forge", 4))
    pause = 0.5

    def decide(self) -> None:
        clinic = self.dice.choice(self.world.clinics)
        kind, wanted, verdicts = self.dice.choice(
            (
                ("payment_intents", {"processing"}, ("succeed", "succeed", "fail")),
                ("refunds", {"pending", "requires_action"}, ("succeed", "succeed", "fail")),
                ("disputes", {"needs_response", "under_review"}, ("win", "lose", "decide_won")),
                ("disputes", {"warning_needs_response"}, ("escalate", "lose")),
            )
        )
        rows = [
            row
            for row in self.stand_in.every(kind, clinic.stripe_account)
            if row["status"] in wanted
        ]
        if rows:
            self.stand_in.act(self.dice.choice(rows)["id"], self.dice.choice(verdicts))

    def dispute(self) -> None:
        rows = [
            row
            for account in self.stand_in.shown("ledger")["accounts"].values()
            for row in account
            if row["status"] == "succeeded" and not row["disputed"]
        ]
        if rows:
            self.stand_in.act(
                self.dice.choice(rows)["id"], "dispute", reason="product_not_received"
            )

    def send_again(self) -> None:
        rows = self.stand_in.shown("deliveries", provider="stripe")["deliveries"]
        for row in self.dice.sample(rows, min(len(rows), self.dice.randint(1, 5))):
            self.stand_in.control(f"events/{row['event_id']}/redeliver")

    def forge(self) -> None:
        """Send an event, not signed with our secret, that says an invoice is paid."""
        bill = self.bill()
        if bill is None:
            return
        intent = {
            "id": f"pi_forged{self.world.number()}",
            "object": "payment_intent",
            "amount": bill.amount,
            "currency": bill.currency,
            "status": "succeeded",
            "amount_received": bill.amount,
            "latest_charge": "ch_forged",
            "last_payment_error": None,
            "metadata": {
                "account_id": bill.clinic.id,
                "invoice_id": bill.id,
                "attempt_id": "forged",
            },
        }
        event = given.an_event("payment_intent.succeeded", intent)
        sent = given.signed(event, secret="whsec_somebody_else")
        self.records.forged.append(event["id"])
        answer = httpx.post(
            f"{self.world.town.url}/api/webhooks/stripe",
            content=sent["body"],
            headers=sent["headers"],
            timeout=15,
            trust_env=False,
        )
        if answer.is_success:
            self.records.problems.append(
                f"a forged event was answered with {answer.status_code}: {event['id']}"
            )


def _in_letters(number: int) -> str:
    """Return a family name without digits, so that a caller can say it."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number)).capitalize()


def actors(
    world: World, office: type[Office] = Office, offices: int = 5, payers: int = 2
) -> list[Actor]:
    """Return the actors of a storm."""
    return [
        *(office(world, index) for index in range(offices)),
        *(Payers(world, index) for index in range(payers)),
        Banks(world, 0),
    ]
