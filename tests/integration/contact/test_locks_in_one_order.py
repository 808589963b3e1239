"""Transactions that take several locks about customers take them in one order, so that none
deadlocks. Each test waits until one connection blocks on the other before the other goes on.
"""

import threading
from contextlib import closing

import pytest

from actions.calling.act_on_outcome import act_on_outcome
from actions.contact.consents import record_opt_out
from actions.contact.gate_facts import load_gate_facts
from actions.contact.opt_out.import_opt_outs import import_opt_outs, lock_numbers, new_opt_outs
from actions.invoices.customers import change_customer
from actions.people.resolve_item import Choice, resolve_item
from bin.commands.invoices.import_options import open_file
from bin.commands.invoices.import_run import ImportRun
from models.calling.call import Call
from models.contact.consent import IMPORTED, Consent
from models.contact.contact_course import ContactCourse
from models.contact.hold import Hold, customer_key
from models.contact.message import Message
from models.contact.opt_out import OptOut, person_key
from models.contact.phone_suppression import PhoneSuppression
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import WorkItem
from models.effects.daily_limit import ceiling_key
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import execute, is_postgres, release_connection, serialize_on, transaction
from rules.calling.call_analysis import CONSEQUENCES
from rules.imports.invoice_csv import Refusal
from runtime.clock import business_now, move_business_time, real_now
from tests import given
from tests.acceptance.contact.test_people_answer_texts import a_text
from tests.running.servers import wait_for
from tests.stories.scanning import Scanning
from tests.stories.texting import INBOUND, PHONES


@pytest.fixture
def clinic(texting):
    if not is_postgres():
        pytest.skip("SQLite has one writer, who waits for nobody")
    clinic = Scanning(texting)
    clinic.days_pass(1)
    yield clinic
    move_business_time(None)


def drafted(clinic):
    """Create drafts for two customers who owe; return their ids, the own customer's last."""
    clinic.settings(first_contacts="draft")
    twin = given.a_customer(clinic.account, phone=clinic.texting.phone)
    own, clinic.texting.customer = clinic.texting.customer, twin
    clinic.texting.consents()
    clinic.texting.customer = own
    for customer in (twin, own):
        clinic.owes(3, customer=customer)
        clinic.scan()
        ContactCourse.recheck_customer(customer.id)
    drafts = {row.customer_id: row.id for row in PlannedContact.select()}
    return [drafts[twin.id], drafts[own.id]]


def while_it_waits(call, take, then_take):
    """Hold a lock, start `call` in a thread, wait until it blocks, then take the next lock. Return
    what `call` returned.
    """
    answers = []

    def run():
        try:
            answers.append(call())
        finally:
            release_connection()

    other = threading.Thread(target=run)
    with transaction():
        take()
        other.start()
        wait_for(waits, "the other waits for this one")
        then_take()
    other.join(240)
    return answers[0]


def beside(call, held):
    """Return what `call` returns while locks are held that it must not wait for."""
    answers = []

    def run():
        try:
            answers.append(call())
        finally:
            release_connection()

    other = threading.Thread(target=run)
    with transaction():
        held()
        other.start()
        other.join(240)
        assert not other.is_alive(), "it waits all the same"
    return answers[0]


def waits():
    """Return whether a connection waits for this one."""
    return execute(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    ).fetchone()


def test_a_stop_with_a_bankruptcy_is_recorded_while_the_gate_decides(clinic):
    """Given a decision that holds the customer's lock and needs the phone's, when the
    customer texts a STOP and a bankruptcy, then both are recorded.
    """
    words = a_text(clinic.texting, "STOP texting me, I filed for bankruptcy")
    heard = while_it_waits(
        lambda: clinic.texting.tell(INBOUND, words),
        lambda: serialize_on(customer_key(clinic.customer.id)),
        lambda: serialize_on(person_key(clinic.texting.phone)),
    )
    assert heard.status_code == 200
    assert OptOut.holds(clinic.account.id, (), clinic.texting.phone, "sms")
    assert [row.kind for row in Hold.select()] == ["bankruptcy"]


@pytest.mark.parametrize("held", ["invoice", "customer"])
def test_approving_drafts_together_does_not_deadlock(clinic, held):
    """Given a transaction that holds the customer or their invoice and then needs the account's
    ceiling, when both drafts are approved, then both are performed.
    """
    ids = drafted(clinic)
    (invoice,) = Invoice.select().where(Invoice.customer == clinic.customer.id)
    take = {
        "invoice": lambda: Invoice.locked(invoice.id),
        "customer": lambda: serialize_on(customer_key(clinic.customer.id)),
    }
    answer = while_it_waits(
        lambda: clinic.texting.post("/api/contact-drafts/approve", ids=ids),
        take[held],
        lambda: serialize_on(ceiling_key(clinic.account.id, "texts")),
    )
    assert {row["outcome"] for row in answer.json["data"]} == {"performed"}, answer.text


