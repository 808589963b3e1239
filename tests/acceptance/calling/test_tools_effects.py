"""What the assistant's tools do: each request takes effect once, however often and under whatever
id it is repeated.
"""

import threading
from datetime import timedelta

import pytest

from actions.contact.gate_facts import load_gate_facts
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.keypad_session import KeypadSession
from models.calling.tool_call import ToolCall
from models.contact.consent import Consent
from models.contact.hold import Hold, customer_key
from models.contact.message import Message
from models.contact.opt_out import OptOut
from models.contact.phone_suppression import PhoneSuppression
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.invoices.invoice import Invoice
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PayAddress, PaymentLink
from models.transactions import is_postgres, release_connection, serialize_on
from rules.calling.tool_replies import DECLARED, HUMAN, HUMAN_THEN, HUMAN_TOMORROW, NOTHING_LEFT
from runtime.clock import business_now, real_now
from tests import given
from tests.integration.contact.test_locks_in_one_order import while_it_waits
from tests.stories.on_the_line import CODE, NAME
from tests.watching.counting import counted

ASKED = ("assistant", "Do you agree that Harbor Dental charges 120.00 USD to your card on file?")
PING = "SELECT 1"  # the liveness check of PostgreSQL's connection pool
AGREED = (ASKED, ("user", "Yes, please do."))


# verification


def test_verification_ends_after_two_tries_and_a_repeat_is_not_a_try(line):
    """Given two failed tries, then the right answer comes too late; a repeated answer is not a new
    try.
    """
    first = line.tool("verifyCaller", "t-1", fullName=NAME, postalCode="99999")
    assert "one more try" in first
    assert line.tool("verifyCaller", "t-1", fullName=NAME, postalCode="99999") == first
    assert line.tool("verifyCaller", "t-2", fullName="ada PAYER", postalCode="99999") == first
    last = line.tool("verifyCaller", "t-3", fullName="Eve Stranger", postalCode=CODE)
    assert "no more tries" in last
    assert line.tool("verifyCaller", "t-4", fullName=NAME, postalCode=CODE) == last
    assert Call.get_by_id(line.call.id).verified_at is None
    assert ToolCall.select().count() == 2
    kept = " ".join(f"{row.wish} {row.words} {row.answer}" for row in ToolCall.select())
    assert "99999" not in kept
    assert "Eve" not in kept


def test_missing_verification_detail_is_asked_for_without_using_a_try(line):
    assert "first and last name" in line.tool("verifyCaller", fullName="Ada", postalCode=CODE)
    assert "postal code" in line.tool("verifyCaller", fullName=NAME)
    assert ToolCall.select().count() == 0
    line.verified()
    assert line.tool("verifyCaller", fullName="x y", postalCode="1").startswith("+The caller is")


def test_verification_tries_are_limited_across_calls(line):
    """Given six wrong answers about one customer in a day, then the right one is refused too."""
    for _ in range(3):
        call = {"id": line.a_call().vapi_id}
        for code in ("11111", "22222"):
            line.tool("verifyCaller", call=call, fullName=NAME, postalCode=code)
    told = line.tool("verifyCaller", fullName=NAME, postalCode=CODE)
    assert "no more tries" in told
    assert Call.get_by_id(line.call.id).verified_at is None


@pytest.mark.parametrize("other", ["Ben Payer", NAME])
def test_verification_tries_are_limited_within_a_household(line, other):
    """Given two customers at one number, perhaps of the same name, and six wrong answers for one of
    them in calls from there, then the right one is refused too.
    """
    given.a_customer(line.account, phone=line.phone, name=other, address={"postalCode": "90210"})
    for _ in range(3):
        ring = line.a_ring(line.phone)
        for code in ("11111", "22222"):
            line.tool("verifyCaller", call=ring, fullName=NAME, postalCode=code)
    told = line.tool("verifyCaller", call=line.a_ring(line.phone), fullName=NAME, postalCode=CODE)
    assert "no more tries" in told


