"""Drafts (B17), an account's ladder (F53), the time of a customer's next contact, and the
preview.
"""

from datetime import datetime, timedelta

import pytest

from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.message import Message
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import WorkItem
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from rules.contact.hours import closing
from rules.contact.person_time_zones import zones_of_number
from runtime.clock import business_now, move_business_time, real_now
from tests import given
from tests.stories.scanning import Scanning


@pytest.fixture
def clinic(texting):
    clinic = Scanning(texting)
    clinic.days_pass(1)
    yield clinic
    move_business_time(None)


# Drafts (B17)


def approve(clinic, *ids):
    answer = clinic.texting.post("/api/contact-drafts/approve", ids=list(ids))
    assert answer.status_code == 200, answer.text
    return answer.json["data"]


def test_a_new_clinics_contacts_wait_as_drafts_until_approved(clinic):
    clinic.settings(first_contacts="draft")
    other = given.a_customer(clinic.account, phone=None)
    clinic.owes(3)
    clinic.owes(3, customer=other)
    clinic.scan()
    clinic.scan()
    assert clinic.sends() == []
    (item,) = clinic.texting.get("/api/work-items?state=open&kind=draft")["data"]
    (row,) = approve(clinic, item["id"])
    assert (row["outcome"], row["reasonCode"]) == ("performed", None)
    assert row["messageId"] == Message.get().id
    assert len(clinic.sends()) == 1
    (again,) = approve(clinic, item["id"])
    assert (again["outcome"], again["messageId"]) == ("performed", row["messageId"])
    assert len(clinic.sends()) == 1
    assert clinic.texting.get("/api/work-items?state=open&kind=draft")["data"] == []
    assert [one["outcome"] for one in approve(clinic, "wki_1", PlannedContact.get().id)] == [
        "not_found",
        "performed",
    ]


def test_a_draft_names_the_channel_it_would_use(clinic):
    """Given a rung that calls, and a customer who asked for texts only (45 CFR 164.522(b)), then
    the draft says that a text waits, and the timeline that a text was started.
    """
    clinic.settings(first_contacts="draft", ladder=[{"days": 3, "way": "voice"}])
    Customer.update(contact_request={"channel": "sms"}).execute()
    invoice = clinic.owes(3)
    clinic.scan()
    (item,) = clinic.texting.get("/api/work-items?state=open&kind=draft")["data"]
    assert item["words"] == f"A text about invoice {invoice.number} waits for approval."
    (row,) = unpaid(clinic)
    assert row["nextContactChannel"] == "sms"
    approve(clinic, item["id"])
    assert len(clinic.sends()) == 1
    lines = clinic.texting.get(f"/api/invoices/{invoice.id}/timeline?limit=100")["data"]
    (begun,) = [line["reason"] for line in lines if line["type"] == "contact.performed"]
    assert begun == "A text of day 3 was started, as the account's ladder says."


@pytest.mark.parametrize("action", ["approve", "decline"])
def test_resolving_a_drafts_work_item_returns_it_as_resolved(clinic, action):
    """Given a draft, when its work item is resolved, then the answer shows the item as resolved,
    with its note.
    """
    clinic.settings(first_contacts="draft")
    clinic.owes(3)
    clinic.scan()
    (item,) = clinic.texting.get("/api/work-items?state=open&kind=draft")["data"]
    path = f"/api/work-items/{item['id']}"
    decided = clinic.texting.post(f"{path}/resolve", action=action, note="by phone").json
    assert (decided["state"], decided["resolution"], decided["note"]) == (
        "resolved",
        action,
        "by phone",
    )
    assert clinic.texting.get(path) == decided


def test_approving_a_draft_rechecks_the_balance_and_the_contact_gate(clinic):
    clinic.settings(first_contacts="draft")
    paid = clinic.owes(3)
    clinic.scan()
    clinic.texting.post(f"/api/customers/{clinic.customer.id}/holds", kind="ppdr")
    (row,) = approve(clinic, PlannedContact.get().id)
    assert (row["outcome"], row["reasonCode"]) == ("refused", "ppdr_open")
    assert PlannedContact.get().state == "draft", "until the hold is lifted"
    Invoice.update(status="paid").where(Invoice.id == paid.id).execute()
    (row,) = approve(clinic, PlannedContact.get().id)
    assert (row["outcome"], row["reasonCode"]) == ("refused", "invoice_paid")
    assert WorkItem.get().state == "resolved"
    assert clinic.sends() == []


