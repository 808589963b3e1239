"""Times that customers name beside other words: a call now, a reason, a past event."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rules.contact.replies import asks_for_another_time
from rules.contact.time_requests.call_now import asks_for_call_now as clause_asks
from rules.contact.time_requests.times import asks_for_call_now, requested_from

HOME = "America/New_York"
SUMMER = datetime(2026, 7, 15, 11, 0, tzinfo=ZoneInfo(HOME)).astimezone(UTC)  # a Wednesday
AUTUMN = datetime(2026, 11, 29, 11, 0, tzinfo=ZoneInfo(HOME)).astimezone(UTC)  # a Sunday

# "now" says when they are short of money, or another time limits it
NOT_NOW = {
    "I'm short right now call me on dec 1": "12-01 00:00",
    "I'm short right now call me on aug 1": "08-01 00:00",
    "I'm short right now call me on june 5": "06-05 00:00",
    "I'm short right now call me on 9/1": "09-01 00:00",
    "I'm short right now call me in august": "08-01 00:00",
    "I'm short right now call me in september": "09-01 00:00",
    "I'm short right now call me in november": "11-01 00:00",
    "I'm leaving now for vacation call me aug 1": "08-01 00:00",
    "estoy corto ahora llámeme en agosto": "08-01 00:00",
    "call me immediately after 5pm": "07-15 17:00",
    "call me right now after 5:30 pm": "07-15 17:30",
    "call asap but not before 3": "07-15 15:00",
    "call me asap but not today": "07-16 00:00",
    "call me asap but don't call me before 3": "07-15 15:00",
    "please call me immediately when you open on monday": "07-20 00:00",
    "I want to talk right away when I get back on the 25th": "07-25 00:00",
    "call me now? no. tomorrow": "07-16 00:00",
    "call me now? No. Call me on Friday": "07-17 00:00",
    "need to talk asap call me tomorrow at 9": "07-16 09:00",
    "llámeme cuanto antes pero después de las 5": "07-15 17:00",
}
NOW = [
    "call me asap thanks",
    "call me right now I am free",
    "call me now but don't call me tomorrow",
    "call me now when you get this",
    "my surgery is on june 5 call me now",
    "call me now about my visit on may 3",
]
# the date of a past event is not a time to contact them
OVER = [
    "I had surgery on june 1 please call me about the bill",
    "I was hospitalized from june 1 to june 5, call me",
    "my surgery on may 5 was covered, please call",
    "please call about my surgery june 1",
    "my appointment on june 2 was cancelled, call me",
    "the hospital bill from june 1 is high, call me",
    "me operaron el 3 de junio, llámeme",
    "estuve internado el 3 de junio, llámeme",
]
TO_COME = {
    "I'm on vacation june 5 to june 10": "2027-06-11",
    "on vacation 6/5 to 6/10": "2027-06-11",
    "not available june 5": "2027-06-06",
    "I will be away in june": "2027-07-01",
    "I was told I will be away june 5": "2027-06-06",
    "my husband is going to be in rehab june 5 to june 20": "2027-06-21",
    "estaré de viaje el 5 de junio": "2027-06-06",
    "I will be in the hospital june 5": "2027-06-06",
    "on june 5 I will be away": "2027-06-06",
    "I had a baby and am on leave until june 5": "2027-06-05",
}
# never sooner than they ask
SHORTER = {
    "not before september": "09-01",
    "give me till the first": "08-01",
    "until the first": "08-01",
    "wait until the third": "08-03",
    "hasta el primero": "08-01",
    "hasta el quince": "08-15",
    "wait till after labor day": "09-08",
    "call me at the end of september": "09-30",
    "mid august": "08-15",
    "call me september": "09-01",
    "call me end of month": "07-31",
    "call me on the first": "08-01",
    "call me any day but friday": "07-18",
    "gone through september": "10-01",
    "out through 8/15": "08-16",
    "away this august": "09-01",
    "deme dos semanas": "07-29",
    "30 days": "08-14",
    "no calls this week": "07-20",
}
# a time alone, without any other request, is when to contact them
PUT_OFF = [
    "need a couple weeks",
    "no calls this week",
    "wait a month",
    "please hold off for 30 days",
    "can you wait 2 weeks",
    "deme dos semanas",
    "espere 15 días",
    "a partir del lunes",
    "no voy a estar esta semana",
    "hit me up next week",
    "mid august",
    "gone through september",
    "out through 8/15",
    "away this august",
    "tmrw pls",
    "2morrow",
    "10 days",
]
# the date of an insurance, a card or a bill is not a time to contact them
OF_ANOTHER = [
    "I turn 65 in october, call me",
    "my card expires in august, call me",
    "question about my bill due august 3 call me",
    "I am paid through september, call me",
    "I was there the first time, call me",
]


def read(said, now, shown):
    """Return the time that each text names, as a clock in New York shows it."""
    found = {text: requested_from(text, now, (HOME,)) for text in said}
    return {text: at and f"{at.astimezone(ZoneInfo(HOME)):{shown}}" for text, at in found.items()}


def test_a_request_for_another_time_is_no_request_for_a_call_now():
    assert read(NOT_NOW, SUMMER, "%m-%d %H:%M") == NOT_NOW
    assert {text: asks_for_call_now(text) for text in NOT_NOW} == dict.fromkeys(NOT_NOW, False)


def test_a_call_now_is_requested_even_if_other_days_are_mentioned():
    assert {text: asks_for_call_now(text) for text in NOW} == dict.fromkeys(NOW, True)


def test_the_date_of_a_past_event_is_no_requested_time():
    for now in (SUMMER, AUTUMN):
        assert read(OVER, now, "%m-%d") == dict.fromkeys(OVER)
    lately = ["I had surgery in july, call me", "we were away in may call me"]
    assert read(lately, AUTUMN, "%m-%d") == dict.fromkeys(lately)
    assert read(["I was ill call me in may"], AUTUMN, "%m-%d") == {
        "I was ill call me in may": "05-01"
    }


def test_a_date_of_absence_is_read_as_a_future_date():
    assert read(TO_COME, SUMMER, "%Y-%m-%d") == TO_COME


def test_the_requested_time_is_never_earlier_than_stated():
    assert read(SHORTER, SUMMER, "%m-%d") == SHORTER


def test_a_request_for_another_time_is_recognized_in_any_wording():
    found = {text: asks_for_another_time(text) for text in PUT_OFF}
    assert found == dict.fromkeys(PUT_OFF, True)


def test_the_date_of_something_else_is_no_requested_time():
    assert read(OF_ANOTHER, SUMMER, "%m-%d") == dict.fromkeys(OF_ANOTHER)
    insured = "My insurance is active until december"
    assert read([insured], SUMMER, "%m-%d") == {insured: "07-16"}, "a day's rest, not until then"


def test_a_clause_that_repeats_now_is_read_only_a_few_times():
    """A long clause is read a few times in all, not once for each of its words."""
    read_letters = []

    def names_time(words):
        read_letters.append(len(words))
        return True

    for part in ("call me now but ", "now call me tomorrow ", "call asap not friday "):
        clause = part * 100
        clause_asks(clause, names_time)
        assert sum(read_letters) < 10 * len(clause)
        read_letters.clear()
