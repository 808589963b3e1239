"""A START ends a clinic's opt-outs if it was sent to the clinic's number. What came when the number
was not the clinic's ends nothing that the clinic was told; a STOP counts whenever it came.
"""

import pytest

from models.contact.account_sender import AccountSender
from models.contact.opt_out import OptOut
from models.deployment.phone_line import PhoneLine
from runtime.clock import real_now
from runtime.settings import get_settings
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_sender
from tests.stories.texting import HOME, INBOUND, SHARED_NUMBER, Texting

NUMBER, OTHER_NUMBER = "+12025550701", "+12025550702"
SERVICE = f"MG{'8' * 32}"


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    return texting.consents()


def texts_from(clinic: Texting, number: str, service: str = "") -> None:
    """Let the clinic text from this number, or this messaging service, from now on."""
    add_sender(clinic.twilio, Sender(number, service, HOME + INBOUND))
    AccountSender.assign(clinic.account, service or None, None if service else number, real_now())


def exists(clinic: Texting, number: str, service: str = "") -> None:
    """Let the number bring us texts, without belonging to any clinic."""
    add_sender(clinic.twilio, Sender(number, service, HOME + INBOUND))


def is_stopped(clinic: Texting) -> bool:
    """Return whether texts are opted out. The gate and the ledger must agree."""
    answer = clinic.post("/api/compliance/evaluate", invoiceId=clinic.invoice.id, channel="sms")
    assert answer.status_code == 200, answer.text
    is_refused = "opted_out" in {each["reasonCode"] for each in answer.json["reasons"]}
    assert clinic.ledger()["sms"]["optedOut"] is is_refused
    return is_refused


def opts_out_otherwise(clinic: Texting, source: str) -> None:
    """Let the customer tell the clinic, in a call or at the desk, not to contact them."""
    OptOut.record(
        clinic.account.id,
        clinic.phone,
        "stop",
        ["sms", "voice"],
        source=source,
        recorded_by="test",
    )


@pytest.mark.parametrize("service", ["", SERVICE], ids=["number", "service"])
@pytest.mark.parametrize("source", ["call", "front desk", "import"])
def test_a_start_from_before_the_clinic_had_the_number_ends_none_of_its_opt_outs(
    clinic, source, service
):
    """Given an opt-out told to the clinic, and then a START to a number that was nobody's, when the
    clinic gets the number, then the opt-out stays.
    """
    texts_from(clinic, OTHER_NUMBER)
    opts_out_otherwise(clinic, source)
    exists(clinic, NUMBER, service)
    clinic.hear("START", to=NUMBER)
    texts_from(clinic, NUMBER, service)
    assert is_stopped(clinic)


def test_a_start_to_another_clinics_number_ends_nothing_when_the_number_moves(clinic):
    """Given a STOP to the clinic's number, and a START to another clinic's, when that number moves
    to the clinic, then the STOP stays until START is sent to it again.
    """
    hill = clinic.another_clinic().consents()
    texts_from(clinic, NUMBER)
    texts_from(hill, OTHER_NUMBER)
    clinic.hear("STOP", to=NUMBER)
    clinic.hear("START", to=OTHER_NUMBER)
    texts_from(hill, "+12025550703")
    texts_from(clinic, OTHER_NUMBER)
    assert is_stopped(clinic)
    assert not is_stopped(hill)
    clinic.hear("START", to=OTHER_NUMBER)
    assert not is_stopped(clinic)


def test_a_stop_from_before_the_clinic_had_the_number_counts_unless_start_followed(clinic):
    texts_from(clinic, "+12025550703")
    for number, words in (
        (NUMBER, "START"),
        (NUMBER, "STOP"),
        (OTHER_NUMBER, "STOP"),
        (OTHER_NUMBER, "START"),
    ):
        exists(clinic, number)
        clinic.hear(words, to=number)
    assert not is_stopped(clinic)
    texts_from(clinic, NUMBER)
    assert is_stopped(clinic)
    texts_from(clinic, OTHER_NUMBER)
    assert not is_stopped(clinic)


def test_a_start_to_the_clinics_own_number_ends_its_opt_outs_however_told(clinic):
    texts_from(clinic, NUMBER)
    opts_out_otherwise(clinic, "call")
    clinic.hear("START", to=NUMBER)
    assert not is_stopped(clinic)
    assert clinic.ledger()["voice"]["optedOut"] is True


def test_a_start_to_a_number_that_a_clinic_gave_up_is_the_next_ones(clinic):
    """Given a clinic that texted the customer from a number that is another's now, when they text
    START to it, then the first clinic's opt-out stays.
    """
    hill = clinic.another_clinic().consents()
    texts_from(clinic, NUMBER)
    clinic.send()
    texts_from(clinic, OTHER_NUMBER)
    texts_from(hill, NUMBER)
    for each in (clinic, hill):
        opts_out_otherwise(each, "call")
    clinic.hear("START", to=NUMBER)
    assert (is_stopped(clinic), is_stopped(hill)) == (True, False)


def test_a_start_to_a_number_that_was_given_up_counts_for_the_clinic_that_texted_from_it(clinic):
    texts_from(clinic, NUMBER)
    clinic.send()
    clinic.hear("STOP", to=NUMBER)
    texts_from(clinic, OTHER_NUMBER)
    clinic.hear("START", to=NUMBER)
    assert not is_stopped(clinic)


def test_a_start_to_a_number_of_nobodys_ends_nothing_at_the_users_of_the_shared_sender(clinic):
    """Given a clinic on the shared sender that has not texted the customer, when they text START to
    a number that belongs to no clinic and no service, then the clinic's opt-out stays; START to the
    shared sender ends it.
    """
    opts_out_otherwise(clinic, "front desk")
    exists(clinic, NUMBER)
    clinic.hear("START", to=NUMBER)
    assert is_stopped(clinic)
    clinic.hear("START")
    assert not is_stopped(clinic)


def test_without_a_shared_sender_a_start_to_a_number_of_nobodys_ends_nothing(clinic, monkeypatch):
    """Given a text that waits to be sent, and so has no sender yet, then a START to a number of
    nobody's does not concern its clinic.
    """
    texts_from(clinic, OTHER_NUMBER)
    assert clinic.ask().status_code == 202
    opts_out_otherwise(clinic, "call")
    monkeypatch.setenv("TWILIO_MESSAGING_SERVICE_SID", "")
    get_settings.cache_clear()
    exists(clinic, NUMBER)
    clinic.hear("START", to=NUMBER)
    assert is_stopped(clinic)


def test_a_start_to_a_clinics_line_in_the_shared_service_counts_for_all_who_use_the_service(clinic):
    opts_out_otherwise(clinic, "call")
    hill, now = clinic.another_clinic().consents(), real_now()
    PhoneLine.create(
        id="line_1",
        account=hill.account,
        e164=SHARED_NUMBER,
        state="owned",
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    clinic.hear("START")
    assert not is_stopped(clinic)
