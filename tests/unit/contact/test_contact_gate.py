"""The contact gate: codes in their order, and lawful hours in every zone (12 CFR 1006.6(b): 8:00 to
21:00 local).
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.contact.facts import (
    Allowed,
    Contact,
    ContactRequest,
    Debt,
    Facts,
    Hold,
    NumberCheck,
    Person,
    Refused,
)
from rules.contact.gate import all_refusals, may_contact
from rules.contact.hours import LAWFUL, closing, next_opening
from rules.contact.person_time_zones import zones_of
from rules.contact.places import Places, places_of
from rules.contact.us.zones import STATES

NEW_YORK, LOS_ANGELES = "America/New_York", "America/Los_Angeles"
NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # Friday noon in New York, 9:00 in Los Angeles
FINE = Facts(
    channel="sms",
    person=Person(phone="+12025550123", zones=(NEW_YORK,), consented_at=NOON - timedelta(days=30)),
    debt=Debt(id="inv_1", status="overdue", due_on=date(2026, 10, 1), billed_on=date(2026, 9, 1)),
)


def changed(facts, changes):
    """Return the facts with these fields changed, such as `{"person.phone": ""}`."""
    for name, value in changes.items():
        part, _, field = name.rpartition(".")
        inner = replace(getattr(facts, part), **{field: value}) if part else value
        facts = replace(facts, **{part or field: inner})
    return facts


def texts(*hours, debt="inv_1"):
    """Return texts sent this many hours before noon."""
    return tuple(
        Contact(at=NOON - timedelta(hours=each), channel="sms", debt_id=debt) for each in hours
    )


YOUNG = {
    "purpose": "collection",
    "person.places": Places(("NJ",)),
    "debt.billed_on": date(2026, 11, 1),
}
TALK = Contact(at=NOON - timedelta(days=2), channel="voice", debt_id="inv_1", outcome="spoke")
CITY = Places(("NY",), ("New York",))
TROUBLES = [
    ({"person.phone": ""}, "no_phone"),
    ({"debt.status": "paid"}, "invoice_paid"),
    ({"debt.disputed": True}, "invoice_disputed"),
    ({"debt.status": "cancelled"}, "invoice_not_collectable"),
    ({"person.opted_out": True}, "opted_out"),
    ({"person.holds": (Hold("deceased"),)}, "deceased"),
    ({"person.holds": (Hold("bankruptcy"),)}, "bankruptcy"),
    ({"person.holds": (Hold("attorney"),)}, "attorney_represented"),
    ({"person.holds": (Hold("ppdr"),)}, "ppdr_open"),
    ({"person.holds": (Hold("dispute"),)}, "bill_disputed"),
    ({"person.holds": (Hold("insurance", NOON + timedelta(days=3)),)}, "insurance_appeal"),
    ({"person.holds": (Hold("hardship"),)}, "hardship"),
    ({"person.holds": (Hold("other"),)}, "on_hold"),
    ({"person.holds": (Hold("later", NOON + timedelta(days=1)),)}, "asked_for_later"),
    ({"person.request": ContactRequest("voice", "")}, "contact_request"),
    ({"person.suppressed": "a landline"}, "suppressed"),
    ({"person.consented_at": None}, "no_consent"),
    ({"creditor.consent_lasts": timedelta(days=30)}, "consent_too_old"),
    ({"is_offer": True}, "no_written_consent"),
    ({"person.number_check": NumberCheck(NOON, True)}, "number_reassigned"),
    (
        {"creditor.checks_numbers_after": timedelta(days=90), "person.number_unknown": "no data"},
        "number_not_known",
    ),
    ({"creditor.checks_numbers_after": timedelta(days=90)}, "number_not_checked"),
    ({"creditor.party": "third"}, "third_party_sms"),
    ({"channel": "voice", "creditor.party": "third"}, "third_party_call"),
    ({"channel": "voice", "person.places": Places(("CA",))}, "natural_voice_required"),
    ({"creditor.sender_trouble": "no sender"}, "sender_not_ready"),
    ({"creditor.unregistered": "pending"}, "sender_unregistered"),
    ({"creditor.paused": True}, "paused"),
    ({"debt.payment_processing": True}, "payment_processing"),
    ({"debt.promised_until": NOON + timedelta(days=3)}, "promised"),
    ({"person.zones": ()}, "unknown_time_zone"),
    ({"person.zones": ("Pacific/Honolulu",)}, "quiet_hours"),
    ({"creditor.quiet_days": ("friday",)}, "quiet_day"),
    (YOUNG, "debt_too_young"),
    ({"channel": "voice", "history": (TALK,)}, "recent_conversation"),
    ({"history": texts(1, 2, 3, debt="inv_2")}, "person_cap"),
    ({"person.places": CITY, "history": texts(30, 60, 90)}, "debt_cap"),
    ({"creditor.ceiling_lifts_at": NOON + timedelta(hours=12)}, "account_ceiling"),
    ({"debt.books": "stale"}, "books_stale"),
    ({"debt.books": "behind"}, "books_not_current"),
]


def test_an_allowed_contact_says_until_when_it_is_allowed():
    assert may_contact(FINE, NOON) == Allowed(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))


@pytest.mark.parametrize(("trouble", "code"), TROUBLES)
def test_each_obstacle_is_refused_with_its_own_code(trouble, code):
    answer = may_contact(changed(FINE, trouble), NOON)
    assert isinstance(answer, Refused)
    assert (answer.code, bool(answer.reason)) == (code, True)


# those that exclude the next one in the list
EXCLUSIVE = {
    "no_consent",
    "number_reassigned",
    "number_not_known",
    "third_party_sms",
    "unknown_time_zone",
    "books_stale",
}
PAIRS = [pair for pair in pairwise(TROUBLES) if pair[0][1] not in EXCLUSIVE]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda trouble: trouble[1])
def test_the_weightiest_of_several_refusals_is_reported(first, second):
    """Reasons that last come before reasons that end with time."""
    (weightier, code), (lighter, other) = first, second
    shared = {
        name: lighter[name] + weightier[name]
        for name in weightier.keys() & lighter.keys()
        if isinstance(lighter[name], tuple)
    }
    facts = changed(FINE, lighter | weightier | shared)
    assert may_contact(facts, NOON).code == code
    assert other in [each.code for each in all_refusals(facts, NOON)]


@pytest.mark.parametrize(
    ("channel", "places", "told"),
    [
        ("voice", Places(("MA",)), "The invoice has had 2 calls in 7 days, and may have 2 in MA."),
        ("sms", CITY, "The invoice has had 3 contacts in 7 days, and may have 3 in New York."),
    ],
)
def test_a_refusal_by_a_cap_says_what_is_counted_and_where(channel, places, told):
    """Given calls and texts, then a cap on calls counts no texts, and the reason says so."""
    calls = tuple(
        Contact(
            at=NOON - timedelta(days=each), channel="voice", debt_id="inv_1", outcome="no_answer"
        )
        for each in (2, 3)
    )
    facts = replace(FINE, channel=channel, history=(*texts(100), *calls))
    assert told in may_contact(changed(facts, {"person.places": places}), NOON).reason


@pytest.mark.parametrize(
    ("channel", "ways", "wish", "by"),
    [("sms", "texts", "voice", "phone"), ("voice", "calls", "sms", "text")],
)
def test_refusals_say_texts_and_calls_instead_of_channel_codes(channel, ways, wish, by):
    """Reasons say "texts" and "calls", never "sms" or "voice", because office staff read them."""
    troubles = {"person.opted_out": True}, {"person.consented_at": None}, {"creditor.paused": True}
    for trouble in troubles:
        reason = may_contact(changed(FINE, {"channel": channel} | trouble), NOON).reason
        assert ways in reason
        assert f" {channel}" not in reason
    asked = {"channel": channel, "person.request": ContactRequest(wish, "")}
    told = may_contact(changed(FINE, asked), NOON).reason
    assert f"asked to be contacted by {by} only, as is their right." in told


@pytest.mark.parametrize(
    ("local", "allowed"),
    [
        ("07:59:59", False),
        ("08:00:00", True),
        ("20:56:59", True),
        ("20:57:01", False),
        ("20:59:59", False),
        ("21:00:00", False),
        ("23:30:00", False),
    ],
)
def test_contact_is_allowed_in_lawful_hours_up_to_a_margin_before_they_end(local, allowed):
    moment = (
        datetime.fromisoformat(f"2026-11-20T{local}")
        .replace(tzinfo=ZoneInfo(NEW_YORK))
        .astimezone(UTC)
    )
    assert isinstance(may_contact(FINE, moment), Allowed) is allowed


def test_with_two_possible_time_zones_only_hours_lawful_in_both_are_allowed():
    both = changed(FINE, {"person.zones": (NEW_YORK, LOS_ANGELES)})
    refused = may_contact(both, datetime(2026, 11, 20, 15, 30, tzinfo=UTC))  # 10:30 in New York
    # 11:00 in New York, 8:00 in Los Angeles
    assert (refused.code, refused.next_at) == (
        "quiet_hours",
        datetime(2026, 11, 20, 16, 0, tzinfo=UTC),
    )
    # 21:00 in New York
    assert may_contact(both, NOON) == Allowed(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))


def test_a_ceiling_that_lifts_at_night_allows_contact_from_the_next_lawful_hour():
    """Given a ceiling that was reached, then the next time is when it lifts, or the next lawful
    hour after that.
    """
    for lifts_at, next_at in (
        (NOON + timedelta(hours=2), NOON + timedelta(hours=2)),
        (NOON + timedelta(hours=12), datetime(2026, 11, 21, 13, 0, tzinfo=UTC)),
    ):
        answer = may_contact(changed(FINE, {"creditor.ceiling_lifts_at": lifts_at}), NOON)
        assert (answer.code, answer.next_at) == ("account_ceiling", next_at)


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        ("MA", "busy", "debt_cap"),
        ("MA", "dead_line", "debt_cap"),
        ("MA", "not_placed", ""),
        ("NH", "busy", ""),
    ],
)
def test_massachusetts_counts_every_call_that_was_placed(state, outcome, code):
    """940 CMR 7.04(1)(f): two initiated calls in seven days, connected or not; a call never placed
    does not count.
    """
    two = tuple(
        Contact(at=NOON - timedelta(hours=each), channel="voice", debt_id="inv_1", outcome=outcome)
        for each in (30, 60)
    )
    facts = changed(FINE, {"channel": "voice", "person.places": Places((state,)), "history": two})
    answer = may_contact(facts, NOON)
    assert getattr(answer, "code", "") == code


def test_the_daily_cap_ends_when_the_oldest_of_three_contacts_is_a_day_old():
    """If that is at night, the cap ends when the next morning's hours open."""
    answer = may_contact(replace(FINE, history=texts(20, 4, 2)), NOON)
    assert (answer.code, answer.next_at) == (
        "person_cap",
        datetime(2026, 11, 20, 21, 0, tzinfo=UTC),
    )
    assert may_contact(replace(FINE, history=texts(14.5, 4, 2)), NOON).next_at == datetime(
        2026, 11, 21, 13, 0, tzinfo=UTC
    )


