"""The receptionist offers free times from the connected calendar (F67): within the clinic's hours
and time zone, never a time not known to be free, and with a sentence for every failure.
"""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from zoneinfo import ZoneInfo

import pytest

from actions.deployment.configuration.clinic import clinic_of
from actions.integrations.calendar_tool import CANNOT, answer_free_times
from actions.integrations.connectors import BUILT_IN
from actions.integrations.credentials import opened
from actions.integrations.free_times import WITH_TIMES, free_times
from models.deployment.phone_line import PhoneLine
from models.integrations.integration import Integration
from models.transactions import transaction
from rules.deployment.calendar_tool import FIND_FREE_TIMES
from runtime.clock import business_now, real_now
from runtime.settings import get_settings
from tests.stories.connecting import KEYS
from tests.stories.on_the_line import message
from tests.stories.voice import SECRET

pytestmark = pytest.mark.one_database

ZONE = ZoneInfo("America/New_York")
PROVIDERS = ("google", *KEYS)
READS = {
    "google": "/www/calendar/v3/freeBusy",
    "open_dental": "/open-dental/appointments/Slots",
    "nexhealth": "/nexhealth/available_slots",
}


@cache
def a_monday() -> date:
    """Next Monday, cached so that it stays the same if a new week begins during the test."""
    today = business_now().astimezone(ZONE).date()
    return today + timedelta(days=7 - today.weekday())


def at(hour, minute=0):
    day = a_monday()
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def has_time_from_nine_to_ten(clinic):
    """Free from nine to ten on that day, in each calendar's own format."""
    clinic.practice.busy = [
        [at(10).astimezone(UTC).isoformat(), at(23).astimezone(UTC).isoformat()]
    ]
    clinic.practice.slots = [[f"{at(9):%Y-%m-%d %H:%M:%S}", f"{at(10):%Y-%m-%d %H:%M:%S}"]]
    clinic.practice.starts = [at(9).isoformat(), at(9, 30).isoformat()]


def asks(clinic, **arguments):
    return answer_free_times(clinic.account, arguments)


def on_monday(clinic):
    return asks(clinic, dayFrom=f"{a_monday()}", dayTo=f"{a_monday()}")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_free_times_come_from_the_calendar(clinic, provider):
    """Given a calendar with one free hour, then that hour is offered, in the clinic's own time."""
    clinic.connects(provider)
    has_time_from_nine_to_ten(clinic)
    assert free_times(clinic.account, a_monday(), a_monday()) == [(at(9), at(10))]
    day = f"{a_monday():%A, %B} {a_monday().day}"
    assert on_monday(clinic) == f"Free: {day}: 9:00 AM to 10:00 AM."


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_time_is_offered_outside_the_clinics_hours(clinic, provider):
    """Given a clinic that opens at ten on Mondays, then nine o'clock is not offered."""
    clinic.connects(provider)
    has_time_from_nine_to_ten(clinic)
    hours = {"openingHours": {"monday": ["10:00-18:00"]}}
    answer = clinic.ask("PATCH", "/settings", json=hours)
    assert answer.json["openingHours"] == hours["openingHours"]
    assert on_monday(clinic).startswith("There is no free time on Monday")
    wrong = clinic.ask("PATCH", "/settings", json={"openingHours": {"monday": ["9-5"]}})
    assert wrong.status_code == 422
    assert "09:00-12:00" in wrong.text


def test_a_time_is_free_only_if_every_calendar_says_so(clinic):
    """Given Google and Open Dental, then a time is free only if both say so."""
    clinic.connects("google")
    clinic.connects("open_dental")
    clinic.practice.busy = [[at(9).isoformat(), at(12).isoformat()]]
    clinic.practice.slots = [[f"{at(11):%Y-%m-%d %H:%M:%S}", f"{at(13):%Y-%m-%d %H:%M:%S}"]]
    assert free_times(clinic.account, a_monday(), a_monday()) == [(at(12), at(13))]


def test_no_time_is_offered_while_a_calendar_must_be_reconnected(clinic):
    """Given Google and Open Dental, and access to Google that has been revoked, then no time is
    offered, because Google may hold appointments; once Google is disconnected, Open Dental counts
    alone.
    """
    clinic.connects("google")
    clinic.connects("open_dental")
    has_time_from_nine_to_ten(clinic)
    for grant in list(clinic.world.google.grants):
        clinic.world.google.end(grant)
    assert on_monday(clinic) == CANNOT
    assert clinic.shown("google")["state"] == "expired"
    assert on_monday(clinic) == CANNOT
    clinic.ask("DELETE", "/integrations/google")
    assert on_monday(clinic).startswith("Free: ")


