"""Forwarding is verified (B16) by a test call that must arrive, or by the first call that the
clinic forwards; a call that would loop is never placed.
"""

import sys
from datetime import timedelta
from email.utils import format_datetime

import pytest

from actions.deployment.numbers.forwarding import A_DAY, ARRIVES_WITHIN
from jobs.check_lines import check_lines
from models.delivery.staged_job import StagedJob
from models.deployment.forwarding_test import ForwardingTest
from models.effects.effect import Effect
from models.effects.pause_switch import ALL, PauseSwitch
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.killpoint import Unwound
from runtime.settings import get_settings
from tests import given
from tests.stand_ins.twilio_stand_in import CALLS
from tests.stories.deploying import FORWARDED
from tests.stories.voice import NUMBER

pytestmark = pytest.mark.slow  # nearly every test goes live first

CLINIC = FORWARDED["clinicNumber"]
PATIENT = "+13125550199"


@pytest.fixture
def live(clinic, monkeypatch):
    """A clinic that is live, with a number set from which test calls come."""
    monkeypatch.setenv("FORWARDING_TEST_NUMBER", NUMBER)
    get_settings.cache_clear()
    clinic.goes_live()
    return clinic


def asks(clinic):
    return clinic.call("POST", "…/forwarding/test")


def shown(clinic):
    return clinic.call("GET", "…/forwarding").json


def calls_placed(clinic):
    return len(clinic.twilio.asked("POST", "/Calls.json"))


def works(clinic, rounds=3):
    """Run the call jobs, with time for the carrier in between."""
    for _ in range(rounds):
        given.worked(clinic.redis, "calls")
        clinic.twilio.passes(5)
        given.make_due()
        given.relayed(clinic.redis)


def two_minutes_pass(clinic):
    """Make the test call older than a call takes to arrive."""
    test = ForwardingTest.get()
    long_ago = real_now() - ARRIVES_WITHIN - timedelta(seconds=1)
    ForwardingTest.update(created_at=long_ago).where(ForwardingTest.id == test.id).execute()


def test_forwarding_status_shows_the_codes_to_dial(live):
    told = shown(live)
    assert told["state"] == "awaiting_forwarding"
    assert (told["clinicNumber"], told["forwardTo"]) == (CLINIC, live.line.e164)
    digits = live.line.e164.removeprefix("+1")
    codes = {each["carrier"]: each["activate"] for each in told["codes"]}
    assert codes["Verizon (mobile)"] == f"*72{digits}"
    assert codes["T-Mobile"] == f"**21*1{digits}#"


def test_arriving_test_call_confirms_forwarding(live):
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    answer = asks(live)
    assert answer.status_code == 202, answer.text
    works(live)
    waits_for = StagedJob.select().where(StagedJob.name.endswith("_forwarding"))
    assert [row.queue for row in waits_for] == ["interactive"] * 2, "a person waits for it"
    told = shown(live)
    assert (told["state"], told["test"]["state"]) == ("confirmed", "arrived")
    assert calls_placed(live) == 1


@pytest.mark.parametrize("answers", ["completed", "busy", "no-answer", "failed"])
def test_unforwarded_test_call_says_what_to_do(live, answers):
    """Given a clinic that has not dialled its forwarding code, then the test says so, and
    forwarding is not confirmed.
    """
    live.twilio.phone(CLINIC, answer=answers)
    asks(live)
    works(live)
    two_minutes_pass(live)
    works(live)
    told = shown(live)
    assert (told["state"], told["test"]["state"]) == ("awaiting_forwarding", "not_arrived")
    assert "Dial your carrier's code again" in told["test"]["detail"]


def test_test_calls_result_is_found_once_twilio_answers_again(live):
    """Given a Twilio whose calls cannot be read for a while after the test call was placed, then
    the test still gets its result.
    """
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    live.twilio.fault("error_500", CALLS, method="GET", times=8)
    asks(live)
    works(live, rounds=12)
    assert shown(live)["test"]["state"] == "arrived"
    assert calls_placed(live) == 1


def test_refused_test_call_shows_twilios_reason(live):
    live.twilio.fault("refused_400", CALLS)
    asks(live)
    works(live)
    test = shown(live)["test"]
    assert test["state"] == "refused"
    assert test["detail"]


@pytest.mark.parametrize("fault", ["timeout_after", "error_500_after", "refuse_after", "refuse"])
def test_lost_response_does_not_place_a_second_test_call(live, fault):
    """Given a lost answer, then no second call is placed, and if the first one arrives, that
    counts.
    """
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    live.twilio.fault(fault, CALLS, seconds=4)
    asks(live)
    works(live)
    assert calls_placed(live) == 1
    arrived = "unknown" if fault == "refuse" else "arrived"
    assert shown(live)["test"]["state"] == arrived