SOMEWHERE = sorted(
    {zone for zones in STATES.values() for zone in zones}
    | {"Europe/London", "Asia/Kolkata", "America/St_Johns"}
)
ZONES = st.lists(st.sampled_from(SOMEWHERE), min_size=1, max_size=4, unique=True)
MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@settings(max_examples=400)
@given(zones=ZONES, now=MOMENTS)
def test_an_allowed_span_is_lawful_in_every_zone_until_its_end(zones, now):
    until = closing(tuple(zones), now)
    for zone in zones if until else ():
        for moment in (now, until - timedelta(seconds=1)):
            assert LAWFUL.opens <= moment.astimezone(ZoneInfo(zone)).hour < LAWFUL.closes


@settings(max_examples=400)
@given(zones=ZONES, now=MOMENTS)
def test_the_next_opening_is_the_first_allowed_moment(zones, now):
    opening = next_opening(tuple(zones), now)
    if opening is None:
        steps = (now + timedelta(minutes=20 * step) for step in range(72 * 3))
        assert all(closing(tuple(zones), moment) is None for moment in steps)
        return
    assert closing(tuple(zones), opening) is not None
    before = [now + (opening - now) * share / 40 for share in range(40)]
    assert opening == now or all(closing(tuple(zones), moment) is None for moment in before)


