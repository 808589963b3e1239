"""The secure card form (F20, F21): who can open it, what it charges, what it says, and that its
address grants a right that expires.
"""

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import falcon.testing
import httpx
import pytest
import stripe
from peewee import OperationalError

from actions.payments import charge
from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.delivery.idempotency_key import IdempotencyKey
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import execute
from providers.stripe.stripe_js import RELEASE
from runtime.clock import real_now
from runtime.secret_box import seal
from tests import given
from tests.clinic import Clinic
from tests.running.processes import reset_process
from tests.running.website import serve
from tests.stories.operators import an_operator, signed_in
from tests.tables import TABLES
from web.payments.card_tokens import LIFE, CardForm


@pytest.fixture
def clinic(client, stripe_stand_in, monkeypatch):
    monkeypatch.setenv("PAYPHONE_SETTLING", "0.001")
    reset_process()
    account = given.an_account(name="Sunrise Dental")
    return Forms(client, stripe_stand_in, account=account, number="INV-7", project="")


class Forms(Clinic):
    """A clinic that opens card forms for its invoice."""

    def open(self, key=None, headers=None, invoice=None, **body):
        sent = (headers or self.headers) | ({"Idempotency-Key": key} if key else {})
        return self.client.simulate_post(
            f"/api/invoices/{(invoice or self.invoice).id}/card-forms", json=body, headers=sent
        )

    def path(self):
        return urlsplit(self.open().json["url"]).path

    def charge(self, path, card="pm_card_visa", amount=12_500, **more):
        return self.client.simulate_post(
            path, json={"paymentMethodId": card, "amount": amount} | more
        )

    def typed(self, number="4242424242424242"):
        """Create a payment method as Stripe's frame does, with a new id each time."""
        card = {
            "card[number]": number,
            "card[cvc]": "123",
            "card[exp_month]": "12",
            "card[exp_year]": "2099",
            "type": "card",
        }
        headers = {"Authorization": "Bearer pk_test_payphone", "Origin": self.stripe.url}
        return self.stripe.payer.post(
            f"{self.stripe.url}/v1/payment_methods", data=card, headers=headers
        ).json()["id"]


def config_of(page: falcon.testing.Result) -> dict:
    return json.loads(html.unescape(re.search(r'data-config="([^"]*)"', page.text)[1]))


def test_card_form_shows_the_clinic_and_the_amount_owed(clinic):
    answer = clinic.open()
    assert answer.status_code == 201, answer.text
    assert answer.json["expiresAt"] > (real_now() + timedelta(minutes=29)).isoformat()
    page = clinic.client.simulate_get(urlsplit(answer.json["url"]).path)
    assert page.status_code == 200
    for sight in ("Sunrise Dental", "INV-7", "$125.00", "Jan 31, 2099"):
        assert sight in page.text
    config = config_of(page)
    assert (
        config["publishableKey"],
        config["outstanding"],
        config["currency"],
        config["stripeAccount"],
    ) == ("pk_test_payphone", 12_500, "usd", None)
    assert config["billing"]["name"] == "Ada Payer"
    assert "sk_test" not in page.text


def test_yen_amount_is_shown_without_decimals(clinic):
    invoice = given.an_invoice(clinic.account, amount=12_500, currency="jpy")
    page = clinic.client.simulate_get(urlsplit(clinic.open(invoice=invoice).json["url"]).path)
    assert "¥12,500" in page.text
    assert 'value="12500"' in page.text


def test_content_security_policy_allows_only_stripe(clinic, monkeypatch):
    path = clinic.path()
    page = clinic.client.simulate_get(path)
    policy, base = page.headers["content-security-policy"], clinic.stripe.url
    assert f"script-src 'self' {base};" in policy
    assert f"frame-src {base};" in policy
    assert f"connect-src 'self' {base};" in policy
    assert f'src="{base}/endive/stripe.js"' in page.text
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == (
        "no-referrer",
        "no-store",
    )
    monkeypatch.setenv("STRIPE_API_BASE", "")
    reset_process()
    page = clinic.client.simulate_get(path)
    policy = page.headers["content-security-policy"]
    assert 'src="https://js.stripe.com/endive/stripe.js"' in page.text
    assert "script-src 'self' https://js.stripe.com https://*.js.stripe.com;" in policy
    assert (
        "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com;"
        in policy
    )
    assert "connect-src 'self' https://api.stripe.com;" in policy
    assert policy.startswith("default-src 'none';")
    assert not re.search("unsafe|script-src[^;]*\\*[^.]", policy)