@pytest.mark.parametrize(
    "place", ["effect.before_call", "effect.after_call", "job.before_commit", "job.after_commit"]
)
def test_crashed_worker_places_at_most_one_test_call(live, place, monkeypatch):
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    asks(live)
    monkeypatch.setenv("PAYPHONE_KILL_AT", f"raise:{place}")
    get_settings.cache_clear()
    with pytest.raises(Unwound):
        given.worked(live.redis, "calls", rounds=1)
    monkeypatch.delenv("PAYPHONE_KILL_AT")
    get_settings.cache_clear()
    given.leases_end()
    works(live, rounds=5)
    assert calls_placed(live) == (0 if place == "effect.before_call" else 1)
    if place != "effect.before_call":
        assert shown(live)["state"] == "confirmed"
    two_minutes_pass(live)
    works(live)
    assert shown(live)["test"]["state"] in {"arrived", "not_arrived"}
    assert not Effect.has("kind = 'forwarding_call' AND state = 'sending'")


def test_first_forwarded_call_confirms_forwarding(live):
    """Given no test call, when a patient's call is forwarded, then forwarding is confirmed."""
    check_lines.perform()
    works(live)
    assert shown(live)["state"] == "awaiting_forwarding"
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    live.twilio.person_calls(PATIENT, CLINIC)
    check_lines.perform()
    works(live)
    assert shown(live)["state"] == "confirmed"
    assert calls_placed(live) == 0


def test_call_forwarded_from_the_former_number_does_not_confirm_the_new_one(live):
    """Given a clinic that now forwards another number, then a call forwarded from its former number
    does not confirm the new one.
    """
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    asks(live)
    works(live)
    assert shown(live)["state"] == "confirmed"
    live.line.record(real_now(), created_at=real_now() - timedelta(hours=1))
    for call in live.twilio.books.calls.values():
        call["date_created"] = format_datetime(real_now() - timedelta(minutes=5))
    live.configures(clinicNumber="+12125550124")
    live.goes_live()
    check_lines.perform()
    works(live)
    assert shown(live)["state"] == "awaiting_forwarding"
    live.twilio.phone("+12125550124", forwards_to=live.line.e164)
    live.twilio.person_calls(PATIENT, "+12125550124")
    check_lines.perform()
    works(live)
    assert shown(live)["state"] == "confirmed"


def test_delayed_test_call_is_refused_instead_of_placed_late(live):
    """Given no worker for too long, then the test call is refused instead of placed late."""
    asks(live)
    two_minutes_pass(live)
    works(live)
    assert calls_placed(live) == 0
    test = shown(live)["test"]
    assert (test["state"], "Test again" in test["detail"]) == ("refused", True)


def test_every_line_is_checked_beyond_the_first_batch(live, monkeypatch):
    """Given more lines than one batch, then each of them is checked."""
    monkeypatch.setattr(sys.modules["jobs.check_lines"], "BATCH", 1)
    other = live.another().configures().has_card()
    other.goes_live()
    check_lines.perform()
    given.worked(live.redis, "periodic")
    looked = StagedJob.select(StagedJob.key).where(StagedJob.name == "check_line")
    assert {row.key for row in looked} == {live.line.id, other.line.id}


def test_direct_call_to_our_number_does_not_confirm_forwarding(live):
    live.twilio.person_calls(PATIENT, live.line.e164)
    check_lines.perform()
    works(live)
    assert shown(live)["state"] == "awaiting_forwarding"


def test_forwarding_test_without_a_caller_number_is_not_configured(live, monkeypatch):
    monkeypatch.setenv("FORWARDING_TEST_NUMBER", "")
    get_settings.cache_clear()
    answer = asks(live)
    assert (answer.status_code, answer.json["code"]) == (503, "not_configured")
    assert "FORWARDING_TEST_NUMBER" in answer.json["detail"]


def test_forwarding_test_calls_are_limited_to_one_a_minute(live):
    assert asks(live).status_code == 202
    again = asks(live)
    assert (again.status_code, again.json["code"]) == (429, "rate_limited")
    works(live)
    assert calls_placed(live) == 1


def retry_after(clinic):
    """After how many seconds a refused test may be requested again."""
    answer = asks(clinic)
    assert (answer.status_code, answer.json["code"]) == (429, "rate_limited"), answer.text
    return int(answer.headers["Retry-After"])


def test_a_refused_test_says_when_the_next_is_possible(live):
    """Given a test call of most of a minute ago, then only the rest of the minute is waited for; a
    clock that has been set back since asks for no more than a minute.
    """
    assert asks(live).status_code == 202
    for age, most in ((55, 5), (-600, 60)):
        asked = real_now() - timedelta(seconds=age)
        ForwardingTest.update(created_at=asked).execute()
        assert 1 <= retry_after(live) <= most


