"""`send_payment_link` (F18, F40, F128): a link is texted once, with consent, at a lawful hour, and
followed until it is delivered.
"""

from datetime import UTC, datetime, time, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest

from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.contact.account_sender import AccountSender
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.message_template import MessageTemplate
from models.contact.opt_out import OptOut
from models.delivery.staged_job import StagedJob
from models.effects.daily_limit import DailyCeiling
from models.effects.effect import Effect
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from runtime.clock import business_now, real_now
from tests import given
from tests.stories.texting import Texting, local_hour

TOKYO = ZoneInfo("Asia/Tokyo")

pytestmark = pytest.mark.usefixtures("texting")


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    """A clinic whose customer consented to texts."""
    return texting.consents()


def test_a_link_is_texted_once_and_tracked_until_delivered(clinic):
    answer = clinic.ask()
    assert (answer.status_code, answer.json["message"]["status"]) == (202, "waiting")
    clinic.work()
    assert [(row["to"], row["status"]) for row in clinic.sent()] == [(clinic.phone, "accepted")]
    assert set(clinic.deliver()) == {204}
    shown = clinic.get(f"/api/invoices/{clinic.invoice.id}/messages")["data"]
    assert [(row["id"], row["status"], row["advice"]) for row in shown] == [
        (answer.json["message"]["id"], "delivered", None)
    ]
    assert Effect.get(Effect.kind == "text").state == "confirmed"


def test_the_text_has_clinic_name_link_and_stop_instructions_and_no_details(clinic):
    """The text says nothing about the treatment or the customer."""
    clinic.send()
    body = clinic.sent()[0]["body"]
    assert body.startswith("Harbor Dental: ")
    assert "Reply STOP" in body
    assert not any(word in body for word in ("Root", "canal", "Ada", clinic.invoice.id))
    assert clinic.client.simulate_get(f"/p/{clinic.address_in(body)}").status_code == 303


def test_a_texts_validity_ends_before_quiet_hours(clinic):
    """Given a text queued at 20:50, then its validity ends by 21:00, so that it cannot arrive at
    night.
    """
    Customer.update(phone="+12025550123").execute()
    clinic.phone = "+12025550123"
    clinic.consents()
    local_hour("America/New_York", 20, 50)
    clinic.send()
    validity = int(clinic.requests()[0]["params"]["ValidityPeriod"])
    assert 7 * 60 <= validity <= 9 * 60


def test_an_account_texts_from_its_own_sender_and_template(clinic):
    service = "MG" + "7" * 32
    from sandbox.twilio.account import Sender
    from sandbox.twilio.control import add_sender

    add_sender(clinic.twilio, Sender("+12025550777", service))
    operator = given.a_key(None)
    path = f"/api/accounts/{clinic.account.id}"
    assert (
        clinic.client.simulate_put(
            f"{path}/sender", json={"messagingServiceSid": service}, headers=clinic.headers
        ).status_code
        == 403
    )
    assert (
        clinic.client.simulate_put(
            f"{path}/sender", json={"messagingServiceSid": service}, headers=operator
        ).json["shared"]
        is False
    )
    words = {"body": "{clinic}: {amount} abierto, {url}. Responda STOP para no recibir más."}
    assert (
        clinic.client.simulate_put(
            f"{path}/templates/payment_link/es", json=words, headers=clinic.headers
        ).json["own"]
        is True
    )
    Customer.update(language="es-MX").execute()
    clinic.send()
    sent = clinic.sent()[0]
    assert (sent["messaging_service_sid"], sent["from"]) == (service, "+12025550777")
    assert sent["body"].startswith("Harbor Dental: $120.00 abierto")
    assert AccountSender.select().count() == 1
    assert (
        clinic.client.simulate_delete(
            f"{path}/templates/payment_link/es", headers=clinic.headers
        ).json["own"]
        is False
    )
    audited = (
        AuditEntry.select().where(AuditEntry.action.startswith("template.")).order_by(AuditEntry.id)
    )
    assert [(entry.action, entry.detail["language"]) for entry in audited] == [
        ("template.written", "es"),
        ("template.forgotten", "es"),
    ]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("{clinic} {url} {name}", "{name} is not a placeholder"),
        ("{clinic}" + "{url}" * 100, "the limit is 1600"),
        ("{clinic} {url} {project}", "{project} is not a placeholder"),
        ("{clinic}", "{url} is missing"),
        ("{clinic} {url} {", "brace"),
    ],
)
def test_an_invalid_template_is_refused(clinic, body, word):
    answer = clinic.client.simulate_put(
        f"/api/accounts/{clinic.account.id}/templates/payment_link/en",
        json={"body": body},
        headers=clinic.headers,
    )
    assert (answer.status_code, word in answer.json["detail"]) == (422, True)
    assert not MessageTemplate.select().exists()


