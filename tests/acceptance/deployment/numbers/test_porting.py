"""Porting a clinic's own number to us (F71, F78, F82): requested at Deploy, followed over days with
a message for each status, live without further action, and cancelled while that is possible.
"""

import base64
import hashlib
import json
import re
from datetime import timedelta

import pytest

from jobs.delete_expired_rows import delete_expired_rows
from models.deployment.port_document import PortDocument
from models.effects.effect import Effect
from models.feed.outgoing_event import OutgoingEvent
from rules.deployment.rendering import spoken_number
from runtime.clock import real_now, rfc3339
from runtime.settings import get_settings
from sandbox.twilio.webhooks import signature
from sandbox.vapi.phone_numbers import answering
from tests import given
from tests.stories.deploying import ADDRESS, NUMBER, states

DAY = 86_400
REPORT = "/api/webhooks/twilio/porting"


@pytest.fixture
def ported(clinic):
    return clinic.configures_port()


def deploys(clinic, rounds=3, **more):
    begun = clinic.deploys(**more)
    assert begun.status_code == 202, begun.text
    clinic.works(rounds)
    return begun.json["id"]


def test_receptionists_prompt_names_the_number_that_was_ported(ported):
    """Given another number saved during the port, then the receptionist's prompt names the number
    that was ported.
    """
    deployment = deploys(ported)
    ported.configures_port(phoneNumber="+12125550178")
    ported.looks_at_ports(days=4)
    ported.works(4)
    assert ported.shown(deployment)["status"] == "live"
    prompt = answering(ported.voice.books, NUMBER)["model"]["messages"][0]["content"]
    assert spoken_number(NUMBER) in prompt
    assert spoken_number("+12125550178") not in prompt


def test_completed_port_goes_live_without_further_action(ported):
    """Given a ported clinic that deploys, when days pass, then each status has its message, and the
    clinic goes live on its own number without further action or a purchase.
    """
    deployment = deploys(ported)
    shown = ported.shown(deployment)
    assert shown["status"] == "awaiting_port"
    assert "checking the port request" in shown["message"]
    (port,) = ported.twilio.books.ports.values()
    losing = port["losing_carrier_information"]
    assert losing["authorized_representative"] == "Ada Lane"
    assert losing["address"]["zip"] == ADDRESS["postalCode"]
    told = []
    for _ in range(4):
        ported.looks_at_ports(days=1)
        told.append(ported.shown(deployment)["message"])
    ported.works(4)
    assert "Ada Lane has to sign" in told[0]
    assert "Your carrier has the port request" in told[1]
    assert re.search(r"It moves on \d{4}-\d\d-\d\d\.$", told[2])
    shown = ported.shown(deployment)
    assert shown["status"] == "live", shown
    (number,) = ported.twilio.owned().values()
    assert number["phone_number"] == NUMBER
    assert number["sms_url"].endswith("/api/webhooks/twilio/messages")
    assert number["sms_fallback_url"] == number["sms_url"]
    assert number["emergency_address_sid"]
    assert ported.twilio.asked("POST", "/IncomingPhoneNumbers.json") == []
    settings = ported.setup.phone_integration_settings
    assert settings["portStatus"] == "completed"
    assert settings["setupCompletedAt"]


def test_ported_number_is_live_for_calls_first_and_for_texts_hours_later(ported):
    """Given a number that has just been ported, then it is live for calls at once, and for texts
    some hours later.
    """
    deploys(ported)
    ported.looks_at_ports(days=4)
    ported.works(5)
    line = ported.call("GET", "…").json["phoneLine"]
    assert line == {
        "phoneNumber": NUMBER,
        "source": "ported",
        "voiceLive": True,
        "textLive": False,
    }
    ported.looks_at_ports()
    assert ported.line.text_live is False
    moved = rfc3339(real_now() - timedelta(hours=3))
    ported.line.record(real_now(), wanted=ported.line.wanted | {"ported": moved})
    ported.looks_at_ports()
    assert ported.line.text_live is True


def test_saving_the_same_number_again_keeps_its_port_status(ported):
    """Given a ported number, when the same number is saved again, then its port status stays;
    another number waits for Deploy.
    """
    deploys(ported)
    ported.looks_at_ports(days=4)
    ported.works(5)
    saved = ported.setup.phone_integration_settings
    ported.configures_port(documentId=saved["documentId"])
    assert ported.setup.phone_integration_settings == saved
    ported.configures_port(phoneNumber="+12125550178")
    assert ported.setup.phone_integration_settings["portStatus"] == "pending_configuration"