def test_stripe_js_release_matches_the_api_version(clinic):
    assert stripe.api_version.endswith(f".{RELEASE}")


def test_card_form_charges_the_open_attempt_as_a_telephone_order(clinic):
    """Given a charge on the form, then the intent of the invoice's attempt is confirmed as a
    telephone order for the agreed amount, and the receipt goes to the address on the form.
    """
    answer = clinic.charge(clinic.path(), clinic.typed(), receiptEmail="payer@example.org")
    assert answer.status_code == 200, answer.text
    charge = PaymentConfirmation.get()
    assert answer.json == {
        "charge": charge.id,
        "status": "succeeded",
        "amount": "$125.00",
        "outstanding": None,
    }
    assert (clinic.now.status, clinic.stripe.received(clinic.invoice.id), charge.by_phone) == (
        "paid",
        12_500,
        True,
    )
    intent = clinic.stripe.sdk.payment_intents.retrieve(PaymentAttempt.get().intent_id)
    assert intent.payment_method_options.to_dict()["card"]["moto"] is True
    assert intent.receipt_email == "payer@example.org"


def test_receipt_goes_to_the_address_given_with_the_second_try(clinic):
    path = clinic.path()
    clinic.charge(path, "pm_card_chargeDeclined", receiptEmail="typo@example.org")
    assert clinic.charge(path, receiptEmail="right@example.org").status_code == 200
    assert (
        clinic.stripe.sdk.payment_intents.retrieve(PaymentAttempt.get().intent_id).receipt_email
        == "right@example.org"
    )


def test_partial_payment_leaves_the_rest_outstanding(clinic):
    answer = clinic.charge(clinic.path(), amount=2_500)
    assert (answer.status_code, answer.json["outstanding"], clinic.now.outstanding) == (
        200,
        "$100.00",
        10_000,
    )


def test_charge_above_the_balance_is_refused(clinic):
    answer = clinic.charge(clinic.path(), amount=12_501)
    assert (answer.status_code, answer.json["code"]) == (422, "amount_exceeds_balance")
    told = f"$125.00 is owed on invoice {clinic.invoice.number}; $125.01 was requested."
    assert answer.json["detail"] == told


def test_payment_method_posted_repeatedly_is_charged_once(clinic):
    path, card = clinic.path(), clinic.typed()
    answers = [clinic.charge(path, card, amount=2_500) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.json["charge"] for answer in answers}) == 1
    assert (clinic.now.amount_paid, clinic.stripe.received(clinic.invoice.id)) == (2_500, 2_500)


def test_payment_method_posted_concurrently_is_charged_once(clinic):
    path, card = clinic.path(), clinic.typed()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: clinic.charge(path, card, amount=2_500), range(6)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert PaymentConfirmation.select().count() == 1
    assert clinic.stripe.received(clinic.invoice.id) == 2_500


def test_concurrent_forms_charge_one_card(clinic):
    paths = [(clinic.path(), clinic.typed()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: clinic.charge(*pair), paths))
    codes = sorted(answer.json.get("code", answer.json["status"]) for answer in answers)
    assert codes.count("succeeded") == 1
    assert set(codes) <= {"succeeded", "payment_in_progress", "invoice_already_paid", "conflict"}
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        ("4000000000009995", "insufficient_funds", "funds"),
        ("4000000000009979", "card_declined", "declined"),
    ],
)
def test_declined_card_gives_advice_and_another_can_be_tried(clinic, number, code, word):
    path = clinic.path()
    declined = clinic.charge(path, clinic.typed(number))
    assert (declined.status_code, declined.json["code"], declined.json["declineCode"]) == (
        402,
        "card_declined",
        code,
    )
    assert word in declined.json["advice"]
    assert clinic.charge(path, clinic.typed()).json["status"] == "succeeded"