@pytest.mark.one_database
@pytest.mark.parametrize("language", ["de", "xx-YY", "", "ES_mx", "😀"])
def test_an_unsupported_language_falls_back_and_the_text_has_no_details(clinic, language):
    Customer.update(language=language, name="Ada Payer", email="ada@example.com").execute()
    clinic.send()
    body = clinic.sent()[0]["body"]
    spanish = language.startswith("ES")
    known = ("puede pagar su factura de forma segura en", "Responda STOP para no recibir mensajes.")
    words = (
        known if spanish else ("you can pay your invoice securely here:", "Reply STOP to opt out.")
    )
    assert (
        body
        == f"Harbor Dental: {words[0]} http://payphone/p/{clinic.address_in(body)}" + f" {words[1]}"
    )
    assert clinic.message().segments == 1


def refused(clinic: Texting, code: str, **body):
    """Assert that the gate refuses with this code, that nothing is sent and that the decision is
    stored; return the answer.
    """
    answer = clinic.ask(**body)
    assert (answer.status_code, answer.json.get("code"), answer.json.get("reasonCode")) == (
        422,
        "contact_refused",
        code,
    ), answer.text
    kept = ContactDecision.select().order_by(ContactDecision.at.desc()).first()
    assert (kept.allowed, kept.code, kept.invoice_id) == (False, code, clinic.invoice.id)
    clinic.work()
    assert not clinic.requests()
    return answer.json


def test_nobody_is_texted_without_consent(texting):
    assert refused(texting, "no_consent")["nextAllowedAt"] is None
    texting.consents(channels=("voice",))
    refused(texting, "no_consent")


def test_a_consent_covers_only_its_own_number(clinic):
    refused(clinic, "no_consent", phoneNumber="+12025550999")
    answer = clinic.post(
        f"/api/customers/{clinic.customer.id}/consents",
        channels=["sms"],
        source="call",
        text="Yes, text me there.",
        textVersion="1",
        givenAt="2026-01-05T10:00:00Z",
        phone=clinic.phone,
    )
    assert answer.status_code == 201
    assert clinic.ask(phoneNumber=clinic.phone).status_code == 202


def test_changing_the_number_revokes_its_consent_for_good(clinic):
    path = f"/api/customers/{clinic.customer.id}"
    for phone in ("+12025550142", clinic.phone, clinic.phone):
        assert (
            clinic.client.simulate_patch(
                path, json={"phone": phone}, headers=clinic.headers
            ).status_code
            == 200
        )
    refused(clinic, "no_consent")
    entry = next(
        entry["consent"] for entry in clinic.ledger()["data"] if entry["type"] == "consent"
    )
    assert entry["revokedWhy"] == "the customer's number was changed"
    audited = AuditEntry.select().where(AuditEntry.action == "customer.changed")
    assert [(row.subject, row.detail) for row in audited] == [
        (f"customer:{clinic.customer.id}", {"changed": ["phone"]})
    ] * 2, "each real change is audited, without the number"