def test_concurrent_verification_tries_are_counted_serially(line):
    """Given five wrong answers in a day and a sixth that another call has not committed yet, when
    the right answer arrives, then it waits for the sixth and is refused.
    """
    if not is_postgres():
        pytest.skip("SQLite has one writer, who waits for nobody")
    for number in range(5):
        a_failed_try(line, f"wrong {number}")
    told = while_it_waits(
        lambda: line.tool("verifyCaller", fullName=NAME, postalCode=CODE),
        lambda: serialize_on(customer_key(line.customer.id)),
        lambda: a_failed_try(line, "wrong at once"),
    )
    assert "no more tries" in told
    assert Call.get_by_id(line.call.id).verified_at is None


def a_failed_try(line, wish):
    """Record a wrong answer about the clinic's customer, in a call of its own."""
    about = {"customer_id": line.customer.id, "failed": True}
    ToolCall.record(line.a_call(), "verifyCaller", wish, wish, real_now(), **about)


def test_caller_from_an_unknown_number_must_also_name_an_invoice(line):
    """Given a number that is not on file, then name and postal code are not enough; an invoice
    number is needed too.
    """
    ring = line.a_ring("+12025550177")
    told = line.tool("verifyCaller", call=ring, fullName=NAME, postalCode=CODE)
    assert told.startswith("+Not verified")
    assert "the number on a bill" in told
    line.verified(call=ring, invoiceNumber=line.invoice.number)


def test_every_caller_is_asked_for_a_bills_number_and_nobody_whom_we_called_is(line):
    """Given a failed try, then the second one is asked for in the same words whatever number the
    caller has, so that these reveal nothing; somebody we called is not asked about a bill.
    """
    wrong = {"fullName": "Eve Stranger", "postalCode": "99999"}
    of_file, of_nobody = (
        line.tool("verifyCaller", call=line.a_ring(phone), **wrong)
        for phone in (line.phone, "+12025550177")
    )
    assert of_file == of_nobody
    assert "number on" not in line.tool("verifyCaller", **wrong)


@pytest.mark.parametrize("said", ["inv 2026 0042", "INV20260042", "#Inv-2026/0042."])
def test_bills_number_is_recognised_however_it_is_written(line, said):
    """Given a caller from a number that is not on file, then the bill's number is recognised
    without its dashes and in any case, and a part of it is not.
    """
    Invoice.update(number="INV-2026-0042").where(Invoice.id == line.invoice.id).execute()
    other = given.an_invoice(line.account, customer=given.a_customer(line.account))
    Invoice.update(number="X-INV-2026-0042").where(Invoice.id == other.id).execute()
    ring = line.a_ring("+12025550177")
    for part in ("0042", "2026-0042"):
        told = line.tool("verifyCaller", call=line.a_ring("+12025550176"), **answers(part))
        assert told.startswith("+Not verified")
    line.verified(call=ring, invoiceNumber=said)
    assert Call.by_vapi_id(ring["id"]).customer_id == line.customer.id


@pytest.mark.parametrize("others", [1, 6], ids=["a relative's phone", "a home's phone"])
def test_caller_from_a_phone_that_is_on_file_for_others_is_verified_by_their_bill(line, others):
    """Given a phone that is on file for a relative, or for more people than one household, then a
    caller from there who names a bill of their own is verified as themselves; without it, or with
    somebody else's bill, they are not.
    """
    phone = "+12025550177"
    for number in range(others):
        about = {"phone": phone, "name": f"Ben Relative{number}", "address": {"postalCode": CODE}}
        other = given.a_customer(line.account, **about)
    strange = given.an_invoice(line.account, customer=other)
    for wrong in ("", strange.number):
        told = line.tool("verifyCaller", call=line.a_ring(phone), **answers(wrong))
        assert told.startswith("+Not verified")
    ring = line.a_ring(phone)
    line.verified(call=ring, invoiceNumber=line.invoice.number)
    assert Call.by_vapi_id(ring["id"]).customer_id == line.customer.id