def test_an_expired_or_rejected_token_is_renewed_while_asking(clinic):
    """Given an access token that has expired or that the provider rejects, then it is renewed
    within the same question.
    """
    row = clinic.connects("google")
    has_time_from_nine_to_ten(clinic)
    with transaction():
        Integration.update(expires_at=real_now()).execute()
    assert on_monday(clinic).startswith("Free: ")
    token = opened(clinic.row("google"))["access"]
    assert token != opened(row)["access"]
    del clinic.world.google.access[token]
    assert on_monday(clinic).startswith("Free: ")
    assert clinic.shown("google")["state"] == "connected"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_revoked_credential_is_reported_once_and_the_receptionist_goes_on(clinic, provider):
    """Given a credential revoked at the provider, when callers ask, then the receptionist says that
    it cannot see the calendar, and the clinic is told once.
    """
    clinic.connects(provider)
    for grant in list(clinic.world.google.grants):
        clinic.world.google.end(grant)
    for what in (clinic.practice.key_pairs, clinic.practice.api_keys, clinic.practice.tokens):
        what.clear()
    assert on_monday(clinic) == CANNOT
    assert on_monday(clinic) == CANNOT
    assert clinic.shown(provider)["state"] == "expired"
    assert [kind for kind, _ in clinic.told()] == ["integration.expired"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", ["error_500", "rate_limit_429", "refuse", "bad_gateway"])
def test_no_time_is_offered_when_the_provider_fails(clinic, provider, kind):
    """Given a provider in trouble, then no time is invented, and nothing expires."""
    clinic.connects(provider)
    has_time_from_nine_to_ten(clinic)
    clinic.fault(kind, provider, READS[provider])
    assert on_monday(clinic) == CANNOT
    assert clinic.shown(provider)["state"] == "connected"
    assert on_monday(clinic).startswith("Free: ")


def test_no_time_is_offered_when_google_reports_an_error(clinic):
    """Given an answer from Google with an error and no busy times, then nothing is offered."""
    clinic.connects("google")
    clinic.practice.unreadable = True
    assert on_monday(clinic) == CANNOT


def test_no_time_is_offered_without_a_calendar(clinic):
    clinic.connects("dentos")
    assert on_monday(clinic) == CANNOT
    assert clinic_of(clinic.account, None).has_calendar is False


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_receptionist_has_the_tool_while_a_calendar_is_connected(clinic, provider):
    """Given a connected calendar, then the receptionist has the tool until it is disconnected."""
    clinic.connects(provider)
    assert clinic_of(clinic.account, None).has_calendar is True
    clinic.ask("DELETE", f"/integrations/{provider}")
    assert clinic_of(clinic.account, None).has_calendar is False
    assert on_monday(clinic) == CANNOT


def test_the_tools_endpoint_answers_with_free_times_only_to_vapi(clinic, monkeypatch):
    """Given a caller on the clinic's line, when the receptionist asks, then Vapi gets one line; a
    request without Vapi's secret is refused.
    """
    monkeypatch.setenv("VAPI_WEBHOOK_SECRET", SECRET)
    get_settings.cache_clear()
    clinic.connects("google")
    has_time_from_nine_to_ten(clinic)
    now = real_now()
    PhoneLine.create(
        id="pl_1",
        account=clinic.account,
        e164="+12025550188",
        state="owned",
        vapi_id="pn-in",
        asked_by="test",
        created_at=now,
        updated_at=now,
    )
    ring = {
        "id": "call-1",
        "type": "inboundPhoneCall",
        "phoneNumberId": "pn-in",
        "customer": {"number": "+12025550111"},
    }
    asked = [("toolu_1", FIND_FREE_TIMES, {"dayFrom": f"{a_monday()}"})]
    send = partial(
        clinic.client.simulate_post, "/api/vapi/tools", body=json.dumps(message(ring, asked))
    )
    answer = send(headers={"X-Vapi-Secret": SECRET})
    assert answer.status_code == 200
    (result,) = answer.json["results"]
    assert result["toolCallId"] == "toolu_1"
    assert result["result"].startswith("Free: Monday")
    assert send().status_code == 401


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dayFrom": "next Monday"}, "dayFrom is not a date"),
        ({"dayTo": 7}, "dayTo is not a date"),
        ({"dayFrom": "2020-01-01", "dayTo": "2020-01-02"}, "That day has passed"),
        ({"dayFrom": "9999-12-31"}, "dayFrom is not a date"),
        ({"dayTo": "2100-12-31"}, "Free: "),
        ({"dayFrom": None, "dayTo": ""}, "Free: "),
        ({}, "Free: "),
    ],
)
def test_any_tool_arguments_get_a_one_line_answer(clinic, arguments, words):
    """Given whatever a model may send, then it gets one line, and at most 14 days are read."""
    clinic.connects("google")
    answer = asks(clinic, **arguments)
    assert words in answer
    assert "\n" not in answer
    for asked in clinic.asked("google", READS["google"]):
        begins, ends = (
            datetime.fromisoformat(asked["params"][name]) for name in ("timeMin", "timeMax")
        )
        assert ends - begins <= timedelta(days=14)


def test_the_tool_is_offered_for_every_provider_with_free_times():
    assert {connector.name for connector in BUILT_IN.values() if connector.has_times} == WITH_TIMES
