"""Concurrent deployments and purchases: one deployment runs, one number is bought, and two accounts
never get the same one.
"""

import threading

import pytest

from models.deployment.deployment import Deployment
from models.deployment.phone_line import PhoneLine
from models.transactions import release_connection
from providers.twilio.numbers import search_numbers
from tests.stories.deploying import Deploying

PURCHASE = "/api/twilio/phone/purchase"


@pytest.fixture
def clinic(client, valkey, twilio_stand_in, voice):
    return Deploying(client, valkey.client(), twilio_stand_in, voice).configures().has_card()


def at_once(*asked):
    """Make all calls at the same moment; return their answers."""
    gate, answers = threading.Barrier(len(asked)), [None] * len(asked)

    def ask(number, what):
        gate.wait()
        try:
            answers[number] = what()
        finally:
            release_connection()

    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(asked)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_only_one_of_many_concurrent_deploys_runs(clinic):
    """Given five Deploys at once, then one is accepted, four are answered 409, and one number is
    bought.
    """
    answers = at_once(*[clinic.deploys] * 5)
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    refused = {answer.json["code"] for answer in answers if answer.status_code == 409}
    assert refused == {"deployment_in_progress"}
    clinic.works(4)
    assert [row.status for row in Deployment.select()] == ["live"]
    assert len(clinic.twilio.owned()) == 1


def test_a_deployment_and_a_purchase_at_once_buy_one_number(clinic):
    """Given a deployment and two purchases at once, then the account has one number."""

    def buys():
        return clinic.call("POST", PURCHASE, accountId=clinic.account.id)

    bought, deployed, again = at_once(buys, clinic.deploys, buys)
    assert deployed.status_code == 202
    statuses = {bought.status_code, again.status_code}
    assert 201 in statuses
    assert statuses <= {201, 409}
    clinic.works(6)
    assert clinic.shown(deployed.json["id"])["status"] == "live"
    assert list(clinic.twilio.owned()) == [clinic.line.e164]
    assert PhoneLine.select().count() == 1


def test_only_one_of_two_accounts_gets_the_same_number(clinic):
    """Given one number that two clinics chose (field report 30), then one gets it, and the other is
    told to choose another.
    """
    other = clinic.another().configures().has_card()
    chosen = search_numbers(area_code="212", limit=1)[0].e164
    answers = at_once(
        *[
            lambda one=one: one.call("POST", PURCHASE, accountId=one.account.id, phoneNumber=chosen)
            for one in (clinic, other)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert list(clinic.twilio.owned()) == [chosen]
    holders = [one for one in (clinic, other) if one.line is not None]
    assert [one.line.e164 for one in holders] == [chosen]
    told = next(answer for answer in answers if answer.status_code == 409)
    assert "Choose another" in told.text or "has been taken" in told.text, told.text