def test_texts_are_refused_at_night_with_the_next_allowed_time(clinic):
    Customer.update(phone="+12025550123").execute()
    clinic.phone = "+12025550123"
    clinic.consents()
    local_hour("America/New_York", 7, 0)
    early = refused(clinic, "quiet_hours")
    local_hour("America/New_York", 21, 30)
    assert early["nextAllowedAt"] < refused(clinic, "quiet_hours")["nextAllowedAt"]
    local_hour("America/New_York", 12)
    assert clinic.ask().status_code == 202


def test_quiet_hours_of_both_the_numbers_and_the_addresss_zone_apply(clinic):
    """Given an Eastern number and a Pacific address, then texts are refused until 11:00 Eastern,
    which is 8:00 Pacific.
    """
    Customer.update(phone="+12025550123", address={"state": "CA", "country": "US"}).execute()
    clinic.phone = "+12025550123"
    clinic.consents()
    local_hour("America/New_York", 10, 30)
    refused(clinic, "quiet_hours")
    local_hour("America/New_York", 11, 1)
    assert clinic.ask().status_code == 202


def test_nothing_is_texted_after_an_opt_out_at_the_desk(clinic):
    answer = clinic.post(
        f"/api/customers/{clinic.customer.id}/opt-outs",
        words="Please write no more",
        source="front desk",
    )
    assert (answer.status_code, answer.json["channels"]) == (201, ["sms", "voice"])
    refused(clinic, "opted_out")
    assert clinic.ledger()["sms"]["optedOut"] is True


def test_no_text_is_sent_while_texts_are_paused(clinic):
    clinic.pause()
    refused(clinic, "paused")
    clinic.pause(False)
    assert clinic.ask().status_code == 202


def test_a_link_request_for_a_paid_invoice_is_refused(clinic):
    Invoice.update(mark="sent", status="paid", outstanding=0).where(
        Invoice.id == clinic.invoice.id
    ).execute()
    answer = clinic.ask()
    assert (answer.status_code, answer.json["code"]) == (409, "invoice_already_paid")


@pytest.mark.parametrize("happens", ["stop", "paid", "disputed", "paused"])
def test_a_change_committed_before_the_gate_decides_stops_a_waiting_text(clinic, happens):
    """Given a waiting text, when a stop, payment, dispute or pause commits first, then the gate
    refuses it in the transaction that would reserve the attempt.
    """
    assert clinic.ask().status_code == 202
    match happens:
        case "stop":
            clinic.hear("STOP")
        case "paid":
            Invoice.update(status="paid", outstanding=0).execute()
        case "disputed":
            Invoice.update(disputed=True).execute()
        case "paused":
            clinic.pause()
    clinic.work()
    code = {
        "stop": "opted_out",
        "paid": "invoice_paid",
        "disputed": "invoice_disputed",
        "paused": "paused",
    }[happens]
    assert not clinic.requests()
    assert (clinic.message().status, clinic.message().error_code) == ("refused", code)


def test_a_number_without_a_channel_requests_a_text(clinic):
    answer = clinic.post(
        f"/api/invoices/{clinic.invoice.id}/payment-links", phoneNumber=clinic.phone
    )
    assert (answer.status_code, answer.json["message"]["to"]) == (202, clinic.phone)
    clinic.work()
    assert [row["to"] for row in clinic.sent()] == [clinic.phone]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"channel": "none"},
        {"channel": "none", "phoneNumber": "+12025550123"},
        {"channel": None},
    ],
)
def test_without_a_number_or_with_channel_none_nothing_is_texted(clinic, body):
    answer = clinic.post(f"/api/invoices/{clinic.invoice.id}/payment-links", **body)
    assert (answer.status_code, answer.json["message"]) == (202, None)
    clinic.work()
    assert not clinic.requests()


def test_asking_again_revives_a_text_with_a_dead_job(clinic):
    first = clinic.ask()
    StagedJob.update(state="dead", attempts=10).where(
        StagedJob.name == "send_payment_link"
    ).execute()
    clinic.work()
    assert not clinic.requests()
    again = clinic.ask()
    assert (again.status_code, again.json["message"]["id"]) == (202, first.json["message"]["id"])
    clinic.work()
    assert (len(clinic.sent()), clinic.message().status) == (1, "accepted")


