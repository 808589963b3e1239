"""Paying when something fails in between: never a wrong amount, never twice, never late, and never
stuck.
"""

import sys
from contextlib import nullcontext
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from delivery import relay
from jobs.expire_stale_charges import expire_stale_charges
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.effects.pause_switch import PauseSwitch
from models.invoices.customer import Customer
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PayAddress, PaymentLink
from models.transactions import transaction
from runtime.clock import business_now, real_now
from tests import given
from tests.clinic import Clinic


def charges_asked_for(clinic: Clinic) -> int:
    return sum(
        request["path"].endswith("/confirm")
        for request in clinic.stripe.shown("requests")["requests"]
    )


@pytest.mark.parametrize("kind", ["refuse", "rate_limit_429", "error_500", "bad_gateway"])
def test_failed_amount_change_never_charges_the_old_amount(clinic, valkey, kind):
    """Given an open intent of 125.00, when a charge of 50.00 is requested and Stripe cannot change
    the intent, then 125.00 are never taken.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.fault(kind, "POST", f"/v1/payment_intents/{intent_id}")
    answer = clinic.phone(amount=5_000)
    assert (answer.status_code, answer.json["success"]) == (202, False)
    given.retried(valkey.client(), rounds=6)
    assert clinic.stripe.received(clinic.invoice.id) == 5_000
    assert clinic.now.outstanding == 7_500


@pytest.mark.parametrize("then", ["another amount", "the whole is paid"])
def test_amount_change_in_doubt_is_settled_by_a_later_change_or_payment(clinic, valkey, then):
    """Given a change of the open intent that Stripe did not answer, when another change is made, or
    the intent is paid as it was, then the first change is no longer in doubt.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.fault("bad_gateway", "POST", f"/v1/payment_intents/{intent_id}")
    assert clinic.intent(amount=5_000).status_code == 503
    if then == "another amount":
        assert clinic.intent(amount=4_000).json["amount"] == 4_000
    else:
        clinic.stripe.sdk.payment_intents.confirm(
            intent_id, {"payment_method": "pm_card_visa", "return_url": "https://example.org"}
        )
        assert clinic.confirm(intent_id).json["success"]
    given.retried(valkey.client(), rounds=6)
    changes = Effect.select().where(Effect.kind == "intent_change").order_by(Effect.created_at)
    assert changes.first().state == "refused"
    assert not any(effect.in_doubt for effect in changes)


@pytest.mark.parametrize("fault", ["", "refused_400"])
def test_later_amount_change_wins_even_if_the_earlier_one_arrives_last(
    clinic, valkey, monkeypatch, fault
):
    """Given Redis down, so that no lock is held, when a change of the open intent reaches Stripe
    after a later change, then the later one counts, even if Stripe refuses the earlier one.
    """
    job = sys.modules["jobs.change_payment_intent"]
    perform = job.perform
    monkeypatch.setattr(job, "invoice_lock", lambda _invoice_id: nullcontext())
    intent_id = clinic.intent().json["paymentIntentId"]

    def overtaken(effect):
        monkeypatch.setattr(job, "perform", perform)
        assert clinic.intent(amount=4_000).json["amount"] == 4_000
        if fault:
            clinic.stripe.fault(fault, "POST", f"/v1/payment_intents/{intent_id}")
        return perform(effect)

    monkeypatch.setattr(job, "perform", overtaken)
    clinic.intent(amount=5_000)
    given.retried(valkey.client())
    attempt = PaymentAttempt.get()
    assert clinic.stripe.sdk.payment_intents.retrieve(intent_id).amount == 4_000
    assert (attempt.is_in_place, attempt.intent_amount) == (True, 4_000)
    assert clinic.confirm(intent_id, paymentMethodId="pm_card_visa").json["success"]
    assert clinic.stripe.received(clinic.invoice.id) == 4_000


