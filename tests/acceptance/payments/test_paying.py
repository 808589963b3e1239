"""Paying an invoice by web, backend and phone alike (F1–F4, F6–F11, F16, F17, F22, F24, F27)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.delivery.idempotency_key import IdempotencyKey
from models.effects.effect import Effect
from models.invoices.customer import Customer
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_link import PaymentLink
from runtime.clock import real_now
from tests import given
from tests.clinic import Clinic


def test_an_intent_carries_invoice_project_and_receipt(clinic):
    """Given an account whose projects are references, then they are sent to Stripe."""
    AccountSettings.change(clinic.account, {"send_project": True}, real_now())
    answer = clinic.intent(receiptEmail="ada@example.org")
    assert answer.status_code == 201, answer.text
    made = clinic.stripe.sdk.payment_intents.retrieve(answer.json["paymentIntentId"])
    assert answer.json["clientSecret"] == made.client_secret
    assert (made.amount, made.currency, made.receipt_email, made.status) == (
        12_500,
        "usd",
        "ada@example.org",
        "requires_payment_method",
    )
    metadata = made.metadata.to_dict()
    assert (metadata["invoice_id"], metadata["account_id"], metadata["project"]) == (
        clinic.invoice.id,
        clinic.account.id,
        "Crown",
    )
    assert made.automatic_payment_methods.enabled


def test_project_is_not_sent_to_stripe_unless_the_account_allows_it(clinic, valkey):
    """Given an account that has not said that its projects are references, when an intent and a
    link are made, then neither they nor our stored requests contain the project.
    """
    intent = clinic.intent().json["paymentIntentId"]
    assert clinic.link().status_code == 202
    redis = valkey.client()
    given.relayed(redis)
    given.worked(redis, "messages")
    (link,) = clinic.stripe.sdk.payment_links.list().data
    for made in (clinic.stripe.sdk.payment_intents.retrieve(intent), link):
        told = made.metadata.to_dict()
        assert (told["invoice_id"], told.get("project", "")) == (clinic.invoice.id, "")
    assert not [effect.kind for effect in Effect.select() if "Crown" in str(effect.request)]


def test_billing_details_come_back_in_stripes_shape(clinic):
    """F4: details in the request take precedence over those of the customer; a replay answers the
    same.
    """
    known = {
        "line1": "1 Main St",
        "city": "Chicago",
        "state": "IL",
        "postalCode": "60601",
        "country": "us",
    }
    Customer.update(email="ada@example.org", address=known).execute()
    plain = clinic.intent(key="plain").json["billingDetails"]
    stripes = {
        "line1": "1 Main St",
        "line2": None,
        "city": "Chicago",
        "state": "IL",
        "postal_code": "60601",
        "country": "US",
    }
    assert plain == {
        "name": "Ada Payer",
        "email": "ada@example.org",
        "phone": "+12025550123",
        "address": stripes,
    }
    given_ = {
        "name": "Bob",
        "phone": "+1 202 555 0147",
        "address": {"line1": "2 Side St", "postalCode": "60602", "country": "US"},
    }
    first, again = (clinic.intent(key="given", billingDetails=given_) for _ in range(2))
    other = {
        "line1": "2 Side St",
        "line2": None,
        "city": None,
        "state": None,
        "postal_code": "60602",
        "country": "US",
    }
    assert first.json["billingDetails"] == {
        "name": "Bob",
        "email": "ada@example.org",
        "phone": "+12025550147",
        "address": other,
    }
    assert again.json["billingDetails"] == first.json["billingDetails"]
    assert again.headers["idempotent-replayed"] == "true"


def test_billing_details_are_not_stored(clinic):
    clinic.intent(
        key="once",
        billingDetails={"name": "Zacharias Onlyhere", "address": {"line1": "77 Nowhere Lane"}},
    )
    for row in [
        *Effect.select().dicts(),
        *PaymentAttempt.select().dicts(),
        *IdempotencyKey.select().dicts(),
        *AuditEntry.select().dicts(),
    ]:
        assert "Onlyhere" not in str(row)
        assert "Nowhere Lane" not in str(row)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"phone": "555"}, "billingDetails.phone"),
        ({"address": {"country": "USA"}}, "billingDetails.address.country"),
        ({"email": "ada"}, "billingDetails.email"),
        ({"address": {"zip": "60601"}}, "billingDetails.address.zip"),
    ],
)
def test_invalid_billing_details_are_refused(clinic, details, field):
    answer = clinic.intent(billingDetails=details)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_client_secret_is_not_stored(clinic, tmp_path):
    secret = clinic.intent(key="once").json["clientSecret"]
    for row in [
        *Effect.select().dicts(),
        *PaymentAttempt.select().dicts(),
        *Payment.select().dicts(),
    ]:
        assert secret not in str(row)


def test_two_tabs_share_the_invoices_one_intent(clinic):
    assert clinic.intent().json["paymentIntentId"] == clinic.intent().json["paymentIntentId"]
    assert len(clinic.stripe.sdk.payment_intents.list().data) == 1


def test_requesting_another_amount_changes_the_same_intent(clinic):
    first = clinic.intent().json
    second = clinic.intent(amount=5_000).json
    assert (second["paymentIntentId"], second["amount"]) == (first["paymentIntentId"], 5_000)


def test_amount_above_the_balance_is_refused(clinic):
    answer = clinic.intent(amount=12_501)
    assert (answer.status_code, answer.json["code"]) == (422, "amount_exceeds_balance")


def test_a_confirmed_payment_pays_the_invoice(clinic):
    intent_id = clinic.intent().json["paymentIntentId"]
    answer = clinic.confirm(intent_id, paymentMethodId="pm_card_visa")
    assert answer.status_code == 200, answer.text
    assert (answer.json["success"], answer.json["status"], answer.json["invoice"]["status"]) == (
        True,
        "succeeded",
        "paid",
    )
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_confirming_twice_charges_once(clinic):
    intent_id = clinic.intent().json["paymentIntentId"]
    answers = [clinic.confirm(intent_id, paymentMethodId="pm_card_visa") for _ in range(3)]
    assert [answer.json["success"] for answer in answers] == [True] * 3
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_confirm_succeeds_before_and_after_the_webhook(clinic, valkey):
    """Given a customer who has paid in the browser, when confirm is called before any webhook, then
    it answers success, and again after it.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.sdk.payment_intents.confirm(
        intent_id, {"payment_method": "pm_card_visa", "return_url": "https://example.org"}
    )
    assert clinic.confirm(intent_id).json["success"]
    for event in clinic.stripe.events():
        given.received(event)
    given.worked(valkey.client())
    assert clinic.confirm(intent_id).json["success"]
    assert (clinic.now.amount_paid, Payment.select().count()) == (12_500, 1)


