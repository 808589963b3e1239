"""New York's notice (N.Y. Gen. Bus. Law 519-a) before a card is taken on the pay page, for
customers who may live there.
"""

import re

import httpx
import pytest

from models.invoices.customer import Customer
from models.payments.payment_link import PayAddress, PaymentLink
from models.transactions import transaction
from runtime.clock import business_now, real_now
from simulation.api import Payer
from tests import given
from web.app import create_app


@pytest.fixture
def address(client, monkeypatch):
    """The pay page of an invoice of a customer in New York City."""
    account = given.an_account(name="Harbor Dental")
    customer = given.a_customer(account, phone="+12125550123")
    with transaction():
        return PayAddress.of(given.an_invoice(account, customer=customer), business_now())


def test_new_york_customer_sees_the_notice_before_the_pay_page(client, address):
    path = f"/p/{address.token}"
    first = client.simulate_get(path)
    assert (first.status_code, "no longer medical debt" in first.text) == (200, True)
    assert re.search(r'href="\?read=1"', first.text)
    assert "no longer medical debt" not in client.simulate_get(f"{path}?read=1").text
    assert address.invoice.number not in first.text, "the page says nothing personal"


def test_customer_from_elsewhere_sees_no_notice(client, address):
    Customer.update(phone="+13125550123").execute()
    assert "medical debt" not in client.simulate_get(f"/p/{address.token}").text


@pytest.mark.one_database
@pytest.mark.parametrize(("phone", "reads"), [("+12125550123", True), ("+13125550123", False)])
def test_demo_payer_reaches_stripe_and_reads_the_notice_only_in_new_york(address, phone, reads):
    """Given a payment link, then the demo's payer reaches Stripe, wherever the customer lives."""
    Customer.update(phone=phone).execute()
    link = PaymentLink.plan(address.invoice, real_now())
    link.record_created("plink_1", "https://stripe.example/1", real_now())
    stripe = httpx.MockTransport(lambda _: httpx.Response(200, json={"url": "where to pay"}))
    payer = Payer()
    payer._client = httpx.Client(
        transport=httpx.WSGITransport(app=create_app()),
        mounts={"https://stripe.example": stripe},
        follow_redirects=True,
    )
    assert payer.visit(f"https://payphone.example/p/{address.token}") == {"url": "where to pay"}
    assert payer.has_read is reads