def test_number_saved_during_a_port_is_not_marked_as_ported(ported):
    """Given another number saved during the port, without a representative, then the message still
    names who signs the letter, and the other number does not count as ported.
    """
    deployment = deploys(ported)
    other = {"phoneNumber": "+12125550178", "currentCarrier": "Another"}
    assert ported.call("PUT", "…/phone/ported", **other).status_code == 200
    ported.looks_at_ports(days=1)
    assert "sent to ada@harbor.example: Ada Lane has to sign" in ported.shown(deployment)["message"]
    ported.looks_at_ports(days=3)
    ported.works(4)
    assert ported.shown(deployment)["status"] == "live"
    settings = ported.setup.phone_integration_settings
    assert settings["phoneNumber"] == "+12125550178"
    assert settings["portStatus"] == "pending_configuration"


def report(clinic, fields, token=None):
    """Send a porting report, signed as Twilio signs its JSON webhooks."""
    body = json.dumps(fields)
    path = f"{REPORT}?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    secret = next(iter(clinic.twilio.books.tokens.values()))
    signed = signature(token or secret, f"{get_settings().public_url}{path}", {})
    return clinic.client.simulate_post(
        path,
        body=body,
        headers={"Content-Type": "application/json", "X-Twilio-Signature": signed},
    )


def test_porting_report_triggers_a_poll_and_is_not_trusted(ported):
    """Given a report that wrongly says the number has moved, then the clinic is not live; each
    report leads to one poll, and a wrongly signed one is refused.
    """
    deployment = deploys(ported)
    (sid,) = ported.twilio.books.ports
    fields = {"port_in_request_sid": sid, "phone_number": NUMBER, "status": "completed"}
    assert report(ported, fields, token="wrong").status_code == 403
    assert report(ported, fields).status_code == 204
    ported.works(2)
    assert ported.shown(deployment)["status"] == "awaiting_port"
    ported.twilio.passes(DAY)
    ported.twilio.passes(DAY)
    before = len(ported.twilio.asked("GET", f"/PortIn/{sid}"))
    assert report(ported, fields).status_code == 204
    ported.works(2)
    assert len(ported.twilio.asked("GET", f"/PortIn/{sid}")) == before + 1
    assert "Your carrier has" in ported.shown(deployment)["message"]


def test_malformed_porting_report_is_answered_204_and_polls_nothing(ported):
    """Given a port, and a report with unstorable or non-text values that does not name it, then it
    is answered with 204, and no port is looked at.
    """
    deploys(ported)
    (sid,) = ported.twilio.books.ports
    before = len(ported.twilio.asked("GET", f"/PortIn/{sid}"))
    for odd in ("a\0b", "\ud83d", "9" * 5000, 10**30, None, ["KW1"], {"sid": "KW1"}):
        for name in ("port_in_request_sid", "phone_number", "status"):
            fields = {"port_in_request_sid": "KW1", "phone_number": "+12125550199", "status": "x"}
            assert report(ported, fields | {name: odd}).status_code == 204, (name, odd)
    given.relayed(ported.redis)
    ported.works()
    assert len(ported.twilio.asked("GET", f"/PortIn/{sid}")) == before


def test_stand_in_sends_porting_reports_with_a_body_hash(ported):
    deploys(ported)
    ported.twilio.passes(DAY)
    reports = [each for each in ported.twilio.shared.outbox.all.values() if "port" in each.url]
    assert reports
    assert all(REPORT in each.url and "bodySHA256=" in each.url for each in reports)