def test_approving_drafts_in_reverse_order_does_not_deadlock(clinic):
    """Given a recheck of both customers in order of their ids, when the drafts are approved in the
    reverse order, then both are performed and listed in the order asked for.
    """
    twin, own = (PlannedContact.get_by_id(each) for each in drafted(clinic))
    assert own.customer_id < twin.customer_id
    answer = while_it_waits(
        lambda: clinic.texting.post("/api/contact-drafts/approve", ids=[twin.id, own.id]),
        lambda: ContactCourse.recheck_customer(own.customer_id),
        lambda: ContactCourse.recheck_customer(twin.customer_id),
    )
    assert [row["id"] for row in answer.json["data"]] == [twin.id, own.id]
    assert {row["outcome"] for row in answer.json["data"]} == {"performed"}, answer.text


def test_a_bankruptcy_text_about_two_customers_does_not_deadlock(clinic):
    """Given two customers with one phone and a recheck of both, when a text speaks of bankruptcy,
    then both get a hold.
    """
    own = clinic.customer
    twin = given.a_customer(clinic.account, phone=clinic.texting.phone)
    clinic.owes(3)
    clinic.owes(3, customer=twin)
    clinic.texting.customer = twin
    clinic.texting.consents()
    clinic.scan()
    clinic.sends()
    Message.update(sent_at=None).where(Message.customer == own).execute()
    words = a_text(clinic.texting, "I filed for bankruptcy")
    while_it_waits(
        lambda: clinic.texting.tell(INBOUND, words),
        lambda: ContactCourse.recheck_customer(own.id),
        lambda: ContactCourse.recheck_customer(twin.id),
    )
    assert {row.customer_id for row in Hold.select()} == {own.id, twin.id}


def test_an_inbound_text_does_not_wait_for_a_decision_about_its_invoice(clinic):
    """Given a decision that holds the invoice, when the customer texts about it, then the text is
    recorded without waiting.
    """
    clinic.owes(3)
    clinic.scan()
    clinic.sends()
    (invoice,) = Invoice.select()
    words = a_text(clinic.texting, "I already paid this")
    answer = beside(lambda: clinic.texting.tell(INBOUND, words), lambda: Invoice.locked(invoice.id))
    assert answer.status_code == 200
    assert [row.invoice_id for row in WorkItem.select()] == [invoice.id]


@pytest.mark.parametrize("by", ["another number", "an imported no"])
def test_a_consent_revocation_waits_for_a_decision_that_relies_on_it(clinic, by):
    """Given a decision about a text, when staff change the customer's phone or import a refusal of
    consent, then the revocation waits for the decision.
    """
    about, texting, now = clinic.owes(3), clinic.texting, business_now()
    Consent.update(text_version=IMPORTED).execute()

    def ends():
        with transaction():
            if by == "another number":
                change_customer(texting.customer, {"phone": "+12025550199"}, False, "test")
            else:
                no = Refusal(texting.phone, (), None, no_consent=True)
                lock_numbers([no])
                import_opt_outs(clinic.account, new_opt_outs(clinic.account, [no]), "test", now)
        return [row.revoked_at is not None for row in Consent.select()]

    def decides():
        invoice = Invoice.locked_with("account", about.id)
        load_gate_facts(invoice, texting.customer, texting.phone, "sms", now, real_now())

    assert while_it_waits(ends, decides, lambda: None) == [True]


def test_a_decision_on_a_text_locks_the_call_ceiling_before_the_text_ceiling(clinic):
    """Given a transaction that takes the ceiling of calls and then that of texts, when a scan
    decides on a text, then it takes them in the same order.
    """
    clinic.owes(3)
    while_it_waits(
        clinic.scan,
        lambda: serialize_on(ceiling_key(clinic.account.id, "calls")),
        lambda: serialize_on(ceiling_key(clinic.account.id, "texts")),
    )
    assert Message.select().count() == 1


def test_a_text_that_arrives_while_its_work_item_is_resolved_opens_a_new_one(clinic):
    """Given staff resolving the work item of the customer's last text, when another text arrives,
    then it gets its own item.
    """
    clinic.owes(3)
    clinic.scan()
    clinic.sends()
    clinic.texting.hear("Thanks")
    (item,) = WorkItem.select()
    words = a_text(clinic.texting, "I already paid this")
    while_it_waits(
        lambda: clinic.texting.tell(INBOUND, words),
        lambda: resolve_item(clinic.account, item.id, Choice(action="done", actor="test")),
        lambda: None,
    )
    first, second = WorkItem.select().order_by(WorkItem.id)
    assert (first.state, len(first.context["said"])) == ("resolved", 1)
    assert (second.state, second.context["said"][0]["text"]) == ("open", "I already paid this")