def test_charge_during_a_stripe_outage_is_processing_and_then_succeeds(clinic, valkey):
    path, card = clinic.path(), clinic.typed()
    clinic.stripe.fault("bad_gateway", "POST", "/v1/payment_intents*", times=20)
    answer = clinic.charge(path, card)
    assert (answer.status_code, answer.json["status"]) == (202, "processing")
    status = f"{path}/charges/{answer.json['charge']}"
    assert clinic.client.simulate_get(status).json["status"] == "processing"
    clinic.stripe.forgive()
    given.retried(valkey.client())
    assert clinic.client.simulate_get(status).json["status"] == "succeeded"
    assert clinic.stripe.received(clinic.invoice.id) == 12_500


def test_charge_of_another_invoice_is_not_found(clinic):
    other = given.an_invoice(clinic.account)
    path = clinic.path()
    charge = clinic.charge(urlsplit(clinic.open(invoice=other).json["url"]).path).json["charge"]
    assert clinic.client.simulate_get(f"{path}/charges/{charge}").status_code == 404


def test_paid_invoice_has_no_form_and_takes_no_charge(clinic):
    path = clinic.path()
    clinic.charge(path, clinic.typed())
    page = clinic.client.simulate_get(path)
    assert (page.status_code, "paid already" in page.text, "<form" in page.text) == (
        409,
        True,
        False,
    )
    late = clinic.charge(path, clinic.typed())
    assert (late.status_code, late.json["code"]) == (409, "invoice_already_paid")
    assert clinic.open().json["code"] == "invoice_already_paid"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "values",
    [
        {"status": "draft", "mark": "draft"},
        {"status": "cancelled", "mark": "cancelled"},
        {"disputed": True},
    ],
)
def test_unpayable_invoice_has_no_form(clinic, values):
    invoice = given.an_invoice(clinic.account, **values)
    assert clinic.open(invoice=invoice).json["code"] == "invoice_not_payable"


def test_form_expires_after_half_an_hour(clinic):
    past = CardForm(clinic.invoice.id, "key:k", real_now() - timedelta(seconds=1))
    page = clinic.client.simulate_get(f"/card/{past.token}")
    assert (page.status_code, "has expired" in page.text) == (410, True)
    answer = clinic.charge(f"/card/{past.token}")
    assert (answer.status_code, answer.json["code"]) == (410, "card_form_expired")
    assert timedelta(minutes=30) == LIFE
    assert PaymentConfirmation.select().count() == 0


def test_charge_status_outlives_the_form_for_a_while(clinic):
    charge = clinic.charge(clinic.path(), clinic.typed()).json["charge"]
    for ago, status in ((1, 200), (16, 410)):
        past = CardForm(clinic.invoice.id, "key:k", real_now() - timedelta(minutes=ago))
        assert (
            clinic.client.simulate_get(f"/card/{past.token}/charges/{charge}").status_code == status
        )


def test_charge_posted_again_after_the_form_expired_gets_its_outcome(clinic):
    """Given a charge whose answer was lost, when the page posts it again and its form has expired
    meanwhile, then it gets the charge's outcome for a while; another card is refused.
    """
    card = clinic.typed()
    first = clinic.charge(clinic.path(), card, amount=5_000)
    for ago, status in ((1, 200), (16, 410)):
        past = CardForm(clinic.invoice.id, "key:k", real_now() - timedelta(minutes=ago))
        again = clinic.charge(f"/card/{past.token}", card, amount=5_000)
        assert (again.status_code, again.json.get("charge")) == (
            status,
            first.json["charge"] if status == 200 else None,
        )
        other = clinic.charge(f"/card/{past.token}", clinic.typed(), amount=5_000)
        assert (other.status_code, other.json["code"]) == (410, "card_form_expired")
    assert clinic.stripe.received(clinic.invoice.id) == 5_000


