"""No customer pays more than their page showed, and what is being paid in one way is not taken in
another.
"""

import contextlib

import pytest
from stripe import StripeError

from models.accounts.audit_entry import AuditEntry
from models.effects.effect import Effect
from models.feed.outgoing_event import OutgoingEvent
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_link import PayAddress, PaymentLink
from runtime.clock import business_now
from tests import given
from tests.acceptance.payments.test_paid_meanwhile import a_link, pay_in_browser, tasks
from tests.clinic import Clinic
from tests.stories.operators import run

BANK = "pm_usBankAccount"


@pytest.fixture
def hear(clinic, valkey):
    """Process the events of Stripe not processed before, and run the jobs that follow."""
    heard = set()

    def _hear():
        for event in clinic.stripe.events():
            if event["id"] not in heard:
                heard.add(event["id"])
                given.received(event)
        given.worked(valkey.client())
        tasks(clinic, valkey.client())

    return _hear


def visited(clinic: Clinic, redis):
    """The page of the invoice's link, opened by a customer."""
    return clinic.stripe.visit(a_link(clinic, redis).url)


@pytest.mark.parametrize("other", ["phone", "tab"])
def test_a_payer_is_charged_what_their_page_showed(clinic, other):
    """Given a page that asks for 50.00, when the whole balance is requested elsewhere, then that
    page takes 50.00 or nothing.
    """
    shown = clinic.intent(amount=5_000).json
    if other == "phone":
        assert clinic.phone("pm_card_chargeDeclined").status_code == 402
    else:
        assert clinic.intent().json["amount"] == 12_500
    with contextlib.suppress(StripeError):
        pay_in_browser(clinic, shown["paymentIntentId"])
    assert clinic.stripe.received(clinic.invoice.id) in {0, 5_000}
    assert (
        PaymentAttempt.select()
        .where(PaymentAttempt.intent_id == shown["paymentIntentId"])
        .get()
        .intent_amount
        == 5_000
    )


def test_confirm_payment_charges_what_its_caller_was_told_or_nothing(clinic):
    shown = clinic.intent(amount=5_000).json
    whole = clinic.intent().json
    answer = clinic.confirm(shown["paymentIntentId"], paymentMethodId="pm_card_visa")
    assert (answer.json["success"], clinic.stripe.received(clinic.invoice.id)) == (
        False,
        0,
    ), answer.text
    assert clinic.confirm(whole["paymentIntentId"], paymentMethodId="pm_card_visa").json["success"]
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_two_intents_of_one_invoice_never_both_take_money(clinic, valkey):
    """Given a page that asks for 50.00 whose intent Stripe does not cancel, when the whole balance
    is requested, then no second intent is made before the first is over.
    """
    shown = clinic.intent(amount=5_000).json
    clinic.stripe.fault("refuse", "POST", f"/v1/payment_intents/{shown['paymentIntentId']}/cancel")
    asked = clinic.intent(key="whole")
    assert (asked.status_code, asked.json["code"]) == (503, "provider_unavailable"), asked.text
    pay_in_browser(clinic, shown["paymentIntentId"])
    given.retried(valkey.client(), queue="interactive", rounds=6)
    with contextlib.suppress(StripeError, KeyError):
        pay_in_browser(clinic, clinic.intent(key="whole").json["paymentIntentId"])
    assert clinic.stripe.received(clinic.invoice.id) == 5_000
    assert clinic.intent().json["amount"] == 7_500


def test_more_is_asked_for_as_soon_as_the_older_intent_is_closed(clinic, valkey):
    shown = clinic.intent(amount=5_000).json
    clinic.stripe.fault("refuse", "POST", f"/v1/payment_intents/{shown['paymentIntentId']}/cancel")
    assert clinic.intent(key="whole").status_code == 503
    given.retried(valkey.client(), queue="interactive")
    assert clinic.intent(key="whole").json["amount"] == 12_500