def test_approving_a_draft_through_its_work_item_does_not_deadlock(clinic):
    """Given a decision that holds another invoice of the customer and then the item, when the
    item's draft is approved, then neither deadlocks.
    """
    clinic.settings(first_contacts="draft")
    clinic.owes(4)
    clinic.scan()
    later = clinic.owes(3)
    (item,) = WorkItem.select()
    assert item.invoice_id != later.id
    answer = while_it_waits(
        lambda: clinic.texting.post(f"/api/work-items/{item.id}/resolve", action="approve"),
        lambda: Invoice.locked(later.id),
        lambda: WorkItem.locked(item.id),
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_suppressing_a_wrong_number_waits_for_a_decision_about_its_phone(clinic, is_known):
    """Given a decision that holds the phone's lock, when staff mark the number as wrong, for a
    known customer or an unknown sender, then the suppression waits for it.
    """
    item = WorkItem.open(
        clinic.account.id,
        "reply",
        "SM1",
        "The number is somebody else's.",
        customer_id=clinic.customer.id if is_known else None,
        context={"phone": clinic.texting.phone},
    )
    choice = Choice(action="wrong_number", actor="test")
    done = while_it_waits(
        lambda: resolve_item(clinic.account, item.id, choice),
        lambda: serialize_on(person_key(clinic.texting.phone)),
        lambda: None,
    )
    assert not done.is_open
    assert PhoneSuppression.of(clinic.account.id, clinic.texting.phone, "voice")


def test_recording_a_manual_call_waits_for_a_decision_in_progress(clinic):
    """Given a decision that holds the customer's lock and needs the phone's, when staff record a
    call by hand, then that waits for the decision without a deadlock.
    """
    clinic.owes(3)
    item = WorkItem.open(
        clinic.account.id,
        "reply",
        "SM1",
        "The person asks to be called.",
        customer_id=clinic.customer.id,
        context={"phone": clinic.texting.phone},
    )
    done = while_it_waits(
        lambda: resolve_item(clinic.account, item.id, Choice(action="called", actor="test")),
        lambda: serialize_on(customer_key(clinic.customer.id)),
        lambda: serialize_on(person_key(clinic.texting.phone)),
    )
    assert not done.is_open


def has_two_numbers(clinic):
    """Give the clinic's own customer, who owes, two numbers; return them in the order in which they
    are locked.
    """
    clinic.owes(3)
    clinic.scan()
    first, second = sorted(PHONES)[:2]
    Customer.update(phone=first, contact_request={"phone": second}).where(
        Customer.id == clinic.customer.id
    ).execute()
    return first, second, Customer.get_by_id(clinic.customer.id)


def at_the_desk(customer):
    record_opt_out(customer, None, ["sms", "voice"], "test", words="", source="desk")


def told_of_a_call(customer):
    call = Call.receive(customer.account_id, "vapi-1", caller=customer.phone, to="", now=real_now())
    call.record_verified(real_now(), customer.id)
    with transaction():
        act_on_outcome(call, CONSEQUENCES["stop"], real_now())


@pytest.mark.parametrize("stops", [at_the_desk, told_of_a_call])
def test_opting_out_two_numbers_does_not_deadlock(clinic, stops):
    """Given a recheck that holds the second number's lock, when the customer opts out at both
    numbers, then both are opted out without a deadlock.
    """
    first, second, customer = has_two_numbers(clinic)
    while_it_waits(
        lambda: stops(customer) or True,
        lambda: serialize_on(person_key(second)),
        lambda: ContactCourse.recheck_customer(customer.id),
    )
    assert all(OptOut.holds(clinic.account.id, (), phone, "voice") for phone in (first, second))


def test_an_import_with_opt_outs_does_not_deadlock(clinic, tmp_path):
    """Given the same recheck, when an import brings overdue invoices and opt-outs for both numbers,
    then both are imported without a deadlock.
    """
    first, second, customer = has_two_numbers(clinic)
    file = tmp_path / "export.csv"
    file.write_text(
        "number,customer,phone,dueDate,amount,currency,optOut\n"
        f"8,{customer.name},{first},2026-01-31,10,USD,yes\n"
        f"9,Bob,{second},2026-01-31,10,USD,yes\n"
    )
    how = {"dates": "iso", "currency": "", "region": "US"}
    with closing(ImportRun(clinic.account, *open_file(file, (), None, None, None, **how))) as run:
        while_it_waits(
            lambda: run.write(close_paid=False),
            lambda: serialize_on(person_key(second)),
            lambda: ContactCourse.recheck_customer(customer.id),
        )
    assert Invoice.get(Invoice.number == "8").customer_id == customer.id
    assert all(OptOut.holds(clinic.account.id, (), phone, "voice") for phone in (first, second))
