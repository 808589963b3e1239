"""The gate's rules for health care (B4, B22): holds, contact requests, first or third party, quiet
days, registered senders and offers; and its evaluation without acting (F52).
"""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.accounts.account_settings import AccountSettings
from models.accounts.audit_entry import AuditEntry
from models.contact.consent import Consent
from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.message_template import MessageTemplate
from models.contact.phone_suppression import PhoneSuppression
from models.feed.outgoing_event import OutgoingEvent
from models.invoices.customer import Customer
from rules.contact.policy import BY_ID, HOLD_KINDS
from runtime.clock import business_now, real_now, rfc3339
from tests import given
from tests.samples.card_samples import check_digit
from tests.stories.texting import SHARED_NUMBER, Texting, local_hour

WISHED = "+12125550199"  # used by no story
CARD = f"424242424242424{check_digit('424242424242424')}"
SHARP = {"minute": 0, "second": 0, "microsecond": 0}

pytestmark = pytest.mark.usefixtures("texting")


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    """A clinic whose customer consented to texts."""
    return texting.consents()


def holds(clinic):
    return f"/api/customers/{clinic.customer.id}/holds"


def asked(clinic, **body):
    """Return the gate's evaluation for the clinic's invoice, without acting."""
    about = {"invoiceId": clinic.invoice.id, "channel": "sms"} | body
    answer = clinic.post("/api/compliance/evaluate", **about)
    assert answer.status_code == 200, answer.text
    return answer.json


def settings(clinic, **choices):
    AccountSettings.change(clinic.account, choices, real_now())


@pytest.mark.one_database
@pytest.mark.parametrize("kind", HOLD_KINDS)
def test_a_hold_stops_texts_until_it_is_lifted(clinic, kind):
    made = clinic.post(holds(clinic), kind=kind, note="called on Monday")
    assert (made.status_code, made.json["kind"], made.json["liftedAt"]) == (201, kind, None)
    refused = clinic.ask()
    assert (refused.status_code, refused.json["reasonCode"]) == (422, BY_ID[f"hold.{kind}"].code)
    assert refused.json["nextAllowedAt"] is None, "it has no end"
    path = f"{holds(clinic)}/{made.json['id']}"
    for _ in range(2):
        assert clinic.client.simulate_delete(path, headers=clinic.headers).status_code == 204
    clinic.send()
    assert len(clinic.sent()) == 1
    assert [row["liftedAt"] is None for row in clinic.get(holds(clinic))["data"]] == [False]


def test_a_hold_placed_while_a_text_waits_stops_it(clinic):
    """Given a waiting text, when a hold commits before its `sending` row, then the text is
    refused.
    """
    assert clinic.ask().status_code == 202
    clinic.post(holds(clinic), kind="attorney")
    clinic.work()
    assert (clinic.message().status, clinic.message().error_code) == (
        "refused",
        "attorney_represented",
    )
    assert clinic.requests() == []
    assert ContactDecision.get().rule == "hold.attorney"


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("2099-01-01", "2099-01-02T05:00:00Z"),  # to the end of that day in the account's time zone
        ("2099-01-01T09:30:00", "2099-01-01T14:30:00Z"),
        ("2099-01-01T09:30:00+02:00", "2099-01-01T07:30:00Z"),
    ],
)
def test_times_are_returned_in_utc_whatever_offset_they_were_given_in(clinic, until, told):
    made = clinic.post(holds(clinic), kind="other", until=until).json
    [listed] = clinic.get(holds(clinic))["data"]
    assert made["until"] == listed["until"] == told
    said = {"channels": ["sms"], "source": "form", "text": "yes", "textVersion": "1"}
    consents = f"/api/customers/{clinic.customer.id}/consents"
    consent = clinic.post(consents, **said, givenAt="2026-01-01T02:00:00+02:00").json
    assert consent["givenAt"] == "2026-01-01T00:00:00Z"
    escalations = f"/api/invoices/{clinic.invoice.id}/escalations"
    item = clinic.post(escalations, dueAt="2099-01-01T02:00:00+02:00").json
    assert item["dueAt"] == "2099-01-01T00:00:00Z"