def test_unconfirmed_intent_is_pending_and_not_a_success(clinic):
    answer = clinic.confirm(clinic.intent().json["paymentIntentId"])
    assert (answer.status_code, answer.json["success"], answer.json["status"]) == (
        200,
        False,
        "pending",
    )


@pytest.mark.parametrize(
    ("card", "code", "word"),
    [
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "funds"),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", "declined"),
    ],
)
def test_decline_comes_with_advice_and_never_says_stolen_or_lost(clinic, card, code, word):
    answer = clinic.confirm(clinic.intent().json["paymentIntentId"], paymentMethodId=card)
    assert (answer.status_code, answer.json["code"], answer.json["declineCode"]) == (
        402,
        "card_declined",
        code,
    )
    assert word in answer.json["advice"]
    assert "stolen" not in answer.text
    assert "lost" not in answer.text


def test_another_card_works_after_a_decline(clinic):
    intent_id = clinic.intent().json["paymentIntentId"]
    assert clinic.confirm(intent_id, paymentMethodId="pm_card_chargeDeclined").status_code == 402
    assert clinic.confirm(intent_id, paymentMethodId="pm_card_visa").json["success"]
    assert clinic.now.status == "paid"


def test_phone_payment_pays_the_invoice(clinic):
    answer = clinic.phone()
    assert answer.status_code == 200, answer.text
    assert (answer.json["success"], clinic.now.status) == (True, "paid")


def test_a_saved_card_is_charged(clinic):
    customer = clinic.stripe.sdk.customers.create(
        {"name": "Ada", "metadata": {"account_id": clinic.account.id}}
    )
    clinic.stripe.sdk.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    path = f"/api/customers/{clinic.invoice.customer_id}"
    assert (
        clinic.client.simulate_patch(
            path, json={"stripeCustomerId": customer.id}, headers=clinic.headers
        ).status_code
        == 200
    )
    answer = clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True)
    assert answer.status_code == 200, answer.text
    assert clinic.now.status == "paid"


def test_invoice_can_be_paid_in_parts(clinic):
    assert clinic.phone(amount=5_000).json["success"]
    assert (clinic.now.status, clinic.now.outstanding) == ("sent", 7_500)
    assert clinic.phone().json["success"]
    assert (clinic.now.status, clinic.stripe.received(clinic.invoice.id)) == ("paid", 12_500)