@pytest.mark.one_database
def test_bills_are_searched_before_the_write_lock_is_taken(line):
    """Given a bill's number that is spelled like none on file, so that the numbers of all bills are
    compared, then this happens before the transaction; after two tries nothing is compared.
    """
    ring = line.a_ring("+12025550177")
    assert line.tool("verifyCaller", call=ring).startswith("+Nothing was compared")
    orders = []
    for number in ("999", "998", "997"):
        with counted() as cost:
            told = line.tool("verifyCaller", call=ring, **answers(number))
        assert told.startswith("+Not verified")
        steps = ["search" if "replace(" in each else each.partition(" ")[0] for each in cost.sent]
        orders.append([step for step in steps if step in {"search", "BEGIN"}])
    assert orders == [["search", "BEGIN"], ["search", "BEGIN"], []]


def answers(number):
    return {"fullName": NAME, "postalCode": CODE, "invoiceNumber": number}


def test_verified_inbound_call_counts_as_a_conversation_about_the_bill(line):
    """Given a verified inbound caller, then the gate counts a conversation about their bill."""
    line.verified(call=line.a_ring("+12025550177"), invoiceNumber=line.invoice.number)
    now = business_now()
    known = load_gate_facts(line.invoice, line.customer, line.phone, "voice", now, real_now())
    (contact,) = known.facts.history
    assert (contact.debt_id, contact.outcome) == (line.invoice.id, "in_doubt")


def test_inbound_call_covers_only_the_bills_read_out(line):
    """Given a caller with more bills than are read out, then the call covers only those that
    are.
    """
    for _ in range(6):
        given.an_invoice(line.account, customer=line.customer, due_date=line.invoice.due_date)
    ring = line.a_ring(line.phone)
    line.verified(call=ring)
    told = line.tool("getUnpaidInvoice", call=ring)
    about = Call.by_vapi_id(ring["id"]).invoice_ids
    numbers = {row.number for row in Invoice.select() if f"Bill {row.number}" in told}
    assert {Invoice.get_by_id(each).number for each in about} == numbers


def test_caller_is_not_verified_as_one_of_two_namesakes(line):
    given.a_customer(line.account, phone=line.phone, address={"postalCode": CODE})
    told = line.tool("verifyCaller", call=line.a_ring(line.phone), fullName=NAME, postalCode=CODE)
    assert told.startswith("+Not verified")


# unpaid bills


def test_bill_read_out_names_its_project_only_if_the_account_allows_it(line):
    line.verified()
    told = line.tool("getUnpaidInvoice")
    assert "$120.00" in told
    assert "January 31, 2099" in told
    assert "Root canal" not in told
    line.takes_cards(send_project=True)
    assert "Root canal" in line.tool("getUnpaidInvoice")
    other = given.an_invoice(line.account)
    assert line.tool("getUnpaidInvoice", invoiceId=other.id).startswith("-No such bill")


def test_reading_out_bills_takes_a_fixed_number_of_statements(line):
    """Given a verified caller, then reading out the bills takes the same few statements however
    many there are; the account's settings are read only if a bill has a project to hide.
    """
    ring = line.a_ring(line.phone)
    line.verified(call=ring)
    for _ in range(2):
        assert len(only_reads(line, "getUnpaidInvoice", call=ring)) == 3
        for _ in range(3):
            given.an_invoice(line.account, customer=line.customer)
    Invoice.update(project=None).execute()
    assert len(only_reads(line, "getUnpaidInvoice", call=ring)) == 2


def only_reads(line, tool, **more):
    """Return the statements a tool runs, having checked that it writes nothing and takes no write
    lock.
    """
    with counted() as cost:
        assert line.tool(tool, **more).startswith("+")
    assert (cost.commits, cost.trips) == (0, 0), cost.sent
    assert not [each for each in cost.sent if each.startswith("BEGIN")], cost.sent
    return [each for each in cost.statements if each != PING]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("tool", "asked", "reads"),
    [
        ("createPaymentLink", {"by": "read_out"}, 4),
        ("createPaymentLink", {}, 5),
        ("recordPromise", None, 4),
    ],
    ids=["read out", "texted", "promised"],
)
def test_repeated_granted_request_is_answered_by_reads_alone(line, tool, asked, reads):
    """Given a granted request, when it is repeated under another id, then it is answered by reads
    alone, without waiting for any writer.
    """
    line.consents()
    line.verified()
    day = line.account.local_date(business_now()) + timedelta(days=3)
    arguments = {"date": day.isoformat()} if asked is None else asked
    first = line.tool(tool, **arguments)
    assert first.startswith("+")
    assert len(only_reads(line, tool, **arguments)) == reads
    assert line.tool(tool, **arguments) == first