@pytest.mark.parametrize("then", ["lowered", "refused"])
def test_delayed_amount_change_is_corrected_to_the_current_amount(clinic, valkey, then):
    """Given a change of the open intent that Stripe did not answer, when it takes effect only after
    a later change was made or refused, then the amount in our rows is restored at once.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.fault("bad_gateway", "POST", f"/v1/payment_intents/{intent_id}")
    assert clinic.intent(amount=5_000).status_code == 503
    if then == "refused":
        clinic.stripe.fault("refused_400", "POST", f"/v1/payment_intents/{intent_id}")
    clinic.intent(amount=4_000)
    expected = 4_000 if then == "lowered" else 12_500
    assert (PaymentAttempt.get().is_in_place, PaymentAttempt.get().amount) == (True, expected)
    clinic.stripe.sdk.payment_intents.update(intent_id, {"amount": 5_000})
    given.retried(valkey.client(), rounds=1)  # the late change's job stages the correction
    given.relayed(valkey.client())
    given.worked(valkey.client())
    assert clinic.stripe.sdk.payment_intents.retrieve(intent_id).amount == expected
    attempt = PaymentAttempt.get()
    assert (attempt.is_in_place, attempt.intent_amount) == (True, expected)
    assert not any(effect.in_doubt for effect in Effect.select())


def late_change(clinic, valkey):
    """Lower an open intent to 50.00, without an answer, and then to 40.00; the first change, which
    was given up for the second, reaches Stripe only now. Return the intent's id.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.fault("bad_gateway", "POST", f"/v1/payment_intents/{intent_id}")
    clinic.intent(amount=5_000)
    clinic.intent(amount=4_000)
    given.retried(valkey.client(), rounds=2)
    assert (
        Effect.get(Effect.kind == "intent_change", Effect.state == "refused").error_code == "moot"
    )
    clinic.stripe.sdk.payment_intents.update(intent_id, {"amount": 5_000})
    assert PaymentAttempt.get().is_in_place
    return intent_id


def restored(clinic, intent_id):
    attempt = PaymentAttempt.get()
    there = clinic.stripe.sdk.payment_intents.retrieve(intent_id)
    return there.amount, attempt.intent_amount, attempt.is_in_place


def test_a_form_is_not_opened_for_an_amount_that_was_given_up(clinic, valkey):
    """Given a change that reached Stripe after it was given up, when the intent is requested, then
    its secret is not told until it is for the requested amount again.
    """
    intent_id = late_change(clinic, valkey)
    answer = clinic.intent(key="form", amount=4_000)
    assert (answer.status_code, answer.json["code"]) == (503, "provider_unavailable")
    assert clinic.intent(key="form", amount=4_000).json["amount"] == 4_000
    assert restored(clinic, intent_id) == (4_000, 4_000, True)


def test_an_amount_that_was_given_up_is_restored_once_the_intent_is_read(clinic, valkey):
    intent_id = late_change(clinic, valkey)
    assert clinic.confirm(intent_id).json["status"] == "pending"
    given.retried(valkey.client(), rounds=1)
    assert restored(clinic, intent_id) == (4_000, 4_000, True)


def test_a_charge_that_meets_an_amount_that_was_given_up_restores_it(clinic, valkey):
    """Given a change that reached Stripe after it was given up, when a card is charged, then Stripe
    refuses the other amount, and the next charge succeeds.
    """
    late_change(clinic, valkey)
    assert clinic.phone(amount=4_000).status_code == 422
    given.retried(valkey.client(), rounds=1)
    assert clinic.phone(amount=4_000).json["success"]
    assert clinic.stripe.received(clinic.invoice.id) == 4_000


def test_an_amount_that_stripe_does_not_restore_is_what_the_rows_say(clinic, valkey):
    """Given a change that reached Stripe after it was given up, when Stripe refuses to restore the
    amount, then our rows have Stripe's, and it is not asked again and again.
    """
    intent_id = late_change(clinic, valkey)
    clinic.stripe.fault("refused_400", "POST", f"/v1/payment_intents/{intent_id}")
    clinic.confirm(intent_id)
    given.retried(valkey.client())
    assert restored(clinic, intent_id) == (5_000, 5_000, True)
    assert Effect.select().where(Effect.kind == "intent_change").count() == 3
    assert clinic.phone(amount=4_000).json["success"]


def test_amount_refused_by_stripe_is_reported_and_not_charged(clinic):
    """Given an amount of 20 cents, then the clinic gets Stripe's refusal, and the old amount is not
    taken instead.
    """
    clinic.intent()
    for answer in (clinic.intent(amount=20), clinic.phone(amount=20)):
        assert answer.status_code == 422, answer.text
        assert answer.json["code"] == "payment_refused"
    assert clinic.stripe.received(clinic.invoice.id) == 0
    assert clinic.phone().json["success"]


def test_processing_bank_debit_blocks_another_charge_intent_or_link(clinic):
    """Given a bank debit that takes days, when the clinic charges a card or requests an intent or
    a link, then it is refused: both would take the money.
    """
    now = real_now()
    Payment.create(
        id="pay_debit",
        account=clinic.account,
        invoice=clinic.invoice,
        intent_id="pi_debit",
        currency="usd",
        amount=12_500,
        status="processing",
        charges={"ch_1": ["processing", ""]},
        created_at=now,
        updated_at=now,
    )
    links = clinic.client.simulate_post(
        f"/api/invoices/{clinic.invoice.id}/payment-links", json={}, headers=clinic.headers
    )
    for answer in (clinic.phone(), clinic.intent(), links):
        assert (answer.status_code, answer.json["code"]) == (409, "payment_in_progress")


