"""SIP: the clinic keeps its number and its phone system, which registers with its own trunk (F70,
F79, F82). Nothing is bought, and a test call must be answered before the clinic is live.
"""

import json
from datetime import timedelta

import pytest

from actions.calling.caller_line import caller_line
from actions.deployment.configuration.configure import reseal_setup
from actions.deployment.strays import find_strays
from actions.deployment.strays.places import PLACES
from models.accounts.audit_entry import AuditEntry
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentEvent, DeploymentStep
from models.deployment.resource import Resource, Stray
from models.effects.effect import Effect
from rules.deployment.sip import SIGNALLING
from runtime.settings import get_settings
from sandbox.twilio import credential_lists
from tests import given
from tests.stories.deploying import states

pytestmark = pytest.mark.slow  # nearly every test goes live first

NUMBER, OTHER = "+12125550123", "+12125550177"


@pytest.fixture
def sip(clinic):
    """A clinic with a card that has chosen SIP; `told` holds its credentials."""
    answer = clinic.call("PUT", "…/phone/sip", clinicNumber=NUMBER, businessName="Harbor Dental")
    clinic.told = answer.json["sipCredentials"]
    return clinic


def made(clinic, name):
    row = Resource.named(clinic.account.id, name)
    return row.provider_id if row is not None else None


def test_sip_trunk_accepts_the_clinics_login_and_routes_calls_to_vapi(sip):
    """Given a SIP clinic that deploys, then its trunk has the domain and login it was given, Vapi
    accepts calls from Twilio's addresses, and the receptionist answers the clinic's number.
    """
    sip.goes_live()
    books, voice = sip.twilio.books, sip.voice.books
    (trunk,) = books.trunks.values()
    assert f"sip:{trunk['domain_name']}" == sip.told["sipUrl"]
    (logins,) = books.private[trunk["sid"]]["lists"]
    (login,) = books.private[logins].values()
    assert login["username"] == sip.told["username"]
    assert books.private[login["sid"]]["password"] == sip.told["password"]
    (known,) = voice.each("credential")
    assert [each["ip"] for each in known["gateways"]] == list(SIGNALLING)
    (address,) = books.private[trunk["sid"]]["urls"].values()
    assert address["sip_url"] == f"sip:{NUMBER}@{known['id']}.sip.vapi.ai"
    (number,) = voice.each("phone-number")
    assert (number["provider"], number["number"]) == ("byo-phone-number", NUMBER)
    assert number["credentialId"] == known["id"]
    assert (sip.line.source, sip.line.e164, sip.line.voice_live) == ("sip", NUMBER, True)
    (call,) = books.calls.values()
    assert (call["to"], call["status"]) == (address["sip_url"], "completed")
    settings = sip.setup.phone_integration_settings
    assert settings["setupCompletedAt"]
    assert "twilioForwardNumber" not in settings


def test_outgoing_call_of_a_sip_clinic_is_refused(sip):
    """Given a live SIP clinic, whose trunk is inbound only, then a requested call is refused."""
    sip.goes_live()
    invoice = given.an_invoice(sip.account)
    asked = sip.call("POST", f"/api/invoices/{invoice.id}/calls")
    assert (asked.status_code, asked.json["code"]) == (409, "no_caller_number"), asked.text
    assert caller_line(sip.account.id) is None


def test_sip_resources_are_no_strays_and_are_reported_missing_if_gone(sip, monkeypatch):
    """Given a live SIP clinic, then its trunk, login list and Vapi trunk are no strays; each that
    its provider no longer has is reported missing.
    """
    monkeypatch.setattr(find_strays, "YOUNG", timedelta(0))
    sip.goes_live()
    assert strays() == set()
    ids = {each: made(sip, each) for each in ("trunk", "login_list", "trunk_at_vapi")}
    sip.twilio.books.trunks.clear()
    sip.twilio.books.login_lists.clear()
    sip.voice.books.drop("credential", ids["trunk_at_vapi"])
    assert strays() == {
        ("trunk", "missing", ids["trunk"], sip.account.id),
        ("login-list", "missing", ids["login_list"], sip.account.id),
        ("credential", "missing", ids["trunk_at_vapi"], sip.account.id),
    }