def test_rejected_port_gives_advice_and_can_be_corrected_after_a_rollback(ported):
    """Given a carrier that rejects the address, then the clinic is told what to correct, its feed
    has an event, and rolling back cancels the port; corrected, the number is ported.
    """
    books = ported.twilio.books
    books.rejections[NUMBER] = [7, "Service address does not match"]
    deployment = deploys(ported)
    ported.looks_at_ports(days=3)
    shown = ported.shown(deployment)
    assert shown["status"] == "awaiting_port"
    assert "Service address does not match" in shown["message"]
    assert "Write the address exactly as your carrier's bill has it" in shown["message"]
    assert ported.setup.phone_integration_settings["portStatus"] == "action_required"
    events = [row.type for row in OutgoingEvent.select()]
    assert "deployment.action_required" in events
    answer = ported.call("POST", f"/api/deployments/{deployment}/rollback")
    assert answer.status_code == 202, answer.text
    ported.works(4)
    assert ported.shown(deployment)["status"] == "rolled_back"
    (port,) = books.ports.values()
    assert port["port_in_request_status"] == "Canceled"
    assert ported.line is None
    assert ported.setup.phone_integration_settings["portStatus"] == "pending_configuration"
    books.rejections.clear()
    ported.configures_port()
    again = deploys(ported)
    ported.looks_at_ports(days=4)
    ported.works(5)
    assert ported.shown(again)["status"] == "live"
    assert len(books.ports) == 2


def test_rolled_back_port_says_that_it_was_rolled_back(ported):
    """Given a rollback before any failure, then the deployment's message says that it was rolled
    back.
    """
    deployment = deploys(ported)
    assert "there is nothing to do" in ported.shown(deployment)["message"]
    ported.call("POST", f"/api/deployments/{deployment}/rollback")
    ported.works(4)
    shown = ported.shown(deployment)
    assert (shown["status"], shown["message"]) == ("rolled_back", "Deployment was rolled back.")


def test_pin_is_masked_in_the_reason_of_a_port_rejection(clinic):
    clinic.configures_port(pin="4321", accountNumber="A-1")
    clinic.twilio.books.rejections[NUMBER] = [2, "PIN 4321 does not match"]
    deployment = deploys(clinic)
    clinic.looks_at_ports(days=3)
    shown = clinic.shown(deployment)
    assert "Your carrier refused the port: PIN *** does not match." in shown["message"]
    assert "Ask your carrier for your account's PIN" in shown["message"]


def test_unportable_number_fails_deployment_before_any_charge(ported):
    """Given a number that cannot be ported, then the deployment fails before anything is charged,
    and not even the missing bill is asked for.
    """
    ported.twilio.books.unportable[NUMBER] = [22130, "Unsupported rate center"]
    PortDocument.update(content=None).execute()
    shown = ported.shown(deploys(ported))
    assert (shown["status"], shown["code"]) == ("failed", "not_portable")
    assert "Forward your number instead" in shown["error"]
    assert ported.twilio.books.ports == {}


def test_required_port_pin_is_requested_first_and_not_stored_in_effects(clinic):
    """Given a number whose carrier wants a PIN, then it is asked for before anything is charged;
    the PIN is sent, but stored in no request.
    """
    clinic.twilio.books.wants_pin.append(NUMBER)
    clinic.configures_port()
    assert clinic.shown(deploys(clinic))["code"] == "port_needs_pin"
    clinic.configures_port(pin="918273", accountNumber="A-1")
    deploys(clinic)
    assert len(clinic.twilio.books.ports) == 1
    assert "918273" not in json.dumps([row.request for row in Effect.select()])


def test_port_request_with_a_lost_response_is_not_repeated(ported):
    """Given a port request whose answer was lost, then no second one is made."""
    ported.twilio.fault("refuse_after", "/numbers/v1/Porting/PortIn")
    deployment = deploys(ported, rounds=5)
    assert ported.shown(deployment)["status"] == "awaiting_port"
    assert len(ported.twilio.books.ports) == 1


def test_rollback_never_releases_a_ported_number(ported):
    """Given a ported number, when the receptionist cannot be created, then everything but the
    number is undone; the next deployment goes live on it without a second port.
    """
    deployment = deploys(ported)
    ported.twilio.stand_in.sandbox.inject_fault(
        kind="refused_400", provider="vapi", method="POST", path="/squad"
    )
    ported.looks_at_ports(days=4)
    ported.works(6)
    shown = ported.shown(deployment)
    assert shown["status"] == "rolled_back", shown
    assert list(ported.twilio.owned()) == [NUMBER]
    assert (ported.line.e164, ported.line.state) == (NUMBER, "owned")
    again = deploys(ported, rounds=6)
    shown = ported.shown(again)
    assert shown["status"] == "live", shown
    assert states(shown)["port_request"] == "skipped"
    assert len(ported.twilio.books.ports) == 1


