"""Deploying with a forwarded number (F80–F83, F87, F92–F97): what is bought and when, and what is
not.
"""

from urllib.parse import urlencode

import pytest

from actions.deployment.stuck import end_stuck
from effects.deployment.vapi.number_texts import CALLS
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.phone_line import PhoneLine
from providers.twilio.numbers import buy_number, release_number, search_numbers
from rules.deployment.readiness import OTHER_ADDRESS
from runtime.clock import real_now
from runtime.settings import get_settings
from sandbox.twilio.webhooks import signature
from tests import given
from tests.stories.deploying import ADDRESS, states
from tests.stories.texting import HOME, TWILIO


@pytest.fixture
def fee(monkeypatch):
    """Set a setup fee, and return it in minor units."""
    monkeypatch.setenv("SETUP_FEE", "9900 usd")
    get_settings.cache_clear()
    return 9_900


def test_a_clinic_with_a_forwarded_number_goes_live(clinic, logged):
    answer = clinic.deploys()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/deployments/{answer.json['id']}"
    assert answer.json["status"] == "queued"
    clinic.works(4)
    shown = clinic.shown(answer.json["id"])
    assert shown["status"] == "live"
    assert shown["message"] == "System is now live! ✓"
    (number,) = clinic.twilio.owned()
    assert number.startswith("+1212")
    settings = clinic.setup.phone_integration_settings
    assert settings["twilioForwardNumber"] == number
    assert settings["setupCompletedAt"]
    assert settings["clinicNumber"] == "+12125550123"
    assert clinic.line.forwarding == "awaiting_forwarding"


def test_deploying_needs_a_payment_method(clinic):
    """Given no card, then Deploy is refused with the exact sentence, and nothing is bought
    (F80).
    """
    clinic.setup.record(clinic.setup.updated_at, payment_method_verified=False)
    answer = clinic.deploys()
    assert (answer.status_code, answer.json["code"]) == (402, "payment_method_required")
    assert answer.json["detail"].startswith(
        "Payment method required. Please add a payment method before deploying."
    )
    clinic.works()
    assert clinic.twilio.owned() == {}


def test_deploy_is_refused_if_the_confirmed_cost_is_not_the_cost_due(clinic):
    answer = clinic.deploys(cost=100)
    assert (answer.status_code, answer.json["code"]) == (409, "cost_changed")
    assert clinic.twilio.owned() == {}


@pytest.mark.one_database
def test_deploy_is_refused_if_the_currency_changed_since_the_preview(clinic, monkeypatch):
    """Given a cost preview in one currency, when the fee becomes the same number in another, then
    Deploy is refused; if nothing is due, the currency does not matter.
    """
    monkeypatch.setenv("SETUP_FEE", "9900 usd")
    get_settings.cache_clear()
    due = clinic.call("GET", "…/cost-preview").json["dueNow"]
    confirmed = {"cost": due["amount"], "confirmedCurrency": due["currency"]}
    monkeypatch.setenv("SETUP_FEE", "9900 jpy")
    get_settings.cache_clear()
    answer = clinic.deploys(**confirmed)
    assert (answer.status_code, answer.json["code"]) == (409, "cost_changed")
    assert "¥9,900" in answer.json["detail"]
    assert "$99.00" in answer.json["detail"]
    assert Deployment.select().count() == 0
    monkeypatch.setenv("SETUP_FEE", "0")
    get_settings.cache_clear()
    assert clinic.deploys(confirmedCurrency="jpy").status_code == 202


def test_second_deploy_is_refused_while_one_is_in_progress(clinic):
    first = clinic.deploys()
    second = clinic.deploys()
    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json["code"] == "deployment_in_progress"
    clinic.works(4)
    assert len(clinic.twilio.owned()) == 1


def test_deploy_uses_the_number_that_the_account_already_has(clinic):
    """Given an account with a number, then it is used, and nothing is bought (case 4, F96)."""
    bought = clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    assert bought.status_code == 201, bought.text
    assert bought.json == {
        "success": True,
        "phoneNumber": clinic.line.e164,
        "sid": clinic.line.twilio_sid,
    }
    shown = clinic.goes_live()
    assert list(clinic.twilio.owned()) == [bought.json["phoneNumber"]]
    assert "Using existing number" in next(
        step["message"] for step in shown["steps"] if step["name"] == "number"
    )


