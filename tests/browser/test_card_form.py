"""Staff take a card payment in a real browser: the card number goes into Stripe's frame and nowhere
else (F20, F21).
"""

from urllib.parse import urlsplit

import httpx
import pytest

from models.accounts.account_settings import AccountSettings
from models.invoices.customer import Customer
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PayAddress
from models.transactions import transaction
from runtime.clock import business_now, real_now
from tests import given
from tests.browser.chromium import PATIENT
from tests.browser.test_operators_pages import sign_in
from tests.running.website import serve

BY_ITS_FORMER_NAME = """() => {
  try { window.Stripe("pk_test_1").elements({ paymentMethodTypes: ["card"] }); return ""; }
  catch (error) { return error.message; }
}"""

pytestmark = pytest.mark.any_database

GOOD, DECLINED = "4242424242424242", "4000000000009995"


@pytest.fixture
def website(database_url, valkey, stand_in, processes):
    """The application under gunicorn, with Stripe's stand-in."""
    return serve(processes, OPERATOR_PASSWORD="opens the console")


@pytest.fixture
def invoice(website):
    account = given.an_account(name="Sunrise Dental Group of Lower Wacker Drive")
    address = {
        "line1": "1 Main St",
        "city": "Chicago",
        "state": "IL",
        "postalCode": "60601",
        "country": "US",
    }
    customer = given.a_customer(account, email="ada@example.org", address=address)
    return given.an_invoice(account, amount=125_050, number="INV-2026-0007", customer=customer)


@pytest.fixture
def opened(website, invoice, watched, stand_in):
    """Opens the invoice's card form at a width; keeps the requests to our own origin in `sent`, and
    all others in `elsewhere`.
    """

    def open_form(width=1280, **options):
        answer = httpx.post(
            f"{website}/api/invoices/{invoice.id}/card-forms",
            json={},
            headers=given.a_key(invoice.account),
            timeout=120,
        )
        it = watched(width, **options)
        it.sent, it.elsewhere = [], []
        it.page.on(
            "request",
            lambda request: (it.sent if request.url.startswith(website) else it.elsewhere).append(
                request
            ),
        )
        it.open(urlsplit(answer.json()["url"]).path)
        it.page.get_by_role("button", name="Charge $1,250.50").wait_for()
        it.page.wait_for_function("!document.getElementById('submit').disabled")
        return it

    return open_form


def fields(it):
    return it.page.frame_locator("iframe[title='Secure payment input frame']")


def type_card(it, number=GOOD):
    frame = fields(it)
    for label, value in (
        ("Card number", number),
        ("Expiration date", "1230"),
        ("Security code", "123"),
    ):
        frame.get_by_label(label).fill("")
        frame.get_by_label(label).press_sequentially(value)


def wrote(request):
    return f"{request.url} {request.all_headers()} {request.post_data}"


def never_saw(it, *numbers):
    """Assert that the card numbers went to Stripe's stand-in and, in whatever grouping, never to
    our own origin.
    """
    ours, theirs = (
        "".join(map(wrote, requests)).replace(" ", "").replace("+", "")
        for requests in (it.sent, it.elsewhere)
    )
    assert all(number in theirs and number not in ours for number in numbers)
    assert not any(number[-8:] in ours for number in numbers)


def fits(it):
    return it.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_card_is_taken_and_the_invoice_is_paid(opened, invoice, stand_in, width):
    """Field report 28: Stripe.js refuses an option's former name, so the page uses its new name."""
    it = opened(width)
    page = it.page
    assert "use allowedPaymentMethodTypes" in page.evaluate(BY_ITS_FORMER_NAME)
    assert page.get_by_role("heading", name="$1,250.50").is_visible()
    assert page.get_by_text("Sunrise Dental Group").is_visible()
    assert page.get_by_label("Amount to charge").input_value() == "1250.50"
    assert page.get_by_label("E-mail for the receipt").input_value() == "ada@example.org"
    assert fields(it).get_by_label("ZIP or postal code").input_value() == "60601"
    it.picture("card-form")
    assert fits(it)
    type_card(it)
    it.picture("card-form-filled")
    page.get_by_role("button", name="Charge $1,250.50").click()
    page.get_by_role("heading", name="$1,250.50 was paid.").wait_for()
    it.picture("card-form-paid")
    assert page.evaluate("document.activeElement.id") == "status"
    assert page.locator("form").count() == 0
    assert fits(it)
    assert given.fresh(invoice).status == "paid"
    assert stand_in.received(invoice.id) == 125_050
    method = stand_in.sdk.payment_methods.retrieve(PaymentConfirmation.get().payment_method_id)
    details = method.billing_details
    assert (details.name, details.email, details.address.line1, details.address.postal_code) == (
        "Ada Payer",
        "ada@example.org",
        "1 Main St",
        "60601",
    )
    never_saw(it, GOOD)
    assert it.complaints == []