def test_no_link_is_made_while_a_charge_is_unsettled(clinic, valkey):
    """Given a charge whose answer was lost, when the customer opens the texted address, then no
    link is made, and the invoice is paid once.
    """
    address = PayAddress.of(clinic.invoice, business_now())
    clinic.stripe.fault("refuse_after", "POST", "/v1/payment_intents/*/confirm")
    assert clinic.phone().status_code == 202
    page = clinic.client.simulate_get(f"/p/{address.token}")
    assert (page.status_code, "on its way" in page.text) == (200, True)
    assert PaymentLink.select().count() == 0
    given.retried(valkey.client())
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_card_is_not_charged_on_retry_after_a_cash_payment(clinic, valkey):
    """Given a charge that Stripe postponed (429), when the invoice is paid in cash before the
    retry, then the card is not charged.
    """
    clinic.stripe.fault("rate_limit_429", "POST", "/v1/payment_intents/*/confirm")
    assert clinic.phone().status_code == 202
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=12_500,
        currency="usd",
        method="cash",
        reference="till 1",
    )
    given.retried(valkey.client(), rounds=6)
    assert clinic.stripe.received(clinic.invoice.id) == 0
    assert (clinic.now.amount_paid, PaymentConfirmation.get().state) == (12_500, "refused")
    assert {intent.status for intent in clinic.stripe.sdk.payment_intents.list().data} == {
        "canceled"
    }


def test_pausing_charges_before_a_retry_stops_the_charge(clinic, valkey):
    clinic.stripe.fault("rate_limit_429", "POST", "/v1/payment_intents/*/confirm")
    assert clinic.phone().status_code == 202
    PauseSwitch.set(clinic.account.id, "charges", True, "operator:night", "something is wrong")
    given.retried(valkey.client(), rounds=6)
    assert (clinic.stripe.received(clinic.invoice.id), PaymentConfirmation.get().refusal) == (
        0,
        "charges_paused",
    )


@pytest.mark.parametrize("sent", ["never sent", "sent and put off"])
def test_delayed_charge_is_refused_as_too_late(clinic, valkey, sent):
    """Given a charge that waited for days, when its job runs at last, then the card is not
    charged.
    """
    path = "/v1/payment_intents/*/confirm" if sent == "sent and put off" else "/v1/payment_intents"
    clinic.stripe.fault("rate_limit_429", "POST", path)
    assert clinic.phone().status_code == 202
    PaymentConfirmation.update(created_at=real_now() - timedelta(days=5)).execute()
    given.retried(valkey.client(), rounds=6)
    assert (clinic.stripe.received(clinic.invoice.id), PaymentConfirmation.get().refusal) == (
        0,
        "too_late",
    )
    assert clinic.phone().json["success"]


def test_late_lookup_still_finds_the_money_that_was_taken(clinic, valkey):
    """Given a charge whose answer was lost, when it is looked up too late to charge again, then the
    money that was taken counts.
    """
    clinic.stripe.fault("refuse_after", "POST", "/v1/payment_intents/*/confirm")
    assert clinic.phone().status_code == 202
    PaymentConfirmation.update(created_at=real_now() - timedelta(days=1)).execute()
    given.retried(valkey.client())
    assert (clinic.now.status, PaymentConfirmation.get().state) == ("paid", "settled")
    assert charges_asked_for(clinic) == 1


def test_balance_change_while_the_intent_is_created_cancels_it(clinic, valkey):
    """Given an intent whose creation was not answered, when a check is recorded before the retry,
    then the intent is cancelled.
    """
    clinic.stripe.fault("refuse_after", "POST", "/v1/payment_intents")
    assert clinic.intent().status_code == 503
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 9",
    )
    given.retried(valkey.client(), rounds=6)
    assert [intent.status for intent in clinic.stripe.sdk.payment_intents.list().data] == [
        "canceled"
    ]
    assert clinic.intent().json["amount"] == 7_500


def test_repeated_request_for_an_intent_that_was_never_made_is_refused(clinic):
    """Given Stripe down when an intent was requested, and a check recorded before it was made, when
    the request is repeated with its key, then it is refused; a new key gets an intent for the rest.
    """
    clinic.stripe.fault("refuse", "POST", "/v1/payment_intents")
    assert clinic.intent(key="first").status_code == 503
    clinic.takes(amount=5_000, reference="no. 9")
    repeated = clinic.intent(key="first")
    assert (repeated.status_code, repeated.json["code"]) == (409, "invoice_not_payable")
    assert clinic.intent(key="second").json["amount"] == 7_500