def test_an_intent_that_stripe_no_longer_has_keeps_nobody_from_paying(clinic):
    """Given an intent that no longer exists at Stripe, as after its test data was deleted, then
    nobody can pay it, and a new one is made.
    """
    shown = clinic.intent(amount=5_000).json
    with clinic.stripe.sandbox.shared.lock:
        del clinic.stripe.sandbox.stripe.platform.tables["payment_intent"][shown["paymentIntentId"]]
    assert clinic.intent(key="whole").json["amount"] == 12_500
    assert PaymentAttempt.get(intent_id=shown["paymentIntentId"]).state == "closed"


def test_less_is_asked_for_with_the_same_intent(clinic):
    """Given a page that asks for the whole, when a part is requested, then the same intent is
    lowered: its payer agreed to more.
    """
    shown, lowered = clinic.intent().json, clinic.intent(amount=5_000).json
    assert (lowered["paymentIntentId"], lowered["amount"]) == (shown["paymentIntentId"], 5_000)


def test_a_payment_says_what_was_charged_and_what_was_declined(clinic):
    """Given an intent that is lowered after a decline, then each decline and the payment show the
    amount at the time.
    """
    clinic.intent()
    assert clinic.phone("pm_card_chargeDeclined").status_code == 402
    assert clinic.phone("pm_card_chargeDeclined", amount=5_000).status_code == 402
    paid = clinic.phone(amount=5_000).json["payment"]
    assert (paid["status"], paid["amountReceived"], paid["amount"]) == ("succeeded", 5_000, 5_000)
    failed = (
        OutgoingEvent.select()
        .where(OutgoingEvent.type == "payment.failed")
        .order_by(OutgoingEvent.id)
    )
    assert [event.payload["amount"] for event in failed] == [12_500, 5_000]
    entry = AuditEntry.select().where(AuditEntry.action == "payment.succeeded").get()
    assert entry.detail["amount"] == 5_000


def test_an_open_payment_is_shown_with_the_amount_that_its_intent_has_now(clinic):
    """Given an intent that was lowered, when it is read, then its payment has the lower amount, and
    the clinic's software, which names it, is not told that Stripe has another.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.intent(amount=5_000)
    assert clinic.confirm(intent_id).json["payment"]["amount"] == 5_000
    read = clinic.takes(amount=5_000, method="stripe", reference=intent_id)
    assert (read.status_code, read.json["payment"]["amount"]) == (200, 5_000), read.text
    assert clinic.phone(amount=5_000).json["payment"]["amountReceived"] == 5_000


def test_a_bank_debit_on_its_way_closes_the_link_and_its_open_page(clinic, valkey, hear):
    page = visited(clinic, valkey.client())
    intent_id = clinic.intent().json["paymentIntentId"]
    pay_in_browser(clinic, intent_id, BANK)
    hear()
    assert Payment.get(Payment.intent_id == intent_id).status == "processing"
    assert (clinic.stripe.pay(page), PaymentLink.get().state) == (410, "retired")
    clinic.stripe.control(f"stripe/{intent_id}/succeed")
    hear()
    assert (clinic.stripe.received(clinic.invoice.id), clinic.now.status, clinic.now.overpaid) == (
        12_500,
        "paid",
        0,
    )


def test_an_intent_that_a_bank_works_on_is_asked_about_and_not_cancelled_time_and_again(
    clinic, valkey, hear
):
    """Given a bank debit in progress, when cash is recorded, then Stripe refuses the cancel once,
    and the intent is only polled from then on, until it is over.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    pay_in_browser(clinic, intent_id, BANK)
    hear()
    assert clinic.takes().status_code == 201
    given.retried(valkey.client(), rounds=5)
    attempt = PaymentAttempt.get(PaymentAttempt.intent_id == intent_id)
    assert attempt.state == "retiring"
    refused = Effect.select().where(Effect.kind == "intent_cancel")
    assert [effect.state for effect in refused] == ["refused"]
    clinic.stripe.control(f"stripe/{intent_id}/succeed")
    given.retried(valkey.client())
    assert PaymentAttempt.get_by_id(attempt.id).state == "closed"
    assert clinic.now.overpaid == 12_500