def test_number_purchase_needs_a_payment_method(clinic):
    """Given no card, then the purchase is refused with the exact answer (F84)."""
    clinic.setup.record(clinic.setup.updated_at, payment_method_verified=False)
    answer = clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    assert answer.status_code == 402
    assert answer.json == {"success": False, "message": "Payment method required"}
    assert clinic.twilio.owned() == {}


def test_second_number_purchase_of_an_account_is_refused(clinic):
    clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    again = clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    assert (again.status_code, again.json["code"]) == (409, "already_exists")
    assert len(clinic.twilio.owned()) == 1


@pytest.mark.parametrize(
    "kind", ["timeout_before", "timeout_after", "error_500", "error_500_after"]
)
def test_purchase_with_a_lost_response_buys_one_number(clinic, kind):
    clinic.twilio.fault(kind, "/2010-04-01/Accounts/*/IncomingPhoneNumbers.json")
    begun = clinic.deploys().json
    clinic.works(8)
    assert clinic.shown(begun["id"])["status"] == "live"
    assert len(clinic.twilio.owned()) == 1


def test_candidate_number_sold_meanwhile_is_replaced_by_another(clinic):
    """Given a candidate that was sold meanwhile, then the next one in its area code is bought
    (field report 2).
    """
    begun = clinic.deploys().json
    for _ in range(40):  # until the line exists, before its purchase
        if clinic.line is not None:
            break
        given.worked(clinic.redis, "deploys", rounds=1)
    assert clinic.line is not None
    first = search_numbers(area_code="212", limit=1)[0].e164
    clinic.line.record(real_now(), e164=first, tries=1)  # chosen by a worker that died
    clinic.twilio.take(first)
    clinic.works(6)
    assert clinic.shown(begun["id"])["status"] == "live"
    (bought,) = clinic.twilio.owned()
    assert bought != first
    assert clinic.line.tries == 2


def test_deploy_with_a_chosen_number_sold_meanwhile_fails_and_names_others(clinic, fee):
    """Given a chosen number that was sold meanwhile, then the deployment fails before anything is
    charged and names numbers nearby (field report 2).
    """
    search = clinic.call("GET", "…/available-numbers?areaCode=212").json
    chosen = search["data"][0]["phoneNumber"]
    clinic.twilio.take(chosen)
    begun = clinic.deploys(cost=fee, phoneNumber=chosen).json
    clinic.works(4)
    shown = clinic.shown(begun["id"])
    assert (shown["status"], shown["code"]) == ("failed", "number_gone")
    assert shown["message"] == (
        "Failed to purchase phone number. Please verify your payment method."
    )
    assert "Nearby numbers: +1212555" in shown["error"]
    assert shown["error"].endswith("Nothing was charged.")
    assert clinic.twilio.stand_in.requests("/v1/payment_intents") == []
    assert clinic.line is None


def test_purchase_of_a_chosen_number_sold_meanwhile_is_refused_and_names_others(clinic):
    """Given a chosen number that was sold meanwhile, then its purchase on its own names numbers
    nearby and leaves the slot free (field report 2).
    """
    chosen = search_numbers(area_code="212", limit=1)[0].e164
    clinic.twilio.take(chosen)
    path, account = "/api/twilio/phone/purchase", clinic.account.id
    answer = clinic.call("POST", path, accountId=account, phoneNumber=chosen)
    assert (answer.status_code, answer.json["code"]) == (409, "number_unavailable")
    assert f"{chosen} has been taken. Nearby numbers: +1212555" in answer.json["detail"]
    assert clinic.call("POST", path, accountId=account, areaCode="212").status_code == 201