def test_a_hold_ends_on_its_own_and_the_refusal_says_when(clinic):
    until = business_now() + timedelta(minutes=30)
    clinic.post(holds(clinic), kind="ppdr", until=rfc3339(until))
    refused = clinic.ask()
    assert refused.json["reasonCode"] == "ppdr_open"
    assert refused.json["nextAllowedAt"] >= rfc3339(until)
    Hold.update(until=business_now() - timedelta(seconds=1)).execute()
    clinic.send()


def test_a_hold_until_a_date_lasts_to_the_end_of_that_day_at_the_clinic(clinic):
    now = business_now()
    tomorrow = clinic.account.local_date(now) + timedelta(days=1)
    made = clinic.post(holds(clinic), kind="insurance", until=tomorrow.isoformat()).json
    assert Hold.get_by_id(made["id"]).until == clinic.account.next_midnight(
        clinic.account.next_midnight(now)
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "moody"}, "invalid"),
        ({"kind": "ppdr", "until": "2020-01-01"}, "invalid"),
        ({"kind": "other", "note": f"pays with {CARD}"}, "card_number_refused"),
        ({"kind": "other", "note": "n" * 2001}, "invalid"),
    ],
    ids=["kind", "past", "card", "long"],
)
def test_an_invalid_hold_is_refused(clinic, body, code):
    answer = clinic.post(holds(clinic), **body)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert Hold.select().count() == 0


def test_a_hold_of_another_account_or_customer_is_not_found(clinic):
    made = clinic.post(holds(clinic), kind="other").json
    other = clinic.another_clinic()
    for path, headers in (
        (f"{holds(clinic)}/{made['id']}", other.headers),
        (f"{holds(other)}/{made['id']}", other.headers),
    ):
        assert clinic.client.simulate_delete(path, headers=headers).status_code == 404
    assert clinic.client.simulate_get(holds(clinic), headers=other.headers).status_code == 404
    assert Hold.get_by_id(made["id"]).lifted_at is None


def test_holds_appear_in_timeline_ledger_and_audit_without_their_notes(clinic):
    made = clinic.post(holds(clinic), kind="hardship", note="lost her job").json
    clinic.client.simulate_delete(f"{holds(clinic)}/{made['id']}", headers=clinic.headers)
    timeline = clinic.get(f"/api/invoices/{clinic.invoice.id}/timeline?limit=100")["data"]
    told = [row for row in timeline if row["type"].startswith("hold.")]
    assert [row["type"] for row in told] == ["hold.placed", "hold.lifted"]
    assert [row["hold"]["id"] for row in clinic.ledger()["data"] if row["type"] == "hold"] == [
        made["id"]
    ]
    entries = list(AuditEntry.select().where(AuditEntry.action.startswith("hold.")))
    assert [entry.action for entry in entries] == ["hold.placed", "hold.lifted"]
    assert "job" not in repr([told, [entry.detail for entry in entries]])


def test_consents_and_opt_outs_appear_in_the_timeline(clinic):
    """Given a consent on file, a STOP by text and a change of number, then an invoice's timeline
    shows each in order, with who recorded it and without the customer's words.
    """
    clinic.hear("STOP please, I am ill")
    change(clinic, phone=WISHED)
    timeline = clinic.get(f"/api/invoices/{clinic.invoice.id}/timeline?limit=100")["data"]
    told = [row for row in timeline if row["id"].startswith("wish:")]
    assert [(row["type"], row["reason"]) for row in told] == [
        ("consent.recorded", "The person agreed to texts: intake form."),
        ("contact.opted_out", "The person wants no more texts and calls: inbound_sms."),
        ("contact.opted_out", "The person wants no more texts and calls: number_changed."),
        (
            "consent.ended",
            "The person no longer agrees to texts: the customer's number was changed.",
        ),
    ]
    assert told[1]["by"] == "twilio"
    assert "ill" not in repr(told)


