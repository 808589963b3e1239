"""Reassigned numbers (CONTACT_RULES 23): if the account wants it, Twilio looks a number up before
the customer's first contact, and again once the answer is old. A customer who is not known to still
have the number is not contacted.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from actions.accounts.accounts import change_settings
from actions.contact.gate_facts import consent_date, load_gate_facts
from actions.contact.ladder.preview import preview_customer
from actions.people.number_lookups import (
    AFTER_TROUBLE,
    begin_look_up,
    record_answer,
    request_look_up,
)
from bin.commands.checks.texting import check_number_lookups
from delivery.attempt import Snooze
from jobs.look_up_number import look_up_number
from jobs.send_payment_link import send_payment_link
from models.accounts.account_settings import AccountSettings
from models.contact.consent import Consent
from models.contact.message import Message
from models.contact.number_lookup import NumberLookup
from models.contact.work_item import WorkItem
from models.delivery.attempt import claim_job, fail_job
from models.delivery.staged_job import StagedJob
from models.effects.daily_limit import DailyCeiling, tally_of
from models.transactions import transaction
from providers.twilio.client import client
from rules.contact.gate import decide
from runtime.clock import business_now, move_business_time, real_now
from runtime.errors import Misconfigured
from runtime.settings import get_settings
from sandbox.twilio.lookups import Habit
from tests import given
from tests.stories.calling import Calling
from tests.stories.scanning import Scanning
from tests.stories.texting import Texting, local_hour

PHONE, NEW_YORK = "+12025550123", "America/New_York"
PATH = f"/lookups/v2/PhoneNumbers/{PHONE}"


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    """A clinic in New York that has numbers looked up, and a customer there who consented to texts
    a month ago; it is noon.
    """
    local_hour(NEW_YORK, 12)
    texting.phone = texting.customer.phone = PHONE
    texting.customer.save()
    checks(texting)
    return texting.consents()


def checks(clinic, days=30):
    AccountSettings.change(clinic.account, {"number_check_days": days}, real_now())


def says(clinic, **habit):
    """Set what lookups answer from now on."""
    stand_in = getattr(clinic, "stand_in", None) or clinic.texting.stand_in
    stand_in.sandbox.twilio.books.habits[PHONE] = Habit(**habit)


def asked(clinic):
    """Return the parameters of every lookup request, whatever its outcome."""
    stand_in = getattr(clinic, "stand_in", None) or clinic.texting.stand_in
    rows = stand_in.sandbox.shared.requests.select({"provider": "twilio", "method": "GET"})
    return [row["params"] for row in rows if row["path"] == PATH]


def consented_on(clinic):
    """Return the date of the latest consent in the clinic's time zone."""
    given_at = Consent.select().order_by(Consent.given_at.desc()).get().given_at
    return given_at.astimezone(ZoneInfo(clinic.account.time_zone)).date()


def days_pass(days):
    move_business_time(business_now() - real_now() + timedelta(days=days))


def answers():
    return [row.answer for row in NumberLookup.select().order_by(NumberLookup.created_at)]


def test_a_first_text_triggers_one_lookup_that_sends_only_number_and_date(clinic):
    """Given a customer never contacted before, when a text is requested, then Twilio gets only
    their number and the date of their consent, and the text is sent.
    """
    message = clinic.send()
    assert clinic.message(message.id).sid
    (question,) = asked(clinic)
    assert question == {
        "Fields": "reassigned_number",
        "LastVerifiedDate": f"{consented_on(clinic):%Y%m%d}",
    }
    (row,) = NumberLookup.select()
    assert (row.answer, row.phone, row.since) == ("no", PHONE, str(consented_on(clinic)))
    assert clinic.customer.id not in str(asked(clinic))
    assert tally_of(clinic.account, "lookups", business_now()) == 1
    (fee,) = [bill for bill in clinic.twilio.ledger()["bills"] if bill["what"] == "lookup"]
    assert fee["for"] == PHONE