def test_an_intent_that_a_bank_works_on_and_that_we_cannot_read_is_settled_by_a_person(
    clinic, valkey, hear
):
    """Given a bank debit in progress that Stripe has refused to cancel, when the clinic disconnects
    its Stripe account, then an operator can settle that it is closed.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    pay_in_browser(clinic, intent_id, BANK)
    hear()
    assert clinic.takes(amount=5_000).status_code == 201
    given.retried(valkey.client(), rounds=2)
    clinic.stripe.fault("forbidden_403", "*", f"/v1/payment_intents/{intent_id}*", times=1000)
    given.retried(valkey.client(), rounds=18)
    (effect,) = Effect.all("kind = 'intent_cancel' AND state <> 'refused'")
    said = run("effects", "settle", effect.id, "--confirmed", intent_id, "--why", "seen there")
    assert said.exit_code == 0, said.output
    given.retried(valkey.client(), rounds=1)
    attempt = PaymentAttempt.get(PaymentAttempt.intent_id == intent_id)
    assert attempt.state == "closed"


def test_a_bank_debit_by_link_closes_the_open_intent(clinic, valkey, hear):
    page = visited(clinic, valkey.client())
    intent_id = clinic.intent().json["paymentIntentId"]
    assert clinic.stripe.payer.post(page["url"], data={"payment_method": BANK}).status_code == 200
    hear()
    with contextlib.suppress(StripeError):
        pay_in_browser(clinic, intent_id)
    clinic.stripe.control(f"stripe/{Payment.get(Payment.status == 'processing').intent_id}/succeed")
    hear()
    assert (clinic.stripe.received(clinic.invoice.id), clinic.now.overpaid) == (12_500, 0)


def test_after_a_bank_debit_has_failed_the_same_address_takes_another_payment(clinic, valkey, hear):
    """Given a link whose only session was completed by a debit that failed, then the texted address
    leads to a new link.
    """
    page = visited(clinic, valkey.client())
    address = PayAddress.of(clinic.now, business_now())
    assert clinic.stripe.payer.post(page["url"], data={"payment_method": BANK}).status_code == 200
    hear()
    waiting = clinic.client.simulate_get(f"/p/{address.token}")
    assert (waiting.status_code, "location" in waiting.headers) == (
        200,
        False,
    ), "while the bank is at it nothing is asked"
    clinic.stripe.control(f"stripe/{Payment.get(Payment.status == 'processing').intent_id}/fail")
    hear()
    followed = clinic.client.simulate_get(f"/p/{address.token}")
    assert followed.status_code == 303, followed.text
    assert clinic.stripe.pay(clinic.stripe.payer.get(followed.headers["location"]).json()) == 200
    hear()
    assert (clinic.stripe.received(clinic.invoice.id), clinic.now.status, clinic.now.overpaid) == (
        12_500,
        "paid",
        0,
    )


def test_a_bank_debit_that_failed_before_it_was_heard_of_leaves_no_used_link(clinic, valkey):
    """Given a link whose only session was completed by a debit that failed, when all events arrive
    at once, newest first, then the texted address leads to a new link.
    """
    page = visited(clinic, valkey.client())
    address = PayAddress.of(clinic.now, business_now())
    assert clinic.stripe.payer.post(page["url"], data={"payment_method": BANK}).status_code == 200
    (debit,) = clinic.stripe.sdk.payment_intents.list().data
    clinic.stripe.control(f"stripe/{debit.id}/fail")
    for event in reversed(clinic.stripe.events()):
        given.received(event)
        given.worked(valkey.client())
    tasks(clinic, valkey.client())
    followed = clinic.client.simulate_get(f"/p/{address.token}")
    assert followed.status_code == 303, followed.text
    assert clinic.stripe.pay(clinic.stripe.payer.get(followed.headers["location"]).json()) == 200