def test_a_draft_approved_at_night_is_sent_in_the_morning(clinic):
    clinic.settings(first_contacts="draft")
    clinic.owes(3)
    clinic.scan()
    night = closing(zones_of_number(clinic.texting.phone), business_now()) + timedelta(hours=1)
    move_business_time(night - real_now())
    (row,) = approve(clinic, PlannedContact.get().id)
    assert (row["outcome"], row["reasonCode"]) == ("waiting", "quiet_hours")
    clinic.scan()
    assert clinic.sends() == []
    clinic.days_pass(0)
    clinic.scan()
    assert len(clinic.sends()) == 1


def test_a_draft_that_expires_before_it_may_be_made_is_not_said_to_wait(clinic):
    """Given a hold for a month, and drafts that last a week, then approving says that the contact
    is not made, and the draft stays.
    """
    clinic.settings(first_contacts="draft")
    clinic.owes(3)
    clinic.scan()
    until = (clinic.today + timedelta(days=30)).isoformat()
    clinic.texting.post(f"/api/customers/{clinic.customer.id}/holds", kind="other", until=until)
    (row,) = approve(clinic, PlannedContact.get().id)
    assert (row["outcome"], row["reasonCode"]) == ("refused", "on_hold")
    assert row["reason"].endswith("It stays a draft.")
    assert row["nextAllowedAt"] > until
    assert (PlannedContact.get().state, WorkItem.get().state) == ("draft", "open")


def test_drafts_expire_and_the_ladder_goes_on(clinic):
    clinic.settings(first_contacts="draft", ladder=[{"days": 3, "way": "sms"}])
    clinic.owes(3)
    clinic.scan()
    clinic.days_pass(8)
    (row,) = approve(clinic, PlannedContact.get().id)
    assert row["outcome"] == "expired"
    clinic.scan()
    assert (PlannedContact.get().state, WorkItem.get().resolution) == ("expired", "expired")
    assert clinic.course().code == "ladder_finished"


def test_a_declined_draft_is_not_sent_and_drafting_can_be_turned_off(clinic):
    clinic.settings(first_contacts="draft")
    clinic.owes(3)
    clinic.scan()
    item = WorkItem.get()
    path = f"/api/work-items/{item.id}/resolve"
    assert clinic.texting.post(path, action="decline").status_code == 200
    clinic.scan()
    assert clinic.sends() == []
    clinic.change(firstContacts="automatic")
    clinic.days_pass(11)
    clinic.scan()
    assert len(clinic.sends()) == 1


def test_a_draft_can_be_approved_through_its_work_item(clinic):
    clinic.settings(first_contacts="draft")
    clinic.owes(3)
    clinic.scan()
    path = f"/api/work-items/{WorkItem.get().id}/resolve"
    clinic.texting.post(f"/api/customers/{clinic.customer.id}/holds", kind="other")
    refused = clinic.texting.post(path, action="approve")
    assert (refused.status_code, refused.json["reasonCode"]) == (422, "on_hold")
    Hold.delete().execute()
    assert clinic.texting.post(path, action="approve").status_code == 200
    assert len(clinic.sends()) == 1


# Settings, the next contact, and the preview


def unpaid(clinic):
    return clinic.texting.get("/api/finance/unpaid-invoices")["data"]


def coming(clinic, **params):
    path = f"/api/accounts/{clinic.account.id}/contact-preview"
    answer = clinic.texting.client.simulate_get(path, params=params, headers=clinic.texting.headers)
    assert answer.status_code == 200, answer.text
    return answer.json["data"]


def test_an_account_can_change_its_ladder(clinic):
    shown = clinic.texting.get(f"/api/accounts/{clinic.account.id}/settings")
    assert [(rung["days"], rung["channel"]) for rung in shown["ladder"]] == [
        (3, "sms"),
        (7, "voice"),
        (14, "sms"),
        (21, "voice"),
        (28, "person"),
    ]
    clinic.owes(2)
    clinic.scan()
    assert clinic.change(ladder=[{"days": 2, "channel": "sms"}])["ladder"] == [
        {"days": 2, "channel": "sms", "template": "payment_link", "purpose": "reminder"}
    ]
    clinic.scan()
    assert len(clinic.sends()) == 1
    assert clinic.change(ladder=[])["ladder"] == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    "ladder",
    [
        [{"days": 0, "channel": "sms"}],
        [{"days": 7, "channel": "sms"}, {"days": 3, "channel": "sms"}],
        [{"days": 3, "channel": "fax"}],
        [{"days": 3, "channel": "voice", "template": "reminder"}],
        [{"days": 3, "channel": "person"}, {"days": 5, "channel": "sms"}],
    ],
    ids=["today", "order", "channel", "template", "after a person"],
)
def test_an_invalid_ladder_is_refused(clinic, ladder):
    path = f"/api/accounts/{clinic.account.id}/settings"
    answer = clinic.texting.client.simulate_patch(
        path, json={"ladder": ladder}, headers=clinic.texting.headers
    )
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_an_account_that_only_sends_links_texts_where_the_ladder_calls(clinic):
    clinic.change(paymentTiming="follow_up", calling="automatic")
    clinic.owes(7)
    clinic.scan()
    assert len(clinic.sends()) == 1
    assert WorkItem.select().count() == 0