# payment links


def test_payment_link_is_texted_once_to_the_customers_number(line):
    """Given the same id again, and the same request under new ids, then one text is sent."""
    line.consents()
    line.verified()
    first = line.tool("createPaymentLink", "t-1")
    assert first.startswith("+A text with the payment link is on its way")
    for tool_id in ("t-1", "t-2", "t-3"):
        assert line.tool("createPaymentLink", tool_id) == first
    line.work()
    assert len(line.sent()) == 1
    assert line.sent()[0]["to"] == line.phone
    for word in ("", "sms", "TEXT", "text message", "text_on_file"):
        assert line.tool("createPaymentLink", by=word) == first
    line.work()
    assert (len(line.sent()), Message.select().count()) == (1, 1)


@pytest.mark.parametrize("code", ["30006", "30003"], ids=["landline", "switched off"])
def test_link_requested_again_after_its_text_failed_is_not_said_to_be_on_its_way(line, code):
    """Given a texted link that failed, when it is requested again, then a landline gets no other
    text and the address is read out, and a phone that was off gets one other text.
    """
    line.consents()
    line.verified()
    assert line.tool("createPaymentLink", "t-1").startswith("+A text")
    line.work()
    line.report(Message.get(), "undelivered", code)
    texts = 1 if code == "30006" else 2
    for _ in range(2):
        told = line.tool("createPaymentLink")
        assert told.startswith("+No text may be sent" if texts == 1 else "+A text")
        line.work()
        assert len(line.sent()) == Message.select().count() == texts


def test_link_is_not_texted_to_a_number_neither_on_file_nor_calling(line):
    line.consents()
    line.verified()
    for number in ("+12025550166", "five five five", "'; DROP TABLE"):
        assert line.tool("createPaymentLink", phoneNumber=number).startswith("-That number is")
    assert Message.select().count() == 0
    assert line.tool("createPaymentLink", phoneNumber=line.phone).startswith("+A text")


def test_pay_address_is_read_out_without_consent_to_texts(line):
    """Given a customer without consent to texts, then the assistant is given the payment address to
    read out.
    """
    line.verified()
    told = line.tool("createPaymentLink")
    assert told.startswith("+No text may be sent to this number now.")
    assert PayAddress.get().url in told
    assert PaymentLink.select().count() == 1
    assert Message.select().count() == 0
    # once they consent, the same request is granted
    line.consents()
    assert line.tool("createPaymentLink").startswith("+A text")


# paying in the call


@pytest.fixture
def paying(line):
    line.takes_cards()
    line.has_a_saved_card()
    return line.verified()


def test_saved_card_is_charged_once_and_only_after_a_clear_yes(paying):
    asked = paying.tool("processPhonePayment")
    assert "Do you agree that Harbor Dental charges 120.00 USD" in asked
    assert PaymentConfirmation.select().count() == 0
    for heard in (
        (("user", "Yes"),),
        (ASKED,),
        (ASKED, ("user", "Yes, but let me ask my wife first")),
        (ASKED, ("user", "What?")),
        (("assistant", "Do you agree to 20.00 USD?"), ("user", "Yes")),
    ):
        assert "Nothing was charged yet" in paying.tool("processPhonePayment", heard=heard)
    told = paying.tool("processPhonePayment", "t-1", heard=AGREED)
    assert told.startswith("+The payment of $120.00")
    assert paying.tool("processPhonePayment", "t-1", heard=AGREED) == told
    assert paying.tool("processPhonePayment", "t-2", heard=AGREED) == told
    later = (*AGREED, ("user", "Hello? Did it work? Yes?"))
    assert paying.tool("processPhonePayment", "t-3", heard=later) == told
    confirmation = PaymentConfirmation.get()
    assert (confirmation.call_id, confirmation.by_phone) == (paying.call.id, True)
    assert given.fresh(paying.invoice).status == "paid"
    row = ToolCall.get(ToolCall.tool == "processPhonePayment")
    assert row.words == "Yes, please do."
    assert AuditEntry.select().where(AuditEntry.action == "charge.agreed_in_call").count() == 1