def test_a_paid_invoice_takes_no_further_payment(clinic):
    clinic.phone()
    for answer in (clinic.intent(), clinic.phone()):
        assert (answer.status_code, answer.json["code"]) == (409, "invoice_already_paid")


def test_concurrent_web_and_phone_payments_charge_once(clinic, database_url):
    """Given an invoice paid on the web and by phone at the same time, then one charge is made."""
    intent_id = clinic.intent().json["paymentIntentId"]
    acts = [clinic.phone, lambda: clinic.confirm(intent_id, paymentMethodId="pm_card_visa")] * 3
    with ThreadPoolExecutor(6) as pool:
        answers = [future.result() for future in [pool.submit(act) for act in acts]]
    assert clinic.stripe.received(clinic.invoice.id) == 12_500
    assert {answer.status_code for answer in answers} <= {200, 202, 402, 409}
    assert clinic.now.status == "paid"


def test_a_charge_closes_the_link_first(clinic, valkey):
    """Given an open checkout page, when a card is charged by phone, then the link takes nothing
    more.
    """
    links = f"/api/invoices/{clinic.invoice.id}/payment-links"
    clinic.client.simulate_post(links, json={}, headers=clinic.headers)
    given.worked(valkey.client(), "messages")
    page = clinic.stripe.visit(PaymentLink.get().url)
    answer = clinic.phone()
    assert answer.status_code == 202
    for _ in range(3):
        given.worked(valkey.client(), "messages")
    given.make_due()
    given.relayed(valkey.client())
    given.worked(valkey.client())
    assert clinic.stripe.pay(page) == 410
    assert (clinic.now.status, clinic.stripe.received(clinic.invoice.id)) == ("paid", 12_500)
    assert PaymentLink.get().state == "retired"


def test_second_payment_by_one_link_is_a_refundable_overpayment(clinic, valkey):
    clinic.stripe.control("settings", link_limit="race")
    clinic.client.simulate_post(
        f"/api/invoices/{clinic.invoice.id}/payment-links", json={}, headers=clinic.headers
    )
    given.worked(valkey.client(), "messages")
    url = PaymentLink.get().url
    tabs = [clinic.stripe.visit(url), clinic.stripe.visit(url)]
    assert [clinic.stripe.pay(tab) for tab in tabs] == [200, 200]
    for event in clinic.stripe.events():
        given.received(event)
    given.worked(valkey.client())
    assert (clinic.now.status, clinic.now.overpaid) == ("paid", 12_500)
    payment = Payment.select().order_by(Payment.id.desc()).get()
    refund = clinic.client.simulate_post(
        f"/api/payments/{payment.id}/refunds",
        json={},
        headers=clinic.headers | {"Idempotency-Key": "k1"},
    )
    assert refund.status_code == 202, refund.text
    given.worked(valkey.client())
    assert (clinic.now.overpaid, clinic.now.status) == (0, "paid")


LOST = [
    "timeout_after",
    "refuse_after",
    "error_500_after",
    "error_500_stored",
    "error_500",
    "refuse",
    "conflict_409",
    "rate_limit_429",
]


@pytest.mark.one_database
@pytest.mark.parametrize("kind", LOST)
def test_lost_response_to_a_charge_never_charges_twice(clinic, valkey, kind):
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.stripe.fault(kind, "POST", f"/v1/payment_intents/{intent_id}/confirm", seconds=0.2)
    answer = clinic.confirm(intent_id, paymentMethodId="pm_card_visa")
    assert answer.status_code in {200, 202}, answer.text
    assert answer.status_code == 200 or not answer.json["success"]
    given.retried(valkey.client())
    assert (clinic.now.status, clinic.stripe.received(clinic.invoice.id)) == ("paid", 12_500)


@pytest.mark.parametrize("kind", ["refuse_after", "error_500_after", "error_500_stored"])
def test_lost_response_to_an_intent_request_leaves_one_intent(clinic, valkey, kind):
    clinic.stripe.fault(kind, "POST", "/v1/payment_intents")
    first = clinic.intent(key="k1")
    assert first.status_code in {201, 503}
    given.retried(valkey.client())
    again = clinic.intent(key="k1")
    assert again.status_code == 201, again.text
    assert [intent.id for intent in clinic.stripe.sdk.payment_intents.list().data] == [
        again.json["paymentIntentId"]
    ]


