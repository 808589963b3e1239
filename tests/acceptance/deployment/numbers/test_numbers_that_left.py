"""A number that moved to us and has left again, or is about to leave, neither keeps the clinic from
going live nor costs it a fee in vain.
"""

import pytest
from click.testing import CliRunner

from actions.calling.caller_line import caller_line
from bin.commands.program import payphone
from models.accounts.audit_entry import AuditEntry
from models.effects.effect import Effect
from providers.twilio.numbers import release_number, update_number
from rules.deployment.readiness import OTHER_ADDRESS
from tests.stories.deploying import ADDRESS, NUMBER

pytestmark = pytest.mark.slow  # nearly every test goes live first

NUMBERS = "/2010-04-01/Accounts/*/IncomingPhoneNumbers"


def deploys(clinic, rounds=3):
    begun = clinic.deploys()
    assert begun.status_code == 202, begun.text
    clinic.works(rounds)
    return begun.json["id"]


@pytest.fixture
def moved(clinic):
    """A clinic whose number was ported to us and whose receptionist was then taken down."""
    clinic.configures_port()
    deployment = deploys(clinic)
    clinic.looks_at_ports(days=4)
    clinic.works(5)
    assert clinic.shown(deployment)["status"] == "live"
    assert clinic.call("POST", f"/api/deployments/{deployment}/take-down").status_code == 202
    clinic.works(6)
    assert (clinic.line.e164, clinic.line.state) == (NUMBER, "owned")
    return clinic


def lets_go(clinic, why="the clinic asked for it"):
    asked = ["deployments", "let-go", clinic.account.id, "--why", why]
    return CliRunner().invoke(payphone, asked)


@pytest.mark.parametrize("way", ["ported", "forwarded"])
def test_number_moved_to_another_carrier_frees_its_slot_before_any_charge(moved, way):
    """Given a number that another carrier has since taken, when the clinic deploys by either
    method, then it is ported again or another number is bought, and no fee has to be refunded.
    """
    moved.twilio.books.incoming.clear()
    if way == "ported":
        moved.configures_port()
    else:
        moved.configures()
    shown = moved.shown(deploys(moved, rounds=5))
    assert shown["status"] == {"ported": "awaiting_port", "forwarded": "live"}[way], shown
    assert AuditEntry.select().where(AuditEntry.action == "number.left").count() == 1
    assert Effect.select().where(Effect.kind == "fee_refund").count() == 0


def test_bought_number_released_at_twilio_does_not_block_going_live(clinic):
    """Given a number bought on its own and released at Twilio, then its slot is freed, and the
    clinic goes live on another one.
    """
    bought = clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    assert bought.status_code == 201, bought.text
    release_number(bought.json["sid"])
    shown = clinic.shown(deploys(clinic, rounds=5))
    assert shown["status"] == "live", shown
    assert list(clinic.twilio.owned()) == [clinic.line.e164]
    assert AuditEntry.has("action = 'number.left'")


def test_operator_releases_an_idle_number_once_and_only_with_a_reason(moved):
    """Given a number at Twilio, then the operator can release it once, and must give a reason."""
    assert lets_go(moved, why=" ").exit_code == 2
    told = lets_go(moved)
    assert told.exit_code == 0, told.output
    assert NUMBER in told.output
    moved.works(3)
    assert moved.twilio.owned() == {}
    assert moved.line is None
    again = lets_go(moved)
    assert again.exit_code == 1
    assert "no bought or ported number" in again.output
    moved.configures()
    assert moved.shown(deploys(moved, rounds=5))["status"] == "live"


def test_deploy_fails_while_the_number_is_being_released(moved):
    """Given a number whose release Twilio delays, when its clinic deploys, then the deployment
    fails before anything is charged; after the release the next one works.
    """
    moved.twilio.fault("rate_limit_429", f"{NUMBERS}/*.json", "DELETE", times=3)
    assert lets_go(moved).exit_code == 0
    moved.works()
    assert moved.line.state == "releasing"
    shown = moved.shown(deploys(moved, rounds=1))
    assert (shown["status"], shown["code"]) == ("failed", "number_leaving"), shown
    assert "Nothing was charged" in shown["error"]
    moved.works(6)
    assert moved.twilio.owned() == {}
    assert moved.line is None
    assert moved.shown(deploys(moved))["status"] == "awaiting_port"


@pytest.mark.parametrize("is_let_go", [False, True])
def test_redeployed_number_gets_the_newly_saved_emergency_address(moved, is_let_go):
    """Given another address saved after a take-down, then emergency calls report it once the clinic
    is live again, whether its number stayed or a new one was bought.
    """
    if is_let_go:
        assert lets_go(moved).exit_code == 0
        moved.works(3)
    elsewhere = ADDRESS | {"line1": "1 Pier Ave"}
    if is_let_go:
        moved.configures(serviceAddress=elsewhere)
    else:
        moved.configures_port(serviceAddress=elsewhere)
    shown = moved.shown(deploys(moved, rounds=6))
    assert shown["status"] == "live", shown
    (number,) = moved.twilio.owned().values()
    told = moved.twilio.books.addresses[number["emergency_address_sid"]]
    assert told["street"] == "1 Pier Ave"
    assert OTHER_ADDRESS not in str(moved.call("GET", "…").json["steps"])


def test_number_in_use_cannot_be_released(clinic):
    """Given a port in progress, and then a live receptionist, then the number cannot be
    released.
    """
    clinic.configures_port()
    deployment = deploys(clinic)
    assert lets_go(clinic).exit_code == 1
    clinic.looks_at_ports(days=4)
    clinic.works(5)
    assert clinic.shown(deployment)["status"] == "live"
    told = lets_go(clinic)
    assert (told.exit_code, "Take the receptionist down" in told.output) == (1, True)
    assert list(clinic.twilio.owned()) == [NUMBER]


def test_releasing_a_standalone_number_allows_going_live_by_sip(clinic):
    """Given a clinic that bought a number and then chose SIP, when the number is released, then it
    goes live by SIP.
    """
    bought = clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    assert bought.status_code == 201, bought.text
    clinic.call("PUT", "…/phone/sip", clinicNumber=NUMBER)
    assert clinic.shown(deploys(clinic))["code"] == "other_line"
    told = lets_go(clinic)
    assert told.exit_code == 0, told.output
    clinic.works(3)
    assert (clinic.line, clinic.twilio.owned()) == (None, {})
    assert clinic.goes_live()["status"] == "live"
    assert lets_go(clinic).exit_code == 1


def test_ported_number_stays_live_after_a_failed_redeployment(clinic):
    """Given a live ported number altered at Twilio, when the redeployment that restores its
    settings fails later on, then the number stays live for calls and cannot be released.
    """
    clinic.configures_port()
    deploys(clinic)
    clinic.looks_at_ports(days=4)
    clinic.works(5)
    update_number(clinic.line.twilio_sid, sms_fallback_url="")
    fault = {"kind": "refused_400", "provider": "vapi", "method": "PATCH", "path": "/assistant/*"}
    clinic.twilio.stand_in.sandbox.inject_fault(**fault)
    assert clinic.call("PUT", "…/voice", provider="vapi", voiceId="Clara").status_code == 200
    shown = clinic.shown(deploys(clinic, rounds=6))
    assert shown["status"] == "failed", shown
    assert Effect.select().where(Effect.kind == "number_setup").count() == 2
    assert clinic.line.voice_live
    assert caller_line(clinic.account.id) is not None
    assert lets_go(clinic).exit_code == 1
    assert list(clinic.twilio.owned()) == [NUMBER]