def test_intent_paid_before_its_cancel_is_retried_pays_the_invoice(clinic, valkey):
    """Given an intent to be cancelled, when Stripe fails at that and the customer pays it, then the
    retry finds it paid, and so is the invoice.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.fault("error_500", "POST", f"/v1/payment_intents/{intent_id}/cancel")
    with transaction():
        PaymentAttempt.get().record_retiring(real_now())
    clinic.stripe.sdk.payment_intents.confirm(
        intent_id, {"payment_method": "pm_card_visa", "return_url": "https://example.org"}
    )
    given.staged_again("cancel_payment_intent", PaymentAttempt.get().id)
    given.retried(valkey.client())
    assert (PaymentAttempt.get().state, clinic.now.status) == ("closed", "paid")


def test_new_request_for_an_intent_revives_its_dead_job(clinic, valkey):
    """Given a job that gave up while Stripe was failing, when the clinic requests the intent again,
    then it is made.
    """
    clinic.stripe.fault("rate_limit_429", "POST", "/v1/payment_intents", times=30)
    assert clinic.intent().status_code == 503
    StagedJob.update(state="dead").execute()
    for fault in clinic.stripe.shown("faults")["faults"]:
        clinic.stripe.sandbox.shared.faults.active[:] = [
            each for each in clinic.stripe.sandbox.shared.faults.active if each.id != fault["id"]
        ]
    assert clinic.intent().status_code == 201


def test_failed_lookup_is_repeated_with_the_same_idempotency_key(clinic):
    """Given a lookup that Stripe did not answer, when it is requested again with the same key, then
    Stripe is asked again.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.sdk.payment_intents.confirm(
        intent_id, {"payment_method": "pm_card_visa", "return_url": "https://example.org"}
    )
    clinic.stripe.fault("refuse", "GET", f"/v1/payment_intents/{intent_id}")
    body = {
        "invoiceId": clinic.invoice.id,
        "amount": 12_500,
        "currency": "usd",
        "method": "stripe",
        "reference": intent_id,
    }
    assert clinic.post("upsert", key="look", **body).status_code == 503
    assert clinic.post("upsert", key="look", **body).json["invoice"]["status"] == "paid"


def test_refused_link_is_not_retried_by_every_visitor(clinic, valkey):
    invoice = given.an_invoice(clinic.account, amount=20)  # less than Stripe takes
    token = PayAddress.of(invoice, business_now()).token
    pages = [clinic.client.simulate_get(f"/p/{token}") for _ in range(4)]
    assert {page.status_code for page in pages} == {410}
    assert "refresh" not in {name.lower() for page in pages for name in page.headers}
    assert (PaymentLink.select().count(), Effect.select().count()) == (1, 1)


def test_charge_waits_for_an_intent_with_a_lost_response(clinic, valkey):
    """Given an intent whose creation was not answered, when a card is charged, then the charge
    waits for the intent.
    """
    clinic.stripe.fault("refuse_after", "POST", "/v1/payment_intents")
    assert clinic.phone().status_code == 202
    given.retried(valkey.client(), rounds=6)
    assert (clinic.now.status, clinic.stripe.received(clinic.invoice.id)) == ("paid", 12_500)


def test_relay_pushes_nothing_twice_behind_an_unknown_job(clinic, valkey):
    """Given an unknown id at the head of a queue and a backlog behind it, when the relay runs again
    and again, then nothing is pushed twice.
    """
    redis = valkey.client()
    redis.rpush("rq:queue:webhooks", "stranger")
    for _ in range(20):
        given.received(given.an_event("plan.created", {"id": "plan_1"}))
    relay.tick(redis)
    StagedJob.update(pushed_at=StagedJob.pushed_at - 60_000_000).execute()
    redis.set(relay.EPOCH_KEY, 1)
    before = redis.llen("rq:queue:webhooks")
    for _ in range(5):
        relay.tick(redis)
    assert redis.llen("rq:queue:webhooks") == before