@pytest.mark.parametrize(
    ("number", "code", "advice"),
    [
        ("+12125550180", "address_required", "Save the clinic's street address"),
        ("+12125550185", "address_required", "Save the clinic's street address"),
        ("+442079460101", "number_not_sold", "regulatory bundle"),
        ("+14165550150", "number_not_sold", "regulatory bundle"),
    ],
)
def test_missing_requirements_of_a_chosen_number_fail_before_any_charge(
    clinic, fee, number, code, advice
):
    """Given a number that needs an address or a regulatory bundle, then the deployment says so
    before anything is charged (field report 3).
    """
    begun = clinic.deploys(cost=fee, phoneNumber=number).json
    clinic.works(4)
    shown = clinic.shown(begun["id"])
    assert (shown["status"], shown["code"]) == ("failed", code)
    assert advice in shown["error"]
    assert clinic.twilio.stand_in.requests("/v1/payment_intents") == []
    assert clinic.twilio.owned() == {}


@pytest.mark.parametrize("number", ["+12125550180", "+12125550185"])
def test_number_that_requires_an_address_is_bought_with_the_clinics_address(clinic, number):
    """Given a saved address, then a number that needs one is bought with it, and a take-down
    removes both (field report 3).
    """
    clinic.configures(serviceAddress=ADDRESS)
    shown = clinic.goes_live(phoneNumber=number)
    (bought,) = clinic.twilio.owned().values()
    assert bought["address_sid"] == bought["emergency_address_sid"] != ""
    clinic.call("POST", f"/api/deployments/{shown['id']}/take-down")
    clinic.works(6)
    assert clinic.twilio.owned() == {}
    assert clinic.twilio.books.addresses == {}


def test_area_code_given_to_deploy_overrides_the_configured_number(clinic):
    clinic.configures(phoneNumber="+12125550155")
    clinic.goes_live(areaCode="415")
    (number,) = clinic.twilio.owned()
    assert number.startswith("+1415")


def test_two_clinics_never_share_a_number(clinic):
    """Given two clinics that deploy at once, then they get different numbers: Twilio would sell one
    twice, but our slot is unique (field report 1).
    """
    other = clinic.another().configures().has_card()
    clinic.deploys()
    other.deploys()
    clinic.works(6)
    numbers = [row.e164 for row in PhoneLine.select()]
    assert len(set(numbers)) == 2
    assert len(clinic.twilio.owned()) == 2


def test_another_clinics_number_cannot_be_bought_or_deployed(clinic):
    """Given another clinic's number, then naming it gets it by neither purchase nor Deploy (field
    report 30).
    """
    clinic.goes_live()
    number, other = clinic.line.e164, clinic.another().configures().has_card()
    path, account = "/api/twilio/phone/purchase", other.account.id
    bought = other.call("POST", path, accountId=account, phoneNumber=number)
    assert (bought.status_code, bought.json["code"]) == (409, "number_unavailable")
    begun = other.deploys(phoneNumber=number).json
    other.works(4)
    assert other.shown(begun["id"])["code"] == "number_gone"
    assert (clinic.line.e164, clinic.line.account_id) == (number, clinic.account.id)
    assert list(clinic.twilio.owned()) == [number]


def test_twilio_trial_account_fails_deployment_before_anything_is_bought(clinic):
    """Given a Twilio trial account, then the deployment fails before anything is bought (field
    report 4).
    """
    clinic.twilio.becomes_trial()
    begun = clinic.deploys().json
    clinic.works(2)
    shown = clinic.shown(begun["id"])
    assert (shown["status"], shown["code"]) == ("failed", "twilio_trial")
    assert clinic.twilio.owned() == {}
    assert clinic.deploys().status_code == 202


def test_bought_number_gets_the_service_address_as_emergency_address(clinic):
    """Given a service address, then the bought number has it as its emergency address (field report
    6).
    """
    clinic.configures(serviceAddress=ADDRESS)
    clinic.goes_live()
    (number,) = clinic.twilio.owned().values()
    assert number["emergency_address_sid"].startswith("AD")


def test_take_down_releases_the_number_and_allows_a_new_deployment(clinic):
    shown = clinic.goes_live()
    answer = clinic.call("POST", f"/api/deployments/{shown['id']}/take-down")
    assert answer.status_code == 202
    clinic.works(4)
    shown = clinic.shown(shown["id"])
    assert shown["status"] == "taken_down", shown
    assert clinic.twilio.owned() == {}
    assert clinic.line is None
    assert states(shown)["number"] == "undone"
    assert "twilioForwardNumber" not in clinic.setup.phone_integration_settings
    assert clinic.deploys().status_code == 202


