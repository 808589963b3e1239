"""From when customers want to be contacted, in their own words: found by rules, for every time zone
in which they may be.
"""

import inspect
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.contact.time_requests import absence, call_now, durations, past
from rules.contact.time_requests.times import asks_for_call_now, requested_from

HOME = "America/New_York"
# a Wednesday at two in the afternoon
NOW = datetime(2026, 11, 18, 14, 0, tzinfo=ZoneInfo(HOME)).astimezone(UTC)

ENGLISH = {
    "call me tomorrow": "11-19 00:00",
    "call me tmrw": "11-19 00:00",
    "Call me tomorrow after 5pm please": "11-19 17:00",
    "call me tomorrow at 5": "11-19 17:00",
    "call me tomorrow at 10:30 a.m.": "11-19 10:30",
    "call me tomorrow morning": "11-19 08:00",
    "call me in the morning": "11-19 08:00",
    "call me tonight": "11-18 17:00",
    "call me the day after tomorrow": "11-20 00:00",
    "call me later": "11-19 00:00",
    "call me later today": "11-18 17:00",
    "call me some other time": "11-19 00:00",
    "Please call me after 5pm": "11-18 17:00",
    "call me at 1": "11-19 13:00",
    "call me at 9": "11-19 09:00",
    "call me at 17:00": "11-18 17:00",
    "call me after five": "11-18 17:00",
    "call me between 2 and 4pm tomorrow": "11-19 14:00",
    "call me monday": "11-23 00:00",
    "call me wednesday": "11-25 00:00",
    "call me next friday": "11-27 00:00",
    "call me monday or tuesday": "11-23 00:00",
    "call me after Monday": "11-24 00:00",
    "call me next week": "11-23 00:00",
    "call me after the weekend": "11-23 00:00",
    "call me this weekend": "11-21 00:00",
    "call me next month": "12-01 00:00",
    "call me at the end of the month": "11-30 00:00",
    "call me on the 25th": "11-25 00:00",
    "call me after the 25th": "11-26 00:00",
    "call me Dec 5 at noon": "12-05 12:00",
    "call me 12/5": "12-05 00:00",
    "2026-11-20T17:00:00": "11-20 17:00",
    "call me after the holidays": "01-02 00:00",
    "call me in january": "01-01 00:00",
    "call me next year": "01-01 00:00",
    "call me in a year": "11-19 00:00",
    # an uncertain day is at least not today
    "call me in spring": "11-19 00:00",
    "call me once I get paid": "11-19 00:00",
    "call me after midnight": "11-19 00:00",
    "call me in 2 hours": "11-18 16:00",
    "call me in half an hour": "11-18 14:30",
    "call me in a couple of days": "11-20 00:00",
    "call me in two weeks": "12-02 00:00",
    "I get paid Friday, call me then": "11-20 00:00",
    "call me now": "11-18 14:00",
    "call me today": "11-18 14:00",
    # after a refused period, contact can begin
    "don't call me tomorrow": "11-20 00:00",
    "don't call me today": "11-19 00:00",
    "not this week": "11-23 00:00",
    "not before monday": "11-23 00:00",
    "don't call me until Monday at 10": "11-23 10:00",
    "don't call before 5pm": "11-18 17:00",
    "I can't talk today call me tomorrow": "11-19 00:00",
    "can't talk call me tomorrow": "11-19 00:00",
    "can't talk right now": "11-19 00:00",
    "tomorrow I can't": "11-20 00:00",
    "I'm busy today, call me tomorrow": "11-19 00:00",
    "I'm busy today": "11-19 00:00",
    "I'm working on Friday": "11-21 00:00",
    "this is not a good time": "11-19 00:00",
    "I am out of town until Dec 10": "12-10 00:00",
    "give me two more weeks": "12-02 00:00",
    "call me the first week of January": "01-01 00:00",
    "only call on weekends": "11-21 00:00",
    "call me at half past five": "11-18 17:30",
    "call me at quarter past 4": "11-18 16:15",
    "call me at a quarter to 5": "11-18 17:00",
}
SPANISH = {
    "Llámeme mañana": "11-19 00:00",
    "llámeme mañana por la tarde": "11-19 12:00",
    "llámeme mañana a las 5": "11-19 17:00",
    "llámeme por la mañana": "11-19 08:00",
    "llámeme pasado mañana": "11-20 00:00",
    "llámeme más tarde": "11-19 00:00",
    "llámeme después de las cinco de la tarde": "11-18 17:00",
    "llámeme el lunes a las 10 de la mañana": "11-23 10:00",
    "llámeme la semana que viene": "11-23 00:00",
    "llámeme en dos horas": "11-18 16:00",
    "llámeme el 5 de diciembre": "12-05 00:00",
    "llámeme el día 25": "11-25 00:00",
    "no me llame mañana": "11-20 00:00",
    "no me llame hasta el lunes": "11-23 00:00",
    "ahora no puedo": "11-19 00:00",
    "llámeme ahora": "11-18 14:00",
    "llámeme el año que viene": "01-01 00:00",
    "llámeme cuando me paguen": "11-19 00:00",
}
# a past period is not a time to contact them
OVER = {
    "I have been waiting for 3 weeks, call me back now": "11-18 14:00",
    "call me back asap, I have been in hospital for 3 months": "11-18 14:00",
    "I called you 3 times in 2 weeks, call me back": None,
    "I've been trying to call you for 2 weeks call me": None,
    "for 3 weeks I have been waiting, call me": None,
    "I was on hold for half an hour, call me": None,
    "I have not heard from you in two weeks": None,
    "I called on Monday, call me back": None,
    "call me, I have been calling since Monday": None,
    "I called you last friday": None,
    "llevo esperando por 3 semanas, llámeme": None,
    "les llamé 3 veces en dos semanas": None,
    "llamé el lunes pasado": None,
    "I have been a patient for 20 years, call me": None,
    "I am a patient for 5 years, call me": None,
    "I haven't seen you in 2 years, call me": None,
    "I've been coming to you for 10 years, call me": None,
    "I live here for 3 years, call me": None,
    "married for 20 years, call me": None,
    "soy paciente por 5 años, llámeme": None,
    "I have been away for a year, call me": None,
    # but a request beside it still is
    "I have been busy call me in 3 weeks": "12-09 00:00",
    "I was laid off, give me 2 months": "01-19 00:00",
    "call me in 2 weeks I was laid off": "12-02 00:00",
    "I was told to wait for 2 weeks": "12-02 00:00",
    "I was wondering if you could call in 2 weeks": "12-02 00:00",
    "I have surgery in 2 weeks": "12-02 00:00",
    "call me Monday since Friday is a holiday": "11-23 00:00",
    "he estado enfermo, llámeme en dos semanas": "12-02 00:00",
    "estuve enfermo llámeme el lunes": "11-23 00:00",
}
NO_TIME = [
    "call me",
    "call my work",
    "call me before 5pm",
    "call me at 202-555-0123",
    "call me at once",
    "call me when you can",
    "llámeme cuando pueda",
    "the balance of $25 is wrong, call me",
    "my visit was on 5/3/2024, call me",
    "the bill is from 10/05/2025, call me",
    "I was seen on January 5, 2026 call me",
    "my surgery was on Friday, call me",
    "I was there in March 2025, call me",
    "my bill from 2025-12-05, call me",
    "my visit was on May 3, call me",
    "you may call",
    "llámeme",
]