def test_asking_again_never_resends_a_text_that_may_have_been_sent(clinic):
    """Given a process killed after the request may have left, and a dead job, then asking again
    sends nothing: the text is in doubt and looked up.
    """
    clinic.post(f"/api/invoices/{clinic.invoice.id}/payment-links")
    clinic.work()  # creates the link
    clinic.ask()
    effect = import_module("jobs.send_payment_link")._decide(clinic.message())
    Effect.update(sent_at=real_now(), last_sent_at=real_now()).where(
        Effect.id == effect.id
    ).execute()
    StagedJob.update(state="dead", attempts=10).where(
        StagedJob.name == "send_payment_link"
    ).execute()
    assert clinic.ask().json["message"]["status"] == "sending"
    clinic.work()
    assert not clinic.requests()
    shown = clinic.ask().json["message"]
    assert (shown["status"], shown["advice"]["then"]) == ("unknown", "look_up")
    clinic.work()
    assert not clinic.requests()


def test_a_waiting_text_revives_its_dead_link_creation_job(clinic):
    clinic.ask()
    StagedJob.update(state="dead", attempts=16).where(
        StagedJob.name == "create_payment_link"
    ).execute()
    clinic.work()
    assert len(clinic.sent()) == 1


def test_a_second_request_while_a_text_is_pending_returns_the_same_text(clinic):
    first = clinic.ask()
    again = clinic.ask()
    clinic.work()
    third = clinic.ask()
    clinic.work()
    assert {answer.json["message"]["id"] for answer in (first, again, third)} == {
        first.json["message"]["id"]
    }
    assert len(clinic.sent()) == 1


def test_after_delivery_a_new_request_sends_another_text_up_to_the_daily_cap(clinic):
    for _ in range(3):
        clinic.send()
        clinic.deliver()
    assert len(clinic.sent()) == 3
    answer = clinic.ask()
    assert (answer.status_code, answer.json["reasonCode"], "nextAllowedAt" in answer.json) == (
        422,
        "person_cap",
        True,
    )


def test_a_reached_ceiling_gives_the_clinics_midnight_as_the_next_time(clinic):
    """Given a clinic in Tokyo with a customer in New York, then the next allowed time is the
    clinic's midnight, not the customer's.
    """
    Customer.update(phone="+12025550123").execute()
    clinic.phone = "+12025550123"
    clinic.consents()
    Account.update(time_zone="Asia/Tokyo").execute()
    DailyCeiling.change(clinic.account.id, "texts", 0, "cli:ann")
    local_hour("America/New_York", 9)
    midnight = datetime.combine(
        business_now().astimezone(TOKYO).date() + timedelta(days=1), time(), TOKYO
    )
    assert (
        refused(clinic, "account_ceiling")["nextAllowedAt"]
        == f"{midnight.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    )


def test_an_idempotency_key_replays_refusals_and_successes_alike(clinic):
    clinic.pause()
    assert [clinic.ask(key="a").status_code for _ in range(2)] == [422, 422]
    assert ContactDecision.select().count() == 1
    clinic.pause(False)
    assert clinic.ask(key="a").json["reasonCode"] == "paused"
    first, again = clinic.ask(key="b"), clinic.ask(key="b")
    assert (first.json, again.headers["Idempotent-Replayed"]) == (again.json, "true")


@pytest.mark.parametrize(
    ("phone", "code", "then"),
    [
        ("+15005550001", "21211", "new_number"),
        ("+15005550009", "21614", "other_channel"),
        ("+15005550004", "21610", "opted_out"),
    ],
)
def test_a_number_twilio_refuses_is_shown_with_advice_and_blocked(clinic, phone, code, then):
    Customer.update(phone=phone, time_zone=None).execute()
    clinic.consents(phone)
    local_hour("America/New_York", 18, 0)  # lawful in every zone that +1 500 may be in
    assert clinic.ask().status_code == 202
    clinic.work()
    shown = clinic.get(f"/api/invoices/{clinic.invoice.id}/messages")["data"][0]
    assert (shown["status"], shown["code"], shown["advice"]["then"]) == ("refused", code, then)
    again = clinic.ask()
    assert (again.status_code, again.json["reasonCode"]) == (
        422,
        "opted_out" if code == "21610" else "suppressed",
    )


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("code", "then", "closed"),
    [
        (30003, "try_later", False),
        (30005, "new_number", True),
        (30006, "other_channel", True),
        (30007, "change_text", False),
        (30034, "fix_sender", False),
    ],
)
def test_an_undelivered_text_is_shown_with_advice(clinic, code, then, closed):
    clinic.twilio.books.outcomes[clinic.phone] = code
    message = clinic.send()
    clinic.deliver()
    shown = clinic.get(f"/api/invoices/{clinic.invoice.id}/messages")["data"][0]
    assert (
        shown["status"] in {"undelivered", "failed"},
        shown["code"],
        shown["advice"]["then"],
    ) == (True, str(code), then)
    assert (clinic.ledger()["sms"]["suppressed"] is not None) is closed
    assert clinic.ask().status_code == (422 if closed else 202)
    # the effect was the sending; whether it arrives is the message's status
    assert clinic.effect(message).state == "confirmed"


