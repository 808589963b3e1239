"""STOP, START, HELP and opt-outs in plain words reach the contact ledger in the request that brings
them, per sender.
"""

import json
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.contact.consent import Consent
from models.contact.opt_out import OptOut
from models.contact.work_item import WorkItem
from models.deployment.phone_line import PhoneLine
from models.feed.outgoing_event import OutgoingEvent
from models.invoices.customer import Customer
from providers.twilio import client as twilio_api
from runtime.clock import real_now
from runtime.settings import get_settings
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_sender
from tests import given
from tests.stories.texting import HOME, INBOUND, SHARED_NUMBER, Texting

EMPTY = "<Response/>"
VISA = "4242 4242 4242 4242"


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    return texting.consents()


def a_text(clinic: Texting, body: str, **more: str) -> dict[str, str]:
    """Return an inbound text as Twilio sends it for a number without a messaging service."""
    return {
        "MessageSid": f"SM{'b' * 32}",
        "From": clinic.phone,
        "To": SHARED_NUMBER,
        "Body": body,
        "NumMedia": "0",
        "FromCity": "",
    } | more


def own_sender(clinic: Texting, number: str, service: str | None = None) -> str:
    """Give the clinic a number of its own, and return it."""
    add_sender(clinic.twilio, Sender(number, service or "", HOME + INBOUND))
    body = {"messagingServiceSid": service} if service else {"fromNumber": number}
    answer = clinic.client.simulate_put(
        f"/api/accounts/{clinic.account.id}/sender", json=body, headers=given.a_key(None)
    )
    assert answer.status_code == 200, answer.text
    return number


@pytest.mark.parametrize("words", ["STOP\0", "\0STOP", "ST\0OP", "please stop\0 texting me"])
def test_a_stop_containing_nul_characters_is_recorded(clinic, words):
    """Given a text with a NUL, which Twilio signs as it is, then it is stored without the NUL, and
    its opt-out counts.
    """
    answer = clinic.tell(INBOUND, a_text(clinic, words, FromCity="\0Harbor", **{"Odd\0": "\0"}))
    assert (answer.status_code, clinic.ledger()["sms"]["optedOut"]) == (200, True)
    kept = json.loads(InboxEvent.get(InboxEvent.provider == "twilio").payload)
    assert (kept["Body"], kept["FromCity"], kept["Odd"]) == (words.replace("\0", ""), "Harbor", "")
    assert OptOut.get().words == words.replace("\0", "")


@pytest.mark.parametrize(
    "words",
    [
        "STOP",
        "stopall",
        "Opt out",
        "OPT-OUT.",
        "please stop texting me",
        "Don’t contact me again",
        "No me envíe más mensajes",
    ],
)
def test_an_opt_out_is_recorded_before_twilio_gets_its_answer(clinic, words):
    clinic.hear(words)
    assert clinic.ledger()["sms"] == {"consented": True, "optedOut": True, "suppressed": None}
    assert clinic.ledger()["voice"]["optedOut"] is True
    assert clinic.ask().json["reasonCode"] == "opted_out"


def test_a_stop_gets_an_empty_response(clinic):
    """Given a STOP, then our answer is empty, since Twilio confirms it itself."""
    answer = clinic.tell(INBOUND, a_text(clinic, "STOP"))
    assert (answer.status_code, EMPTY in answer.text, "xml" in answer.headers["Content-Type"]) == (
        200,
        True,
        True,
    )


def test_start_allows_texts_again_but_not_calls(clinic):
    clinic.hear("STOP")
    clinic.hear("START")
    told = clinic.ledger()
    assert (told["sms"]["optedOut"], told["voice"]["optedOut"]) == (False, True)
    assert clinic.ask().status_code == 202
    assert [entry["optOut"]["wish"] for entry in told["data"] if entry["type"] == "optOut"] == [
        "stop",
        "start",
    ]


def test_stop_in_another_sense_is_not_an_opt_out(clinic):
    clinic.hear("I'll stop by tomorrow to pay")
    assert OptOut.select().count() == 0
    assert "no wish" in InboxEvent.get(InboxEvent.provider == "twilio").reason