def test_refused_intent_gives_stripes_reason_on_web_phone_and_card_form(clinic):
    """Given an intent that Stripe refuses, when it is requested on the web, by phone or on the card
    form, then each answer gives Stripe's reason.
    """
    clinic.stripe.fault("refused_400", "POST", "/v1/payment_intents", times=3)
    invoice = given.an_invoice(clinic.account, amount=1_000)
    on_the_web = clinic.post("create-payment-intent", invoiceId=invoice.id)
    by_phone = clinic.post("phone", invoiceId=invoice.id, paymentMethodId="pm_card_visa")
    form = clinic.client.simulate_post(
        f"/api/invoices/{invoice.id}/card-forms", json={}, headers=clinic.headers
    ).json["url"]
    on_the_form = clinic.client.simulate_post(
        urlsplit(form).path, json={"paymentMethodId": "pm_card_mastercard", "amount": 1_000}
    )
    for answer in (on_the_web, by_phone, on_the_form):
        assert (answer.status_code, answer.json["code"]) == (422, "payment_refused"), answer.text
        assert "This object is in use just now" in answer.json["detail"]
    assert "nothing was charged" in by_phone.json["detail"]
    assert AuditEntry.get(AuditEntry.action == "payment.refused").detail["code"] == "intent_refused"


def test_refused_change_of_receipt_address_and_customer_is_sent_again(clinic):
    """Given a change of an open intent that Stripe refuses, then its receipt address and customer
    are not recorded, and the next request sends the change again.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    bound = clinic.stripe.sdk.customers.create({"metadata": {"account_id": clinic.account.id}}).id
    Customer.update(stripe_customer_id=bound).execute()
    clinic.stripe.fault("refused_400", "POST", f"/v1/payment_intents/{intent_id}")
    for kept in ((None, None), (bound, "grace@example.org")):
        clinic.intent(receiptEmail="grace@example.org")
        there = clinic.stripe.sdk.payment_intents.retrieve(intent_id)
        attempt = PaymentAttempt.get()
        assert (there.customer, there.receipt_email) == kept
        assert (attempt.stripe_customer_id, attempt.receipt_email) == kept


@pytest.mark.parametrize("first", ["intent", "charge"])
def test_a_bad_address_on_file_keeps_nobody_from_paying(clinic, first):
    """Given a customer whose e-mail address Stripe takes for none, then they pay without a receipt,
    also in part; an address that the clinic names is refused, so that it can be corrected.
    """
    Customer.update(email="ada@.example.org").execute()
    if first == "intent":
        assert clinic.intent().status_code == 201
        lowered = clinic.intent(amount=5_000)
        assert (lowered.status_code, lowered.json["amount"]) == (201, 5_000), lowered.text
    assert clinic.phone(amount=5_000).json["success"]
    assert clinic.phone().json["success"]
    assert clinic.stripe.received(clinic.invoice.id) == 12_500
    other = Clinic(clinic.client, clinic.stripe, account=clinic.account)
    refused = other.intent(receiptEmail="grace@.example.org")
    assert (refused.status_code, refused.json["code"]) == (422, "payment_refused")


def test_no_card_is_charged_if_stripe_refuses_the_change_of_customer(clinic):
    """Given an intent of one Stripe customer, when the customer is bound to another and Stripe
    refuses the change, then neither one's card is charged.
    """
    made = [
        clinic.stripe.sdk.customers.create({"metadata": {"account_id": clinic.account.id}}).id
        for _ in range(2)
    ]
    for customer_id in made:
        clinic.stripe.sdk.payment_methods.attach("pm_card_visa", {"customer": customer_id})
    Customer.update(stripe_customer_id=made[0]).execute()
    intent_id = clinic.intent().json["paymentIntentId"]
    Customer.update(stripe_customer_id=made[1]).execute()
    clinic.stripe.fault("refused_400", "POST", f"/v1/payment_intents/{intent_id}")
    answer = clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True)
    assert (answer.status_code, answer.json["code"]) == (409, "no_saved_card"), answer.text
    assert clinic.stripe.received(clinic.invoice.id) == 0
    assert clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True).json["success"]


@pytest.mark.usefixtures("clinic")
def test_sweep_revives_dead_charges_beyond_the_first_batch(monkeypatch):
    """Given more overdue charges than fit in a batch, whose jobs are dead, when the sweep runs,
    then each job is revived.
    """
    monkeypatch.setattr(sys.modules["jobs.expire_stale_charges"], "BATCH", 1)
    long_ago = real_now() - timedelta(hours=1)
    with transaction():
        for _ in range(3):
            attempt = PaymentAttempt.plan(given.an_invoice(), 12_500, None, "test", long_ago)
            row = PaymentConfirmation.request(attempt, "pm_1", "test", long_ago)
            stage("confirm_payment", row.id, row.id)
    charges = StagedJob.name == "confirm_payment"
    StagedJob.update(state="dead").where(charges).execute()
    expire_stale_charges.perform()
    assert [job.state for job in StagedJob.select().where(charges)] == ["waiting"] * 3