def test_forged_form_address_is_rejected(clinic):
    token = clinic.path().removeprefix("/card/")
    sealed_for_something_else = seal(
        json.dumps(["another purpose", clinic.invoice.id, "key:k", (real_now() + LIFE).isoformat()])
    )
    changed = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    for forged in (
        "x",
        token[:-6] + "AAAAA=",
        changed,
        sealed_for_something_else,
        seal("whsec_of_somebody"),
        "é",
    ):
        assert clinic.charge(f"/card/{forged}").json["code"] == "card_form_expired"
        assert clinic.client.simulate_get(f"/card/{forged}").status_code == 410


def test_form_sealed_with_a_retired_key_no_longer_opens(clinic, monkeypatch):
    path = clinic.path()
    monkeypatch.setenv("PAYPHONE_SECRET_KEY", "another")
    reset_process()
    assert clinic.client.simulate_get(path).status_code == 410


def test_another_accounts_invoice_is_not_found(clinic):
    stranger = given.a_key(given.an_account(name="Other"))
    assert clinic.open(headers=stranger).status_code == 404
    assert (
        clinic.client.simulate_post(
            f"/api/invoices/{clinic.invoice.id}/card-forms", json={}
        ).status_code
        == 401
    )


def test_repeated_request_is_replayed_and_no_form_address_is_stored(clinic):
    first, again = clinic.open(key="once"), clinic.open(key="once")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json["expiresAt"] == first.json["expiresAt"]
    assert AuditEntry.select().where(AuditEntry.action == "card_form.opened").count() == 1
    assert IdempotencyKey.select().count() == 1
    tokens = [urlsplit(answer.json["url"]).path.removeprefix("/card/") for answer in (first, again)]
    for table in TABLES:
        rows = str(execute(f"SELECT * FROM {table._meta.table_name}").fetchall())
        assert not any(token in rows for token in tokens)
    assert clinic.charge(f"/card/{tokens[1]}").status_code == 200


def test_links_only_account_opens_no_form_and_charges_nothing(clinic):
    """F53: given an account that wants links only, then no form is opened, and one that is open
    already charges nothing.
    """
    path = clinic.path()
    AccountSettings.change(clinic.account, {"staff_entry": "link_only"}, real_now())
    answer = clinic.open()
    assert (answer.status_code, answer.json["code"]) == (409, "staff_form_off")
    assert "payment link" in answer.json["detail"]
    assert "payment link only" in clinic.client.simulate_get(path).text
    assert clinic.charge(path).json["code"] == "staff_form_off"
    assert PaymentConfirmation.select().count() == 0


@pytest.mark.parametrize("name", ["STRIPE_PUBLISHABLE_KEY", "PAYPHONE_SECRET_KEY"])
def test_opening_a_form_without_a_key_names_the_missing_setting(clinic, monkeypatch, name):
    monkeypatch.setenv(name, "")
    reset_process()
    answer = clinic.open()
    assert (answer.status_code, answer.json["code"]) == (503, "not_configured")
    assert name in answer.json["detail"]


def test_open_page_names_the_missing_publishable_key(clinic, monkeypatch):
    path = clinic.path()
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "")
    reset_process()
    page = clinic.client.simulate_get(path)
    assert (page.status_code, "STRIPE_PUBLISHABLE_KEY" in page.text) == (503, True)


def test_operator_opens_the_form_from_the_console_and_is_audited(clinic):
    address = f"/invoices/{clinic.invoice.id}/card"
    stranger = clinic.client.simulate_get(address)
    assert (stranger.status_code, stranger.headers["location"]) == (
        302,
        f"/login?next={address.replace('/', '%2F')}",
    )
    an_operator("ada")
    opened = clinic.client.simulate_get(address, headers=signed_in(clinic.client))
    assert (opened.status_code, opened.headers["location"][:6]) == (303, "/card/")
    assert clinic.charge(opened.headers["location"], clinic.typed()).status_code == 200
    names = {
        entry.action: entry.actor
        for entry in AuditEntry.select()
        if entry.account_id == clinic.account.id
    }
    assert names["card_form.opened"] == "operator:ada"
    assert names["payment.requested"] == names["payment.planned"] == "card_form:operator:ada"