@pytest.mark.parametrize(
    ("answer", "since", "days", "counts"),
    [
        ("", 0, 0, True),
        ("", 0, 90, False),
        ("yes", 60, 0, False),
        ("no", 120, 0, True),
        ("no", 30, 0, False),
    ],
    ids=["it stands", "too old", "another's", "looked up", "not looked up for it"],
)
def test_an_offer_needs_a_written_consent_that_is_valid_on_its_own(
    clinic, answer, since, days, counts
):
    """Given a written consent of 120 days ago and a later unwritten one, then an offer is allowed
    only if the written one is not older than `days` and, where lookups are on, one has cleared its
    date.
    """
    clinic.consents()
    Consent.update(written=True, given_at=business_now() - timedelta(days=120)).where(
        Consent.id == Consent.select().get().id
    ).execute()
    AccountSettings.change(
        clinic.account,
        {"consent_days": days, "number_check_days": 30 if answer else 0},
        real_now(),
    )
    if answer:
        told = [("no", 30), (answer, since)]
        for each, ago in told:
            on = consent_date(clinic.account, business_now() - timedelta(days=ago))
            row = NumberLookup.request(clinic.customer, PHONE, on, real_now())
            row.record_answer(each, business_now())
    with transaction():
        now = business_now()
        facts = load_gate_facts(
            clinic.invoice, clinic.customer, PHONE, "sms", now, real_now(), True
        ).facts
    refused = decide(facts, now)
    assert getattr(refused, "code", "") == ("" if counts else "no_written_consent")


def test_no_number_is_looked_up_unless_the_account_turned_lookups_on(clinic):
    checks(clinic, 0)
    clinic.send()
    assert (asked(clinic), NumberLookup.select().count()) == ([], 0)


def test_no_lookup_is_made_for_a_contact_that_is_refused_anyway(clinic):
    """Given another reason not to contact the customer, then the request is refused for that
    reason, and no lookup is paid for.
    """
    clinic.pause()
    refused = clinic.ask()
    assert (refused.status_code, refused.json["reasonCode"]) == (422, "paused")
    clinic.pause(paused=False)
    assert clinic.ask().status_code == 202
    clinic.post(f"/api/customers/{clinic.customer.id}/holds", kind="attorney")
    clinic.work()
    assert clinic.message().error_code == "attorney_represented"
    assert asked(clinic) == []


def test_a_reassigned_number_is_not_texted_and_is_escalated_to_staff(clinic):
    """Given a reassigned number, then the text is refused and staff get an escalation; a later
    consent counts once a lookup covers it too.
    """
    says(clinic, given_up=f"{consented_on(clinic):%Y%m%d}")
    message = clinic.send()
    assert (message.status, message.error_code) == ("refused", "number_reassigned")
    assert clinic.requests() == []
    assert clinic.ask().json["reasonCode"] == "number_reassigned"
    (item,) = WorkItem.select()
    assert (item.kind, item.customer_id, item.suggested) == (
        "escalation",
        clinic.customer.id,
        "done",
    )
    assert item.context["number"] == PHONE
    assert item.context["consentedOn"] == str(consented_on(clinic))
    checks(clinic, 0)
    assert clinic.ask().json["reasonCode"] == "number_reassigned", "it stays known"
    checks(clinic)
    assert len(asked(clinic)) == 1
    clinic.consents()
    Consent.update(given_at=business_now() - timedelta(days=1)).where(
        Consent.id == Consent.select().order_by(Consent.created_at.desc()).get().id
    ).execute()
    clinic.send()
    assert (len(clinic.sent()), answers()) == (1, ["yes", "no"])


def test_each_reassigned_number_of_a_customer_gets_its_own_work_item(clinic):
    """Given an open item about a customer's reassigned number, when another number of theirs is
    found reassigned, then that is a second item.
    """
    says(clinic, given_up=f"{consented_on(clinic):%Y%m%d}")
    clinic.send()
    other = "+12025550177"
    clinic.phone = clinic.customer.phone = other
    clinic.customer.save()
    habits = clinic.stand_in.sandbox.twilio.books.habits
    habits[other] = habits[PHONE]
    clinic.consents()
    clinic.invoice = given.an_invoice(clinic.account, customer=clinic.customer)
    clinic.send()
    items = {item.context["number"]: item.state for item in WorkItem.select()}
    assert items == {PHONE: "open", other: "open"}