@pytest.mark.parametrize("said", [ENGLISH, SPANISH, OVER], ids=["english", "spanish", "over"])
def test_words_are_read_as_a_requested_time(said):
    found = {text: requested_from(text, NOW, (HOME,)) for text in said}
    local = {
        text: at and f"{at.astimezone(ZoneInfo(HOME)):%m-%d %H:%M}" for text, at in found.items()
    }
    assert local == said


def test_a_text_that_names_no_time_has_no_requested_time():
    assert {text: requested_from(text, NOW, (HOME,)) for text in NO_TIME} == dict.fromkeys(NO_TIME)


# they are away, or refuse calls, on all of these days
AWAY = {
    "I'm away from Friday to Tuesday": "11-25 00:00",
    "away Friday through Tuesday": "11-25 00:00",
    "we will be out of town fri-tues": "11-25 00:00",
    "I am out of town from Friday until Tuesday": "11-25 00:00",
    "busy Monday and Tuesday": "11-25 00:00",
    "I work Monday to Friday": "11-23 00:00",
    "I'm working Monday thru Friday": "11-28 00:00",
    "can't talk from Friday to Tuesday": "11-25 00:00",
    "don't call me between Friday and Tuesday": "11-25 00:00",
    "not available Thursday or Friday": "11-21 00:00",
    "won't be home Thursday or Friday": "11-21 00:00",
    "from Friday to Tuesday I am away": "11-25 00:00",
    "on vacation 12/5 to 12/10": "12-11 00:00",
    "on vacation Dec 5-10": "12-11 00:00",
    "travelling from Dec 20 to Jan 5": "01-06 00:00",
    "in the hospital the 20th to the 25th": "11-26 00:00",
    "away from Thursday to Wednesday": "11-26 00:00",
    "away from Tuesday to Friday": "11-28 00:00",
    "I'm away on Friday": "11-21 00:00",
    "I am away this week": "11-23 00:00",
    "I have surgery on Friday": "11-21 00:00",
    "estoy de viaje del viernes al martes": "11-25 00:00",
    "no puedo hablar de viernes a martes": "11-25 00:00",
    "no estaré del viernes al martes": "11-25 00:00",
    "estaré fuera del 5 al 10 de diciembre": "12-11 00:00",
    "I won't be available Monday, Tuesday or Wednesday": "11-26 00:00",
    "we are on vacation from next Monday to the following Friday": "11-28 00:00",
    "busy this week and next": "11-30 00:00",
    "voy a estar fuera desde el viernes hasta el martes": "11-25 00:00",
    # but on these days they can be reached
    "busy Thursday, Friday works": "11-20 00:00",
    "call me Monday, Tuesday or Wednesday": "11-23 00:00",
    "call me between Friday and Tuesday": "11-20 00:00",
    "I'm available Friday to Tuesday": "11-20 00:00",
    "I'm away, call me Friday": "11-20 00:00",
    "I am away but back on Friday": "11-20 00:00",
    "I get back from vacation on Friday": "11-20 00:00",
    "I'm away until Friday": "11-20 00:00",
    "I'm away Thursday, call me Friday": "11-20 00:00",
    "busy Thursday but Friday works": "11-20 00:00",
}
# a long hold lasts at least as long as they ask
LONG = {
    "I'm deployed for a year": "2027-11-19",
    "I will be away for a year": "2027-11-19",
    "wait for a year": "2027-11-19",
    "please wait a year": "2027-11-19",
    "don't call me for a year": "2027-11-19",
    "I am stationed overseas for two years": "2028-11-19",
    "in jail for 3 years": "2029-11-20",
    "I'm working abroad for a year": "2027-11-19",
    "call me after a year": "2027-11-19",
    "not for another year": "2027-11-19",
    "no me llame por un año": "2027-11-19",
    "estaré fuera por dos años": "2028-11-19",
    "I was deployed for a year": "2027-11-19",
    "I'm recovering for 3 months": "2027-02-19",
    "I was in an accident and I'm recovering for 3 months": "2027-02-19",
    "I had surgery, I am recovering for 3 months": "2027-02-19",
    "I was put on bed rest for 6 weeks": "2026-12-30",
    "I have been told I must rest for 2 months": "2027-01-19",
    "I was sick and have to rest for 6 weeks": "2026-12-30",
    "estuve en el hospital y estoy en reposo por 2 meses": "2027-01-19",
    "give me 99 weeks": "2028-10-11",
    "call me in 99 months": "2035-04-14",
    "call me 12/5/99": "2099-12-05",
    "wait two years": "2028-11-19",
    "don't call me for the next 6 months": "2027-05-23",
    "leave it for the next two years": "2028-11-19",
    "don't call for the next year": "2027-11-19",
    "call me in a year and a half": "2028-11-19",
    "call me in a year and 3 months": "2028-02-20",
    "call me in 1.5 years": "2028-11-19",
    "call me in a week or two": "2026-12-02",
    "call me in 100 days": "2027-02-26",
    "call me in ninety days": "2027-02-16",
    "call me in eighteen months": "2028-05-29",
    "call me in twenty four days": "2026-12-12",
    "call me in half a year": "2027-05-20",
    "call me January 5, 2028": "2028-01-05",
    "call me 5 de enero de 2028": "2028-01-05",
    "call me in March 2028": "2028-03-01",
    "don't call me until 2028": "2028-01-01",
    "I'm away until June 5": "2027-06-05",
    "call me in September": "2027-09-01",
    "away for the rest of the year": "2027-01-01",
    "not this year": "2027-01-01",
    "in prison until 2031": "2031-01-01",
    "I need 3 more weeks": "2026-12-09",
    "two more weeks please": "2026-12-02",
    "call me after Thanksgiving": "2026-11-30",
    "hasta el 2028": "2028-01-01",
    # an uncertain day is at least not today
    "not until my brother is back": "2026-11-19",
    # a year that is mistyped
    "don't call me until 1/5/26": "2027-01-05",
}