def test_operator_sees_why_there_is_no_form(clinic):
    an_operator("ada")
    browser = signed_in(clinic.client)
    page = clinic.client.simulate_get("/invoices/inv_none/card", headers=browser)
    assert (page.status_code, "There is no invoice inv_none" in page.text) == (404, True)
    paid = given.an_invoice(clinic.account, status="paid")
    page = clinic.client.simulate_get(f"/invoices/{paid.id}/card", headers=browser)
    assert (page.status_code, "paid already" in page.text) == (409, True)


def test_card_form_of_a_connected_clinic_charges_on_its_own_account(clinic):
    account = given.an_account(
        name="Own", stripe_account=clinic.stripe.sdk.accounts.create({"type": "standard"}).id
    )
    invoice = given.an_invoice(account)
    path = urlsplit(clinic.open(headers=given.a_key(account), invoice=invoice).json["url"]).path
    assert config_of(clinic.client.simulate_get(path))["stripeAccount"] == account.stripe_account
    assert clinic.charge(path).json["status"] == "succeeded"
    assert (
        PaymentAttempt.get(PaymentAttempt.invoice == invoice).stripe_account
        == account.stripe_account
    )


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body",
    [
        {"paymentMethodId": "4242424242424242"},
        {"receiptEmail": "4242 4242 4242 4242"},
        {"amount": 4242424242424242},
        {"notes": "4242-4242-4242-4242"},
    ],
)
def test_posted_card_number_is_refused(clinic, body):
    fields = {"card" if name == "paymentMethodId" else name: value for name, value in body.items()}
    answer = clinic.charge(clinic.path(), **({"card": "pm_card_visa"} | fields))
    assert (answer.status_code, answer.json["code"]) == (422, "card_number_refused")


def test_html_in_clinic_name_and_invoice_number_is_escaped(clinic):
    clinic.account.name = "<script>alert(1)</script>"
    clinic.account.save()
    invoice = given.an_invoice(clinic.account, number="\"><img src=x onerror='x'>")
    page = clinic.client.simulate_get(urlsplit(clinic.open(invoice=invoice).json["url"]).path)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text


def test_form_and_pay_page_tokens_are_not_logged(clinic, processes, capfd):
    """Given a server logging at DEBUG, then neither the form's token nor that of a pay page is in
    its log.
    """
    path = clinic.path()
    url = serve(processes, LOG_LEVEL="DEBUG", LOG_FORMAT="json")
    charge = {"paymentMethodId": "pm_card_chargeDeclined", "amount": 12_500}
    assert httpx.post(url + path, json=charge, timeout=120).status_code == 402
    for address in (path, f"{path}/charges/none", "/p/abcdefghijklmnop", f"{path}/typo"):
        httpx.get(url + address, timeout=60)
    logged = capfd.readouterr().err
    assert '"/card/{token}"' in logged
    assert '"/p/{token}"' in logged
    assert path.removeprefix("/card/")[:20] not in logged
    assert "abcdefghijklmnop" not in logged


def test_card_form_is_rate_limited_like_the_payment_endpoints(clinic, monkeypatch):
    path = clinic.path()
    monkeypatch.setenv("RATE_PER_ADDRESS", "2/minute")
    reset_process()
    address = {"X-Forwarded-For": "203.0.113.9"}
    answers = [clinic.client.simulate_post(path, json={}, headers=address) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert answers[2].json["code"] == "rate_limited"
    waiting = clinic.client.simulate_get(path, headers=address)
    assert (waiting.status_code, "Please wait" in waiting.text) == (429, True)


def test_charge_is_reported_accepted_if_the_database_fails_after_the_commit(clinic, monkeypatch):
    """Given a database that fails just after the commit, then the answer says that the charge was
    accepted, and points the page to its outcome.
    """

    def away(_job_id):
        raise OperationalError("the database went away")

    path = clinic.path()
    monkeypatch.setattr(charge, "perform_now", away)
    answer = clinic.charge(path)
    assert (answer.status_code, answer.json["accepted"]) == (202, True)
    assert answer.headers["location"] == answer.json["location"]
    told = clinic.client.simulate_get(answer.json["location"])
    assert (told.status_code, told.json["status"]) == (202, "processing")