def strays():
    """Run the daily search for strays and return what it finds."""
    for name in PLACES:
        find_strays.check_place(name)
    return {(row.kind, row.what, row.provider_id, row.account_id) for row in Stray.select()}


def test_sip_password_is_not_stored_in_effects(sip):
    sip.goes_live()
    kept = json.dumps([[row.request, row.answer] for row in Effect.select()])
    assert sip.told["password"] not in kept


def test_sip_password_in_a_twilio_error_is_masked_wherever_stored(sip, monkeypatch):
    """Given an error from Twilio that repeats the password, then it is masked in the deployment,
    the effects, the jobs and the audit log.
    """

    def refuses(form):
        raise credential_lists.invalid(21241, f"Password {form['Password']} is too weak")

    monkeypatch.setattr(credential_lists, "_check_password", refuses)
    begun = sip.deploys().json
    sip.works(12)
    shown = sip.shown(begun["id"])
    assert (shown["status"], shown["code"]) == ("failed", "21241")
    assert "Password *** is too weak" in shown["error"]
    rows = (Effect, DeploymentStep, DeploymentEvent, Deployment, StagedJob, AuditEntry)
    kept = str([row.__data__ for table in rows for row in table.select()])
    assert sip.told["password"] not in kept + str(shown)


def test_unanswered_sip_test_call_rolls_back_everything(sip):
    """Given a trunk whose calls Vapi does not answer, then the deployment is rolled back and
    nothing is left.
    """
    sip.twilio.books.answers_sip = lambda _address, _caller_ip: False
    begun = sip.deploys().json
    sip.works(12)
    shown = sip.shown(begun["id"])
    assert (shown["status"], shown["code"]) == ("rolled_back", "sip_unanswered")
    assert "was not answered (failed)" in shown["error"]
    assert (sip.twilio.books.trunks, sip.twilio.books.login_lists) == ({}, {})
    assert not list(sip.voice.books.each("credential"))
    assert sip.line is None


def test_retry_places_the_sip_test_call_again(sip):
    """Given an unanswered test call in a deployment that is kept, when the cause is fixed, then a
    retry places another call, which is answered.
    """
    answers = sip.twilio.books.answers_sip
    sip.twilio.books.answers_sip = lambda _address, _caller_ip: False
    begun = sip.deploys(onFailure="keep").json
    sip.works(12)
    assert sip.shown(begun["id"])["status"] == "failed"
    sip.twilio.books.answers_sip = answers
    assert sip.call("POST", f"/api/deployments/{begun['id']}/retry").status_code == 202
    sip.works(12)
    assert sip.shown(begun["id"])["status"] == "live"
    assert [call["status"] for call in sip.twilio.books.calls.values()] == ["failed", "completed"]


@pytest.mark.parametrize("number", [NUMBER, OTHER])
def test_retry_is_refused_after_the_sip_settings_changed(sip, number):
    """Given a kept deployment and a new password or number since, then a retry is refused, and a
    new deployment uses the new settings.
    """
    answers = sip.twilio.books.answers_sip
    sip.twilio.books.answers_sip = lambda _address, _caller_ip: False
    begun = sip.deploys(onFailure="keep").json
    sip.works(12)
    sip.twilio.books.answers_sip = answers
    told = sip.call("PUT", "…/phone/sip", clinicNumber=number, businessName="Harbor Dental").json
    asked = sip.call("POST", f"/api/deployments/{begun['id']}/retry")
    assert (asked.status_code, asked.json["code"]) == (409, "deployment_over"), asked.text
    assert "roll it back" in asked.json["detail"]
    assert sip.call("POST", f"/api/deployments/{begun['id']}/rollback").status_code == 202
    sip.works(12)
    sip.goes_live()
    (logins,) = sip.twilio.books.login_lists
    (login,) = sip.twilio.books.private[logins].values()
    password = sip.twilio.books.private[login["sid"]]["password"]
    assert (sip.line.e164, password) == (number, told["sipCredentials"]["password"])