@pytest.mark.parametrize("text", AWAY)
def test_a_customer_who_is_away_may_be_contacted_after_the_last_day_away(text):
    found = requested_from(text, NOW, (HOME,))
    assert found is not None
    assert f"{found.astimezone(ZoneInfo(HOME)):%m-%d %H:%M}" == AWAY[text]


@pytest.mark.parametrize("text", LONG)
def test_the_requested_pause_is_never_shortened(text):
    found = requested_from(text, NOW, (HOME,))
    assert found is not None
    assert f"{found.astimezone(ZoneInfo(HOME)):%Y-%m-%d}" == LONG[text]


def test_a_request_to_be_called_at_once_is_recognized_beside_other_times():
    """But not if they ask for it on another day, or say why they cannot talk now."""
    said = {
        "Call me now. My surgery is in 3 weeks": True,
        "llámeme ahora, me operan en dos semanas": True,
        "call me tomorrow as soon as you can": False,
        "I am in hospital now, call me in 2 weeks": False,
        "don't call me now": False,
        "call me": False,
        "call me now i have surgery on friday": True,
        "call me back right now I will be busy later": True,
        "call me right away im leaving in an hour": True,
        "I have surgery friday call me now": True,
        "I'm away friday please call me asap": True,
        "call me now before Friday": True,
        "please call me immediately because tomorrow I am away": True,
        "llámeme ahora mismo porque el viernes me operan": True,
        "llámeme ahora el viernes tengo cirugía": False,
        "call me on Friday as soon as possible": False,
        "as soon as you can on Friday call me": False,
        "tomorrow call me asap": False,
        "I am home Friday call me as soon as you can": False,
        "I'm away until Friday call me asap then": False,
        "I'm at work right now call me at 5": False,
    }
    assert {text: asks_for_call_now(text) for text in said} == said


