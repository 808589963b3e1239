"""The overdue scan (F46, F47): which customers it texts, has called, escalates to staff or leaves
alone, and when.
"""

import sys
from datetime import timedelta
from itertools import pairwise

import pytest

from actions.contact.evaluate import evaluate
from actions.contact.senders_and_templates import write_template
from actions.payments.recompute import recompute
from jobs.decide_promises import decide_promises
from jobs.find_unseen_debtors import find_unseen_debtors
from jobs.poll_text_statuses import poll_text_statuses
from jobs.scan_overdue import scan_overdue
from models.accounts.account_settings import AccountSettings
from models.calling.call import Call
from models.contact.consent import Consent
from models.contact.contact_course import ContactCourse
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.phone_suppression import PhoneSuppression
from models.contact.planned_contact import PlannedContact
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from models.transactions import transaction
from rules.contact.hours import closing
from rules.contact.person_time_zones import zones_of_number
from runtime.clock import business_now, move_business_time, real_now
from runtime.errors import SomeFailed
from tests import given
from tests.stories.scanning import Scanning

BY_CALL = [{"days": 7, "way": "voice"}]
scanning = sys.modules[scan_overdue.perform.__module__]  # `jobs` has the job under this name


@pytest.fixture
def clinic(texting):
    clinic = Scanning(texting)
    clinic.days_pass(1)
    yield clinic
    move_business_time(None)


def test_the_default_ladder_texts_calls_and_escalates_on_its_days(clinic):
    """Text at 3 days, call at 7 (by hand: a work item), text at 14, call at 21, then escalate to
    staff at 28.
    """
    clinic.owes(1)
    told = []
    for day in range(1, 32):
        clinic.scan()
        texts = len(clinic.sends())
        items = [row.kind for row in WorkItem.select().order_by(WorkItem.created_at)]
        told.append((day, texts, items))
        clinic.days_pass(1)
    changes = [now for before, now in pairwise(told) if now[1:] != before[1:]]
    assert changes == [
        (3, 1, []),
        (7, 1, ["call"]),
        (14, 2, ["call"]),
        (21, 2, ["call", "call"]),
        (28, 2, ["call", "call", "escalation"]),
    ]


def test_three_overdue_invoices_are_named_in_one_text(clinic):
    invoices = [clinic.owes(days, number=f"N-{days}") for days in (5, 4, 3)]
    clinic.scan()
    clinic.scan()
    (body,) = clinic.sends()
    assert body.count("http://payphone/p/") == 3
    assert all(invoice.number in body for invoice in invoices), body
    assert Message.get().invoice_id == invoices[0].id


def test_an_invoice_paid_before_the_text_is_sent_is_not_named(clinic):
    first, second, third = (clinic.owes(days, number=f"N-{days}") for days in (5, 4, 3))
    clinic.scan()
    Invoice.update(status="paid", outstanding=0).where(Invoice.id == second.id).execute()
    (body,) = clinic.sends()
    assert first.number in body
    assert third.number in body
    assert second.number not in body


def test_a_text_about_two_invoices_counts_once_for_each(clinic):
    """Given one text about two invoices, then the gate's history of each invoice holds it once."""
    invoices = [clinic.owes(4), clinic.owes(3)]
    clinic.scan()
    clinic.sends()
    for invoice in invoices:
        with transaction():
            found = evaluate(invoice, clinic.texting.phone, "sms", business_now(), "reminder")
        assert [one.debt_id for one in found.facts.history] == [invoice.id]


def test_a_customer_on_hold_is_not_contacted_and_the_reason_is_recorded_once(clinic):
    clinic.owes(3)
    clinic.texting.post(f"/api/customers/{clinic.customer.id}/holds", kind="attorney")
    for _ in range(3):
        clinic.scan()
    assert clinic.sends() == []
    assert clinic.course().code == "attorney_represented"
    assert [row.code for row in ContactDecision.select()] == ["attorney_represented"], "kept once"


def test_a_late_scan_makes_one_contact_for_several_missed_rungs(clinic):
    clinic.owes(15)
    clinic.scan()
    assert len(clinic.sends()) == 1
    assert PlannedContact.get().days == 14
    clinic.days_pass(1)
    clinic.scan()
    assert (len(clinic.sends()), WorkItem.select().count()) == (1, 0)