# Confidential communications, 45 CFR 164.522(b)


def change(clinic, **body):
    path = f"/api/customers/{clinic.customer.id}"
    answer = clinic.client.simulate_patch(path, json=body, headers=clinic.headers)
    assert answer.status_code == 200, answer.text
    return answer.json["contactRequest"]


def test_a_customer_who_asked_for_calls_is_not_texted_until_they_withdraw_it(clinic):
    assert change(clinic, contactRequest={"channel": "voice"}) == {
        "channel": "voice",
        "phone": None,
    }
    assert clinic.ask().json["reasonCode"] == "contact_request"
    assert change(clinic, contactRequest=None) is None
    clinic.send()
    assert AuditEntry.select().where(AuditEntry.action == "contact_request.changed").count() == 2


def test_only_the_number_the_customer_asked_for_is_used(clinic):
    """Given a customer who asked to be contacted at another number, then only that number is used,
    and it needs a consent of its own.
    """
    wished = next(
        phone for phone in ("+12025550199", "+14155550199") if phone != clinic.customer.phone
    )
    change(clinic, contactRequest={"phone": wished})
    assert asked(clinic)["phone"] == wished
    assert asked(clinic)["reasonCode"] == "no_consent"
    clinic.consents(wished)
    assert "no_consent" not in [row["reasonCode"] for row in asked(clinic)["reasons"]]
    assert clinic.ask(phoneNumber=clinic.phone).json["reasonCode"] == "contact_request"


def test_an_opt_out_at_the_desk_covers_the_requested_number_too(clinic):
    """Given a customer who asked to be contacted at another number, when the clinic records an
    opt-out, then neither that number nor their first one is used.
    """
    clinic.consents(WISHED)
    change(clinic, contactRequest={"phone": WISHED})
    path = f"/api/customers/{clinic.customer.id}/opt-outs"
    answer = clinic.post(path, source="told the front desk")
    assert (answer.status_code, answer.json["phone"]) == (201, WISHED)
    for phone in (WISHED, clinic.phone):
        reasons = asked(clinic, phone=phone)["reasons"]
        assert "opted_out" in [row["reasonCode"] for row in reasons], phone


@pytest.mark.parametrize(("words", "is_heard_there"), [("STOP", True), ("Wrong number", False)])
def test_a_texted_stop_covers_the_customers_other_number_too(clinic, words, is_heard_there):
    """Given a customer with two numbers, when they text STOP from the one they asked for, then the
    other is opted out too, until they consent again; a wrong number opts out neither.
    """
    clinic.consents(WISHED)
    change(clinic, contactRequest={"phone": WISHED})
    clinic.hear(words, phone=WISHED)
    change(clinic, contactRequest=None)
    assert stopped(clinic) == [is_heard_there, is_heard_there]
    given_at = rfc3339(real_now() + timedelta(minutes=1))
    agreed = {"source": "front desk", "text": "You may.", "textVersion": "1", "givenAt": given_at}
    path = f"/api/customers/{clinic.customer.id}/consents"
    answer = clinic.post(path, channels=["sms", "voice"], endsOptOut=True, **agreed)
    assert (answer.status_code, stopped(clinic)) == (201, [False, False])


@pytest.mark.parametrize("way", ["desk", "text", "text from the other", "wrong number"])
def test_an_opt_out_covers_a_number_that_only_a_consent_names(clinic, way):
    """Given a customer who was texted at a second number, which is not on file, when they opt out
    at the desk or by a text from either number, then neither is used; a wrong number opts out none
    but itself.
    """
    local_hour("America/New_York", 12)
    clinic.consents(WISHED)
    assert clinic.ask(phoneNumber=WISHED).status_code == 202
    clinic.work()
    if way == "desk":
        clinic.post(f"/api/customers/{clinic.customer.id}/opt-outs", source="front desk")
    else:
        words = "Wrong number" if way == "wrong number" else "STOP"
        clinic.hear(words, phone=None if way == "text" else WISHED)
    found = [
        "opted_out" in [row["reasonCode"] for row in asked(clinic, phone=phone)["reasons"]]
        for phone in (clinic.phone, WISHED)
    ]
    assert found == [way != "wrong number", True]
    events = OutgoingEvent.select().where(OutgoingEvent.type == "contact.opted_out")
    assert {tuple(event.payload["customerIds"]) for event in events} == {(clinic.customer.id,)}


