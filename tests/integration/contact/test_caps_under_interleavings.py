"""However decisions about one customer interleave on separate connections, no cap is exceeded, and
what commits before an attempt is reserved stops it.
"""

import threading

import pytest

from actions.contact.consents import record_opt_out
from actions.contact.gate_facts import load_gate_facts
from actions.contact.holds import place_hold
from actions.invoices.customers import change_customer
from jobs.send_payment_link import _decide
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.effects.effect import Effect
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment_link import PaymentLink
from models.transactions import release_connection, transaction
from rules.contact.facts import ContactRequest
from rules.contact.person_time_zones import zones_of
from rules.contact.places import places_of
from rules.contact.policy import BY_ID
from runtime.clock import business_now, real_now
from tests import given

AT_ONCE = 8
MOST = BY_ID["cap.day"].numbers["most"]


@pytest.fixture
def clinic(texting):
    return texting.consents()


def a_waiting_text(clinic, customer, phone):
    """Create a text about its own invoice, whose link exists: only the decision is left."""
    invoice = given.an_invoice(clinic.account, customer=customer)
    link = PaymentLink.plan(invoice, real_now())
    link.record_created(f"plink_{invoice.id}", "https://pay.example/1", real_now())
    return Message.request(invoice, "payment_link", phone, "en", "test", real_now())


def at_once(*calls):
    """Run the calls in threads that start together; return the exceptions they raised."""
    barrier, raised = threading.Barrier(len(calls)), []

    def run(call):
        try:
            barrier.wait(120)
            call()
        except Exception as error:
            raised.append(error)
        finally:
            release_connection()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    return raised


def decide(message):
    return lambda: _decide(message)


def reserved():
    return Effect.select().where(Effect.kind == "text").count()


@pytest.mark.parametrize("round_", range(3))
def test_concurrent_decisions_on_one_phone_respect_the_contact_cap(clinic, round_):
    """Given two records of one phone and many texts decided on at once, then the cap holds for both
    together.
    """
    twin = given.a_customer(clinic.account, phone=clinic.phone)
    owners = [clinic.customer, twin] * (AT_ONCE // 2)
    known, clinic.customer = clinic.customer, twin
    clinic.consents()
    clinic.customer = known
    texts = [a_waiting_text(clinic, owner, clinic.phone) for owner in owners]
    assert at_once(*map(decide, texts)) == []
    assert reserved() == MOST
    codes = [row.code for row in ContactDecision.select() if not row.allowed]
    assert codes == ["person_cap"] * (AT_ONCE - MOST)


def test_two_numbers_of_one_person_share_the_contact_cap(clinic):
    other = f"{clinic.phone[:-1]}{(int(clinic.phone[-1]) + 1) % 10}"
    clinic.consents(other)
    phones = [clinic.phone, other] * (AT_ONCE // 2)
    texts = [a_waiting_text(clinic, clinic.customer, phone) for phone in phones]
    assert at_once(*map(decide, texts)) == []
    assert reserved() == MOST


def test_the_gate_uses_a_contact_request_newer_than_its_customer_row(clinic):
    """Given a customer row that was read before the customer's request for another channel (45 CFR
    164.522(b)), then the gate uses the request.
    """
    read_before = Customer.get_by_id(clinic.customer.id)
    change_customer(clinic.customer, {"contact_request": {"channel": "voice"}}, False, "test")
    with transaction():
        invoice = Invoice.locked_with("account", clinic.invoice.id)
        known = load_gate_facts(
            invoice, read_before, clinic.phone, "sms", business_now(), real_now()
        )
    assert known.facts.person.request == ContactRequest("voice", "")


@pytest.mark.parametrize(
    ("change", "zone"),
    [
        ({"address": {"country": "JP"}}, "Asia/Tokyo"),
        ({"time_zone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"address": None}, ""),
    ],
    ids=["address", "time zone", "no address"],
)
def test_the_gate_uses_an_address_or_time_zone_newer_than_its_customer_row(clinic, change, zone):
    """Given a customer row that was read before a change of address or time zone (12 CFR
    1006.6(b)), then the gate uses the new one.
    """
    home = {"address": {"state": "HI", "postalCode": "96813", "country": "US"}}
    change_customer(clinic.customer, home, False, "test")
    read_before = Customer.get_by_id(clinic.customer.id)
    change_customer(clinic.customer, change, False, "test")
    with transaction():
        invoice = Invoice.locked_with("account", clinic.invoice.id)
        known = load_gate_facts(
            invoice, read_before, clinic.phone, "sms", business_now(), real_now()
        )
    person, now = known.facts.person, Customer.get_by_id(clinic.customer.id)
    assert person.zones == zones_of(clinic.phone, now.address, now.time_zone)
    assert person.places == places_of(clinic.phone, now.address)
    assert not zone or zone in person.zones


@pytest.mark.parametrize("against", ["hold", "opt-out"])
def test_no_text_is_reserved_after_a_hold_or_opt_out_commits(clinic, against):
    """Whatever the order, no text is reserved after the hold or the opt-out has committed."""
    texts = [a_waiting_text(clinic, clinic.customer, clinic.phone) for _ in range(AT_ONCE - 1)]
    committed = []

    def stop():
        with transaction():
            if against == "hold":
                place_hold(clinic.customer, "attorney", "", None, "test")
            else:
                record_opt_out(
                    clinic.customer, None, ["sms", "voice"], "test", words="", source="test"
                )
            committed.append(Effect.select().where(Effect.kind == "text").count())

    assert at_once(stop, *map(decide, texts)) == []
    assert reserved() == committed[0], "as many as there were when it committed"
    refused = {row.code for row in ContactDecision.select() if not row.allowed}
    assert refused & {"attorney_represented", "opted_out"} or committed[0] == MOST
