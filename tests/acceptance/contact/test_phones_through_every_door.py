"""Every endpoint that takes a phone number parses it in the same way and refuses the same
numbers.
"""

import pytest

from models.contact.consent import Consent
from models.contact.opt_out import OptOut
from models.invoices.customer import Customer
from tests import given

pytestmark = pytest.mark.one_database

REFUSED = [
    "+16502530000 x136",
    "650-253-0000 ext.",
    "253-0000",
    "1-800-FLOWERS",
    "+49 30 1234567 ext.",
    "000-000-0000",
    "253-0142 mom",
    "911",
    "+19005550123",
    "++16502530000",
    "+1 555 555 5555",
    "",
]
CONSENT = {
    "channels": ["sms"],
    "source": "intake form",
    "text": "You may text me.",
    "textVersion": "1",
    "givenAt": "2026-01-31T09:30:00Z",
}


@pytest.fixture
def doors(client):
    """Return a function that sends a phone number through one of the endpoints that take one."""
    account = given.an_account()
    invoice, key, operator = given.an_invoice(account), given.a_key(account), given.a_key(None)
    customer = f"/api/customers/{invoice.customer_id}"
    links = f"/api/invoices/{invoice.id}/payment-links"
    intent = {"invoiceId": invoice.id}

    def send(door: str, phone: str):
        method, path, body, headers = {
            "new customer": ("POST", "/api/customers", {"name": "Ada", "phone": phone}, key),
            "customer": ("PATCH", customer, {"phone": phone}, key),
            "consent": ("POST", f"{customer}/consents", CONSENT | {"phone": phone}, key),
            "opt-out": ("POST", f"{customer}/opt-outs", {"source": "desk", "phone": phone}, key),
            "sender": (
                "PUT",
                f"/api/accounts/{account.id}/sender",
                {"fromNumber": phone},
                operator,
            ),
            "link": ("POST", links, {"channel": "sms", "phoneNumber": phone}, key),
            "payer": (
                "POST",
                "/api/payments/create-payment-intent",
                intent | {"billingDetails": {"phone": phone}},
                key,
            ),
        }[door]
        return client.simulate_request(method, path, json=body, headers=headers)

    return send


DOORS = {
    "new customer": "phone",
    "customer": "phone",
    "consent": "phone",
    "opt-out": "phone",
    "sender": "fromNumber",
    "link": "phoneNumber",
    "payer": "billingDetails.phone",
}


@pytest.mark.parametrize("phone", REFUSED)
@pytest.mark.parametrize("door", DOORS)
def test_an_invalid_or_ambiguous_number_is_refused_at_every_endpoint(doors, door, phone):
    before = Customer.select().count()
    answer = doors(door, phone)
    assert answer.status_code == 422, answer.text
    [error] = answer.json["errors"]
    assert error["field"] == DOORS[door]
    assert "is accepted" in error["message"]
    assert error["message"] in answer.json["detail"]
    assert (Consent.select().count(), OptOut.select().count()) == (0, 0)
    assert Customer.select().count() == before


@pytest.mark.parametrize("phone", ["(650) 253-0000", "+1 650-253-0000", "tel:+16502530000"])
@pytest.mark.parametrize("door", ["new customer", "customer", "consent", "opt-out"])
def test_a_phone_number_is_returned_as_parsed(doors, door, phone):
    answer = doors(door, phone)
    assert (answer.status_code in {200, 201}, answer.json["phone"]) == (True, "+16502530000")


def test_a_senders_number_is_returned_as_parsed(doors):
    assert doors("sender", "(650) 253-0000").json["fromNumber"] == "+16502530000"


def test_no_consent_is_recorded_for_a_stored_number_refused_today(client):
    """Given a customer whose stored number would be refused today, because letters had become
    digits, then no consent is recorded for it, but an opt-out is.
    """
    account = given.an_account()
    customer = given.a_customer(account, phone="+1800356937")
    path, key = f"/api/customers/{customer.id}", given.a_key(account)
    answer = client.simulate_post(f"{path}/consents", json=CONSENT, headers=key)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "phone")
    assert Consent.select().count() == 0
    stop = client.simulate_post(f"{path}/opt-outs", json={"source": "desk"}, headers=key)
    assert (stop.status_code, OptOut.get().phone) == (201, "+1800356937")
