"""One call about several bills of one customer: it covers each of them, and each is paid
separately, the oldest first.
"""

from datetime import date, timedelta

import pytest

from actions.calling.request_call import request_call
from models.calling.call import Call, CallInvoice
from models.contact.planned_contact import PlannedContact
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from models.transactions import transaction
from rules.calling.tool_replies import NOT_BY_CARD
from rules.contact.ladder import Rung
from runtime.clock import business_now
from tests import given
from tests.stories.calling import Calling
from tests.stories.on_the_line import OnTheLine
from tests.stories.texting import local_hour

OLDER = date(2098, 12, 31)


def agreed(amount: str) -> tuple[tuple[str, str], ...]:
    question = f"Do you agree that Harbor Dental charges {amount} USD to your card on file?"
    return (("assistant", question), ("user", "Yes, please do."))


@pytest.fixture
def older(calling: Calling) -> Invoice:
    """A second bill of the customer, due before the first."""
    return given.an_invoice(
        calling.account, amount=5_000, customer=calling.customer, due_date=OLDER
    )


def requested(calling: Calling, *invoices: Invoice, planned_contact_id: str | None = None) -> Call:
    """Request a call about these bills, as the ladder does."""
    with transaction():
        for each in sorted(invoices, key=lambda invoice: invoice.id):
            Invoice.locked(each.id)
        return request_call(
            invoices,
            calling.customer,
            asked_by="test",
            reason="overdue",
            planned_contact_id=planned_contact_id,
        )


def about(call: Call) -> set[str]:
    return {row.invoice_id for row in CallInvoice.select().where(CallInvoice.call == call.id)}


def notes(invoice: Invoice) -> str:
    return Invoice.get_by_id(invoice.id).notes or ""


def test_one_call_covers_two_bills_and_its_outcome_is_noted_on_each(
    calling: Calling, older: Invoice
):
    """Given two bills, then one call is placed, its outcome is noted on each and shown with each,
    neither is called about again soon after the conversation, and the clinic gets one event.
    """
    both = (calling.invoice, older)
    call = requested(calling, *both)
    calling.answers("hangs_up").work_calls()
    calling.hears()

    assert len(calling.placed()) == 1
    assert about(call) == {invoice.id for invoice in both}
    shown = calling.shown(call)
    assert (shown["outcome"], set(shown["invoiceIds"])) == ("hung_up", about(call))
    for invoice in both:
        assert notes(invoice).count(call.id) == 1
        (listed,) = calling.get(f"/api/invoices/{invoice.id}/calls")["data"]
        assert (listed["id"], listed["outcome"]) == (call.id, "hung_up")
        refused = calling.post(f"/api/invoices/{invoice.id}/calls")
        assert (refused.status_code, refused.json["reasonCode"]) == (422, "recent_conversation")
    (event,) = [
        row for row in calling.get("/api/events?since=0")["data"] if row["type"] == "call.ended"
    ]
    assert set(event["data"]["invoiceIds"]) == about(call)


def test_bill_paid_before_the_call_is_placed_is_left_out(calling: Calling, older: Invoice):
    """Given two bills of which one is paid before the call is placed, then the call is about the
    other alone, and nothing is noted on the paid one.
    """
    call = requested(calling, calling.invoice, older)
    Invoice.update(status="paid", outstanding=0).where(Invoice.id == older.id).execute()
    calling.answers("hangs_up").work_calls()
    calling.hears()

    assert about(call) == {calling.invoice.id}
    assert (notes(calling.invoice).count(call.id), notes(older).count(call.id)) == (1, 0)
    assert calling.get(f"/api/invoices/{older.id}/calls")["data"] == []


@pytest.mark.parametrize("purpose", ["reminder", "collection"])
def test_reminder_covers_both_bills_and_a_collection_rung_only_the_old_one(
    calling: Calling, older: Invoice, purpose
):
    """Given a customer in New Jersey with an old and a new bill, when a rung calls about both, then
    a reminder covers both, and a collection action the old one alone.
    """
    local_hour("America/New_York", 12)
    phone, now = "+12015550123", business_now()
    Customer.update(phone=phone).where(Customer.id == calling.customer.id).execute()
    calling.customer = Customer.get_by_id(calling.customer.id)
    calling.consents(phone, ("sms", "voice"))
    Invoice.update(created_at=now - timedelta(days=400)).where(Invoice.id == older.id).execute()
    rung = Rung(30, "voice", purpose=purpose)
    planned = PlannedContact.plan(
        calling.account.id, calling.customer.id, rung, "performed", "test", now
    )

    call = requested(calling, older, calling.invoice, planned_contact_id=planned.id)
    calling.work_calls()

    placed = calling.call(call.id)
    assert (placed.state, placed.error) == ("queued", None)
    both = {older.id, calling.invoice.id}
    assert about(call) == (both if purpose == "reminder" else {older.id})


@pytest.fixture
def two(line: OnTheLine) -> tuple[OnTheLine, Invoice]:
    """A verified customer who is called about two bills."""
    second = given.an_invoice(line.account, amount=5_000, customer=line.customer, due_date=OLDER)
    line.call.add_invoices([second])
    line.takes_cards()
    line.has_a_saved_card()
    return line.verified(), second