def test_redeployment_sets_a_new_sip_password_and_keeps_the_trunk(sip):
    """Given a live SIP clinic with new credentials, when it deploys, then its login has the new
    password, and trunk and login list stay the same.
    """
    sip.goes_live()
    trunk, logins = made(sip, "trunk"), made(sip, "login_list")
    again = sip.call("PUT", "…/phone/sip", clinicNumber=NUMBER, businessName="Harbor Dental")
    shown = sip.goes_live()
    assert states(shown)["sip_login"] == "done"
    assert states(shown)["sip_trunk"] == "skipped"
    assert (made(sip, "trunk"), made(sip, "login_list")) == (trunk, logins)
    (login,) = sip.twilio.books.private[logins].values()
    password = sip.twilio.books.private[login["sid"]]["password"]
    assert password == again.json["sipCredentials"]["password"]


@pytest.mark.parametrize("fails", ["before Vapi is told", "after"])
def test_failed_number_change_leaves_the_line_with_the_number_vapi_has(sip, monkeypatch, fails):
    """Given a live SIP clinic with a new number, when its deployment fails, then the line keeps the
    old number unless Vapi already has the new one.
    """

    def refuses(form):
        raise credential_lists.invalid(21241, "Password is too weak")

    sip.goes_live()
    sip.call("PUT", "…/phone/sip", clinicNumber=OTHER, businessName="Harbor Dental")
    if fails == "after":
        sip.twilio.books.answers_sip = lambda _address, _caller_ip: False
    else:
        monkeypatch.setattr(credential_lists, "_check_password", refuses)
    begun = sip.deploys().json
    sip.works(12)
    assert sip.shown(begun["id"])["status"] == "failed"
    (at_vapi,) = sip.voice.books.each("phone-number")
    assert (sip.line.e164, sip.line.voice_live) == (at_vapi["number"], True)
    assert sip.line.e164 == (OTHER if fails == "after" else NUMBER)


def test_number_change_refused_by_the_trunk_is_reverted_at_vapi(sip):
    """Given a new number that Vapi has but the trunk refuses, then Vapi and the line go back to the
    old number, and the next Deploy brings the new one.
    """
    sip.goes_live()
    sip.call("PUT", "…/phone/sip", clinicNumber=OTHER, businessName="Harbor Dental")
    sip.twilio.fault("refused_400", "*/OriginationUrls/*")
    begun = sip.deploys().json
    sip.works(12)
    assert answered(sip) == {NUMBER}
    assert sip.shown(begun["id"])["status"] == "rolled_back"
    assert (sip.line.voice_live, sip.line.vapi_id) == (True, made(sip, "vapi_number"))
    sip.goes_live()
    assert answered(sip) == {OTHER}


def answered(sip):
    """Return the clinic's number as the line, Vapi and the trunk have it."""
    (at_vapi,) = sip.voice.books.each("phone-number")
    (address,) = sip.twilio.books.private[made(sip, "trunk")]["urls"].values()
    sent_to = address["sip_url"].removeprefix("sip:").partition("@")[0]
    return {sip.line.e164, at_vapi["number"], sent_to}


def test_taken_sip_domain_fails_the_deployment_and_leaves_no_login_list(sip):
    """Given a SIP domain that is taken at Twilio, then the deployment fails with the reason, and no
    login list is left.
    """
    domain = sip.told["sipUrl"].removeprefix("sip:")
    sip.twilio.take(domain)
    begun = sip.deploys().json
    sip.works(4)
    shown = sip.shown(begun["id"])
    assert shown["status"] == "failed"
    assert domain in shown["error"]
    assert sip.twilio.books.login_lists == {}


