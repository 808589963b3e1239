"""The location given with a 202: at once it shows the progress of the payment, and in the end its
outcome (F22, F24).
"""

from datetime import timedelta

import pytest

from models.effects.pause_switch import PauseSwitch
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from runtime.clock import real_now
from tests import given
from tests.clinic import Clinic

INTENTS = "/v1/payment_intents"


def looked_at(clinic: Clinic, answer):
    """Return what the location of a 202 shows now."""
    assert answer.status_code == 202, answer.text
    found = clinic.client.simulate_get(answer.headers["location"], headers=clinic.headers)
    assert found.status_code == 200, found.text
    return found.json


def told(shown):
    return shown["status"], shown["code"]


def test_location_shows_an_intent_refused_after_an_outage(clinic, valkey):
    """Given one failure at Stripe, when it refuses the intent on a retry, then the location shows
    the refusal for good.
    """
    clinic.stripe.fault("error_500", "POST", INTENTS)
    answer = clinic.phone()
    early = looked_at(clinic, answer)
    assert (told(early), early["id"]) == (
        ("unknown", None),
        answer.headers["location"].rsplit("/", 1)[1],
    )
    assert (
        early["invoiceId"],
        early["amount"],
        early["amountReceived"],
        early["refundable"],
        early["refunds"],
    ) == (clinic.invoice.id, 12_500, 0, 0, [])
    clinic.stripe.fault("refused_400", "POST", INTENTS, times=5)
    given.retried(valkey.client(), rounds=6)
    late = looked_at(clinic, answer)
    assert told(late) == ("refused", "payment_refused")
    assert "nothing was charged" in late["advice"]
    assert late["amountReceived"] == 0


def test_location_shows_a_charge_refused_if_the_outage_ends_too_late(clinic, valkey):
    clinic.stripe.fault("rate_limit_429", "POST", INTENTS)
    answer = clinic.phone()
    PaymentConfirmation.update(created_at=real_now() - timedelta(days=1)).execute()
    given.retried(valkey.client())
    late = looked_at(clinic, answer)
    assert (told(late), "in time" in late["advice"]) == (("refused", "invoice_not_payable"), True)


def test_location_shows_a_decline_after_an_outage(clinic, valkey):
    clinic.stripe.fault("rate_limit_429", "POST", INTENTS)
    answer = clinic.phone(card="pm_card_visa_chargeDeclinedInsufficientFunds")
    given.retried(valkey.client(), rounds=6)
    late = looked_at(clinic, answer)
    assert told(late) == ("failed", "card_declined")
    assert (late["declineCodes"], "enough funds" in late["advice"]) == (
        ["insufficient_funds"],
        True,
    )


@pytest.mark.parametrize("end", ["paid", "paused"])
def test_location_shows_a_postponed_charge_on_an_existing_intent(clinic, valkey, end):
    """Given an intent opened by a browser, when a charge by phone is postponed, then the location
    shows that charge.
    """
    clinic.intent()
    clinic.stripe.fault("rate_limit_429", "POST", f"{INTENTS}/*/confirm")
    answer = clinic.phone()
    assert told(looked_at(clinic, answer)) == ("unknown", None)
    if end == "paused":
        PauseSwitch.set(clinic.account.id, "charges", True, "operator:night", "something is wrong")
    given.retried(valkey.client(), rounds=6)
    late = looked_at(clinic, answer)
    assert late["id"].startswith("pay_")
    assert (*told(late), late["amountReceived"]) == (
        ("succeeded", None, 12_500) if end == "paid" else ("refused", "charges_paused", 0)
    )


def test_refused_attempt_without_a_charge_cannot_be_refunded_or_voided(clinic, valkey):
    """Given an intent that Stripe refused for a browser, then its attempt says so, and it can be
    neither refunded nor voided.
    """
    clinic.stripe.fault("refused_400", "POST", INTENTS)
    invoice = given.an_invoice(clinic.account, amount=1_000)
    clinic.post("create-payment-intent", invoiceId=invoice.id)
    path = f"/api/payments/{PaymentAttempt.get(PaymentAttempt.invoice == invoice).id}"
    shown = clinic.client.simulate_get(path, headers=clinic.headers).json
    assert (told(shown), "in use just now" in shown["advice"]) == (
        ("refused", "payment_refused"),
        True,
    )
    for deed, body in (("refunds", {}), ("void", {"reason": "typed wrong"})):
        headers = clinic.headers | {"Idempotency-Key": deed}
        refused = clinic.client.simulate_post(f"{path}/{deed}", json=body, headers=headers)
        assert (refused.status_code, "shows its progress" in refused.text) == (404, True)
    assert (
        clinic.client.simulate_get(path, headers=given.a_key(given.an_account())).status_code == 404
    )