def test_each_customer_who_consented_at_a_reassigned_number_gets_a_work_item(clinic):
    """Given two customers who consented at one phone before it was reassigned, then neither is
    contacted, and staff get an item for each with the date of their own consent; a customer who
    consented later gets none.
    """
    other, later = (given.a_customer(clinic.account, phone=PHONE) for _ in range(2))
    for customer, days in ((other, 40), (later, 2)):
        words = {"source": "s", "text": "t", "text_version": "1", "recorded_by": "test"}
        now = real_now()
        Consent.record(customer, PHONE, ["sms"], now - timedelta(days=days), now, **words)
    says(clinic, given_up=f"{consented_on(clinic) - timedelta(days=10):%Y%m%d}")
    clinic.send()
    agreed = {row.customer_id: row.context["consentedOn"] for row in WorkItem.select()}
    earlier = consent_date(clinic.account, real_now() - timedelta(days=40))
    (question,) = NumberLookup.select()
    assert agreed == {clinic.customer.id: question.since, other.id: earlier}
    invoice = given.an_invoice(clinic.account, customer=other)
    assert clinic.ask(invoice=invoice).json["reasonCode"] == "number_reassigned"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("habit", "words"),
    [
        ({"code": 60606}, "has not enabled the lookup"),
        ({"code": 60606, "status": 403}, "has not enabled the lookup"),
        ({"code": 60610}, "its carrier is not known"),
        ({"valid": False}, "not a valid number"),
        ({"code": 60699}, "did not answer the lookup (60699)"),
    ],
)
def test_a_failed_lookup_blocks_contact_and_is_retried_a_day_later(clinic, habit, words):
    """Given a lookup that fails, then the text is refused; since the cause may be fixed, a day
    later the lookup is made again.
    """
    says(clinic, **habit)
    message = clinic.send()
    assert (message.status, message.error_code) == ("refused", "number_not_known")
    assert words in message.error
    assert clinic.ask().json["reasonCode"] == "number_not_known"
    assert WorkItem.select().count() == 0
    says(clinic)
    days_pass(1)
    clinic.send()
    assert (len(clinic.sent()), len(asked(clinic))) == (1, 2)


def test_a_consent_too_old_for_lookup_data_blocks_contact_until_renewed(clinic):
    """Given a consent from before January 2021, for which there is no data, then the customer is
    not contacted; a consent of today settles it.
    """
    Consent.update(given_at=datetime(2020, 6, 1, tzinfo=UTC)).execute()
    message = clinic.send()
    assert (message.status, message.error_code) == ("refused", "number_not_known")
    assert "no data" in message.error
    days_pass(2)
    assert clinic.ask().json["reasonCode"] == "number_not_known"
    clinic.consents()
    Consent.update(given_at=business_now()).execute()
    clinic.send()
    assert (len(clinic.sent()), answers()) == (1, ["no_data_available", "no"])


def test_a_lookup_is_valid_for_the_accounts_number_of_days(clinic):
    """Given lookups that count for 30 days, then the next one is made after 30 days, not after
    29.
    """
    clinic.send()
    days_pass(29)
    given.an_invoice(clinic.account, customer=clinic.customer)
    clinic.invoice = given.an_invoice(clinic.account, customer=clinic.customer)
    clinic.send()
    assert len(asked(clinic)) == 1
    days_pass(1)
    clinic.invoice = given.an_invoice(clinic.account, customer=clinic.customer)
    clinic.send()
    assert (len(clinic.sent()), answers()) == (3, ["no", "no"])


def test_foreign_numbers_are_texted_without_a_lookup(clinic):
    local_hour("Europe/London", 12)
    clinic.phone = clinic.customer.phone = "+442079460958"
    clinic.customer.save()
    clinic.consents().send()
    assert (len(clinic.sent()), NumberLookup.select().count()) == (1, 0)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        ("error_500", 1),
        ("rate_limit_429", 1),
        ("forbidden_403", 1),
        ("bad_gateway", 2),
        ("refuse", 2),
    ],
)
def test_a_text_waits_while_its_lookup_fails_and_is_then_sent(clinic, fault, counted):
    """Given a lookup that Twilio rejects, then it does not count towards the ceiling; no answer, or
    a gateway's error page, may have cost a fee and does.
    """
    clinic.stand_in.sandbox.inject_fault(kind=fault, provider="twilio", path=PATH, method="GET")
    message = clinic.send()
    assert clinic.message(message.id).sid
    assert (len(asked(clinic)), answers()) == (2, ["no"])
    assert tally_of(clinic.account, "lookups", business_now()) == counted


