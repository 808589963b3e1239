"""Requests with which the clinic decides that a customer is contacted or refunded, each from a
clinic of its own, and what must hold after exactly one effect.

They stage the same work as the requests of `spending`, so no process is killed for them.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from actions.contact.ladder.contact_if_due import contact_if_due
from actions.payments.recompute import recompute
from models.accounts.account_settings import AccountSettings
from models.calling.call_slot import CallSlot
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import WorkItem
from models.deployment.phone_line import PhoneLine
from models.invoices.invoice import Invoice
from models.payments.payment_link import PayAddress
from models.transactions import transaction
from runtime.clock import business_now, real_now
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_sender
from tests import given
from tests.faults.effects.spending import Asked, charged
from tests.stories.calling import Calling, a_live_line
from tests.stories.texting import Texting, a_daytime_phone


def sent_once(clinic: Texting, words: Callable[[], str]) -> Callable[[], None]:
    def assert_once() -> None:
        assert sum(words() in row["body"] for row in clinic.sent()) == 1

    return assert_once


def an_answer(clinic: Texting) -> Asked:
    escalations = f"/api/invoices/{clinic.invoice.id}/escalations"
    item = clinic.post(escalations, reason="asked_for_person").json
    text = f"We will call you about {clinic.invoice.number} at noon."
    path = f"/api/work-items/{item['id']}/reply"
    return Asked(path, {"text": text}, clinic.headers, sent_once(clinic, lambda: text))


def a_refund_of_an_item(clinic: Texting) -> Asked:
    """Refund an overpayment through its work item."""
    for _ in range(2):
        clinic.stand_in.paid(clinic.invoice, redis=clinic.redis)
    item = WorkItem.about("overpayment", clinic.invoice.id)
    owed = charged(clinic, clinic.invoice.amount_due)
    return Asked(f"/api/work-items/{item.id}/resolve", {"action": "refund"}, clinic.headers, owed)


def a_draft(clinic: Texting) -> PlannedContact:
    """Create the ladder's first text, which waits for approval."""
    AccountSettings.change(clinic.account, {"first_contacts": "draft"}, real_now())
    due = clinic.account.local_date(business_now()) - timedelta(days=3)
    Invoice.update(due_date=due).where(Invoice.id == clinic.invoice.id).execute()
    with transaction():
        recompute(Invoice.locked(clinic.invoice.id))
    contact_if_due(clinic.customer.id, business_now(), lambda _: True)
    draft: PlannedContact = PlannedContact.get(PlannedContact.customer == clinic.customer.id)
    assert draft.state == "draft"
    return draft


def drafts(clinic: Texting) -> Asked:
    body = {"ids": [a_draft(clinic).id]}
    once = sent_once(clinic, lambda: PayAddress.get(PayAddress.invoice == clinic.invoice).url)
    return Asked("/api/contact-drafts/approve", body, clinic.headers, once)


def a_call(clinic: Texting) -> Asked:
    """Request a call that keeps ringing; what follows belongs to other tests, so its
    slot is freed.
    """
    clinic.customer = given.a_customer(clinic.account, phone=a_daytime_phone(Calling.phones))
    clinic.invoice = given.an_invoice(clinic.account, customer=clinic.customer)
    clinic.consents(clinic.customer.phone, channels=("voice", "sms"))
    number = f"+1312555{PhoneLine.select().count():04d}"
    add_sender(clinic.twilio, Sender(number))
    line = a_live_line(clinic.account, number)
    vapi = clinic.stand_in.sandbox.vapi
    vapi.books.habits.update({"rings_after": 3600})

    def placed() -> list[dict[str, Any]]:
        with vapi.shared.lock:
            return [row for row in vapi.books.each("call") if row["phoneNumberId"] == line.vapi_id]

    def assert_once() -> None:
        CallSlot.delete().execute()
        assert len(placed()) == 1

    path = f"/api/invoices/{clinic.invoice.id}/calls"
    return Asked(path, {}, clinic.headers, assert_once)


DECIDED = {
    "an answer": an_answer,
    "a refund of an item": a_refund_of_an_item,
    "drafts": drafts,
    "a call": a_call,
}