def test_a_late_scan_spreads_each_accounts_contacts_over_time(clinic, monkeypatch):
    monkeypatch.setattr(scanning, "PACE", 2)
    other = given.an_account(name="Hill Clinic")
    accounts = [clinic.account] * 5 + [other]
    people = [given.a_customer(account, phone=clinic.texting.phone) for account in accounts]
    for person in people:
        invoice = given.an_invoice(
            person.account, customer=person, due_date=clinic.today - timedelta(days=8)
        )
        Consent.record(
            person,
            person.phone,
            ["voice"],
            real_now() - timedelta(days=30),
            real_now(),
            source="form",
            text="Call me.",
            text_version="1",
            recorded_by="test",
        )
        with transaction():
            recompute(Invoice.locked(invoice.id))
    begun = []
    for _ in range(4):
        clinic.days_pass(0)
        clinic.scan()
        rows = PlannedContact.select().where(PlannedContact.account == clinic.account)
        begun.append(rows.count())
        move_business_time(business_now() - real_now() + scanning.WITHIN)
    assert begun == [2, 4, 5, 5]
    assert PlannedContact.select().where(PlannedContact.account == other).count() == 1


def test_a_failing_customer_does_not_block_the_scan_of_others(clinic):
    """Given a customer whose scan fails, say because a newer release wrote the ladder, then the
    others are contacted, and the failing one is put off.
    """
    other = given.an_account(name="Hill Clinic")
    broken = given.a_customer(other, phone=clinic.texting.phone)
    AccountSettings.change(other, {"ladder": [{"day": 3}]}, real_now())
    ContactCourse.recheck([(other.id, broken.id)])
    clinic.owes(3)
    with pytest.raises(SomeFailed, match=broken.id):
        clinic.scan()
    assert len(clinic.sends()) == 1
    clinic.scan()
    assert clinic.course(broken).next_at > business_now(), "others come first"


@pytest.mark.parametrize("effect", [None, "eff_1"])
def test_a_text_that_was_never_sent_is_replaced(clinic, effect):
    """Given a text that was never sent, or whose one attempt certainly failed, then the scan texts
    again.
    """
    clinic.owes(3)
    clinic.scan()
    Message.update(status="refused", error_code="expired", effect_id=effect).execute()
    clinic.days_pass(1)
    clinic.scan()
    assert len(clinic.sends()) == 1


def test_a_text_whose_job_was_given_up_does_not_end_the_ladder(clinic):
    """Given a text whose job is dead after an outage, then it expires, and the scan texts again."""
    clinic.owes(3)
    clinic.scan()
    StagedJob.update(state="dead").where(StagedJob.name == "send_payment_link").execute()
    Message.update(created_at=real_now() - timedelta(hours=2)).execute()
    poll_text_statuses.perform()
    given.worked(clinic.texting.redis, "periodic")
    clinic.days_pass(1)
    clinic.scan()
    assert len(clinic.sends()) == 1


def test_a_text_throttled_and_then_refused_by_the_gate_is_replaced(clinic):
    """Given a text that Twilio throttled and the gate refused at the retry, then the scan texts
    again the next day.
    """
    clinic.owes(3)
    clinic.texting.fault("rate_limit_429", times=1)
    clinic.scan()
    given.worked(clinic.texting.redis, "messages")
    given.retried(clinic.texting.redis, "messages", 1)
    assert len(clinic.texting.requests()) == 1
    tomorrow = (clinic.today + timedelta(days=1)).isoformat()
    until = f"{tomorrow}T00:00:00"
    clinic.texting.post(f"/api/customers/{clinic.customer.id}/holds", kind="other", until=until)
    assert clinic.sends() == []
    assert Message.get().error_code == "on_hold"
    clinic.days_pass(1)
    clinic.scan()
    assert len(clinic.sends()) == 1


def test_a_late_calls_reason_names_the_rung_and_not_the_debts_age(calling):
    """Given a rung of day 7 that is climbed on day 9, then the call's reason names the rung and no
    age of the debt.
    """
    clinic = Scanning(calling)
    clinic.settings(first_contacts="automatic", calling="automatic", ladder=BY_CALL)
    clinic.days_pass(1)
    clinic.owes(9)
    clinic.scan()
    (call,) = Call.select()
    assert calling.shown(call)["reason"] == "day 7 of the account's ladder"