@pytest.mark.parametrize(
    ("phone", "address", "told", "zones"),
    [
        ("+12025550123", None, None, {NEW_YORK}),
        ("+12025550123", {"state": "ca"}, None, {NEW_YORK, LOS_ANGELES}),
        ("+12025550123", {"state": "CA"}, "Europe/Berlin", {NEW_YORK, "Europe/Berlin"}),
        ("+12025550123", {"state": "CA", "country": "JP"}, None, {NEW_YORK, "Asia/Tokyo"}),
        ("+12025550123", {"country": " japan "}, None, {NEW_YORK, "Asia/Tokyo"}),
        ("+12025550123", {"country": "JP"}, "Asia/Seoul", {NEW_YORK, "Asia/Seoul"}),
        ("+12025550123", {"state": "CA", "country": "Atlantis"}, None, {NEW_YORK}),
        ("no number", None, None, set()),
    ],
)
def test_phone_address_and_stated_zone_give_the_possible_time_zones(phone, address, told, zones):
    assert set(zones_of(phone, address, told)) == zones


@pytest.mark.parametrize(
    "country",
    ["us", "U.S.", "U. S. A.", "the United States", "America", "Estados Unidos", "EE. UU."],
)
def test_the_country_at_home_is_recognized_as_people_write_it(country):
    """Given an address in California, then its rules and hours count, however its country is
    written.
    """
    address = {"state": "CA", "country": country}
    assert places_of("+12025550123", address).states == ("CA",)
    assert set(zones_of("+12025550123", address, None)) == {NEW_YORK, LOS_ANGELES}


def test_a_toll_free_number_may_be_anywhere_in_its_country_code():
    zones = zones_of("+18005550123", None, None)
    assert {NEW_YORK, LOS_ANGELES, "Pacific/Honolulu"} <= set(zones)


def test_a_customer_in_canada_is_contacted_only_in_canadian_daytime():
    """Given a Toronto number and an address in Canada, then contact starts at 8:00 in Vancouver and
    ends before 21:00 in St. John's.
    """
    zones = zones_of("+14165550123", {"state": "BC", "country": "CA"}, None)
    opens = next_opening(zones, datetime(2026, 11, 20, 13, 0, tzinfo=UTC))  # 8:00 in Toronto
    assert opens == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert closing(zones, opens) == datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


def test_every_state_of_the_us_and_dc_has_zones():
    assert len(STATES) == 51 + 3  # with Puerto Rico, the Virgin Islands and Guam
    assert STATES["TX"] == ("America/Chicago", "America/Denver")
