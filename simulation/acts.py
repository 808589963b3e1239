"""The first acts of the story: invoices are sent, and customers pay in every possible way while
things break.
"""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx
import stripe

from runtime.clock import business_now
from runtime.redis.connection import connect_redis
from simulation import terminal_output as say
from simulation.api import PATIENCE, Api, Payer, Sandbox
from simulation.expected import Json

PEOPLE = (
    "Ada Lovelace",
    "Grace Hopper",
    "Hedy Lamarr",
    "Alan Turing",
    "Mary Jackson",
    "Tim Lee",
    "Radia Perlman",
    "Lin Chen",
)
DECLINED, DISPUTED = "4000000000009995", "4000000000000259"

# How the customer of each invoice behaves. The end of the story checks every invoice.
_MANY = {
    "pays": 5,
    "texted, pays": 4,
    "declined first": 3,
    "two tabs": 2,
    "pays half": 2,
    "refunded in part": 1,
    "refunded in full": 1,
    "disputes": 1,
    "says stop": 1,
    "pays by phone": 1,
    "pays on a missed day": 2,
    "silent": 2,
}
TEXTED = ("texted, pays", "says stop")
LATER = ("silent", "says stop", "pays by phone", "pays on a missed day")
BEHAVIOURS = tuple(behaviour for behaviour, count in _MANY.items() for _ in range(count))


@dataclass(frozen=True, slots=True)
class Clinic:
    """The clinic of the story, with its clients of the API and the sandbox."""

    id: str
    name: str
    time_zone: str
    key: str
    operator_key: str
    api: Api
    sandbox: Sandbox


@dataclass(slots=True)
class Sent:
    """An invoice that was sent, its payment URL, and how its customer behaves."""

    invoice: Json
    url: str
    behaviour: str


def send_invoices(clinic: Clinic) -> list[Sent]:
    """Create eight customers and 25 invoices in dollars and yen, each with a payment link."""
    people = [_person(clinic, index, name) for index, name in enumerate(PEOPLE)]
    today = business_now().astimezone(ZoneInfo(clinic.time_zone)).date()
    sent = []
    for index, behaviour in enumerate(BEHAVIOURS):
        yen = index % 4 == 3  # noqa: PLR2004 - every fourth
        body = {
            "customerId": people[index % len(people)]["id"],
            "number": f"INV-{1001 + index}",
            "project": "Treatment",
            "currency": "jpy" if yen else "usd",
            "amountDue": 9_800 + 1_100 * index if yen else 4_500 + 1_375 * index,
            "dueDate": str(today + timedelta(days=14 - 3 * (index % 9))),
        }
        invoice = clinic.api.post("/api/invoices", body, key=f"invoice-{index}")
        channel = "sms" if behaviour in TEXTED else "none"
        link = clinic.api.post(
            f"/api/invoices/{invoice['id']}/payment-links",
            {"channel": channel},
            key=f"link-{index}",
        )
        sent.append(Sent(invoice, link["url"], behaviour))
    texted = sum(BEHAVIOURS.count(behaviour) for behaviour in TEXTED)
    say.chapter(
        "Invoices go out",
        f"{len(people)} customers · {len(sent)} invoices in USD and JPY · a payment link for each,"
        f" {texted} of them by text",
    )
    return sent


def _person(clinic: Clinic, index: int, name: str) -> Json:
    """Create a customer who has agreed to texts."""
    person = clinic.api.post(
        "/api/customers",
        {"name": name, "phone": f"+1202555{101 + index:04}"},
        key=f"person-{index}",
    )
    words = {
        "source": "paper form",
        "text": "I agree to be texted about my invoices.",
        "textVersion": "2026-01",
        "givenAt": str(business_now().isoformat()),
    }
    clinic.api.post(
        f"/api/customers/{person['id']}/consents",
        {"channels": ["sms"], **words},
        key=f"consent-{index}",
    )
    return person


def pay_everything(clinic: Clinic, sent: list[Sent], in_the_middle: Callable[[], None]) -> None:
    """Let customers pay on Stripe's page, some at once; events arrive duplicated, late and
    shuffled.

    ``in_the_middle`` is called after the first half.
    """
    clinic.sandbox.control(
        "settings", seed=7, duplicate_rate=0.3, shuffle_window=0.6, delay_max=0.2, link_limit="race"
    )
    say.chapter(
        "People pay",
        "on Stripe's hosted page; its events arrive signed, one in three duplicated, shuffled"
        " within 0.8 s",
    )
    half = len(sent) // 2
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: _behave(clinic, one), sent[:half]))
        in_the_middle()
        list(pool.map(lambda one: _behave(clinic, one), sent[half:]))
    counted = {behaviour: BEHAVIOURS.count(behaviour) for behaviour in dict.fromkeys(BEHAVIOURS)}
    say.step(" · ".join(f"{count} {behaviour}" for behaviour, count in counted.items()))