def test_assistant_gets_the_calls_bills_oldest_first_with_their_sum(two):
    """Given two bills of the call and one outside it, then the assistant is told those two and
    their sum.
    """
    line, second = two
    third = given.an_invoice(line.account, amount=99_900, customer=line.customer)

    told = line.tool("getUnpaidInvoice")

    assert told.startswith("+2 bills are unpaid, the oldest first.")
    assert told.index(second.number) < told.index(line.invoice.number)
    assert "Together they are $170.00." in told
    assert third.number not in told
    assert "$999" not in told
    alone = line.tool("getUnpaidInvoice", invoiceId=second.id)
    assert "$50.00" in alone
    assert "Together" not in alone


def test_assistant_gets_the_five_oldest_bills_and_that_there_are_more(line: OnTheLine):
    """Given seven bills, then the assistant is told the five oldest, and that there are more."""
    more = [given.an_invoice(line.account, amount=1_000, customer=line.customer) for _ in range(6)]
    line.call.add_invoices(more)
    told = line.verified().tool("getUnpaidInvoice")
    assert told.startswith("+More than 5 bills are unpaid; these are the 5 oldest. Bill ")
    assert told.count("Bill ") == 5


def test_a_bill_that_is_asked_for_is_told_however_many_are_older(line: OnTheLine):
    more = [given.an_invoice(line.account, amount=1_000, customer=line.customer) for _ in range(6)]
    newest = given.an_invoice(
        line.account, amount=7_700, customer=line.customer, due_date=date(2099, 12, 31)
    )
    line.call.add_invoices([*more, newest])
    told = line.verified().tool("getUnpaidInvoice", invoiceId=newest.id)
    assert told.startswith(f"+1 bill is unpaid. Bill {newest.number}")
    assert "$77.00" in told


def test_a_bill_that_a_caller_asks_for_counts_as_spoken_of(line: OnTheLine):
    """Given a caller with more bills than are read out, when a later one is asked for, then it is
    told, and the call is about it too.
    """
    for _ in range(6):
        given.an_invoice(line.account, customer=line.customer, due_date=line.invoice.due_date)
    newest = given.an_invoice(line.account, customer=line.customer, due_date=date(2099, 12, 31))
    ring = line.a_ring(line.phone)
    line.verified(call=ring)
    for _ in range(2):
        told = line.tool("getUnpaidInvoice", call=ring, invoiceId=newest.id)
        assert told.startswith(f"+1 bill is unpaid. Bill {newest.number}")
    assert Call.by_vapi_id(ring["id"]).invoice_ids.count(newest.id) == 1


def test_one_bill_is_not_called_the_oldest(line: OnTheLine):
    assert line.verified().tool("getUnpaidInvoice").startswith("+1 bill is unpaid. Bill ")


def test_disputed_bill_is_neither_read_out_nor_charged(two):
    """Given a dispute of the older bill, then only the other one is read out and can be paid."""
    line, second = two
    Invoice.update(disputed=True).where(Invoice.id == second.id).execute()
    told = line.tool("getUnpaidInvoice")
    assert told.startswith(f"+1 bill is unpaid. Bill {line.invoice.number}")
    assert "charges 120.00 USD" in line.tool("processPhonePayment")
    Invoice.update(disputed=True).execute()
    assert line.tool("getUnpaidInvoice").startswith("+Nothing is due")


def test_each_bill_needs_its_own_yes_and_the_oldest_is_paid_first(two):
    """Given a yes to the oldest bill, then only that one is charged, and the next question is about
    the next bill.
    """
    line, second = two
    assert "charges 50.00 USD" in line.tool("processPhonePayment")
    told = line.tool("processPhonePayment", heard=agreed("50.00"))
    assert told.startswith(f"+The payment of $50.00 for bill {second.number} succeeded.")
    assert (given.fresh(second).status, given.fresh(line.invoice).status) == ("paid", "sent")

    asked = line.tool("processPhonePayment", heard=agreed("50.00"))
    assert "charges 120.00 USD" in asked
    both = (*agreed("50.00"), *agreed("120.00"))
    assert "succeeded" in line.tool("processPhonePayment", heard=both)

    assert given.fresh(line.invoice).status == "paid"
    amounts = [row.amount for row in PaymentConfirmation.select().order_by(PaymentConfirmation.id)]
    assert sorted(amounts) == [5_000, 12_000]
    assert line.tool("getUnpaidInvoice").startswith("+Nothing is due")


def test_payment_is_reported_even_if_the_next_bill_cannot_be_paid_by_card(two):
    """Given one bill paid and 30 cents left on the other, when the assistant asks again, then it is
    told of the payment and that the rest cannot be paid by card.
    """
    line, second = two
    Invoice.update(outstanding=30).where(Invoice.id == line.invoice.id).execute()
    line.tool("processPhonePayment")
    paid = line.tool("processPhonePayment", heard=agreed("50.00"))
    assert paid.startswith(f"+The payment of $50.00 for bill {second.number} succeeded.")

    for heard in (agreed("50.00"), (*agreed("50.00"), *agreed("0.30"))):
        told = line.tool("processPhonePayment", heard=heard)
        assert told == f"{paid} {NOT_BY_CARD.format(number=line.invoice.number)}"
        assert "othing was charged" not in told
    assert line.tool("processPhonePayment", invoiceId=second.id) == paid
    assert PaymentConfirmation.select().count() == 1


def test_a_link_is_for_the_oldest_bill(two):
    line, second = two
    line.consents()
    assert line.tool("createPaymentLink").startswith("+A text with the payment link")
    assert PaymentLink.get().invoice_id == second.id