def test_live_deployment_can_be_taken_down_after_a_failed_redeployment(clinic):
    live = clinic.goes_live()
    fault = {"kind": "refused_400", "provider": "vapi", "method": "PATCH", "path": "/assistant/*"}
    clinic.twilio.stand_in.sandbox.inject_fault(**fault)
    clinic.configures(businessName="Harbor Dental Care")
    again = clinic.deploys().json
    clinic.works(4)
    assert clinic.shown(again["id"])["status"] == "failed"
    answer = clinic.call("POST", f"/api/deployments/{live['id']}/take-down")
    assert answer.status_code == 202, answer.text
    clinic.works(4)
    assert clinic.shown(live["id"])["status"] == "taken_down"
    assert clinic.twilio.owned() == {}


def test_taking_down_an_older_deployment_is_refused_and_names_the_live_one(clinic):
    """Given a clinic that deployed twice, then taking the first deployment down is refused with the
    id of the live one, which can be taken down.
    """
    first, again = clinic.goes_live(), clinic.goes_live()
    refused = clinic.call("POST", f"/api/deployments/{first['id']}/take-down")
    assert (refused.status_code, refused.json["code"]) == (409, "deployment_over")
    assert f"{again['id']}, which is live: take that one down" in refused.json["detail"]
    answer = clinic.call("POST", f"/api/deployments/{again['id']}/take-down")
    assert answer.status_code == 202, answer.text
    clinic.works(4)
    listed = clinic.call("GET", f"/api/accounts/{clinic.account.id}/deployments").json["data"]
    assert {row["status"] for row in listed} == {"taken_down"}


def test_deploy_with_a_number_released_at_twilio_fails_with_advice_that_works(clinic):
    """Given a number released at Twilio, then Deploy says what to do, and following that works."""
    live = clinic.goes_live()
    release_number(clinic.line.twilio_sid)
    again = clinic.deploys().json
    clinic.works(4)
    shown = clinic.shown(again["id"])
    assert (shown["status"], shown["code"]) == ("failed", "number_released")
    assert "Take it down, then deploy again" in shown["error"]
    clinic.call("POST", f"/api/deployments/{live['id']}/take-down")
    clinic.works(4)
    clinic.goes_live()
    assert list(clinic.twilio.owned()) == [clinic.line.e164]


def test_number_bought_earlier_gets_its_emergency_address_on_going_live(clinic):
    """Given a number bought before the address was saved, then going live sets its emergency
    address (field report 6).
    """
    clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    clinic.configures(serviceAddress=ADDRESS)
    clinic.goes_live()
    (number,) = clinic.twilio.owned().values()
    assert number["emergency_address_sid"].startswith("AD")


def test_address_change_after_going_live_warns_that_911_calls_report_the_old_one(clinic):
    """Given another address saved after going live, then account and deployment warn that emergency
    calls report the old one, until the clinic is taken down and deployed again.
    """
    clinic.configures(serviceAddress=ADDRESS)
    assert OTHER_ADDRESS not in phone_step(clinic)
    shown = clinic.goes_live()
    assert OTHER_ADDRESS not in phone_step(clinic)
    clinic.configures(serviceAddress=ADDRESS | {"line1": "1 Pier Ave"})
    assert OTHER_ADDRESS in phone_step(clinic)
    again = clinic.goes_live()
    told = {step["name"]: step["message"] for step in again["steps"]}
    assert told["emergency_address"] == OTHER_ADDRESS
    clinic.call("POST", f"/api/deployments/{again['id']}/take-down")
    clinic.works(6)
    clinic.goes_live()
    assert OTHER_ADDRESS not in phone_step(clinic)
    (address,) = clinic.twilio.books.addresses.values()
    assert address["street"] == "1 Pier Ave"
    assert shown["id"] != again["id"]


def phone_step(clinic):
    return clinic.call("GET", "…").json["steps"]["phone"].get("warning", "")