def _behave(clinic: Clinic, one: Sent) -> None:
    payer = Payer()
    if one.behaviour in LATER:
        return
    if one.behaviour == "pays half":
        _pay_half(clinic, one.invoice)
        return
    page = visit(payer, texted_address(clinic, one) if one.behaviour == "texted, pays" else one.url)
    if one.behaviour == "two tabs":
        second = visit(payer, one.url)
        expect(payer.pay(page), {200}, one)
        # both succeed, unless Payphone has closed the second in time
        expect(payer.pay(second), {200, 410}, one)
        return
    if one.behaviour == "declined first":
        expect(payer.pay(page, DECLINED), {402}, one)
    expect(
        payer.pay(page, DISPUTED if one.behaviour == "disputes" else "4242424242424242"), {200}, one
    )


def texted_address(clinic: Clinic, one: Sent) -> str:
    """Wait for the text to reach the customer's phone, and return the URL in it."""

    def probe() -> bool:
        return any(
            one.url in message["body"]
            for message in clinic.sandbox.shown("twilio/messages")["messages"]
        )

    say.wait_for(f"a text with the payment address of {one.invoice['number']}", probe)
    return one.url


def visit(payer: Payer, url: str) -> Json:
    """Open the payment URL, retrying for ``PATIENCE`` seconds while the link is being created."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return payer.visit(url)
        except (httpx.HTTPError, ValueError):  # a customer who sees an error tries again
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def expect(status: int, wanted: set[int], one: Sent) -> None:
    """Raise ``RuntimeError`` if the payment page answered with another status."""
    if status not in wanted:
        raise RuntimeError(
            f"{one.invoice['number']} ({one.behaviour}): the payment page answered {status}, not"
            f" {sorted(wanted)}."
        )


def _pay_half(clinic: Clinic, invoice: Json) -> None:
    """Take half by card in the clinic's own Stripe dashboard: an intent that Payphone did not
    create, tagged with the invoice.
    """
    amount = invoice["amountDue"] // 2
    stripe_client().v1.payment_intents.create(
        {
            "amount": amount,
            "currency": invoice["currency"],
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {
                "account_id": clinic.id,
                "invoice_id": invoice["id"],
                "attempt_id": "dashboard",
                "project": "Treatment",
            },
        },
        {"idempotency_key": f"half-{invoice['id']}"},
    )


def stripe_client() -> stripe.StripeClient:
    """Return Stripe's SDK as the clinic would use it, with telemetry off, so that it writes nothing
    to HOME.
    """
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        os.environ["STRIPE_SECRET_KEY"], base_addresses={"api": os.environ["STRIPE_API_BASE"]}
    )


def break_things(redis_url: str) -> None:
    """Kill a worker in the middle of its work, and empty Redis."""
    kill_worker(redis_url, "webhooks")
    connect_redis(redis_url).flushall()
    say.breakage("FLUSHALL", "Redis forgets every queue, job and worker")


def kill_worker(redis_url: str, queue: str) -> None:
    """Kill a worker of this queue, whatever it is doing."""
    redis = connect_redis(redis_url)

    def probe() -> int:
        workers = sorted(redis.smembers(f"rq:workers:{queue}"))
        return int(redis.hget(workers[0], "pid") or 0) if workers else 0

    victim = say.wait_for(f"a worker of {queue} to be registered in Redis", probe)
    os.kill(victim, signal.SIGKILL)
    say.breakage(
        f"kill -9 {victim}", f"a worker of the {queue} queue dies in the middle of its work"
    )


def refunds_and_disputes(clinic: Clinic, sent: list[Sent]) -> None:
    """Refund two payments through the API, one in part; the bank disputes a third."""
    for one in sent:
        if not one.behaviour.startswith("refunded"):
            continue
        payment = _succeeded_payment(clinic, one.invoice)
        amount = (
            {"amount": payment["amountReceived"] // 3}
            if one.behaviour == "refunded in part"
            else {}
        )
        clinic.api.post(
            f"/api/payments/{payment['id']}/refunds",
            {"reason": "requested_by_customer", **amount},
            key=f"refund-{payment['id']}",
        )
    say.chapter(
        "Money goes back",
        "one partial refund, one full, through the effects ledger; one payment is disputed by"
        " its bank",
    )


def _succeeded_payment(clinic: Clinic, invoice: Json) -> Json:
    def probe() -> Json | None:
        payments = clinic.api.get("/api/payments", invoiceId=invoice["id"])["data"]
        return next((payment for payment in payments if payment["status"] == "succeeded"), None)

    return say.wait_for(f"the payment of {invoice['number']} to be recorded", probe)
