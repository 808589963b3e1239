"""The address that customers get, `/p/{token}`: it expires, and is valid again once it is issued
again (B12).
"""

from datetime import timedelta

import pytest

from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment_link import ADDRESS_LIFE, PayAddress, PaymentLink
from runtime.clock import business_now
from tests import given


def an_address(now):
    invoice = given.an_invoice()
    link = PaymentLink.plan(invoice, now)
    PaymentLink.update(state="active", url="https://pay.example.com/x").where(
        PaymentLink.id == link.id
    ).execute()
    return invoice, PayAddress.of(invoice, now).token


def test_expired_pay_address_reveals_nothing_about_the_invoice(client):
    """Given an old address, when it is opened on its last day, then it leads to Stripe; after that,
    it looks like an unknown address and says nothing about the invoice.
    """
    _, still_good = an_address(business_now() - ADDRESS_LIFE + timedelta(hours=1))
    over, ended = an_address(business_now() - ADDRESS_LIFE - timedelta(seconds=1))
    assert client.simulate_get(f"/p/{still_good}").status_code == 303
    page, unknown = client.simulate_get(f"/p/{ended}"), client.simulate_get("/p/nosuchtoken")
    assert page.status_code == 404
    assert "no longer valid" in page.text
    assert page.text == unknown.text, "whether an address ever was is nobody's business"
    assert over.number not in page.text
    assert "location" not in page.headers


def test_reissued_pay_address_is_valid_again(client):
    invoice, token = an_address(business_now() - ADDRESS_LIFE - timedelta(days=1))
    assert client.simulate_get(f"/p/{token}").status_code == 404
    assert PayAddress.of(invoice, business_now()).token == token
    assert client.simulate_get(f"/p/{token}").status_code == 303


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"status": "paid"}, 200, "Esto ya ha sido pagado."),
        ({"status": "cancelled"}, 410, "Por ahora no hay nada que pagar"),
        ({"disputed": True}, 410, "Por ahora no hay nada que pagar"),
    ],
)
def test_pay_page_is_in_spanish_for_customers_texted_in_spanish(client, changes, status, told):
    """Given a customer who is texted in Spanish, then the page is in Spanish, and marked as such
    for screen readers.
    """
    invoice, token = an_address(business_now())
    Customer.update(language="es-MX").execute()
    Invoice.update(**changes).execute()
    page = client.simulate_get(f"/p/{token}")
    assert (page.status_code, told in page.text) == (status, True)
    assert '<main class="card" lang="es">' in page.text
    Customer.update(language="de").execute()
    assert told not in client.simulate_get(f"/p/{token}").text
    assert invoice.number not in page.text