def test_a_declined_card_is_explained_and_another_one_pays_a_part(opened, invoice):
    it = opened(390, color_scheme="dark")
    page = it.page
    page.get_by_label("Amount to charge").fill("$250.5")
    type_card(it, DECLINED)
    page.get_by_role("button", name="Charge $250.50").click()
    page.get_by_role("alert").get_by_text("does not have enough funds").wait_for()
    it.picture("card-form-declined-dark")
    assert fits(it)
    assert page.evaluate("document.activeElement.id") == "problem"
    type_card(it)
    page.get_by_role("button", name="Charge $250.50").click()
    page.get_by_role("heading", name="$250.50 was paid.").wait_for()
    assert page.get_by_text("$1,000.00 is still owed").is_visible()
    it.picture("card-form-part-dark")
    assert given.fresh(invoice).outstanding == 100_000
    never_saw(it, DECLINED, GOOD)
    assert [line for line in it.complaints if "402" not in line] == []


def test_a_payment_can_be_made_by_keyboard_alone(opened, invoice):
    it = opened()
    keys = it.page.keyboard
    it.page.get_by_label("Amount to charge").focus()
    keys.press("Tab")
    for value in (GOOD, "1230", "123"):
        keys.type(value)
        keys.press("Tab")
    for _ in range(4):  # past country, postal code, name and e-mail
        keys.press("Tab")
    assert it.page.evaluate("document.activeElement.id") == "submit"
    keys.press("Enter")
    it.page.get_by_role("heading", name="was paid.").wait_for()
    assert given.fresh(invoice).status == "paid"
    never_saw(it, GOOD)
    assert it.complaints == []


def test_mistakes_are_shown_beside_their_fields_and_nothing_is_sent(opened):
    it = opened(390)
    page = it.page
    page.get_by_label("Amount to charge").fill("4242 4242 4242 4242")
    page.get_by_label("E-mail for the receipt").fill("ada")
    page.get_by_role("button", name="Charge").click()
    assert page.get_by_text("Enter an amount up to $1,250.50, such as 1,250.50.").is_visible()
    assert page.get_by_text("This is not an e-mail address.").is_visible()
    assert page.get_by_label("Amount to charge").get_attribute("aria-invalid") == "true"
    page.get_by_label("Amount to charge").fill("1,250.20")
    little = page.get_by_text("$0.30 would be left, which is too little to be paid by card.")
    assert little.is_visible()
    page.get_by_label("Amount to charge").fill("1,250.50")
    assert page.get_by_text("The whole balance, unless").is_visible()
    page.get_by_label("E-mail for the receipt").fill("")
    page.get_by_role("button", name="Charge $1,250.50").click()
    page.get_by_role("alert").get_by_text("Your card number is incomplete.").wait_for()
    it.picture("card-form-mistakes")
    assert [request.method for request in it.sent if request.method == "POST"] == []
    assert it.complaints == []


def test_the_page_waits_while_stripe_fails(opened, invoice, stand_in, valkey):
    it = opened()
    stand_in.fault("bad_gateway", "POST", "/v1/payment_intents*", times=40)
    type_card(it)
    it.page.get_by_role("button", name="Charge $1,250.50").click()
    it.page.get_by_text("The payment is being processed…").wait_for()
    it.picture("card-form-waiting")
    stand_in.forgive()
    given.retried(valkey.client())
    it.page.get_by_role("heading", name="was paid.").wait_for()
    assert stand_in.received(invoice.id) == 125_050
    assert it.complaints == []


