"""The testing checklist's deployment phase (F100): a test for each line that needs no page, in its
order, and case 1 (F93).
"""

from tests import given
from tests.stories.deploying import FORWARDED, NUMBER, states

VERIFIED = "[Receptionist] Payment method verified, proceeding with deployment"
BUYS = "[Receptionist] Purchasing new Twilio number for forwarding (payment verified)"
NEEDED = "Payment method required. Please add a payment method before deploying."


def without_card(clinic):
    clinic.setup.record(clinic.setup.updated_at, payment_method_verified=False)
    return clinic


def test_deploy_with_forwarding_method_should_purchase_number(clinic):
    shown = clinic.goes_live()
    (number,) = clinic.twilio.owned()
    assert states(shown)["number"] == "done"
    assert clinic.setup.phone_integration_settings["twilioForwardNumber"] == number


def test_deploy_with_sip_method_should_not_purchase(clinic):
    """Given SIP, then a trunk is created, the clinic is live, and nothing is bought."""
    clinic.call("PUT", "…/phone/sip")
    assert not clinic.setup.phone_integration_settings.get("needsPhoneNumber")
    clinic.goes_live()
    assert len(clinic.twilio.books.trunks) == 1
    assert clinic.twilio.owned() == {}
    assert clinic.twilio.fees("number") == 0


def test_deploy_with_ported_method_should_submit_port_request(clinic):
    """Given an incomplete ported clinic, then Deploy is refused and no port is requested; once
    complete, its port is requested, and no number is bought.
    """
    clinic.call("PUT", "…/phone/ported", phoneNumber=NUMBER, currentCarrier="Verizon")
    assert clinic.deploys().status_code == 409
    assert clinic.twilio.books.ports == {}
    clinic.configures_port()
    clinic.deploys()
    clinic.works(3)
    (port,) = clinic.twilio.books.ports.values()
    assert port["phone_numbers"][0]["phone_number"] == NUMBER
    assert clinic.twilio.owned() == {}


def test_verify_twilio_number_only_purchased_after_payment_verified(clinic):
    without_card(clinic)
    assert clinic.deploys().status_code == 402
    clinic.works(3)
    assert clinic.twilio.asked("POST", "/IncomingPhoneNumbers.json") == []
    clinic.has_card().goes_live()
    assert len(clinic.twilio.asked("POST", "/IncomingPhoneNumbers.json")) == 1


def test_card_that_becomes_invalid_after_deploy_buys_no_number(clinic):
    """Given a card that becomes invalid while the deployment is queued, then no number is bought,
    even if no fee is due.
    """
    begun = clinic.deploys().json
    without_card(clinic)
    clinic.works(4)
    shown = clinic.shown(begun["id"])
    assert (shown["status"], shown["code"]) == ("failed", "payment_method_required")
    assert shown["message"] == NEEDED
    assert clinic.twilio.asked("POST", "/IncomingPhoneNumbers.json") == []


def test_check_logs_show_payment_verification_before_purchase(clinic, told):
    clinic.goes_live()
    lines = [call.args[0] for call in told.calls]
    assert [line for line in lines if line in {VERIFIED, BUYS}] == [VERIFIED, BUYS]


def test_verify_error_message_if_payment_not_added(clinic):
    answer = without_card(clinic).deploys()
    assert (answer.status_code, answer.json["code"]) == (402, "payment_method_required")
    assert answer.json["detail"] == NEEDED


def test_abandoned_configuration_buys_nothing_and_can_go_live_later(clinic):
    """Given a configured clinic without a card, then nothing is bought, and it can go live later
    (case 1, F93).
    """
    without_card(clinic)
    given.make_due()
    clinic.works(2)
    assert (clinic.twilio.owned(), clinic.line) == ({}, None)
    kept = clinic.setup.phone_integration_settings
    assert kept["clinicNumber"] == FORWARDED["clinicNumber"]
    assert kept["needsPhoneNumber"] is True
    clinic.has_card().goes_live()


def test_changing_the_phone_method_deploys_the_last_one_configured(clinic):
    """Given a change of method, then the last configuration wins, and `needsPhoneNumber` follows it
    (case 3, F95).
    """
    clinic.call("PUT", "…/phone/sip")
    assert "needsPhoneNumber" not in clinic.setup.phone_integration_settings
    clinic.configures()
    assert clinic.setup.phone_integration_settings["needsPhoneNumber"] is True
    clinic.goes_live()
    assert len(clinic.twilio.owned()) == 1


def test_going_live_only_adds_to_the_phone_settings(clinic):
    """Going live only adds to the settings (F87)."""
    before = clinic.setup.phone_integration_settings
    clinic.goes_live()
    after = clinic.setup.phone_integration_settings
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"twilioForwardNumber", "setupCompletedAt"}