@pytest.mark.one_database
def test_an_exhausted_lookup_is_retried_later_while_a_text_waits_for_it(
    clinic,
):
    """Given an outage at Twilio that outlasts the job's attempts, then a text that still waits has
    the lookup retried half an hour later, and none of it counts towards the day's ceiling.
    """
    clinic.stand_in.sandbox.inject_fault(
        kind="error_500", provider="twilio", path=PATH, method="GET", times=8
    )
    clinic.ask()
    for _ in range(30):
        given.retried(clinic.redis, "messages", 1)
        if len(asked(clinic)) == 8:
            break
    StagedJob.update(due_at=0).where(StagedJob.name == "send_payment_link").execute()
    given.relayed(clinic.redis)
    clinic.work(0)
    job = clinic.job("look_up_number")
    assert (job.state, job.attempts, len(asked(clinic))) == ("waiting", 0, 8)
    assert job.due_at > given.database_now() + AFTER_TROUBLE * 500_000
    assert tally_of(clinic.account, "lookups", business_now()) == 0
    clinic.work()
    assert (len(clinic.sent()), answers()) == (1, ["no"])


@pytest.mark.one_database
def test_a_waiting_texts_checks_do_not_keep_a_failing_lookup_alive(clinic):
    """Given a text that checks its lookup while each attempt runs and fails, then the lookup is
    dead after its usual number of attempts.
    """
    DailyCeiling.change(clinic.account.id, "lookups", 0, "cli:ada")
    message = clinic.send()
    job = clinic.job("look_up_number")
    for _ in range(job.max_attempts):
        attempt = claim_job(job.id, "silent", early=True)
        with pytest.raises(Snooze):
            send_payment_link.perform(message.id)
        assert fail_job(attempt, "no answer", 0)
    job = clinic.job("look_up_number")
    assert (job.state, job.attempts) == ("dead", job.max_attempts)


@pytest.mark.one_database
def test_a_waiting_lookup_moves_to_the_calls_queue_when_a_call_needs_it(clinic):
    """Given a lookup that a text waits for, when a call needs it too, then its job moves to the
    calls queue and keeps its due time.
    """
    DailyCeiling.change(clinic.account.id, "lookups", 0, "cli:ada")
    clinic.send()
    before = clinic.job("look_up_number")
    with transaction():
        request_look_up(clinic.customer, PHONE, "sms", "calls")
    after = clinic.job("look_up_number")
    assert (before.queue, after.queue) == ("interactive", "calls")
    assert (after.state, after.due_at, after.wanted_again) == ("waiting", before.due_at, None)


@pytest.mark.one_database
def test_a_lookup_skipped_while_turned_off_is_made_once_turned_on_again(clinic):
    """Given a lookup that ended without a request because the account had turned lookups off, when
    it turns them on again, then the lookup is made.
    """
    DailyCeiling.change(clinic.account.id, "lookups", 0, "cli:ada")
    clinic.send()
    DailyCeiling.change(clinic.account.id, "lookups", None, "cli:ada")
    checks(clinic, 0)
    StagedJob.update(due_at=0).where(StagedJob.name == "look_up_number").execute()
    StagedJob.update(state="cancelled").where(StagedJob.name == "send_payment_link").execute()
    given.relayed(clinic.redis)
    clinic.work(0)
    assert (clinic.job("look_up_number").state, asked(clinic)) == ("done", [])
    checks(clinic)
    clinic.invoice = given.an_invoice(clinic.account, customer=clinic.customer)
    clinic.send()
    assert (len(clinic.sent()), answers()) == (1, ["no"])


@pytest.mark.one_database
def test_a_lookup_without_a_twilio_account_does_not_count_towards_the_ceiling(clinic, monkeypatch):
    DailyCeiling.change(clinic.account.id, "lookups", 0, "cli:ada")
    clinic.send()
    DailyCeiling.change(clinic.account.id, "lookups", None, "cli:ada")
    (row,) = NumberLookup.select()
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "")
    get_settings.cache_clear()
    client.cache_clear()
    with pytest.raises(Misconfigured):
        look_up_number.perform(row.id)
    assert tally_of(clinic.account, "lookups", business_now()) == 0


def test_a_crash_during_a_lookup_costs_one_more_lookup(clinic):
    """Given an attempt that died after its request, then the lookup is made again, and both
    count.
    """
    DailyCeiling.change(clinic.account.id, "lookups", 0, "cli:ada")
    clinic.send()
    DailyCeiling.change(clinic.account.id, "lookups", None, "cli:ada")
    (row,) = NumberLookup.select()
    assert begin_look_up(row.id)
    clinic.work()
    assert (len(clinic.sent()), answers()) == (1, ["no"])
    assert tally_of(clinic.account, "lookups", business_now()) == 2