def test_a_stop_to_one_clinics_sender_stops_only_that_clinic(clinic):
    """Given two clinics with a sender each, then a STOP to one of them stops only that clinic's
    texts.
    """
    hill = clinic.another_clinic().consents()
    mine, theirs = (
        own_sender(clinic, "+12025550701"),
        own_sender(hill, "+12025550702", "MG" + "8" * 32),
    )
    clinic.hear("STOP", to=mine)
    assert (clinic.ask().json["reasonCode"], hill.ask().status_code) == ("opted_out", 202)
    hill.hear("STOP", to=theirs)
    hill.work()
    assert not hill.requests()


def test_a_stop_to_a_shared_sender_counts_for_every_clinic_using_it(clinic):
    """Given a STOP to the shared sender, then it counts for every clinic that uses it, including
    one that adds this customer later.
    """
    hill = clinic.another_clinic().consents()
    clinic.hear("STOP")
    assert [each.ask().json["reasonCode"] for each in (clinic, hill)] == ["opted_out", "opted_out"]
    late = clinic.another_clinic("Late Clinic").consents()
    assert late.ask().json["reasonCode"] == "opted_out"


def test_a_stop_to_the_clinics_calling_number_counts(clinic):
    """Given a clinic that texts from one number and calls from another, when a customer texts STOP
    to the calling number, then texts and calls are opted out; other texts to it become the clinic's
    work.
    """
    own_sender(clinic, "+12125550160")
    now = real_now()
    PhoneLine.create(
        id="line_1",
        account=clinic.account,
        e164="+12125550161",
        state="owned",
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    for letter, words in (("b", "Who is this?"), ("c", "STOP")):
        body = a_text(clinic, words, To="+12125550161", MessageSid=f"SM{letter * 32}")
        assert clinic.tell(INBOUND, body).status_code == 200
    assert [item.account_id for item in WorkItem.select()] == [clinic.account.id]
    assert clinic.ask().json["reasonCode"] == "opted_out"
    ledger = clinic.ledger()
    assert (ledger["sms"]["optedOut"], ledger["voice"]["optedOut"]) == (True, True)


def test_a_clinic_claiming_the_shared_number_as_its_own_receives_no_texts(clinic):
    """Given a clinic on SIP that claims the shared texting number as its own, when people text that
    number, then the clinic gets no work items or opt-outs, and the STOP counts for the clinic it
    concerns.
    """
    claims, now = given.an_account(), real_now()
    PhoneLine.create(
        id="line_1",
        account=claims,
        e164=SHARED_NUMBER,
        state="owned",
        source="sip",
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    for letter, phone, words in (
        ("b", "+12025550144", "Call me about my results"),
        ("c", clinic.phone, "My father passed away"),
        ("d", clinic.phone, "STOP"),
    ):
        body = a_text(clinic, words, From=phone, MessageSid=f"SM{letter * 32}")
        assert clinic.tell(INBOUND, body).status_code == 200
    assert not WorkItem.has("account_id = ?", claims.id)
    assert not OptOut.has("account_id = ?", claims.id)
    assert clinic.ask().json["reasonCode"] == "opted_out"


def test_the_opt_out_event_names_customers_by_id_without_their_number(clinic):
    """The event names customers by id, including those who asked to be contacted at the number, and
    never the number.
    """
    partner = given.a_customer(clinic.account, phone=None, contact_request={"phone": clinic.phone})
    given.a_customer(clinic.account, phone="+12025550199")
    clinic.hear("STOP")
    event = OutgoingEvent.get(OutgoingEvent.type == "contact.opted_out")
    assert (event.account_id, event.payload["channels"]) == (clinic.account.id, ["sms", "voice"])
    assert event.payload["customerIds"] == [clinic.customer.id, partner.id]
    assert clinic.phone not in json.dumps(event.payload)


def test_help_is_answered_in_the_clinics_name_unless_twilio_answers_it(clinic):
    number = own_sender(clinic, "+12025550701")
    answer = clinic.tell(INBOUND, a_text(clinic, "HELP", To=number))
    assert "<Message>Harbor Dental: this number sends payment links." in answer.text
    assert (
        "Para ayuda"
        in clinic.tell(INBOUND, a_text(clinic, "Ayuda", To=number, MessageSid=f"SM{'c' * 32}")).text
    )
    assert (
        EMPTY
        in clinic.tell(
            INBOUND,
            a_text(clinic, "HELP", To=number, OptOutType="HELP", MessageSid=f"SM{'d' * 32}"),
        ).text
    )


def test_a_help_answer_is_valid_xml_whatever_the_clinics_name(clinic):
    """Given a clinic's name with a character that XML forbids, then the answer is still valid
    XML.
    """
    number = own_sender(clinic, "+12025550701")
    Account.update(name="Har\x01bor & Sons").where(Account.id == clinic.account.id).execute()
    answer = clinic.tell(INBOUND, a_text(clinic, "HELP", To=number))
    (message,) = ElementTree.fromstring(answer.text)
    assert message.text.startswith("Harbor & Sons: this number sends payment links.")


def test_a_repeated_webhook_records_one_opt_out(clinic):
    for _ in range(3):
        assert clinic.tell(INBOUND, a_text(clinic, "STOP")).status_code == 200
    assert OptOut.select().where(OptOut.account_id == clinic.account.id).count() == 1
    assert InboxEvent.select().where(InboxEvent.provider == "twilio").count() == 1


def test_a_card_number_in_a_text_is_not_stored(clinic):
    clinic.tell(INBOUND, a_text(clinic, f"here: {VISA} exp 12/29, and stop texting me"))
    kept = InboxEvent.get(InboxEvent.provider == "twilio")
    assert "4242 4242" not in kept.payload
    assert "4242" not in OptOut.select().first().words
    assert clinic.ledger()["sms"]["optedOut"] is True


def test_twilio_error_21610_is_recorded_as_an_opt_out(clinic):
    """Given error 21610, i.e. the customer stopped this sender in another way, then texts and calls
    are opted out as by any STOP; START allows texts again, but not calls.
    """
    stop = (clinic.twilio.books.senders[-1].key, clinic.phone)
    clinic.twilio.books.opted_out.add(stop)
    clinic.ask()
    clinic.work()
    assert clinic.ask().json["reasonCode"] == "opted_out"
    assert OptOut.get().source == "twilio_21610"
    assert stopped(clinic) == (True, True)
    clinic.hear("START")
    assert stopped(clinic) == (False, True)


@pytest.mark.one_database
@pytest.mark.parametrize("path", [INBOUND, "/api/webhooks/twilio/message-status"])
@pytest.mark.parametrize(
    "how",
    ["none", "other token", "other address", "no text", "bad utf-8", "repeated field", "json"],
)
def test_a_webhook_not_signed_by_twilio_is_refused(clinic, path, how):
    fields = a_text(clinic, "STOP") | {"MessageStatus": "sent"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    match how:
        case "none":
            answer = clinic.client.simulate_post(
                path, body="MessageSid=SM1&Body=STOP", headers=form
            )
        case "other token":
            answer = clinic.tell(path, fields, token="another")
        case "other address":
            answer = clinic.tell(
                f"{path}?x=1", fields, **{"X-Twilio-Signature": "c2lnbmVkIGVsc2V3aGVyZQ=="}
            )
        case "no text":
            answer = clinic.client.simulate_post(path, body="", headers={"X-Twilio-Signature": "x"})
        case "bad utf-8":
            answer = clinic.client.simulate_post(
                path,
                body=b"Body=\xff\xfe&MessageSid=%ff",
                headers=form | {"X-Twilio-Signature": "x"},
            )
        case "repeated field":
            answer = clinic.client.simulate_post(
                path, body="Body=a&Body=b&Body=", headers=form | {"X-Twilio-Signature": "x"}
            )
        case _:
            json_body = {"X-Twilio-Signature": "x", "Content-Type": "application/json"}
            answer = clinic.client.simulate_post(
                f"{path}?bodySHA256=ab", body='{"Body": "STOP"}', headers=json_body
            )
    assert (answer.status_code, answer.json["code"]) == (403, "webhook_not_signed")
    assert OptOut.select().count() == 0
    assert InboxEvent.select().where(InboxEvent.provider == "twilio").count() == 0


def test_no_webhook_is_accepted_without_an_auth_token(clinic, monkeypatch):
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "")
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    assert clinic.tell(INBOUND, a_text(clinic, "STOP"), token="").status_code == 403


def test_both_tokens_are_accepted_while_the_auth_token_is_rotated(clinic, monkeypatch):
    monkeypatch.setenv(
        "TWILIO_AUTH_TOKEN",
        f"new-token,{clinic.twilio.books.tokens[next(iter(clinic.twilio.books.tokens))]}",
    )
    get_settings.cache_clear()
    assert clinic.tell(INBOUND, a_text(clinic, "STOP")).status_code == 200
    assert (
        clinic.tell(
            INBOUND, a_text(clinic, "START", MessageSid=f"SM{'e' * 32}"), token="new-token"
        ).status_code
        == 200
    )


def test_a_stop_from_an_unknown_number_counts_for_a_later_customer(clinic):
    stranger = "+12025550888"
    clinic.hear("STOP", phone=stranger)
    Customer.update(phone=stranger).execute()
    clinic.consents(stranger)
    assert clinic.ask().json["reasonCode"] in {"opted_out"}


def agrees(clinic: Texting, *channels: str, minutes: int = 1, **more):
    """Let the clinic record a consent given `minutes` from now, since its clock may be a little
    ahead.
    """
    given_at = (real_now() + timedelta(minutes=minutes)).isoformat()
    words = {
        "source": "front desk",
        "text": "You may call me again.",
        "textVersion": "1",
        "givenAt": given_at,
    }
    return clinic.post(
        f"/api/customers/{clinic.customer.id}/consents", channels=list(channels), **words, **more
    )


def stopped(clinic: Texting) -> tuple[bool, bool]:
    told = clinic.ledger()
    return told["sms"]["optedOut"], told["voice"]["optedOut"]


def test_a_consent_that_ends_the_opt_out_allows_calls_after_a_stop(clinic):
    clinic.hear("STOP")
    assert agrees(clinic, "voice").status_code == 201
    assert stopped(clinic) == (True, True)  # a consent alone does not end an opt-out
    assert agrees(clinic, "voice", endsOptOut=True).status_code == 201
    assert stopped(clinic) == (True, False)
    assert clinic.ask().json["reasonCode"] == "opted_out"
    start = clinic.ledger()["data"][-2]["optOut"]
    assert (start["wish"], start["channels"], start["source"]) == (
        "start",
        ["voice"],
        "consent: front desk",
    )
    assert AuditEntry.select().where(AuditEntry.action == "opt_out.ended").count() == 1
    clinic.hear("stop calling me")
    assert stopped(clinic) == (True, True)


def test_a_consent_from_before_the_stop_is_refused(clinic):
    clinic.hear("STOP")
    before = Consent.select().count()
    answer = agrees(clinic, "voice", minutes=-60, endsOptOut=True)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "givenAt")
    assert (Consent.select().count(), stopped(clinic)) == (before, (True, True))


def test_only_start_allows_texts_again_after_a_texted_stop(clinic):
    """Given a STOP by text, then a recorded consent cannot end it, because Twilio would still
    refuse the texts.
    """
    clinic.hear("STOP")
    answer = agrees(clinic, "sms", "voice", endsOptOut=True)
    assert (answer.status_code, "START" in answer.json["detail"], stopped(clinic)) == (
        422,
        True,
        (True, True),
    )


def test_texts_stopped_by_a_text_and_then_at_the_desk_are_only_let_in_by_start(clinic):
    clinic.hear("STOP")
    clinic.post(f"/api/customers/{clinic.customer.id}/opt-outs", source="front desk")
    assert agrees(clinic, "sms", endsOptOut=True).status_code == 422
    clinic.hear("START")
    clinic.post(f"/api/customers/{clinic.customer.id}/opt-outs", source="front desk")
    assert agrees(clinic, "sms", endsOptOut=True).status_code == 201
    assert stopped(clinic) == (False, True)


def test_a_later_consent_allows_texts_again_after_an_opt_out_at_the_desk(clinic):
    clinic.post(f"/api/customers/{clinic.customer.id}/opt-outs", source="front desk")
    assert agrees(clinic, "sms", endsOptOut=True).status_code == 201
    assert stopped(clinic) == (False, True)
    assert clinic.ask().status_code == 202


def test_a_consent_ends_nothing_without_an_opt_out(clinic):
    assert agrees(clinic, "sms", "voice", endsOptOut=True).status_code == 201
    assert OptOut.select().count() == 0
