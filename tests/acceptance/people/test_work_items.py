"""Work items (F52, B18): escalations are opened, listed, answered through the contact gate, and
resolved once.
"""

from datetime import timedelta

import pytest

from jobs.poll_text_statuses import poll_text_statuses
from models.accounts.audit_entry import AuditEntry
from models.contact.hold import Hold
from models.contact.message import Message
from models.contact.phone_suppression import PhoneSuppression
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.feed.outgoing_event import OutgoingEvent
from rules.contact.work_items import HOLDS
from runtime.clock import business_now, real_now, rfc3339
from tests import given
from tests.stories.texting import Texting

VISA = "4242 4242 4242 4242"


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    return texting.consents()


def escalated(clinic, **body):
    answer = clinic.post(f"/api/invoices/{clinic.invoice.id}/escalations", **body)
    assert answer.status_code == 201, answer.text
    return answer.json


def resolved(clinic, item, **body):
    return clinic.post(f"/api/work-items/{item['id']}/resolve", **body)


def test_an_escalation_has_owner_due_date_and_context_and_one_event(clinic):
    said = {"reason": "hardship", "note": "asked for a plan", "owner": "Mia"}
    first, again = escalated(clinic, **said), escalated(clinic, **said)
    assert first == again
    assert (first["owner"], first["context"]["note"]) == ("Mia", "asked for a plan")
    assert first["words"] == "The person says that they cannot pay."
    assert first["dueAt"] > first["createdAt"]
    (event,) = OutgoingEvent.select().where(OutgoingEvent.type == "escalation.opened")
    assert (event.account_id, event.payload["workItemId"]) == (clinic.account.id, first["id"])


@pytest.mark.parametrize("reason", sorted(HOLDS))
def test_an_escalation_with_a_do_not_contact_reason_places_one_hold(clinic, reason):
    for _ in range(2):
        escalated(clinic, reason=reason)
    (hold,) = Hold.select()
    assert (hold.kind, hold.customer_id) == (HOLDS[reason], clinic.customer.id)
    refused = clinic.ask()
    assert (refused.status_code, refused.json["code"]) == (422, "contact_refused")


def test_an_escalation_repeated_after_its_hold_was_lifted_holds_again(clinic):
    item = escalated(clinic, reason="attorney")
    (hold,) = Hold.select()
    clinic.client.simulate_delete(
        f"/api/customers/{clinic.customer.id}/holds/{hold.id}", headers=clinic.headers
    )
    assert escalated(clinic, reason="attorney")["id"] == item["id"]
    assert [row.lifted_at is None for row in Hold.select().order_by(Hold.created_at)] == [
        False,
        True,
    ]


def test_an_escalation_for_another_reason_places_no_hold(clinic):
    escalated(clinic, reason="insurance")
    assert Hold.select().count() == 0
    assert clinic.ask().status_code == 202


def test_open_work_items_are_listed_and_resolved_ones_are_not(clinic):
    item = escalated(clinic)
    listed = "/api/work-items?state=open&kind=escalation"
    assert [row["id"] for row in clinic.get(listed)["data"]] == [item["id"]]
    assert clinic.get("/api/work-items?state=open&kind=dispute")["data"] == []
    done = resolved(clinic, item, action="done", note="Called back.")
    assert (done.status_code, done.json["state"], done.json["actions"]) == (200, "resolved", [])
    assert (done.json["note"], done.json["resolution"]) == ("Called back.", "done")
    assert clinic.get(listed)["data"] == []
    assert AuditEntry.get(AuditEntry.action == "work_item.resolved").detail["resolution"] == "done"


def test_resolving_again_is_idempotent_and_another_action_is_refused(clinic):
    item = escalated(clinic)
    first = resolved(clinic, item, action="hold", note="asked for time")
    assert resolved(clinic, item, action="hold").json == first.json
    assert Hold.select().count() == 1
    other = resolved(clinic, item, action="done")
    assert (other.status_code, other.json["code"]) == (409, "conflict")


def test_an_action_unknown_to_the_kind_is_refused_with_the_accepted_ones(clinic):
    answer = resolved(clinic, escalated(clinic), action="refund")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "action")
    assert "done, reply, called, not_reached, hold is accepted" in answer.json["detail"]


def test_another_accounts_work_item_is_not_found(clinic):
    item, hill = escalated(clinic), clinic.another_clinic()
    assert resolved(hill, item, action="done").status_code == 404
    assert hill.get(f"/api/work-items/{item['id']}")["code"] == "not_found"


def test_a_resolved_escalation_reopens_when_its_reason_recurs(clinic):
    item = escalated(clinic, reason="dispute")
    resolved(clinic, item, action="done")
    again = escalated(clinic, reason="dispute")
    assert (again["id"], again["state"], again["resolution"]) == (item["id"], "open", None)
    assert OutgoingEvent.select().where(OutgoingEvent.type == "escalation.opened").count() == 2


def test_a_note_that_is_part_of_an_earlier_one_is_kept(clinic):
    escalated(clinic, note="do not call before noon")
    for again in ("call", "call\n"):
        item = escalated(clinic, note=again)
    assert item["context"]["note"] == "do not call before noon\ncall"


def test_a_recurring_escalation_adds_its_note_or_starts_over_once_resolved(clinic):
    """Given an open escalation, then a second note is added to the first. Once it is resolved, the
    next one has only its own note, due date and owner.
    """
    first = escalated(clinic, note="asked for a plan", owner="Mia")
    both = escalated(clinic, note="rang again")
    assert (both["id"], both["context"]["note"]) == (first["id"], "asked for a plan\nrang again")
    resolved(clinic, first, action="done")
    due = rfc3339(business_now() + timedelta(days=3))
    again = escalated(clinic, note="the plan was broken", owner="Ben", dueAt=due)
    assert (again["id"], again["state"]) == (first["id"], "open")
    assert (again["context"]["note"], again["owner"]) == ("the plan was broken", "Ben")
    assert again["dueAt"] == due
    told = OutgoingEvent.select().where(OutgoingEvent.type == "escalation.opened")
    assert [row.payload["owner"] for row in told.order_by(OutgoingEvent.id)] == ["Mia", "Ben"]


