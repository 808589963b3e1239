"""The later acts: a payment by phone, an opt-out, and a day on which no webhook arrives."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from models.contact.message import Message
from runtime.settings import ROOT
from simulation import terminal_output as say
from simulation.acts import Clinic, Sent, expect, stripe_client, texted_address, visit
from simulation.api import Payer
from simulation.final_check import invoice_verdicts

HOUR = 3600  # seconds
ACT_LASTS = 120.0  # seconds that the act takes on a busy machine
AFTERWARDS = 5.0  # seconds by which the scheduler has staged its backfill


def play_phone_calls(clinic: Clinic, sent: list[Sent]) -> None:
    """One customer pays by phone, first with a card that is declined, then with a saved card; one
    texts STOP.
    """
    for one in sent:
        if one.behaviour == "pays by phone":
            _pay_by_phone(clinic, one)
        elif one.behaviour == "says stop":
            _say_stop(clinic, one)


def _pay_by_phone(clinic: Clinic, one: Sent) -> None:
    invoice = {"invoiceId": one.invoice["id"]}
    stolen = invoice | {"paymentMethodId": "pm_card_chargeDeclinedStolenCard"}
    # the charge waits until the invoice's link is closed
    declined = clinic.api.refused("/api/payments/phone", stolen, 402, f"stolen-{one.invoice['id']}")
    say.chapter("A card on the phone", f"declined; advice to the clinic: {declined['advice']}")
    key = f"customer-{one.invoice['id']}"
    customer = stripe_client().v1.customers.create(
        {"name": "on file", "metadata": {"account_id": clinic.id}}, {"idempotency_key": key}
    )
    stripe_client().v1.payment_methods.attach(
        "pm_card_visa", {"customer": customer.id}, {"idempotency_key": f"card-{one.invoice['id']}"}
    )
    clinic.api.patch(
        f"/api/customers/{one.invoice['customer']['id']}", {"stripeCustomerId": customer.id}
    )
    saved, key = invoice | {"useSavedCard": True}, f"phone-{one.invoice['id']}"
    paid = clinic.api.post("/api/payments/phone", saved, key, until_known=True)
    say.step(f"the saved card: {paid['status']}")


def _say_stop(clinic: Clinic, one: Sent) -> None:
    texted_address(clinic, one)
    # a text still in transit could be reported after the STOP
    say.wait_for("the text to be reported as delivered", lambda: _delivered(one.invoice["id"]))
    phone = clinic.api.get(f"/api/invoices/{one.invoice['id']}")["customer"]["phone"]
    clinic.sandbox.control(
        "twilio/inbound", **{"from": phone, "to": os.environ["CLINIC_NUMBER"], "body": "STOP"}
    )
    ledger = f"/api/customers/{one.invoice['customer']['id']}/contact-ledger"
    say.wait_for(
        "the STOP to be recorded",
        lambda: any(
            entry["type"] == "optOut" for entry in clinic.api.get(ledger, limit=100)["data"]
        ),
    )
    refused = clinic.api.refused(
        f"/api/invoices/{one.invoice['id']}/payment-links",
        {"channel": "sms"},
        422,
        f"stopped-{one.invoice['id']}",
    )
    say.chapter("STOP", f"the next text is refused: {refused['detail']}")


def _delivered(invoice_id: str) -> bool:
    return (
        Message.select()
        .where(Message.invoice == invoice_id, Message.status == "delivered")
        .exists()
    )


def until_clear_of_the_hour(now: float) -> float:
    """Return the seconds to wait so that the scheduler's backfill, at each full hour (UTC), does
    not run during this act; 0 if it is not due soon. `now` is in seconds since the epoch.
    """
    left = HOUR - now % HOUR
    return left + AFTERWARDS if left < ACT_LASTS else 0.0


def play_missed_day(clinic: Clinic, sent: list[Sent], settled: Callable[[], None]) -> None:
    """Let two customers pay while none of Stripe's webhooks arrives, then backfill the events."""
    wait = until_clear_of_the_hour(time.time())
    if wait:
        say.step(f"waiting {wait:.0f} s, so that the hourly backfill does not run during this act")
        time.sleep(wait)
        settled()
    clinic.sandbox.control("settings", drop_rate=1.0)
    for one in sent:
        if one.behaviour == "pays on a missed day":
            payer = Payer()
            expect(payer.pay(visit(payer, one.url)), {200}, one)
    settled()
    missing = [verdict for verdict in invoice_verdicts(clinic, sent) if not verdict.holds]
    clinic.sandbox.control("settings", drop_rate=0.0)
    say.breakage(
        "a missed day", f"no webhook arrives; {len(missing)} invoices differ from Stripe's ledger"
    )
    if len(missing) != sum(one.behaviour == "pays on a missed day" for one in sent):
        raise RuntimeError(
            f"{len(missing)} invoices differ before the backfill, not just the missed payments."
        )
    command = [sys.executable, "-m", "bin.commands", "events", "backfill", "--since", "1d"]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise RuntimeError(f"events backfill failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    say.step("bin/payphone events backfill --since 1d")