def test_a_call_vapi_never_placed_is_replaced_once(calling):
    """Given a due call that Vapi never placed for lack of credits, then the next scan requests
    another one, which is the last.
    """
    clinic = Scanning(calling)
    clinic.settings(first_contacts="automatic", calling="automatic", ladder=BY_CALL)
    clinic.days_pass(1)
    clinic.owes(7)
    clinic.scan()
    calling.work_calls()
    (call,) = Call.select()
    calling.ends(call, "call.start.error-subscription-insufficient-credits")
    calling.hears()
    assert calling.shown(call)["outcome"] == "not_placed"
    clinic.days_pass(1)
    clinic.scan()
    calling.work_calls()
    assert len(calling.posts()) == 2
    assert PlannedContact.select().count() == 2
    clinic.days_pass(1)
    clinic.scan()
    assert PlannedContact.select().count() == 2, "the second one counts"


def test_paying_the_invoice_ends_the_contact_course(clinic):
    invoice = clinic.owes(2)
    clinic.scan()
    assert clinic.course().next_at is not None
    clinic.texting.post(
        "/api/payments/upsert",
        invoiceId=invoice.id,
        amount=invoice.amount_due,
        currency="usd",
        method="cash",
        reference="1",
    )
    clinic.scan()
    assert clinic.course().next_at is None


def test_a_new_due_date_restarts_the_ladder(clinic):
    invoice = clinic.owes(14)
    clinic.scan()
    assert len(clinic.sends()) == 1
    later = (clinic.today - timedelta(days=1)).isoformat()
    path = f"/api/invoices/{invoice.id}"
    headers = clinic.texting.headers
    answer = clinic.texting.client.simulate_patch(path, json={"dueDate": later}, headers=headers)
    assert answer.status_code == 200
    clinic.days_pass(6)
    clinic.scan()
    assert [row.days for row in PlannedContact.select().order_by(PlannedContact.created_at)] == [
        14,
        7,
    ]


@pytest.mark.parametrize("first_contacts", ["automatic", "draft"])
def test_an_invoice_imported_long_overdue_is_contacted_then_escalated(clinic, first_contacts):
    """Given an invoice that is 40 days overdue when it is imported, then the customer is contacted
    and a week later escalated to staff, even if nobody approves the draft.
    """
    clinic.settings(
        first_contacts=first_contacts,
        ladder=[{"days": 21, "way": "sms"}, {"days": 28, "way": "person"}],
    )
    clinic.owes(40)
    told = []
    for day in range(16):
        clinic.scan()
        told.append((day, climbed()))
        clinic.days_pass(1)
    assert [now for before, now in pairwise([(-1, []), *told]) if now[1] != before[1]] == [
        (0, [21]),
        (7, [21, 28]),
    ]
    assert handed_over() == 1


def promises(clinic, invoice, days, **body):
    day = (clinic.today + timedelta(days=days)).isoformat()
    path = f"/api/invoices/{invoice.id}/promises"
    answer = clinic.texting.post(path, promisedFor=day, **body)
    assert answer.status_code == 201, answer.text