def test_take_down_keeps_the_clinics_ported_number(ported):
    deployment = deploys(ported)
    ported.looks_at_ports(days=4)
    ported.works(5)
    assert ported.call("POST", f"/api/deployments/{deployment}/take-down").status_code == 202
    ported.works(6)
    shown = ported.shown(deployment)
    assert shown["status"] == "taken_down", shown
    step = next(each for each in shown["steps"] if each["name"] == "ported_number")
    assert "stays at Twilio" in step["message"]
    assert list(ported.twilio.owned()) == [NUMBER]


def test_bill_content_is_deleted_once_uploaded_to_twilio(ported):
    deploys(ported)
    (document,) = PortDocument.select()
    assert document.content is None
    assert document.twilio_sid in ported.twilio.books.documents


def test_repeated_idempotency_key_stores_one_bill(clinic):
    body = {"name": "bill.pdf", "contentBase64": base64.b64encode(b"%PDF-1.7").decode()}
    path = f"/api/accounts/{clinic.account.id}/port-documents"
    headers = clinic.headers | {"Idempotency-Key": "k1"}
    one, other = (clinic.client.simulate_post(path, json=body, headers=headers) for _ in range(2))
    assert one.json["id"] == other.json["id"]
    assert PortDocument.select().count() == 1


def test_old_unused_bill_is_deleted_and_deploying_with_it_fails(ported, monkeypatch):
    """Given a bill too old for any carrier, then its content is deleted, and a Deploy that names it
    fails before anything is charged.
    """
    monkeypatch.setenv("SETUP_FEE", "9900 usd")
    get_settings.cache_clear()
    delete_expired_rows.perform()
    assert PortDocument.get().content is not None
    PortDocument.update(created_at=real_now() - timedelta(days=61)).execute()
    delete_expired_rows.perform()
    assert PortDocument.get().content is None
    shown = ported.shown(deploys(ported, cost=9_900))
    assert (shown["status"], shown["code"]) == ("failed", "no_document")
    assert "Nothing was charged" in shown["error"]
    assert Effect.select().count() == 0


def test_old_bill_is_kept_while_a_deployment_still_needs_it(ported):
    """Given a bill that becomes too old during Deploy, then it is kept and sent to Twilio."""
    deployment = ported.deploys().json["id"]
    PortDocument.update(created_at=real_now() - timedelta(days=61)).execute()
    delete_expired_rows.perform()
    ported.works(3)
    assert ported.shown(deployment)["status"] == "awaiting_port"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("", b"%PDF-1.7", "no name"),
        ("b" * 197 + ".pdf", b"%PDF-1.7", "a name of 201 characters"),
        ("bill.docx", b"PK", "another type"),
        ("bill.pdf", b"", "empty"),
        ("bill.pdf", b"\x89PNG\r\n\x1a\n", "is not pdf"),
        ("bill.png", b"%PDF-1.7", "is not png"),
        ("bill.pdf", b"%PDF-" + b"x" * 700_000, "bytes"),
        ("bill.pdf", b"%PDF-1.7\ntrailer << /Encrypt 9 0 R >>", "protected by a password"),
    ],
)
def test_invalid_bill_is_refused_with_the_reason_and_the_accepted_types(
    clinic, name, content, wrong
):
    body = {"name": name, "contentBase64": base64.b64encode(content).decode()}
    answer = clinic.call("POST", "…/port-documents", **body)
    assert answer.status_code == 422
    assert wrong in answer.json["detail"]
    assert "pdf, png, jpg, jpeg up to 700 KB are accepted" in answer.json["detail"]


def test_another_clinics_bill_cannot_be_used(ported):
    other = ported.another().has_card().configures_port(phoneNumber="+12125550178")
    theirs = other.setup.phone_integration_settings["documentId"]
    ported.configures_port(documentId=theirs)
    assert ported.shown(deploys(ported))["code"] == "no_document"


def test_completed_port_request_is_not_reused_for_a_new_port(ported):
    """Given a number that was ported here and has left again, when the clinic ports it again, then
    a new request is made.
    """
    deployment = deploys(ported)
    ported.looks_at_ports(days=4)
    ported.works(5)
    assert ported.call("POST", f"/api/deployments/{deployment}/take-down").status_code == 202
    ported.works(6)
    ported.twilio.books.incoming.clear()
    ported.line.record(real_now(), state="released", holds_slot=False)
    ported.configures_port()
    again = deploys(ported)
    assert ported.shown(again)["status"] == "awaiting_port"
    assert len(ported.twilio.books.ports) == 2
