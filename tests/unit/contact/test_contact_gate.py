"""The contact gate: codes in their order, and lawful hours in every zone (12 CFR 1006.6(b): 8:00 to
21:00 local).
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.contact.gate import DEFAULT, Allowed, Facts, Refused, closing, may_contact, next_opening
from rules.contact.person_time_zones import zones_of
from rules.contact.us_zones import STATES, zones_of_state

NEW_YORK, LOS_ANGELES = "America/New_York", "America/Los_Angeles"
NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # Friday noon in New York, 9:00 in Los Angeles
FINE = Facts(
    channel="sms",
    phone="+12025550123",
    invoice_status="overdue",
    disputed=False,
    opted_out=False,
    suppressed="",
    consented=True,
    sender_trouble="",
    paused=False,
    payment_processing=False,
    zones=(NEW_YORK,),
    recent=(),
    ceiling_lifts_at=None,
    books="current",
)
TROUBLES = [
    ({"phone": ""}, "no_phone"),
    ({"invoice_status": "paid"}, "invoice_paid"),
    ({"disputed": True}, "invoice_disputed"),
    ({"invoice_status": "cancelled"}, "invoice_not_collectable"),
    ({"opted_out": True}, "opted_out"),
    ({"suppressed": "a landline"}, "suppressed"),
    ({"consented": False}, "no_consent"),
    ({"sender_trouble": "no sender"}, "sender_not_ready"),
    ({"paused": True}, "paused"),
    ({"payment_processing": True}, "payment_processing"),
    ({"zones": ()}, "unknown_time_zone"),
    ({"zones": ("Pacific/Honolulu",)}, "quiet_hours"),
    ({"recent": tuple(NOON - timedelta(hours=hours) for hours in (1, 2, 3))}, "person_cap"),
    ({"ceiling_lifts_at": NOON + timedelta(hours=12)}, "account_ceiling"),
    ({"books": "stale"}, "books_stale"),
    ({"books": "behind"}, "books_not_current"),
]


def test_when_nothing_is_in_the_way_it_says_until_when():
    assert may_contact(FINE, NOON) == Allowed(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))


@pytest.mark.parametrize(("trouble", "code"), TROUBLES)
def test_each_trouble_has_its_code(trouble, code):
    answer = may_contact(replace(FINE, **trouble), NOON)
    assert isinstance(answer, Refused)
    assert (answer.code, bool(answer.reason)) == (code, True)


@pytest.mark.parametrize("index", range(len(TROUBLES) - 1))
def test_of_several_troubles_the_weightier_is_told(index):
    """What no waiting mends comes before what it does."""
    (first, code), (second, _) = TROUBLES[index], TROUBLES[index + 1]
    if not set(first) & set(second):
        assert may_contact(replace(FINE, **{**second, **first}), NOON).code == code


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
def test_the_hours_and_the_margin_before_closing(local, allowed):
    moment = (
        datetime.fromisoformat(f"2026-11-20T{local}")
        .replace(tzinfo=ZoneInfo(NEW_YORK))
        .astimezone(UTC)
    )
    assert isinstance(may_contact(FINE, moment), Allowed) is allowed


def test_east_and_west_leave_what_is_lawful_in_both():
    both = replace(FINE, zones=(NEW_YORK, LOS_ANGELES))
    refused = may_contact(both, datetime(2026, 11, 20, 15, 30, tzinfo=UTC))  # 10:30 in New York
    # 11:00
    assert (refused.code, refused.next_at) == (
        "quiet_hours",
        datetime(2026, 11, 20, 16, 0, tzinfo=UTC),
    )
    # 21:00 in New York
    assert may_contact(both, NOON) == Allowed(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))


def test_a_ceiling_lifts_at_the_accounts_midnight_and_nobody_is_woken_by_that():
    """Given a ceiling that was reached, then the next time is its end, or the next lawful hour
    after it.
    """
    for lifts_at, next_at in (
        (NOON + timedelta(hours=2), NOON + timedelta(hours=2)),
        (NOON + timedelta(hours=12), datetime(2026, 11, 21, 13, 0, tzinfo=UTC)),
    ):
        answer = may_contact(replace(FINE, ceiling_lifts_at=lifts_at), NOON)
        assert (answer.code, answer.next_at) == ("account_ceiling", next_at)


def test_the_cap_ends_when_the_oldest_of_the_last_three_is_a_day_old():
    """And not at night: a day after 21:30 there is the next morning's opening."""
    recent = tuple(NOON - timedelta(hours=hours) for hours in (20, 4, 2))
    answer = may_contact(replace(FINE, recent=recent), NOON)
    assert (answer.code, answer.next_at) == (
        "person_cap",
        datetime(2026, 11, 20, 21, 0, tzinfo=UTC),
    )
    recent = tuple(NOON - timedelta(hours=hours) for hours in (14.5, 4, 2))
    assert may_contact(replace(FINE, recent=recent), NOON).next_at == datetime(
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


@settings(max_examples=400, deadline=None)
@given(zones=ZONES, now=MOMENTS)
def test_whatever_is_allowed_is_lawful_in_every_zone_until_the_end(zones, now):
    until = closing(tuple(zones), now)
    for zone in zones if until else ():
        for moment in (now, until - timedelta(seconds=1)):
            assert (
                DEFAULT.opening_hour
                <= moment.astimezone(ZoneInfo(zone)).hour
                < DEFAULT.closing_hour
            )


@settings(max_examples=400, deadline=None)
@given(zones=ZONES, now=MOMENTS)
def test_the_next_time_is_allowed_and_nothing_before_it_is(zones, now):
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
        ("+12025550123", {"state": "CA", "country": "DE"}, None, {NEW_YORK}),
        ("no number", None, None, set()),
    ],
)
def test_where_a_person_may_be(phone, address, told, zones):
    assert set(zones_of(phone, address, told)) == zones


def test_a_number_without_a_place_may_be_anywhere_in_its_country_code():
    zones = zones_of("+18005550123", None, None)
    assert {NEW_YORK, LOS_ANGELES, "Pacific/Honolulu"} <= set(zones)


def test_every_state_of_the_us_and_dc_has_zones():
    assert len(STATES) == 51 + 3  # with Puerto Rico, the Virgin Islands and Guam
    assert zones_of_state("TX", "US") == ("America/Chicago", "America/Denver")