def test_a_lost_response_is_retried_and_the_card_charged_once(opened, invoice, stand_in):
    """Given a first answer that is lost after the charge, then the page retries and shows the
    outcome of the same charge.
    """
    it, lost = opened(), []

    def lose_the_first(route):
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch(timeout=PATIENT).status)
            route.abort("connectionreset")
        else:
            route.fallback()

    it.page.route("**/card/*", lose_the_first)
    type_card(it)
    it.page.get_by_role("button", name="Charge $1,250.50").click()
    it.page.get_by_role("heading", name="was paid.").wait_for()
    assert lost == [200]
    assert (stand_in.received(invoice.id), PaymentConfirmation.select().count()) == (125_050, 1)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (503, {"code": "unavailable", "detail": "Nobody knows."}),
        (503, {"code": "provider_unavailable", "detail": "Stripe did not answer; try again."}),
        (409, {"code": "conflict", "detail": "Nobody knows."}),
        (504, {"message": "Endpoint request timed out"}),
        (403, {"message": "Forbidden"}),
    ],
)
def test_an_unclear_response_is_retried_and_the_card_charged_once(
    opened, invoice, stand_in, status, said
):
    """Given a first answer, ours or a gateway's, that leaves open whether the card was charged,
    then the page sends the same payment method again, which is charged once.
    """
    it, unclear = opened(), []

    def answer_the_first(route):
        if route.request.method == "POST" and not unclear:
            unclear.append(route.fetch(timeout=PATIENT).status)
            route.fulfill(status=status, json=said)
        else:
            route.fallback()

    it.page.route("**/card/*", answer_the_first)
    type_card(it)
    it.page.get_by_role("button", name="Charge $1,250.50").click()
    it.page.get_by_role("heading", name="was paid.").wait_for()
    first, second = (each.post_data for each in it.sent if each.method == "POST")
    assert (unclear, first) == ([200], second)
    assert (stand_in.received(invoice.id), PaymentConfirmation.select().count()) == (125_050, 1)


def test_a_charge_that_was_accepted_is_followed_and_not_sent_again(opened, invoice, stand_in):
    """Given a first answer that says only that the charge was accepted, and where its outcome is,
    then the page shows the outcome, and sends nothing again.
    """
    it = opened()

    def answer_that_it_is_accepted(route):
        if route.request.method == "POST":
            route.fetch(timeout=PATIENT)
            charge = PaymentConfirmation.get().id
            at = f"{urlsplit(route.request.url).path}/charges/{charge}"
            route.fulfill(status=202, json={"accepted": True, "location": at})
        else:
            route.fallback()

    it.page.route("**/card/*", answer_that_it_is_accepted)
    type_card(it)
    it.page.get_by_role("button", name="Charge $1,250.50").click()
    it.page.get_by_role("heading", name="was paid.").wait_for()
    assert [each.method for each in it.sent].count("POST") == 1
    assert stand_in.received(invoice.id) == 125_050


def test_the_page_reports_that_stripes_script_could_not_load(website, invoice, watched):
    answer = httpx.post(
        f"{website}/api/invoices/{invoice.id}/card-forms",
        json={},
        headers=given.a_key(invoice.account),
        timeout=120,
    )
    it = watched(390)
    it.page.route("**/endive/stripe.js", lambda route: route.abort())
    it.open(urlsplit(answer.json()["url"]).path)
    it.page.get_by_role("alert").get_by_text("could not be loaded").wait_for()
    it.picture("card-form-no-stripe")
    assert it.page.get_by_role("button", name="Charge").is_disabled()


def test_an_operator_can_open_the_card_form_unless_settings_forbid_it(website, invoice, watched):
    it = watched()
    it.open(f"/invoices/{invoice.id}/card")
    page = sign_in(it)
    page.get_by_role("heading", name="$1,250.50").wait_for()
    assert "/card/" in page.url
    with transaction():
        AccountSettings.change(invoice.account, {"staff_entry": "link_only"}, real_now())
    page.reload()
    page.get_by_role("heading", name="Cards are taken by payment link only").wait_for()
    it.picture("card-form-refused")
    assert Customer.select().count() == 1
    assert [line for line in it.complaints if "409" not in line] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_possible_new_york_resident_sees_a_notice_before_paying(
    opened, website, watched, invoice, width
):
    """The notice is on the card form and on the page that leads to payment."""
    Customer.update(phone="+12125550123").where(Customer.id == invoice.customer_id).execute()
    with transaction():
        path = f"/p/{PayAddress.of(invoice, business_now()).token}"
    form = opened(width)
    assert form.page.get_by_role("heading", name="Before you pay by card").is_visible()
    form.picture(f"card-notice-form-{width}")
    page = watched(width)
    page.open(path)
    assert page.page.get_by_role("link", name="I have read this. Go on to payment").is_visible()
    page.picture(f"card-notice-{width}")
    for it in (form, page):
        wide = it.page.evaluate("document.documentElement.scrollWidth")
        assert (it.complaints, wide <= width) == ([], True)
