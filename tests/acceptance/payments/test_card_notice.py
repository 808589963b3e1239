"""New York's notice (N.Y. Gen. Bus. Law 519-a), before a card is taken: on the pay page and the
card form, for whoever may live there.
"""

import re

import pytest

from models.base import transaction
from models.invoices.customer import Customer
from models.payments.payment_link import PayAddress
from runtime.clock import business_now
from tests import given


@pytest.fixture
def address(client, monkeypatch):
    """The pay page of an invoice of somebody in New York City."""
    account = given.an_account(name="Harbor Dental")
    customer = given.a_customer(account, phone="+12125550123")
    with transaction():
        return PayAddress.of(given.an_invoice(account, customer=customer), business_now())


def test_who_may_live_in_new_york_reads_the_notice_before_the_pay_page(client, address):
    path = f"/p/{address.token}"
    first = client.simulate_get(path)
    assert (first.status_code, "no longer medical debt" in first.text) == (200, True)
    assert re.search(r'href="\?read=1"', first.text)
    assert "no longer medical debt" not in client.simulate_get(f"{path}?read=1").text
    assert address.invoice.number not in first.text, "the page says nothing personal"


def test_nobody_else_is_held_up(client, address):
    Customer.update(phone="+13125550123").execute()
    assert "medical debt" not in client.simulate_get(f"/p/{address.token}").text
