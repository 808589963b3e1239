"""Each sender's registration with the carriers is read, shown, and checked by the gate: campaign
and brand of a messaging service, verification of a toll-free number (CONTACT_RULES 24).
"""

import pytest

from actions.contact.sender_registrations import senders_in_use
from bin.commands.checks.texting import check_senders
from jobs.read_sender_registrations import read_sender_registration, read_sender_registrations
from models.accounts.audit_entry import AuditEntry
from models.contact.sender_registration import SenderRegistration
from models.delivery.staged_job import StagedJob
from providers.twilio.numbers import buy_number
from runtime.settings import get_settings
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_sender
from sandbox.twilio.numbers import MAGIC_SERVICE
from sandbox.twilio.registrations import NONE, Submission
from tests import given
from tests.stories.texting import HOME, SHARED_NUMBER, Texting

pytestmark = pytest.mark.usefixtures("texting")
OWN, TOLL_FREE = f"MG{'c' * 32}", "+18885550150"


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    """A clinic whose customer consented to texts, with a messaging service and a toll-free number
    of its own.
    """
    add_sender(texting.twilio, Sender("+12125550160", OWN))
    add_sender(texting.twilio, Sender(TOLL_FREE))
    return texting.consents()


def says(clinic, sender, *said, **more):
    """Set what Twilio says about a sender from now on."""
    clinic.twilio.books.submissions[sender] = Submission(*said, **more)


def sets(clinic, **sender):
    operator = given.a_key(None) | {"Payphone-Account": clinic.account.id}
    path = f"/api/accounts/{clinic.account.id}/sender"
    answer = clinic.client.simulate_put(path, json=sender, headers=operator)
    assert answer.status_code == 200, answer.text
    works(clinic)
    return clinic.get(path)


def a_day_passes(clinic):
    read_sender_registrations.perform()
    works(clinic)


def works(clinic):
    given.relayed(clinic.redis)
    given.worked(clinic.redis, "periodic")


def doctor():
    found = {each.what: each for each in check_senders(get_settings())}
    return found["sender registrations"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("said", "state", "code", "words"),
    [
        (Submission(), "approved", None, None),
        (Submission("VERIFIED", brand=NONE), "approved", None, None),  # another account's brand
        (Submission("IN_PROGRESS"), "pending", None, "check again tomorrow"),
        (Submission("A_NEW_WORD"), "pending", None, "The campaign is a new word."),
        (Submission("VERIFIED", "IN_REVIEW"), "pending", None, "The brand is in review."),
        (Submission(NONE), "unregistered", "30034", "Register the clinic's brand and campaign"),
        (
            Submission("FAILED", "APPROVED", 30943, "Third-party debt collection."),
            "rejected",
            "30943",
            "cannot be submitted again. Register a new one for the clinic's own brand",
        ),
        (
            Submission("FAILED", "APPROVED", 30896, "Privacy policy."),
            "rejected",
            "30896",
            "Add that, and submit again",
        ),
        (
            Submission("VERIFIED", "FAILED", 30795, "Tax number does not match."),
            "rejected",
            "30795",
            "The brand is failed: Tax number does not match. Correct it in the Twilio console",
        ),
        (Submission("VERIFIED", "SUSPENDED"), "rejected", None, "The brand is suspended."),
    ],
)
def test_a_services_campaign_and_brand_are_read_when_it_is_set(clinic, said, state, code, words):
    clinic.twilio.books.submissions[OWN] = said
    shown = sets(clinic, messagingServiceSid=OWN)
    assert (shown["registration"], shown["registrationCode"]) == (state, code), shown[
        "registrationReason"
    ]
    assert words is None or words in shown["registrationReason"]
    assert shown["registrationReadAt"]
    if state == "approved":
        clinic.send()
        assert doctor().level == "ok"
    else:
        assert clinic.ask().json["reasonCode"] == "sender_unregistered"
        assert (doctor().level, f"{OWN} {state}" in doctor().found) == ("warn", True)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("said", "state", "code", "words"),
    [
        (Submission("TWILIO_APPROVED"), "approved", None, None),
        (Submission("IN_REVIEW"), "pending", None, "check again tomorrow"),
        (Submission(NONE), "unregistered", "30032", "Request its verification"),
        (
            Submission("TWILIO_REJECTED", code=30863, words="Debt collection", final=True),
            "rejected",
            "30863",
            "The verification was judged to be for collecting other companies' debts",
        ),
        (
            Submission("TWILIO_REJECTED", code=30475, words="Opt-in unclear", final=True),
            "rejected",
            "30475",
            "It cannot be submitted again: use another number",
        ),
    ],
)
def test_a_toll_free_numbers_verification_is_read(clinic, said, state, code, words):
    made = buy_number("+12125550155", friendly_name="t", sms_url=HOME, voice_url=HOME)
    clinic.twilio.books.incoming[made["id"]]["phone_number"] = TOLL_FREE
    clinic.twilio.books.submissions[TOLL_FREE] = said
    shown = sets(clinic, fromNumber=TOLL_FREE)
    assert (shown["registration"], shown["registrationCode"]) == (state, code), shown[
        "registrationReason"
    ]
    assert words is None or words in shown["registrationReason"]