@pytest.mark.parametrize("by", ["saved_card", "keypad"])
def test_amount_too_small_for_stripe_is_not_offered_for_card_payment(paying, by):
    """Given a bill of which 30 cents are left, then the customer is asked neither to agree to a
    charge nor to type a card.
    """
    paying.takes_cards(keypad_payments=True)
    Invoice.update(outstanding=30).where(Invoice.id == paying.invoice.id).execute()
    for heard in ((), AGREED):
        told = paying.tool("processPhonePayment", by=by, heard=heard)
        assert told == f"-{DECLARED['payment_refused']}"
    assert (PaymentConfirmation.select().count(), KeypadSession.select().count()) == (0, 0)


def test_one_yes_pays_one_bill(paying):
    """Given a second bill of the same amount, then the yes to the first does not pay it."""
    second = given.an_invoice(paying.account, amount=12_000, customer=paying.customer)
    ring = paying.a_ring(paying.phone)
    paying.verified(call=ring)
    paying.tool("processPhonePayment", call=ring)
    told = paying.tool("processPhonePayment", call=ring, heard=AGREED)
    assert "succeeded" in told
    again = paying.tool("processPhonePayment", call=ring, heard=AGREED)
    assert "Nothing was charged yet" in again
    assert PaymentConfirmation.select().count() == 1
    told = paying.tool("processPhonePayment", call=ring, heard=(*AGREED, *AGREED))
    assert "succeeded" in told
    assert {given.fresh(second).status, given.fresh(paying.invoice).status} == {"paid"}


def test_a_declined_card_is_an_error_and_not_tried_again(line):
    line.takes_cards()
    line.has_a_saved_card("pm_card_chargeCustomerFail")
    line.verified()
    line.tool("processPhonePayment")
    told = line.tool("processPhonePayment", "t-1", heard=AGREED)
    assert told.startswith("-The card was declined. Nothing was charged.")
    assert line.tool("processPhonePayment", "t-2", heard=AGREED) == told
    assert PaymentConfirmation.select().count() == 1


@pytest.mark.one_database
def test_bill_paid_after_a_decline_is_answered_as_nothing_left_to_pay(line):
    """Given a declined card, when the bill is paid by its link and the assistant asks again, then
    the answer is that nothing is left to pay; for a cancelled bill it stays the decline.
    """
    line.takes_cards()
    line.has_a_saved_card("pm_card_chargeCustomerFail")
    line.verified()
    line.tool("processPhonePayment")
    assert line.tool("processPhonePayment", "t-1", heard=AGREED).startswith(
        "-The card was declined"
    )

    this = Invoice.id == line.invoice.id
    Invoice.update(outstanding=0, status="cancelled").where(this).execute()
    assert line.tool("processPhonePayment", "t-1", heard=AGREED).startswith(
        "-The card was declined"
    )
    Invoice.update(outstanding=0, status="paid").where(this).execute()

    for tool_id in ("t-1", "t-2"):
        told = line.tool("processPhonePayment", tool_id, heard=AGREED)
        assert told == "+" + NOTHING_LEFT.format(number=line.invoice.number)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("requestHuman", {"reason": "asked_for_person", "when": "in 2 hours"}),
        ("requestHuman", {"reason": "asked_for_person", "when": "in half an hour"}),
        ("requestHuman", {"reason": "dispute", "when": "tomorrow at 5"}),
        ("requestHuman", {"reason": "asked_for_person", "when": "once I get paid"}),
        ("requestHuman", {"reason": "hardship"}),
        ("recordPromise", {}),
        ("stopContact", {}),
        ("stopContact", {"what": "texts"}),
        ("stopContact", {"why": "wrong_number"}),
        ("createPaymentLink", {}),
        ("createPaymentLink", {"by": "read_out"}),
    ],
)
def test_request_repeated_under_three_ids_has_one_effect(line, tool, said):
    """Given a request repeated under two more ids, then all rows stay as the first one left them,
    and the answer is the same.
    """
    line.consents()
    line.verified()
    if tool == "recordPromise":
        day = line.account.local_date(business_now()) + timedelta(days=3)
        said = {"date": day.isoformat()}
    before = effects()
    first = line.tool(tool, "t-1", **said)
    rows = effects()
    assert rows != before
    for tool_id in ("t-2", "t-3"):
        assert line.tool(tool, tool_id, **said) == first
    assert effects() == rows