def test_cash_is_recorded_once(clinic):
    body = {
        "invoiceId": clinic.invoice.id,
        "amount": 12_500,
        "currency": "usd",
        "method": "cash",
        "reference": "till 7",
    }
    first, second = clinic.post("upsert", **body), clinic.post("upsert", **body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["payment"]["id"] == second.json["payment"]["id"]
    assert (first.json["invoice"]["status"], clinic.now.amount_paid) == ("paid", 12_500)
    other = clinic.post("upsert", **(body | {"amount": 100}))
    assert (other.status_code, other.json["code"]) == (409, "payment_conflict")


def test_reported_stripe_payment_is_verified_at_stripe_before_it_counts(clinic):
    intent_id = clinic.intent().json["paymentIntentId"]
    body = {
        "invoiceId": clinic.invoice.id,
        "amount": 12_500,
        "currency": "usd",
        "method": "stripe",
        "reference": intent_id,
    }
    assert clinic.post("upsert", **body).json["invoice"]["status"] == "sent"
    clinic.stripe.sdk.payment_intents.confirm(
        intent_id, {"payment_method": "pm_card_visa", "return_url": "https://example.org"}
    )
    assert clinic.post("upsert", **body).json["invoice"]["status"] == "paid"


def test_another_accounts_intent_is_not_found(clinic):
    other = Clinic(clinic.client, clinic.stripe)
    theirs = other.intent().json["paymentIntentId"]
    assert clinic.confirm(theirs).status_code == 404
    assert clinic.confirm(theirs, paymentMethodId="pm_card_visa").status_code == 404
    assert (
        clinic.post(
            "confirm-payment", paymentIntentId=theirs, invoiceId=other.invoice.id
        ).status_code
        == 404
    )


def test_a_changed_balance_retires_the_open_intent(clinic, valkey):
    """Given an open intent for 125 dollars, when 50 are paid by check, then that intent is
    cancelled.
    """
    intent_id = clinic.intent().json["paymentIntentId"]
    clinic.post(
        "upsert",
        invoiceId=clinic.invoice.id,
        amount=5_000,
        currency="usd",
        method="check",
        reference="no. 12",
    )
    given.worked(valkey.client())
    assert clinic.stripe.sdk.payment_intents.retrieve(intent_id).status == "canceled"
    assert clinic.intent().json["amount"] == 7_500


def test_a_saved_card_works_after_a_decline_on_an_intent_without_customer(clinic):
    """Given an intent opened before the customer had a saved card, when their saved card is
    charged, then it succeeds on that intent.
    """
    assert clinic.phone("pm_card_chargeDeclined").status_code == 402
    customer = clinic.stripe.sdk.customers.create(
        {"name": "Ada", "metadata": {"account_id": clinic.account.id}}
    )
    clinic.stripe.sdk.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    clinic.client.simulate_patch(
        f"/api/customers/{clinic.invoice.customer_id}",
        json={"stripeCustomerId": customer.id},
        headers=clinic.headers,
    )
    answer = clinic.post("phone", invoiceId=clinic.invoice.id, useSavedCard=True)
    assert answer.status_code == 200, answer.text


def test_charge_refused_by_stripe_is_not_reported_as_a_decline(clinic):
    """Given a declined card, when the next payment method does not exist, then the answer says so
    and does not repeat the decline.
    """
    assert clinic.phone("pm_card_chargeDeclined").status_code == 402
    answer = clinic.phone("pm_nosuchcard")
    assert (answer.status_code, answer.json["code"]) == (422, "payment_refused")
    assert clinic.phone().json["success"]


@pytest.mark.parametrize("fault", ["refuse", "error_500"])
def test_client_secret_of_a_retiring_intent_is_not_returned_again(clinic, fault):
    """Given an intent for a part, then one for the whole, when Stripe has not confirmed that the
    first is closed, then no second intent is made, and repeating the first request does not return
    its secret.
    """
    part = clinic.post(
        "create-payment-intent", key="k-1", invoiceId=clinic.invoice.id, amount=5_000
    )
    assert part.json["clientSecret"]
    order = {"provider": "stripe", "method": "POST", "path": "*/cancel", "times": 50}
    clinic.stripe.sandbox.inject_fault(kind=fault, **order)
    whole = clinic.intent()
    assert (whole.status_code, whole.json["code"]) == (503, "provider_unavailable"), whole.text
    again = clinic.post(
        "create-payment-intent", key="k-1", invoiceId=clinic.invoice.id, amount=5_000
    )
    assert (again.status_code, again.json["code"]) == (409, "invoice_not_payable"), again.text
    assert "clientSecret" not in again.json