@pytest.mark.parametrize("steps", [(WISHED,), (None, WISHED)], ids=["at once", "removed first"])
@pytest.mark.parametrize(
    ("says", "is_stopped"),
    [("STOP", [True, True]), ("thanks", [False, False]), ("wrong number", [False, False])],
)
def test_an_opt_out_follows_the_customer_to_a_new_number(clinic, says, is_stopped, steps):
    """Given a STOP, then it applies to the number that the customer gets next, and a form with a
    consent does not end it; but a stranger's at a wrong number does not concern the customer.
    """
    clinic.hear(says)
    for phone in steps:
        change(clinic, phone=phone)
    clinic.consents(WISHED, channels=("sms", "voice"))
    assert stopped(clinic) == is_stopped


def test_a_later_consent_ends_an_opt_out_that_followed_to_a_new_number(clinic):
    clinic.hear("STOP")
    change(clinic, phone=WISHED)
    form = {"channels": ["sms"], "source": "form", "text": "You may.", "textVersion": "1"}
    path = f"/api/customers/{clinic.customer.id}/consents"
    answer = clinic.post(path, **form, givenAt=rfc3339(real_now()), endsOptOut=True)
    assert answer.status_code == 201, answer.text
    assert stopped(clinic) == [False, True]
    change(clinic, phone="+12025550177")
    assert stopped(clinic) == [False, True], "the ended opt-out does not come back"


def stopped(clinic):
    """Return whether texts and calls are opted out at the number in use."""
    ledger = clinic.ledger()
    return [ledger[channel]["optedOut"] for channel in ("sms", "voice")]


def test_the_ledger_shows_the_requested_numbers_suppression_and_staff_can_lift_it(clinic):
    """Given a contact request for a landline, then the ledger shows that number with its
    suppression, and staff can lift the suppression.
    """
    clinic.consents(WISHED)
    change(clinic, contactRequest={"phone": WISHED})
    about = (clinic.account.id, WISHED, "sms", "30006", "a landline")
    PhoneSuppression.suppress(*about, real_now())
    ledger = clinic.ledger()
    assert (ledger["phone"], ledger["sms"]["consented"]) == (WISHED, True)
    assert ledger["sms"]["suppressed"]["code"] == "30006"
    path = f"/api/customers/{clinic.customer.id}/suppressions/sms"
    assert clinic.client.simulate_delete(path, headers=clinic.headers).status_code == 204
    assert clinic.ledger()["sms"]["suppressed"] is None


def test_a_customer_without_a_contact_request_shows_none(clinic):
    shown = clinic.get(f"/api/customers/{clinic.customer.id}")
    assert shown["contactRequest"] is None


# Settings of the account


def test_a_third_party_collector_cannot_text_or_declare_itself_first_party(clinic):
    settings(clinic, party="third")
    assert clinic.ask().json["reasonCode"] == "third_party_sms"
    path = f"/api/accounts/{clinic.account.id}/settings"
    answer = clinic.client.simulate_patch(path, json={"party": "first"}, headers=clinic.headers)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_nobody_is_texted_on_a_quiet_day(clinic):
    path = f"/api/accounts/{clinic.account.id}/settings"
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    body = {"quietDays": [*days[:-1], "12-25", "2028-02-29"]}
    answer = clinic.client.simulate_patch(path, json=body, headers=clinic.headers)
    assert answer.json["quietDays"] == body["quietDays"]
    settings(clinic, quiet_days=days)
    refused = clinic.ask().json
    assert (refused["reasonCode"], refused["nextAllowedAt"]) == ("quiet_day", None)