def pays(clinic, invoice, amount):
    answer = clinic.texting.post(
        "/api/payments/upsert",
        invoiceId=invoice.id,
        amount=amount,
        currency="usd",
        method="cash",
        reference="1",
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("ends", ["kept", "replaced"])
def test_the_ladder_resumes_when_a_promise_ends_early(clinic, ends):
    """Given a promise for a month ahead, when it is kept or replaced earlier, then the ladder goes
    on without waiting for its day.
    """
    invoice = clinic.owes(3)
    promises(clinic, invoice, 30, amount=5_000)
    clinic.scan()
    assert clinic.course().code == "promised"
    if ends == "kept":
        pays(clinic, invoice, 5_000)
        clinic.scan()
        assert climbed() == [3]
    else:
        promises(clinic, invoice, 5)
        clinic.scan()
        assert clinic.course().next_at - business_now() < timedelta(days=9)


@pytest.mark.parametrize(
    "order", [(decide_promises, scan_overdue), (scan_overdue, decide_promises)]
)
def test_broken_promises_and_a_due_rung_produce_one_text(clinic, order):
    """Given two broken promises whose rung is due too, then one text is sent, in whichever order
    the jobs run.
    """
    clinic.change(ladder=[{"days": 3, "channel": "sms"}])
    for invoice in (clinic.owes(3), clinic.owes(3)):
        promises(clinic, invoice, 1)
    clinic.days_pass(5)
    for job in (*order, *order):
        job.perform()
    assert len(clinic.sends()) == 1
    for job in order:
        job.perform()
    assert len(clinic.sends()) == 1


@pytest.mark.parametrize(("rungs", "drafts"), [([{"days": 3, "way": "sms"}], 1), ([], 0)])
def test_a_broken_promise_bypasses_neither_approval_nor_an_empty_ladder(clinic, rungs, drafts):
    promises(clinic, clinic.owes(3), 1)
    clinic.settings(first_contacts="draft" if drafts else "automatic", ladder=rungs)
    clinic.days_pass(5)
    decide_promises.perform()
    clinic.scan()
    assert clinic.sends() == []
    assert PlannedContact.select().where(PlannedContact.state == "draft").count() == drafts


def test_an_overdue_invoice_without_a_course_is_found_and_texted_once(clinic):
    """Given an overdue invoice without a course, as an older release's process leaves it during an
    upgrade, then the customer is found and texted, once.
    """
    clinic.owes(3)
    ContactCourse.delete().execute()
    clinic.scan()
    assert clinic.sends() == []
    find_unseen_debtors.perform()
    clinic.scan()
    assert len(clinic.sends()) == 1
    version = clinic.course().version
    find_unseen_debtors.perform()
    assert clinic.course().version == version, "once"


# Calls by hand


def calls():
    rows = WorkItem.select().where(WorkItem.kind == "call").order_by(WorkItem.created_at)
    return [(row.state, row.resolution) for row in rows]


def speaks_to(clinic):
    """Let staff call the customer about something else."""
    about = {"customer_id": clinic.customer.id}
    item = WorkItem.open(clinic.account.id, "reply", "SM1", "They ask for a call.", **about)
    clinic.texting.post(f"/api/work-items/{item.id}/resolve", action="called")


def suppressed(clinic, channel, code):
    with transaction():
        PhoneSuppression.suppress(
            clinic.account.id, clinic.texting.phone, channel, code, "a stranger's", real_now()
        )


def wants(clinic, **change):
    path = f"/api/customers/{clinic.customer.id}"
    answer = clinic.texting.client.simulate_patch(path, json=change, headers=clinic.texting.headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda clinic, invoice: pays(clinic, invoice, invoice.amount_due), "invoice_paid"),
        (lambda clinic, invoice: promises(clinic, invoice, 9), "promised"),
        (lambda clinic, _: clinic.texting.hear("STOP"), "opted_out"),
        (
            lambda clinic, _: clinic.texting.post(
                f"/api/customers/{clinic.customer.id}/holds", kind="attorney"
            ),
            "attorney_represented",
        ),
        (lambda clinic, _: speaks_to(clinic), "recent_conversation"),
        (lambda clinic, _: suppressed(clinic, "voice", "wrong_number"), "suppressed"),
        (lambda clinic, _: wants(clinic, contactRequest={"channel": "sms"}), "contact_request"),
        (lambda clinic, _: wants(clinic, phone=None), "no_phone"),
    ],
    ids=["paid", "promised", "stop", "hold", "spoken to", "wrong number", "texts only", "no phone"],
)
def test_a_call_work_item_is_closed_once_the_call_is_no_longer_allowed(clinic, happens, why):
    invoice = clinic.owes(7)
    clinic.scan()
    assert calls() == [("open", None)]
    happens(clinic, invoice)
    clinic.scan()
    assert calls() == [("resolved", why)]


def test_the_scan_looks_again_once_staff_lift_a_suppression(clinic):
    clinic.owes(3)
    suppressed(clinic, "sms", "30006")
    clinic.scan()
    assert clinic.course().code == "suppressed"
    path = f"/api/customers/{clinic.customer.id}/suppressions/sms"
    clinic.texting.client.simulate_delete(path, headers=clinic.texting.headers)
    clinic.scan()
    assert len(clinic.sends()) == 1


def test_quiet_hours_do_not_close_a_call_work_item(clinic):
    clinic.owes(7)
    clinic.scan()
    night = closing(zones_of_number(clinic.texting.phone), business_now()) + timedelta(hours=1)
    move_business_time(night - real_now())
    ContactCourse.recheck_customer(clinic.customer.id)
    clinic.scan()
    assert calls() == [("open", None)]