@pytest.mark.parametrize(
    "text",
    [
        "call me now i have surgery on friday",
        "Call me back right now, I will be busy later",
        "Call me now. My surgery is in 3 weeks",
        "I have surgery friday call me now",
    ],
)
def test_a_call_at_once_is_not_delayed_by_the_reason_given_for_it(text):
    assert requested_from(text, NOW, (HOME,)) == NOW


def test_a_second_request_beside_a_call_at_once_is_honored():
    tomorrow = requested_from("call me now. If I don't answer call me tomorrow", NOW, (HOME,))
    assert tomorrow == requested_from("call me tomorrow", NOW, (HOME,))
    assert requested_from("call me now but don't call me tomorrow", NOW, (HOME,)) == requested_from(
        "don't call me tomorrow", NOW, (HOME,)
    )


def test_a_requested_time_begins_in_the_latest_zone_the_customer_may_be_in():
    """Given a customer who may be in New York or Honolulu, then five o'clock is the later of the
    two, and tomorrow begins after the later date.
    """
    zones = (HOME, "Pacific/Honolulu")
    five = requested_from("call me after 5pm", NOW, zones)
    assert five == datetime(2026, 11, 19, 3, 0, tzinfo=UTC)
    late = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)  # Thursday in New York, Wednesday in Hawaii
    assert requested_from("call me tomorrow", late, zones) == datetime(
        2026, 11, 20, 10, 0, tzinfo=UTC
    )


def test_a_requested_hour_is_local_time_across_a_clock_change():
    """Given a night in which clocks go back, then 9 o'clock is by the new time."""
    night = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)
    asked = requested_from("tomorrow at 9", night, (HOME,))
    assert asked == datetime(2026, 11, 1, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize("minute", range(0, 24 * 60, 97))
def test_a_requested_time_is_never_in_the_past(minute):
    now = NOW.replace(hour=minute // 60, minute=minute % 60)
    for text in (*ENGLISH, *SPANISH):
        found = requested_from(text, now, (HOME, "America/Los_Angeles"))
        assert found is not None, text
        assert found >= now, text


ODD = ["0th", "31st", "feb", "febrero", "30", "99", "2/29", "2/30/27", "24", "25:00", "12:60", "at"]
WORDS = sorted({word for text in (*ENGLISH, *SPANISH, *ODD) for word in text.split()})


@settings(deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS), max_size=12),
    minutes=st.integers(0, 600_000),
    zones=st.sampled_from([(), (HOME,), (HOME, "Pacific/Honolulu"), ("Pacific/Apia",)]),
)
def test_any_words_yield_no_time_or_one_that_is_not_past(words, minutes, zones):
    """Days that no month has, and hours that no day has, are not times."""
    now = NOW + timedelta(minutes=minutes)
    found = requested_from(" ".join(words), now, zones)
    assert found is None or found >= now


@pytest.mark.parametrize("unit", ["hoy ", "friday ", "7/8 "])
def test_the_context_of_only_a_limited_number_of_days_is_read(unit):
    """Given the longest text, then the context of only a limited number of days is read. Reading it
    for each took seconds, while other processes waited for the database.
    """
    some, many = (looks_around(unit * times) for times in (20, 400))
    assert many <= some


def looks_around(text):
    """Return how many functions that read the context of a time are called for a text."""
    looked = 0
    around = {inspect.getfile(each) for each in (absence, call_now, durations, past)}

    def count(frame, event, _argument):
        nonlocal looked
        looked += event == "call" and frame.f_code.co_filename in around

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        requested_from(text, NOW, (HOME,))
    finally:
        sys.setprofile(before)
    return looked


def test_in_a_text_with_too_many_days_the_last_one_counts():
    twenty, more = (requested_from("friday " * times, NOW, (HOME,)) for times in (20, 21))
    assert twenty < more