def effects():
    """Return all rows that the tools can change for a customer."""
    kinds = (Hold, WorkItem, Promise, OptOut, PhoneSuppression, Message, PaymentLink, ToolCall)
    rows = {kind.__name__: list(kind.select().order_by(kind.id).dicts()) for kind in kinds}
    return rows | {"AuditEntry": AuditEntry.select().count()}


def test_a_clinic_that_takes_no_cards_in_calls_charges_none(line):
    line.has_a_saved_card()
    line.verified()
    told = line.tool("processPhonePayment", heard=AGREED)
    assert told.startswith("-This clinic takes no cards during a call.")
    line.takes_cards()
    line.customer.stripe_customer_id = None
    line.customer.save()
    line.tool("processPhonePayment")
    assert line.tool("processPhonePayment", heard=AGREED).startswith("-There is no card on file")
    assert PaymentConfirmation.select().count() == 0


def test_new_yorks_notice_is_read_before_the_question(paying):
    paying.customer.address = {"city": "New York", "state": "NY", "postalCode": CODE}
    paying.customer.save()
    told = paying.tool("processPhonePayment")
    assert "a medical bill that you pay by credit card is no longer medical debt" in told
    assert told.index("medical debt") < told.index("Do you agree")
    assert "Nothing was charged yet" in paying.tool("processPhonePayment", heard=AGREED)
    assert PaymentConfirmation.select().count() == 0
    notice = ("assistant", told.partition("Say first: ")[2].partition("Then say")[0])
    assert "succeeded" in paying.tool("processPhonePayment", heard=(notice, *AGREED))


def test_only_a_yes_after_our_question_agrees_to_a_charge(paying):
    """Given a yes to a question of the model's own, then it does not count as a yes to ours."""
    before = (("assistant", "The bill is $120.00, shall I charge it?"), ("user", "Yes"))
    told = paying.tool("processPhonePayment", "t-1", heard=before)
    assert "Do you agree that Harbor Dental charges" in told
    assert paying.tool("processPhonePayment", "t-1", heard=before) == told
    assert paying.tool("processPhonePayment", "t-2", heard=before) == told
    link = (("assistant", "It is $120.00. Shall I text you a link?"), ("user", "Yes"))
    assert paying.tool("processPhonePayment", heard=(*before, *link)) == told
    assert PaymentConfirmation.select().count() == 0
    agreed = paying.tool("processPhonePayment", "t-2", heard=(*before, *link, *AGREED))
    assert agreed.startswith("+The payment of $120.00")


# promises, opt-outs and requests for a person


def test_repeated_promise_is_recorded_once(line):
    line.verified()
    day = line.account.local_date(business_now()) + timedelta(days=3)
    told = line.tool("recordPromise", "t-1", date=day.isoformat())
    assert f"{day:%A}" in told
    assert line.tool("recordPromise", "t-1", date=day.isoformat()) == told
    assert line.tool("recordPromise", "t-2", date=day.isoformat()) == told
    (promise,) = Promise.select()
    assert (promise.invoice_id, promise.promised_for) == (line.invoice.id, day)
    for odd in ("Friday", "", "2026-02-31"):
        assert line.tool("recordPromise", date=odd).startswith("-Give the day")
    told = line.tool("recordPromise", date="1999-01-01")
    assert told.startswith("-A promise is for a day from ")
    assert told.endswith("Nothing was recorded; agree on one of these days.")


def test_day_promised_first_counts_again_after_another_day_was_promised(line):
    """Given a promise for one day, then for another, when the caller returns to the first day, then
    the promise is for that day; each repeat under another id changes nothing.
    """
    line.verified()
    today = line.account.local_date(business_now())
    first, second = today + timedelta(days=3), today + timedelta(days=5)
    for day in (first, second, first, second):
        for _ in range(2):
            told = line.tool("recordPromise", date=day.isoformat())
            assert f"{day:%B} {day.day}." in told
            assert Promise.of(line.invoice.id).promised_for == day
    assert Promise.select().count() == 4