def test_a_numbers_registration_is_that_of_the_service_it_belongs_to(clinic):
    says(clinic, OWN, "IN_PROGRESS")
    assert sets(clinic, fromNumber="+12125550160")["registration"] == "pending"
    clinic.twilio.books.unbound.add("+12125550160")
    shown = sets(clinic, fromNumber="+12125550160")
    assert (shown["registration"], shown["registrationCode"]) == ("unregistered", "30034")


def test_a_service_without_a_bound_number_is_unregistered(clinic):
    """Given an approved campaign, then a service without a number bound to it counts as
    unregistered (field report 10).
    """
    clinic.twilio.books.unbound.add("+12125550160")
    shown = sets(clinic, messagingServiceSid=OWN)
    assert shown["registration"] == "unregistered"
    assert "has no number" in shown["registrationReason"]


def test_a_service_twilio_does_not_know_is_unregistered(clinic):
    shown = sets(clinic, messagingServiceSid=f"MG{'e' * 32}")
    assert shown["registration"] == "unregistered"
    assert "Twilio does not know" in shown["registrationReason"]


def test_a_registration_change_is_noticed_within_a_day_and_audited(clinic):
    """Given an approved sender that Twilio rejects and then approves again, then the gate follows
    each change, whatever an operator had set.
    """
    shown = sets(clinic, messagingServiceSid=OWN, registration="pending")
    assert shown["registration"] == "approved"
    says(clinic, OWN, "FAILED", code=30943, words="Third-party debt collection.")
    a_day_passes(clinic)
    assert clinic.ask().json["reasonCode"] == "sender_unregistered"
    says(clinic, OWN)
    a_day_passes(clinic)
    clinic.send()
    rows = AuditEntry.select().where(AuditEntry.action == "sender.registration_changed")
    assert [row.detail["state"] for row in rows.order_by(AuditEntry.id)] == ["rejected", "approved"]
    assert doctor().level == "ok"


def test_the_shared_senders_registration_is_read_too(clinic):
    says(clinic, MAGIC_SERVICE, NONE)
    a_day_passes(clinic)
    assert clinic.ask().json["reasonCode"] == "sender_unregistered"
    shown = clinic.get(f"/api/accounts/{clinic.account.id}/sender")
    assert (shown["shared"], shown["registration"]) == (True, "unregistered")
    assert MAGIC_SERVICE in doctor().found
    assert sets(clinic, messagingServiceSid=OWN)["registration"] == "approved"
    clinic.send()


def test_a_failed_read_leaves_the_known_registration(clinic):
    says(clinic, OWN, "FAILED")
    sets(clinic, messagingServiceSid=OWN)
    says(clinic, OWN)
    fault = {"kind": "error_500", "method": "GET", "path": "/messaging/*", "times": 50}
    clinic.stand_in.sandbox.inject_fault(provider="twilio", **fault)
    a_day_passes(clinic)
    assert SenderRegistration.of(OWN).state == "rejected"
    assert clinic.ask().json["reasonCode"] == "sender_unregistered"


def test_every_sender_in_use_is_listed_once_across_pages(clinic):
    """Given pages of one sender, then every sender is listed once."""
    other = clinic.another_clinic()
    sets(clinic, messagingServiceSid=OWN)
    sets(other, fromNumber=SHARED_NUMBER)
    found, last = [], ""
    while page := senders_in_use(last, 1):
        found, last = [*found, *page], page[-1]
    assert found == sorted({OWN, SHARED_NUMBER, MAGIC_SERVICE})


def test_no_registration_is_read_without_a_twilio_account(clinic, monkeypatch):
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "")
    get_settings.cache_clear()
    read_sender_registrations.perform()
    assert not StagedJob.has("name = ?", read_sender_registration.name)