def test_staff_reply_by_text_through_the_contact_gate(clinic):
    item = escalated(clinic)
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text="We will call you at noon.")
    assert (answer.status_code, answer.json["state"]) == (202, "resolved"), answer.text
    clinic.work()
    (sent,) = clinic.sent()
    assert sent["body"] == "Harbor Dental: We will call you at noon. Reply STOP to opt out."
    assert Message.get().kind == "answer"


def test_staff_can_reply_about_a_paid_invoice(clinic):
    """Given a paid invoice, then a reminder is refused, but an answer is sent, since it asks for no
    money.
    """
    item = escalated(clinic)
    _pay(clinic)
    assert clinic.ask().status_code == 409
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text="We have found it, thank you.")
    assert answer.status_code == 202, answer.text
    clinic.work()
    assert len(clinic.sent()) == 1


def _pay(clinic):
    body = {
        "invoiceId": clinic.invoice.id,
        "amount": 12_000,
        "currency": "usd",
        "method": "cash",
        "reference": "till 7",
    }
    assert clinic.post("/api/payments/upsert", **body).status_code == 201


def test_a_reply_to_a_customer_who_opted_out_is_refused(clinic):
    item = escalated(clinic)
    clinic.hear("STOP")
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text="Sorry to hear that.")
    assert (answer.status_code, answer.json["reasonCode"]) == (422, "opted_out")
    assert WorkItem.get_by_id(item["id"]).is_open
    assert clinic.requests() == []


def test_a_work_item_reopens_when_a_stop_overtakes_its_reply(clinic):
    item = escalated(clinic)
    clinic.post(f"/api/work-items/{item['id']}/reply", text="We will call you at noon.")
    clinic.hear("STOP")
    clinic.work()
    assert clinic.requests() == []
    open_one = clinic.get(f"/api/work-items/{item['id']}")
    assert open_one["state"] == "open"
    assert "opted out" in open_one["context"]["answerFailed"]


def polls(clinic):
    poll_text_statuses.perform()
    given.relayed(clinic.redis)
    given.worked(clinic.redis, "periodic")


def test_a_work_item_reopens_when_its_reply_gets_no_delivery_report(clinic):
    """Given an answer that Twilio accepted but has not reported on for days, then the work item is
    open again and says so.
    """
    item = escalated(clinic)
    clinic.post(f"/api/work-items/{item['id']}/reply", text="We will call you at noon.")
    clinic.work()
    days_ago = real_now() - timedelta(days=3)
    Message.update(
        sid=f"SM{'f' * 32}", status="queued", created_at=days_ago, updated_at=days_ago
    ).execute()
    polls(clinic)
    assert Message.get().status == "undelivered"
    open_one = clinic.get(f"/api/work-items/{item['id']}")
    assert open_one["state"] == "open"
    assert "No report has arrived" in open_one["context"]["answerFailed"]


def test_a_work_item_reopens_when_the_job_of_its_reply_was_given_up(clinic):
    """Given an answer whose job is dead after an outage at Twilio, then an hour after the request
    the work item is open again and says so.
    """
    item = escalated(clinic)
    clinic.post(f"/api/work-items/{item['id']}/reply", text="We will call you at noon.")
    clinic.fault("rate_limit_429", times=1)
    given.worked(clinic.redis, "messages")
    StagedJob.update(state="dead").where(StagedJob.name == "send_payment_link").execute()
    polls(clinic)
    assert Message.get().status == "sending"
    Message.update(created_at=real_now() - timedelta(minutes=61)).execute()
    polls(clinic)
    assert (Message.get().status, Message.get().error_code) == ("refused", "expired")
    open_one = clinic.get(f"/api/work-items/{item['id']}")
    assert open_one["state"] == "open"
    assert "within an hour" in open_one["context"]["answerFailed"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Your root canal costs $120.", "mentions health"),
        ("Your X-ray costs $120.", "mentions health"),
        ("Su cirugía cuesta $120.", "mentions health"),
        ("x" * 481, "at most 480 are accepted"),
        (" ", "at least 1 character"),
    ],
)
def test_a_reply_with_forbidden_text_is_refused(clinic, text, why):
    item = escalated(clinic)
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text=text)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "text"), answer.text
    assert why in answer.text
    assert WorkItem.get_by_id(item["id"]).is_open


def test_a_card_number_in_a_reply_is_refused(clinic):
    item = escalated(clinic)
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text=f"Is it {VISA}?")
    assert (answer.status_code, answer.json["code"]) == (422, "card_number_refused")


def test_a_reply_with_an_offer_needs_written_consent(clinic):
    item = escalated(clinic)
    answer = clinic.post(f"/api/work-items/{item['id']}/reply", text="Pay today and save 10 %.")
    assert (answer.status_code, answer.json["reasonCode"]) == (422, "no_written_consent")


def test_resolving_as_wrong_number_suppresses_texts_and_calls(clinic):
    item = WorkItem.open(
        clinic.account.id,
        "reply",
        "SMx",
        "wrong number",
        customer_id=clinic.customer.id,
        context={"phone": clinic.phone},
    )
    answer = resolved(clinic, {"id": item.id}, action="wrong_number")
    assert answer.status_code == 200, answer.text
    assert {row.channel for row in PhoneSuppression.select()} == {"sms", "voice"}
    assert clinic.ask().json["reasonCode"] == "suppressed"
