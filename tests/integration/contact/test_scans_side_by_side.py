"""Scans, approvals and texts by hand that run at once, on separate connections, begin one ladder
contact and exceed no cap; an index finds the customers who are due.
"""

from contextlib import suppress

import pytest

from actions.contact.ladder.contact_if_due import contact_if_due
from actions.contact.ladder.drafts import approve_draft
from jobs.dial_overdue import _decide as decide_call
from jobs.send_payment_link import _decide
from models.calling.call import Call
from models.contact.contact_course import ContactCourse
from models.contact.planned_contact import PlannedContact
from models.effects.effect import Effect
from models.transactions import database, is_postgres, transaction
from rules.contact.policy import BY_ID
from runtime.clock import business_now, move_business_time, real_now
from runtime.errors import Conflict
from tests.integration.contact.test_caps_under_interleavings import a_waiting_text, at_once
from tests.stories.scanning import Scanning

MOST = BY_ID["cap.day"].numbers["most"]


@pytest.fixture
def clinic(texting):
    clinic = Scanning(texting)
    clinic.days_pass(1)
    yield clinic
    move_business_time(None)


def looks(clinic):
    """Return a scan's look at the customer; one that lost the race does nothing."""

    def run():
        with suppress(Conflict):
            contact_if_due(clinic.customer.id, business_now(), lambda _account: True)

    return run


def test_concurrent_scans_begin_one_contact(clinic):
    clinic.owes(3)
    clinic.owes(4)
    assert at_once(*[looks(clinic)] * 6) == []
    assert PlannedContact.select().where(PlannedContact.state == "performed").count() == 1
    assert len(clinic.sends()) == 1


def test_concurrent_scans_and_manual_texts_respect_the_contact_cap(clinic):
    clinic.owes(3)
    by_hand = [
        a_waiting_text(clinic.texting, clinic.customer, clinic.texting.phone) for _ in range(4)
    ]
    calls = [lambda text=text: _decide(text) for text in by_hand]
    assert at_once(looks(clinic), looks(clinic), *calls) == []
    clinic.sends()
    assert Effect.select().where(Effect.kind == "text").count() == MOST


def test_a_draft_approved_twice_during_a_scan_is_sent_once(clinic):
    clinic.settings(first_contacts="draft")
    clinic.owes(3)
    clinic.scan()
    draft = PlannedContact.get()
    ContactCourse.recheck_customer(clinic.customer.id)

    def approves():
        return approve_draft(clinic.account, draft.id, "test")

    assert at_once(approves, approves, looks(clinic)) == []
    assert PlannedContact.get_by_id(draft.id).state == "performed"
    assert len(clinic.sends()) == 1


def test_due_customers_are_found_by_an_index(clinic):
    sql = (
        "SELECT customer_id FROM contact_course WHERE next_at <= 5 AND account_id NOT IN ('a')"
        " ORDER BY next_at, customer_id LIMIT 200"
    )
    explain = "EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN "
    with transaction():
        if is_postgres():
            database.execute_sql("SET LOCAL enable_seqscan = off")
        told = "\n".join(str(row) for row in database.execute_sql(explain + sql).fetchall())
    assert "contact_course_due" in told


def test_scans_manual_texts_and_manual_calls_share_the_contact_cap(calling):
    """In whatever order they come, texts and calls count towards the same cap."""
    clinic = Scanning(calling)
    clinic.days_pass(1)
    clinic.owes(3)
    texts = [a_waiting_text(calling, clinic.customer, calling.phone) for _ in range(3)]
    by_hand = [a_waiting_call(calling, clinic.owes(1)) for _ in range(2)]
    decided = [lambda text=text: _decide(text) for text in texts]
    dialled = [lambda call=call: decide_call(call) for call in by_hand]
    assert at_once(looks(clinic), looks(clinic), *decided, *dialled) == []
    clinic.sends()
    assert Effect.select().where(Effect.kind << ["text", "call"]).count() == MOST


def a_waiting_call(calling, invoice):
    """Create a requested call: only the decision is left."""
    return Call.request(
        [invoice],
        calling.customer,
        from_number=calling.line.e164,
        phone_number_id=calling.line.vapi_id,
        reason="by hand",
        asked_by="test",
        now=real_now(),
    )