def test_stop_needs_no_verification_and_counts_once_for_every_channel(line):
    told = line.tool("stopContact", "t-1")
    assert told.startswith("+Recorded at once: no more calls or texts")
    assert line.tool("stopContact", "t-2") == told
    (said,) = OptOut.select()
    assert (said.phone, said.wish, said.channels) == (line.phone, "stop", ["sms", "voice"])
    assert line.tool("stopContact", what="texts").startswith("+Recorded at once: no more texts")


def test_stop_or_attorney_named_just_before_hanging_up_counts(line):
    """Given a tool call that arrives after the call's end, because the caller said stop and hung
    up, then the opt-out counts, and so does a caller's attorney.
    """
    line.call._write(state="ended")
    assert line.tool("stopContact").startswith("+Recorded at once")
    assert line.tool("requestHuman", reason="attorney").startswith("+Recorded")
    assert [row.phone for row in OptOut.select()] == [line.phone]
    assert [row.kind for row in Hold.select()] == ["attorney"]


def test_wrong_number_is_suppressed_and_its_consents_are_revoked(line):
    line.consents(channels=("sms", "voice"))
    assert "wrong" not in line.tool("stopContact", why="wrong_number")
    suppressed = {row.channel for row in PhoneSuppression.select()}
    assert suppressed == {"sms", "voice"}
    assert Consent.get().revoked_why == "wrong_number"


def test_stop_from_a_withheld_number_asks_for_the_number_and_opens_one_item(line):
    """Given an unknown caller with a withheld number, then one work item is opened; once they are
    verified, their numbers are opted out.
    """
    ring = line.a_ring("anonymous")
    for _ in range(2):
        told = line.tool("stopContact", call=ring)
        assert told.startswith("-The caller's number is withheld")
    (item,) = WorkItem.select()
    assert (item.kind, item.context["callId"]) == ("call", Call.by_vapi_id(ring["id"]).id)
    assert OptOut.select().count() == 0
    line.verified(call=ring, invoiceNumber=line.invoice.number)
    assert line.tool("stopContact", call=ring).startswith("+Recorded at once")
    assert [row.phone for row in OptOut.select()] == [line.phone]


def test_stop_by_a_verified_caller_covers_all_their_numbers(line):
    """Given a caller on another phone, then a stop counts for that line at once, and for all their
    numbers once they are verified; a wrong number concerns the line alone.
    """
    line.customer.contact_request = {"phone": "+12025550166"}
    line.customer.save()
    ring = line.a_ring("+12025550177")
    line.tool("stopContact", call=ring)
    assert [row.phone for row in OptOut.select()] == ["+12025550177"]
    line.verified(call=ring, invoiceNumber=line.invoice.number)
    line.tool("stopContact", call=ring)
    theirs = {line.phone, "+12025550166", "+12025550177"}
    assert {row.phone for row in OptOut.select()} == theirs
    line.tool("stopContact", why="wrong_number")
    assert {row.phone for row in PhoneSuppression.select()} == {line.phone}


@pytest.mark.parametrize(
    ("reason", "hold"),
    [("attorney", "attorney"), ("dispute", "dispute"), ("instalments", ""), ("nonsense", "")],
)
def test_repeated_request_for_a_person_opens_one_escalation(line, reason, hold):
    told = line.tool("requestHuman", "t-1", reason=reason)
    assert told.startswith("+Recorded: a person at the clinic")
    assert line.tool("requestHuman", "t-2", reason=reason) == told
    (item,) = WorkItem.select()
    assert (item.kind, item.customer_id) == ("escalation", line.customer.id)
    assert item.context["callId"] == line.call.id
    assert [row.kind for row in Hold.select()] == ([hold] if hold else [])