def test_the_first_of_two_lookup_answers_is_kept(clinic):
    """Given an answered lookup, when a second attempt records another answer, then the first stays,
    and no work item is opened.
    """
    clinic.send()
    (row,) = NumberLookup.select()
    record_answer(row.id, "yes")
    assert (answers(), WorkItem.select().count()) == (["no"], 0)


def test_a_text_waiting_for_a_lookup_is_sent_once_lookups_are_turned_off(clinic):
    """Given a text that waits because the day's lookups are used up, when the account turns lookups
    off, then the text is sent without one.
    """
    DailyCeiling.change(clinic.account.id, "lookups", 0, "cli:ada")
    message = clinic.send()
    assert message.status == "waiting"
    DailyCeiling.change(clinic.account.id, "lookups", None, "cli:ada")
    checks(clinic, 0)
    clinic.work()
    assert (len(clinic.sent()), asked(clinic)) == (1, [])


def test_an_answered_lookup_is_not_repeated(clinic):
    """Given an answered lookup whose job runs again, as after a crash, then Twilio is not asked."""
    clinic.send()
    (row,) = NumberLookup.select()
    look_up_number.perform(row.id)
    assert len(asked(clinic)) == 1


def test_a_text_waits_once_the_days_lookup_ceiling_is_reached(clinic):
    """Given an account whose lookups of the day are used up, then the text waits until the ceiling
    is raised.
    """
    DailyCeiling.change(clinic.account.id, "lookups", 0, "cli:ada")
    message = clinic.send()
    assert (message.status, asked(clinic)) == ("waiting", [])
    DailyCeiling.change(clinic.account.id, "lookups", 1, "cli:ada")
    clinic.work()
    assert clinic.message(message.id).sid


def test_the_scan_looks_up_a_number_before_texting_it(texting):
    """Given an overdue customer, then the first scan has their number looked up and the next one
    texts them; once the number is reassigned, no text is sent, and the reason is shown.
    """
    clinic = a_scanned_clinic(texting)
    clinic.owes(3)
    clinic.scan()
    assert clinic.course().code == "number_not_checked"
    assert clinic.sends() == []
    clinic.scan()
    assert (len(clinic.sends()), answers()) == (1, ["no"])
    clinic.settings(number_check_days=10)
    clinic.days_pass(11)
    says(clinic, given_up=f"{clinic.today:%Y%m%d}")
    clinic.scan()
    clinic.sends()
    clinic.scan()
    assert clinic.course().code == "number_reassigned"
    assert (len(clinic.sends()), answers()) == (1, ["no", "yes"])


@pytest.mark.one_database
def test_the_scan_texts_at_once_after_lookups_are_turned_off(texting):
    clinic = a_scanned_clinic(texting)
    DailyCeiling.change(texting.account.id, "lookups", 0, "cli:ada")
    clinic.owes(3)
    clinic.scan()
    assert (clinic.sends(), clinic.course().code) == ([], "number_not_checked")
    change_settings(texting.account, {"number_check_days": 0}, "cli:ada")
    clinic.scan()
    assert (len(clinic.sends()), asked(clinic)) == (1, [])


def test_an_approved_draft_is_sent_once_its_number_is_looked_up(texting):
    clinic = a_scanned_clinic(texting, first_contacts="draft", number_check_days=0)
    clinic.owes(3)
    clinic.scan()
    (draft,) = WorkItem.select().where(WorkItem.kind == "draft")
    checks(clinic)
    answer = texting.post(f"/api/work-items/{draft.id}/resolve", action="approve")
    assert answer.status_code == 200, answer.text
    clinic.scan()
    clinic.sends()
    clinic.scan()
    assert (len(clinic.sends()), answers()) == (1, ["no"])


@pytest.mark.one_database
def test_a_promised_invoice_does_not_delay_the_lookup_for_another(texting):
    """Given one promised invoice, and another that only the lookup holds back, then the preview
    says so, the number is looked up, and the text about the other is sent.
    """
    clinic = a_scanned_clinic(texting)
    promised, other = clinic.owes(3), clinic.owes(3)
    promises(clinic, promised)
    coming = preview_customer(clinic.customer.id, business_now(), clinic.today).contacts
    assert [one.code for one in coming] == ["number_not_checked"]
    clinic.scan()
    assert clinic.course().code == "number_not_checked"
    clinic.sends()
    clinic.scan()
    assert (len(clinic.sends()), answers()) == (1, ["no"])
    assert Message.get().invoice_id == other.id