def test_after_ten_tests_the_next_is_possible_a_day_after_the_first(live):
    """Given the day's tests, of which the first was placed most of a day ago, then the next is
    possible as soon as that one is a day old.
    """
    assert asks(live).status_code == 202
    first = real_now() - timedelta(hours=23, minutes=59)
    ForwardingTest.update(created_at=first).execute()
    values = {"line": live.line.id, "number": CLINIC, "asked_by": "x"}
    for _ in range(A_DAY - 1):
        moment = real_now() - timedelta(hours=1)
        ForwardingTest.create(id=new_id("fwt"), **values, created_at=moment, updated_at=moment)
    assert 1 <= retry_after(live) <= 60


def test_forwarding_cannot_be_tested_before_going_live(clinic, monkeypatch):
    monkeypatch.setenv("FORWARDING_TEST_NUMBER", NUMBER)
    get_settings.cache_clear()
    for answer in (asks(clinic), clinic.call("GET", "…/forwarding")):
        assert (answer.status_code, answer.json["code"]) == (409, "deployment_not_ready")


@pytest.mark.parametrize(
    ("which", "status", "code", "words"),
    [
        ("own", "failed", "forwarding_circle", "The forwarded number has changed."),
        ("another's", "failed", "forwarding_circle", "Deploy first."),
    ],
)
def test_looping_test_call_is_never_placed(live, which, status, code, words):
    """Loop guard: the forwarded number is none of our numbers."""
    other = live.another().configures().has_card()
    clinic = other if which == "another's" else live
    choices = FORWARDED | {"clinicNumber": live.line.e164}
    saved = clinic.call("PUT", "…/phone/forwarded", **choices)
    assert saved.status_code == 200, saved.text
    begun = clinic.deploys().json
    clinic.works(4)
    told = clinic.shown(begun["id"])
    assert (told["status"], told["code"]) == (status, code)
    answer = asks(clinic)
    assert (answer.status_code, answer.json["code"]) == (409, "deployment_not_ready")
    assert words in answer.json["detail"]
    works(live)
    assert other.line is None
    assert calls_placed(live) == 0


def test_the_number_that_test_calls_come_from_cannot_be_forwarded(live, monkeypatch):
    """Given the installation's number for test calls, then it is refused as a clinic's number when
    it is saved; if it becomes that number only later, no test call is placed.
    """
    before = live.setup.phone_integration_settings
    saved = live.call("PUT", "…/phone/forwarded", **FORWARDED | {"clinicNumber": NUMBER})
    assert (saved.status_code, saved.json["code"]) == (422, "invalid"), saved.text
    (error,) = saved.json["errors"]
    assert error["field"] == "clinicNumber"
    assert "test calls come from" in error["message"]
    assert live.setup.phone_integration_settings == before
    monkeypatch.setenv("FORWARDING_TEST_NUMBER", CLINIC)
    get_settings.cache_clear()
    answer = asks(live)
    assert (answer.status_code, answer.json["code"]) == (409, "deployment_not_ready")
    assert f"Test calls come from {CLINIC}" in answer.json["detail"]
    works(live)
    assert calls_placed(live) == 0


def test_a_pause_of_calls_stops_a_test_that_has_been_requested(live):
    """Given a requested test, when calls are paused before it is placed, then it is refused with
    the reason, and may be requested again.
    """
    asks(live)
    PauseSwitch.set(ALL, "calls", True, "op_1", "a storm")
    works(live)
    assert calls_placed(live) == 0
    test = shown(live)["test"]
    assert (test["state"], test["detail"]) == (
        "refused",
        "Calls are paused; test once they resume.",
    )


def test_a_test_call_to_a_number_that_is_no_longer_forwarded_confirms_nothing(live):
    """Given a test call that is on its way when another number is deployed, then it does not
    confirm that one, and the clinic is told to test again.
    """
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    asks(live)
    given.worked(live.redis, "calls")
    given.worked(live.redis, "interactive")
    assert calls_placed(live) == 1
    live.configures(clinicNumber="+12125550124")
    live.goes_live()
    works(live)
    told = shown(live)
    assert (told["state"], told["test"]["state"]) == ("awaiting_forwarding", "not_arrived")
    assert "test again" in told["test"]["detail"]


def test_what_is_confirmed_is_said_of_the_number_that_was_deployed(live):
    """Given another number that is saved and not deployed, then the forwarding that works is still
    that of the deployed one.
    """
    live.twilio.phone(CLINIC, forwards_to=live.line.e164)
    asks(live)
    works(live)
    live.configures(clinicNumber="+12125550124")
    told = shown(live)
    assert (told["state"], told["clinicNumber"]) == ("confirmed", CLINIC)
    live.goes_live()
    told = shown(live)
    assert (told["state"], told["clinicNumber"]) == ("awaiting_forwarding", "+12125550124")