def test_a_consent_expires_after_the_accounts_consent_days(clinic):
    """Given a month-old consent, then it counts for ever unless the account limits its age."""
    path = f"/api/accounts/{clinic.account.id}/settings"
    Consent.update(given_at=business_now() - timedelta(days=31)).execute()
    assert asked(clinic)["allowed"]
    answer = clinic.client.simulate_patch(path, json={"consentDays": 30}, headers=clinic.headers)
    assert answer.json["consentDays"] == 30
    assert clinic.ask().json["reasonCode"] == "consent_too_old"
    clinic.client.simulate_patch(path, json={"consentDays": 0}, headers=clinic.headers)
    clinic.send()


@pytest.mark.parametrize("day", ["Sunday", "02-30", "2026-02-29", "today", "12-25-2026", "1-1"])
def test_an_invalid_quiet_day_is_refused(clinic, day):
    path = f"/api/accounts/{clinic.account.id}/settings"
    answer = clinic.client.simulate_patch(path, json={"quietDays": [day]}, headers=clinic.headers)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_a_sender_with_a_pending_registration_sends_nothing(clinic):
    path = f"/api/accounts/{clinic.account.id}/sender"
    operator = given.a_key(None) | {"Payphone-Account": clinic.account.id}

    def put(registration):
        body = {"fromNumber": SHARED_NUMBER, "registration": registration}
        return clinic.client.simulate_put(path, json=body, headers=operator)

    assert put("pending").json["registration"] == "pending"
    assert clinic.ask().json["reasonCode"] == "sender_unregistered"
    assert put("approved").status_code == 200
    clinic.send()


def test_an_offer_needs_written_consent(clinic):
    words = "{clinic}: pay within a week and save 10 %: {url}"
    MessageTemplate.write(clinic.account.id, "en", "payment_link", words, real_now())
    assert clinic.ask().json["reasonCode"] == "no_written_consent"
    Consent.update(written=True).execute()
    clinic.send()


# The gate explained


def test_evaluating_the_gate_records_nothing(clinic):
    found = asked(clinic)
    assert (found["allowed"], found["reasonCode"], found["reasons"]) == (True, None, [])
    assert found["until"] > found["at"]
    assert ContactDecision.select().count() == 0
    assert clinic.get(f"/api/invoices/{clinic.invoice.id}/messages")["data"] == []


def test_an_evaluation_lists_every_reason_and_leads_with_the_weightiest(clinic):
    clinic.post(holds(clinic), kind="ppdr")
    Consent.delete().execute()
    found = asked(clinic)
    assert [row["reasonCode"] for row in found["reasons"]] == ["ppdr_open", "no_consent"]
    assert (found["reasonCode"], found["rule"]["id"]) == ("ppdr_open", "hold.ppdr")
    assert found["rule"]["source"] == BY_ID["hold.ppdr"].source
    assert found["nextAllowedAt"] is None


def test_the_gate_can_be_evaluated_for_another_time_channel_and_purpose(clinic):
    Customer.update(phone="+12015550123").execute()
    clinic.consents("+12015550123", ("sms", "voice"))
    day = (business_now() + timedelta(days=10)).astimezone(ZoneInfo("America/New_York"))
    noon, night, morning = (
        rfc3339((day + timedelta(days=later)).replace(hour=hour, **SHARP).astimezone(UTC))
        for later, hour in ((0, 12), (0, 23), (1, 8))
    )
    assert asked(clinic, at=noon, channel="voice")["allowed"]
    found = asked(clinic, at=night)
    assert (found["reasonCode"], found["nextAllowedAt"]) == ("quiet_hours", morning)
    assert found["states"] == ["NJ"]
    young = asked(clinic, at=noon, purpose="collection")
    assert (young["reasonCode"], young["rule"]["id"]) == ("debt_too_young", "age.new_jersey")


def test_another_accounts_invoice_is_not_evaluated(clinic):
    other = clinic.another_clinic()
    answer = other.post("/api/compliance/evaluate", invoiceId=clinic.invoice.id, channel="sms")
    assert answer.status_code == 404