def test_staff_can_lift_a_suppression(clinic):
    clinic.twilio.books.outcomes[clinic.phone] = 30006
    clinic.send()
    clinic.deliver()
    answer = clinic.client.simulate_delete(
        f"/api/customers/{clinic.customer.id}/suppressions/sms", headers=clinic.headers
    )
    assert (answer.status_code, clinic.ask().status_code) == (204, 202)


def test_a_text_throttled_by_twilio_is_retried_and_sent_once(clinic):
    """Given two 429s from Twilio, then the text is retried and sent once, and the gate decides on
    each attempt (fault 25).
    """
    clinic.fault("rate_limit_429", times=2)
    assert clinic.ask().status_code == 202
    clinic.work(rounds=5)
    assert (len(clinic.requests()), len(clinic.sent())) == (3, 1)
    assert [
        effect.state
        for effect in Effect.select().where(Effect.kind == "text").order_by(Effect.created_at)
    ] == ["refused", "refused", "confirmed"]
    assert ContactDecision.select().where(ContactDecision.allowed).count() == 3


def test_a_text_requested_over_an_hour_ago_expires(clinic):
    answer = clinic.ask()
    Message.update(created_at=real_now() - timedelta(minutes=61)).execute()
    clinic.work()
    assert not clinic.requests()
    message = clinic.message(answer.json["message"]["id"])
    assert (message.status, message.error_code) == ("refused", "expired")
    assert clinic.ask().json["message"]["id"] != message.id


def test_the_ledger_lists_consents_opt_outs_decisions_and_texts_in_order(clinic):
    clinic.send()
    clinic.hear("stop texting me")
    clinic.ask()
    told = clinic.ledger()
    assert [entry["type"] for entry in told["data"]] == [
        "consent",
        "message",
        "decision",
        "optOut",
        "decision",
    ]
    assert [
        entry["decision"]["allowed"] for entry in told["data"] if entry["type"] == "decision"
    ] == [True, False]
    assert told["data"][2]["decision"]["effectId"] == clinic.message().effect_id
    assert OptOut.select().where(OptOut.account_id == clinic.account.id).count() == 1


def test_another_accounts_customer_invoice_and_account_are_not_found(clinic):
    other = clinic.another_clinic()
    places = (
        f"customers/{clinic.customer.id}/contact-ledger",
        f"invoices/{clinic.invoice.id}/messages",
        f"accounts/{clinic.account.id}/sender",
    )
    for place in places:
        assert clinic.client.simulate_get(f"/api/{place}", headers=other.headers).status_code == 404
    assert (
        clinic.client.simulate_post(
            f"/api/customers/{clinic.customer.id}/opt-outs",
            json={"source": "x"},
            headers=other.headers,
        ).status_code
        == 404
    )