def test_number_of_another_live_clinic_cannot_be_claimed_by_sip(sip):
    """Given a live clinic, when another claims its number by SIP, then the deployment is refused
    before anything is charged.
    """
    sip.goes_live()
    other = sip.another().has_card()
    other.call("PUT", "…/phone/sip", clinicNumber=NUMBER)
    begun = other.deploys().json
    other.works(4)
    assert other.shown(begun["id"])["code"] == "number_taken"
    assert len(sip.twilio.books.trunks) == 1
    assert "Nothing was charged" in other.shown(begun["id"])["error"]


def test_number_claimed_by_a_sip_clinic_can_still_be_forwarded_by_another(sip):
    """Given a SIP clinic that claims another clinic's number, when the other one deploys by
    forwarding that number, then it goes live: the claim is no loop.
    """
    sip.goes_live()
    other = sip.another().has_card().configures(clinicNumber=NUMBER)
    assert other.goes_live()["status"] == "live"


def test_switching_a_live_clinic_to_sip_needs_a_take_down_first(clinic):
    """Given a live forwarding clinic that chooses SIP, then Deploy asks for a take-down first."""
    clinic.goes_live()
    clinic.call("PUT", "…/phone/sip")
    begun = clinic.deploys().json
    clinic.works(4)
    shown = clinic.shown(begun["id"])
    assert shown["code"] == "other_line"
    assert "Take its receptionist down" in shown["error"]
    assert clinic.line.state == "owned"


MEANWHILE = {  # the step that has to wait, and for which request
    "sip_login": ("twilio", "*/SIP/CredentialLists/*/Credentials.json"),
    "sip_trunk": ("twilio", "*/v1/Trunks"),
    "sip_routing": ("vapi", "/phone-number"),
    "sip_origination": ("twilio", "*/OriginationUrls"),
    "sip_test_call": ("twilio", "*/Calls.json"),
}


@pytest.mark.parametrize("step", MEANWHILE)
def test_a_number_that_is_saved_during_a_deployment_waits_for_the_next(sip, step):
    """Given a deployment that waits at a step, when another number is saved meanwhile, then it goes
    live with the number that it began with, at Twilio, at Vapi and in the line, and the account
    says to deploy again, which brings the other number.
    """
    provider, path = MEANWHILE[step]
    sip.twilio.stand_in.sandbox.inject_fault(
        kind="rate_limit_429", provider=provider, method="POST", path=path
    )
    begun = sip.deploys().json["id"]
    sip.works()
    assert states(sip.shown(begun))[step] == "running"
    sip.call("PUT", "…/phone/sip", clinicNumber=OTHER, businessName="Harbor Dental")
    sip.works(12)
    assert sip.shown(begun)["status"] == "live", sip.shown(begun)
    assert answered(sip) == {NUMBER}
    assert "next Deploy" in warning(sip)
    sip.goes_live()
    assert (answered(sip), warning(sip)) == ({OTHER}, "")


def warning(sip):
    """Return what the account says to consider about its phone."""
    return sip.call("GET", "…").json["steps"]["phone"].get("warning", "")


def test_a_password_that_is_not_in_use_yet_is_told(sip):
    """Given a live SIP clinic that saves SIP again, then the account says that the new password
    works with the next Deploy, and after that nothing.
    """
    sip.call("PUT", "…/phone/sip", clinicNumber=NUMBER, businessName="Harbor Dental")
    assert warning(sip) == ""
    sip.goes_live()
    assert warning(sip) == ""
    sip.call("PUT", "…/phone/sip", clinicNumber=NUMBER, businessName="Harbor Dental")
    assert "next Deploy" in warning(sip)
    sip.goes_live()
    assert warning(sip) == ""


def test_a_password_that_is_sealed_anew_stays_the_same(sip, monkeypatch):
    """Given a live SIP clinic whose secrets are sealed under a new key, then its login is not
    taken for outdated.
    """
    sip.goes_live()
    monkeypatch.setenv("PAYPHONE_SECRET_KEY", f"k-new,{get_settings().payphone_secret_key}")
    get_settings.cache_clear()
    assert reseal_setup(sip.setup, "cli:ada")
    assert warning(sip) == ""
    assert states(sip.goes_live())["sip_login"] == "skipped"