def test_hold_lasts_until_the_callback_time_named_in_the_call(line):
    """Given a time named in a call, then a hold lasts until then; a sooner time moves the staff's
    work item forward but does not shorten the hold.
    """
    for place, when in enumerate(("in two weeks", "in two weeks", "in 3 days")):
        told = line.tool("requestHuman", f"t-{place}", reason="asked_for_person", when=when)
        assert told.startswith("+Recorded")
    (late,) = Hold.select()
    assert (late.kind, late.customer_id) == ("later", line.customer.id)
    (item,) = WorkItem.select()
    line.verified()
    line.tool("requestHuman", "t-3", reason="asked_for_person", when="in 3 days")
    (kept,) = Hold.select().where(Hold.lifted_at.is_null())
    assert kept.id == late.id
    assert WorkItem.get_by_id(item.id).due_at < late.until
    line.tool("requestHuman", "t-4", reason="asked_for_person")
    assert Hold.select().where(Hold.lifted_at.is_null()).count() == 1, "no time was named"
    line.tool("requestHuman", "t-5", reason="asked_for_person", when="in two weeks")
    assert WorkItem.get_by_id(item.id).due_at == late.until, "the wish named last counts for it"


def test_repeated_callback_time_does_not_override_a_later_request(line):
    """Given two times that a verified caller named in turn, when the first is repeated under its
    id, then the second still counts, and nothing is recorded.
    """
    line.verified()
    soon = {"reason": "asked_for_person", "when": "in 2 hours"}
    first = line.tool("requestHuman", "t-1", **soon)
    line.tool("requestHuman", "t-2", reason="asked_for_person", when="in 3 weeks")
    late = Hold.select().order_by(Hold.until.desc()).get()
    entries = AuditEntry.select().count()

    assert line.tool("requestHuman", "t-1", **soon) == first

    assert (Hold.get_by_id(late.id).lifted_at, WorkItem.get().due_at) == (None, late.until)
    assert AuditEntry.select().count() == entries


def test_unclear_callback_time_holds_until_tomorrow_and_staff_see_the_words(line):
    """Given words that name no day, then a hold lasts until tomorrow, the answer promises no more,
    and an earlier hold stays; a day that is named is promised.
    """
    line.verified()
    for place, when in enumerate(("once I get paid", "in two weeks", "when I get paid")):
        told = line.tool("requestHuman", f"t-{place}", reason="asked_for_person", when=when)
        assert told == "+" + (HUMAN_THEN if when == "in two weeks" else HUMAN_TOMORROW)
        (item,) = WorkItem.select()
        assert item.context["when"] == when
    first, later = Hold.select().order_by(Hold.until)
    assert first.until <= business_now() + timedelta(days=2)
    assert (later.lifted_at, item.due_at) == (None, first.until)


def test_dispute_is_due_for_staff_before_the_named_callback_time(line):
    line.tool("requestHuman", "t-1", reason="dispute", when="in 3 weeks")
    (item,) = WorkItem.select()
    assert item.due_at <= business_now() + timedelta(days=1)
    assert {row.kind for row in Hold.select()} == {"dispute", "later"}


def test_unknown_caller_gets_a_callback_work_item_and_no_hold(line):
    """Given an unknown caller who names a time, then no hold is made or promised, since there is no
    customer to hold; a work item is due at that time.
    """
    unknown = line.a_ring("+12025550177")
    when = {"reason": "asked_for_person", "when": "in two weeks"}
    assert line.tool("requestHuman", call=unknown, **when) == "+" + HUMAN
    (item,) = WorkItem.select()
    assert (item.context["when"], Hold.select().count()) == ("in two weeks", 0)
    assert item.due_at > business_now() + timedelta(days=7)
    assert (item.kind, item.customer_id) == ("call", None)
    assert item.context["phone"] == "+12025550177"


@pytest.mark.usefixtures("patient")
def test_concurrent_identical_charge_requests_charge_once(paying):
    """Given the same request under eight ids at once, then one charge is made."""
    told: list[str] = []
    paying.tool("processPhonePayment")

    def ask(place):
        told.append(paying.tool("processPhonePayment", f"t-{place}", heard=AGREED))
        release_connection()

    askers = [threading.Thread(target=ask, args=(place,)) for place in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(120)
    assert len(told) == 8
    assert PaymentConfirmation.select().count() == 1
    assert paying.tool("processPhonePayment", "t-9", heard=AGREED).startswith("+The payment of")