def test_number_used_for_something_else_is_never_taken_over(clinic):
    """Given a number that our Twilio account already uses for something else, then it is left alone
    and another is bought, though Twilio would answer its purchase with 201 (field report 1).
    """
    chosen = search_numbers(area_code="212", limit=1)[0].e164
    buy_number(chosen, friendly_name="the front desk", sms_url=HOME, voice_url=HOME)
    clinic.line_wants(chosen)
    begun = clinic.deploys().json
    clinic.works(8)
    assert clinic.twilio.owned()[chosen]["friendly_name"] == "the front desk"
    assert clinic.shown(begun["id"])["status"] == "live"
    assert clinic.line.e164 != chosen


def test_changing_the_phone_method_during_a_deployment_fails_it(clinic):
    begun = clinic.deploys().json
    assert clinic.call("PUT", "…/phone/sip").status_code == 200
    clinic.works(4)
    shown = clinic.shown(begun["id"])
    assert (shown["status"], shown["code"]) == ("failed", "configuration_changed")
    assert clinic.twilio.owned() == {}


def test_refused_purchase_works_with_the_same_key_once_a_card_is_added(clinic):
    """Given a purchase refused for want of a card, when a card is added, then the same idempotency
    key works: the refusal was not stored.
    """
    headers = clinic.headers | {"Idempotency-Key": "one"}
    body = {"accountId": clinic.account.id}
    path = "/api/twilio/phone/purchase"
    clinic.setup.record(clinic.setup.updated_at, payment_method_verified=False)
    assert clinic.client.simulate_post(path, json=body, headers=headers).status_code == 402
    clinic.has_card()
    assert clinic.client.simulate_post(path, json=body, headers=headers).status_code == 201


def test_sweep_restages_the_lost_job_of_a_deployment(clinic):
    """Given a deployment whose job ended without advancing it, then the sweep stages it again, and
    the clinic goes live.
    """
    begun = clinic.deploys().json
    StagedJob.update(state="cancelled").where(StagedJob.name == "deploy_account").execute()
    end_stuck()
    clinic.works(4)
    assert clinic.shown(begun["id"])["status"] == "live"


def test_event_stream_sends_all_events_and_then_answers_204(clinic):
    shown = clinic.goes_live()
    path = f"/api/deployments/{shown['id']}/events"
    first = clinic.client.simulate_get(path, headers=clinic.headers)
    assert first.headers["Content-Type"].startswith("text/event-stream")
    assert first.text.startswith("retry: 1000\n\nid: ")
    assert "System is now live! ✓" in first.text
    last = first.text.strip().rsplit("id: ", 1)[1].split("\n")[0]
    headers = clinic.headers | {"Last-Event-ID": last}
    assert clinic.client.simulate_get(path, headers=headers).status_code == 204


def test_caller_before_going_live_hears_that_the_line_is_being_set_up(clinic):
    """Given a number that was only bought, when a caller rings, then they hear the clinic's name
    and that the line is being set up; an unsigned request is refused.
    """
    clinic.call("POST", "/api/twilio/phone/purchase", accountId=clinic.account.id)
    number = clinic.line.e164
    fields = {"CallSid": f"CA{'a' * 32}", "From": "+12025550142", "To": number}
    url = f"{HOME}{CALLS}"
    headers = {
        "X-Twilio-Signature": signature(TWILIO["TWILIO_AUTH_TOKEN"], url, fields),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = clinic.client.simulate_post(CALLS, body=urlencode(fields), headers=headers)
    assert answer.status_code == 200
    assert "Thank you for calling Harbor Dental. This line is being set up." in answer.text
    assert clinic.twilio.owned()[number]["voice_url"] == url
    again = fields | {"ErrorCode": "11200", "ErrorUrl": "https://api.vapi.ai/twilio/inbound_call"}
    headers["X-Twilio-Signature"] = signature(TWILIO["TWILIO_AUTH_TOKEN"], url, again)
    answer = clinic.client.simulate_post(CALLS, body=urlencode(again), headers=headers)
    assert "Thank you for calling Harbor Dental. We cannot take your call" in answer.text
    unsigned = clinic.client.simulate_post(CALLS, body=urlencode(fields))
    assert unsigned.status_code == 403