@pytest.mark.one_database
def test_no_number_is_looked_up_when_no_rung_is_due(texting):
    """Given a promised invoice with a rung due, and another already contacted about at that rung,
    then no contact is due and no lookup is made.
    """
    clinic = a_scanned_clinic(texting, number_check_days=0)
    clinic.change(ladder=[{"days": 3, "channel": "sms"}])
    clinic.owes(3)
    clinic.scan()
    assert len(clinic.sends()) == 1
    clinic.days_pass(3)
    checks(texting)
    promises(clinic, clinic.owes(4))
    coming = preview_customer(clinic.customer.id, business_now(), clinic.today).contacts
    clinic.scan()
    clinic.sends()
    assert (clinic.course().code, coming, NumberLookup.select().count()) == ("promised", (), 0)


@pytest.mark.one_database
def test_no_number_is_looked_up_for_an_invoice_too_small_to_pay_by_card(texting):
    clinic = a_scanned_clinic(texting)
    clinic.owes(3, amount=20)
    clinic.scan()
    clinic.sends()
    assert (clinic.course().code, NumberLookup.select().count()) == ("payment_refused", 0)


def promises(clinic, invoice, days=9):
    """Record the customer's promise to pay the invoice in `days` days."""
    day = (clinic.today + timedelta(days=days)).isoformat()
    path = f"/api/invoices/{invoice.id}/promises"
    assert clinic.texting.post(path, promisedFor=day).status_code == 201


def a_scanned_clinic(texting, **settings):
    """Return a clinic whose ladder runs automatically and that has numbers looked up, with a
    customer in New York.
    """
    local_hour(NEW_YORK, 12)
    texting.phone = texting.customer.phone = PHONE
    texting.customer.save()
    clinic = Scanning(texting)
    clinic.settings(**{"number_check_days": 30, **settings})
    clinic.days_pass(1)
    return clinic


@pytest.mark.parametrize("changed_hands", [False, True])
def test_a_first_call_is_placed_only_after_a_lookup(calling: Calling, changed_hands):
    """Given a customer never called before, when a call is requested, then it is placed once the
    lookup has confirmed their number, and refused if the number was reassigned.
    """
    local_hour(NEW_YORK, 12)
    calling.habits(rings_after=3600)
    calling.customer.phone = PHONE
    calling.customer.save()
    Consent.update(phone=PHONE).execute()
    AccountSettings.change(calling.account, {"number_check_days": 30}, real_now())
    says(calling, given_up=f"{business_now():%Y%m%d}" if changed_hands else "")
    answer = calling.asks()
    assert answer.status_code == 202
    calling.work_calls()
    given.retried(calling.redis, "calls", 1)
    (job,) = StagedJob.select().where(StagedJob.name == "look_up_number")
    assert (job.fair_to, len(asked(calling))) == (calling.account.id, 1)
    call = calling.call(answer.json["id"])
    if changed_hands:
        assert (call.state, call.error_code) == ("refused", "number_reassigned")
    assert len(calling.placed()) == (0 if changed_hands else 1)


@pytest.mark.one_database
def test_only_an_operator_can_turn_on_number_lookups(clinic):
    path = f"/api/accounts/{clinic.account.id}/settings"
    refused = clinic.client.simulate_patch(
        path, json={"numberCheckDays": 30}, headers=clinic.headers
    )
    assert refused.status_code == 403
    operator = given.a_key(None) | {"Payphone-Account": clinic.account.id}
    for days, status in ((366, 422), (-1, 422), (0, 200), (365, 200)):
        answer = clinic.client.simulate_patch(
            path, json={"numberCheckDays": days}, headers=operator
        )
        assert answer.status_code == status, answer.text
    assert answer.json["numberCheckDays"] == 365


@pytest.mark.one_database
def test_doctor_fails_while_twilio_refuses_an_accounts_lookups(clinic):
    """Given an account that has numbers looked up, then doctor fails while Twilio has not enabled
    lookups, and passes once it has.
    """
    checks(clinic, 0)
    assert "no account wants them" in check_number_lookups(get_settings()).found
    checks(clinic)
    assert check_number_lookups(get_settings()).level == "ok"
    says(clinic, code=60606)
    clinic.send()
    found = check_number_lookups(get_settings())
    assert found.level == "fail"
    assert "has not enabled" in found.found
    assert clinic.account.id in found.found
    says(clinic)
    days_pass(1)
    clinic.send()
    assert check_number_lookups(get_settings()).level == "ok"