def test_a_missing_caller_number_is_given_as_the_reason(clinic):
    clinic.change(calling="automatic")
    clinic.owes(7)
    clinic.scan()
    assert [row["nextContactReasonCode"] for row in unpaid(clinic)] == ["no_caller_number"]


def test_an_unpaid_invoice_shows_its_next_contact_or_why_there_is_none(clinic):
    late, later = clinic.owes(1), clinic.owes(-5)
    found = {row["id"]: row for row in unpaid(clinic)}
    assert found[late.id]["nextContactChannel"] == "sms"
    clinic.scan()
    found = {row["id"]: row for row in unpaid(clinic)}
    for invoice, days in ((late, 2), (later, 8)):
        at = datetime.fromisoformat(found[invoice.id]["nextContact"])
        assert clinic.account.local_date(at) - clinic.today == timedelta(days=days)
        assert found[invoice.id]["nextContactChannel"] == "sms"
        assert found[invoice.id]["nextContactReasonCode"] is None
    clinic.texting.post(f"/api/customers/{clinic.customer.id}/holds", kind="attorney")
    clinic.days_pass(2)
    clinic.scan()
    found = {row["id"]: row for row in unpaid(clinic)}
    assert (found[late.id]["nextContact"], found[late.id]["nextContactReasonCode"]) == (
        None,
        "attorney_represented",
    )


def test_promises_and_disputes_are_given_as_reasons_for_no_contact(clinic):
    promised, disputed = clinic.owes(1), clinic.owes(1)
    day = (clinic.today + timedelta(days=3)).isoformat()
    clinic.texting.post(f"/api/invoices/{promised.id}/promises", promisedFor=day)
    Invoice.update(disputed=True).where(Invoice.id == disputed.id).execute()
    codes = {row["id"]: row["nextContactReasonCode"] for row in unpaid(clinic)}
    assert codes == {promised.id: "promised", disputed.id: "invoice_disputed"}


def test_a_customer_with_an_open_promise_is_neither_texted_nor_escalated(clinic):
    clinic.change(ladder=[{"days": 1, "channel": "sms"}, {"days": 4, "channel": "person"}])
    invoice = clinic.owes(1)
    clinic.scan()
    assert len(clinic.sends()) == 1
    day = (clinic.today + timedelta(days=10)).isoformat()
    clinic.texting.post(f"/api/invoices/{invoice.id}/promises", promisedFor=day)
    clinic.days_pass(4)
    clinic.scan()
    assert WorkItem.select().where(WorkItem.kind == "escalation").count() == 0
    assert clinic.course().code == "promised"


def test_the_scan_does_what_the_preview_showed(clinic):
    """Given a preview, then the scan does what it shows, and the preview itself changes nothing."""
    invoice, other = clinic.owes(2), given.a_customer(clinic.account, phone=clinic.texting.phone)
    clinic.owes(-1, customer=other)
    clinic.scan()
    before = clinic.course().version
    (mine, theirs) = sorted(coming(clinic), key=lambda row: row["id"] != clinic.customer.id)
    assert [(row["channel"], row["days"], row["allowed"]) for row in mine["contacts"]] == [
        ("sms", 3, True),
        ("voice", 7, True),
    ]
    assert mine["contacts"][0]["invoiceIds"] == [invoice.id]
    assert [row["reasonCode"] for row in theirs["contacts"]] == ["no_consent"]
    assert (clinic.course().version, PlannedContact.select().count()) == (before, 0)
    assert ContactDecision.select().count() == 0
    first = datetime.fromisoformat(mine["contacts"][0]["at"])
    move_business_time(first - real_now() + timedelta(minutes=1))
    clinic.scan()
    assert len(clinic.sends()) == 1


def test_the_preview_is_paginated(clinic):
    people = [given.a_customer(clinic.account) for _ in range(3)]
    for person in people:
        clinic.owes(3, customer=person)
    first = coming(clinic, limit=2)
    rest = coming(clinic, limit=2, startingAfter=first[-1]["id"])
    assert [row["id"] for row in [*first, *rest]] == sorted(person.id for person in people)