def test_calls_made_by_staff_count_towards_the_contact_frequency(clinic):
    clinic.change(ladder=[{"days": 1, "channel": "voice"}, {"days": 2, "channel": "voice"}])
    invoice = clinic.owes(1)
    clinic.scan()
    path = f"/api/work-items/{WorkItem.get().id}/resolve"
    assert clinic.texting.post(path, action="called").status_code == 200
    with transaction():
        found = evaluate(invoice, clinic.texting.phone, "voice", business_now(), "reminder")
    assert [(one.channel, one.debt_id) for one in found.facts.history] == [("voice", invoice.id)]
    asked = []
    for _day in range(9):
        clinic.scan()
        asked.append(len(calls()))
        clinic.days_pass(1)
    assert asked == [1] * 7 + [2] * 2


# An invoice that may not be named does not delay the others


def handed_over():
    return WorkItem.select().where(WorkItem.kind == "escalation").count()


def climbed():
    """Return the days of the rungs climbed, in order."""
    return [row.days for row in PlannedContact.select().order_by(PlannedContact.created_at)]


def test_a_promised_invoice_does_not_cause_repeated_escalations(clinic):
    """Given two invoices at the rung of a person, one of them promised, then repeated scans open
    one escalation.
    """
    clinic.change(ladder=[{"days": 1, "channel": "sms"}, {"days": 4, "channel": "person"}])
    promised = clinic.owes(1)
    clinic.owes(1)
    clinic.scan()
    clinic.sends()
    day = (clinic.today + timedelta(days=30)).isoformat()
    clinic.texting.post(f"/api/invoices/{promised.id}/promises", promisedFor=day)
    clinic.days_pass(3)
    for _ in range(3):
        clinic.scan()
        assert clinic.course().next_at > business_now(), "no scan loops"
        ContactCourse.recheck_customer(clinic.customer.id)
    assert handed_over() == 1


def test_a_disputed_invoice_does_not_repeat_another_invoices_rungs(clinic):
    clinic.change(ladder=[{"days": 1, "channel": "sms"}, {"days": 3, "channel": "sms"}])
    disputed = clinic.owes(1)
    clinic.owes(1)
    Invoice.update(disputed=True).where(Invoice.id == disputed.id).execute()
    for _ in range(9):
        clinic.scan()
        clinic.sends()
        clinic.days_pass(1)
    assert climbed() == [1, 3]
    assert clinic.course().code == "invoice_disputed"


def test_a_newer_invoice_climbs_its_own_rung_while_an_older_is_disputed(clinic):
    clinic.change(ladder=[{"days": 1, "channel": "sms"}, {"days": 9, "channel": "sms"}])
    disputed = clinic.owes(10)
    clinic.owes(1)
    Invoice.update(disputed=True).where(Invoice.id == disputed.id).execute()
    path = f"/api/accounts/{clinic.account.id}/contact-preview"
    (coming,) = clinic.texting.get(path)["data"]
    assert [(row["days"], row["allowed"]) for row in coming["contacts"]] == [(1, True)]
    clinic.scan()
    assert (climbed(), len(clinic.sends())) == ([1], 1)


def test_invoices_beyond_those_a_text_names_climb_with_the_rest(clinic):
    clinic.change(ladder=[{"days": 1, "channel": "sms"}, {"days": 3, "channel": "sms"}])
    for _ in range(6):
        clinic.owes(1)
    for _ in range(9):
        clinic.scan()
        clinic.sends()
        clinic.days_pass(1)
    assert climbed() == [1, 3]
    assert clinic.course().code == "ladder_finished"


def test_a_text_of_several_bills_that_became_an_offer_names_one_only(clinic):
    """Given a text about two bills that is on its way, when the clinic makes an offer in the
    template for several, then a customer who has not consented in writing is texted about one, in
    the words for one.
    """
    for days in (4, 5):
        clinic.owes(days)
    clinic.scan()
    words = "{clinic}: pay your {count} invoices this week and save 10 %: {links}"
    write_template(clinic.account, "payment_links", "en", words, "test")
    (body,) = clinic.sends()
    assert "save" not in body
    assert body.count("/p/") == 1
