"""The twelve log lines of going live (F102–F113), exactly as operators search for them."""

import logging

import pytest

from rules.cards.card_numbers import redact
from runtime.log import MaskingFormatter
from runtime.settings import get_settings
from tests.stories.going_live import FEE, GoingLive

NUMBER = "/2010-04-01/Accounts/*/IncomingPhoneNumbers.json"


@pytest.fixture
def clinic(client, valkey, twilio_stand_in, voice, monkeypatch, told):
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    get_settings.cache_clear()
    return GoingLive(client, valkey.client(), twilio_stand_in, voice)


def has_logged(told, line, level="info"):
    """Assert that the line was logged once, in these words, and that secret masking leaves it
    intact.
    """
    (found,) = [call for call in told.calls if call.args == (line,)]
    assert found.method_name == level
    record = logging.LogRecord("", logging.INFO, "", 0, line, None, None)
    assert MaskingFormatter(redact).format(record).endswith(line)


def buys(clinic):
    return clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)


def test_f102_forwarding_configuration_saved(clinic, told):
    has_logged(
        told,
        "[Phone Integration] Forwarding configuration saved (number will be purchased after"
        " payment)",
    )


def test_f103_port_configuration_saved(clinic, told):
    answer = clinic.call(
        "PUT", "…/phone/ported", phoneNumber="+12125550123", currentCarrier="Verizon"
    )
    assert answer.status_code == 200, answer.text
    has_logged(
        told,
        "[Phone Integration] Port configuration saved (actual port will be initiated after"
        " payment)",
    )


def test_f104_sip_trunk_configuration_saved(clinic, told):
    answer = clinic.call("PUT", "…/phone/sip")
    assert answer.status_code == 200, answer.text
    has_logged(told, "[Phone Integration] SIP trunk configuration saved")


def test_f105_payment_method_saved(clinic, told):
    has_logged(told, "[Payment] Payment method saved successfully")


def test_f106_f107_f108_deployment_that_buys_a_number_logs_its_lines_in_order(clinic, told):
    """The verified payment method, then the purchase, then the number."""
    clinic.deploys_all()
    (number,) = clinic.twilio.owned()
    lines = [
        "[Receptionist] Payment method verified, proceeding with deployment",
        "[Receptionist] Purchasing new Twilio number for forwarding (payment verified)",
        f"[Receptionist] Successfully purchased phone number: {number}",
    ]
    for line in lines:
        has_logged(told, line)
    assert [call.args[0] for call in told.calls if call.args[0] in lines] == lines
    assert number.startswith("+1212")
    assert len(number) == len("+15559876543")


def test_f109_f110_standalone_number_purchase_logs_its_lines(clinic, told):
    assert buys(clinic).status_code == 201
    has_logged(told, "[Twilio API] Payment method verified, proceeding with phone purchase")
    has_logged(told, "[Twilio API] Successfully purchased phone number")


def test_f111_use_of_an_existing_number_is_logged(clinic, told):
    buys(clinic)
    assert clinic.deploys_all()["status"] == "live"
    has_logged(told, "[Receptionist] Using existing number instead of purchasing")
    assert not [call for call in told.calls if "Purchasing new Twilio number" in call.args[0]]


def test_f112_f113_failed_purchase_and_failed_deployment_are_logged(clinic, told):
    clinic.fault("refused_400", ("twilio", "POST", NUMBER))
    assert clinic.deploys_all()["status"] == "rolled_back"
    has_logged(told, "[Receptionist] Phone purchase failed", "error")
    has_logged(told, "[Receptionist] Deployment failed, may need manual cleanup", "error")


def test_f112_failed_standalone_purchase_is_logged(clinic, told):
    clinic.fault("refused_400", ("twilio", "POST", NUMBER))
    assert buys(clinic).status_code == 409
    has_logged(told, "[Twilio API] Phone purchase failed", "error")


def test_no_log_line_claims_verification_without_a_payment_method(clinic, told):
    clinic.setup.record(clinic.setup.updated_at, payment_method_verified=False)
    assert (clinic.deploys(cost=FEE).status_code, buys(clinic).status_code) == (402, 402)
    clinic.works()
    assert not [call for call in told.calls if "Payment method verified" in call.args[0]]
