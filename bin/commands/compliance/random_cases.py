"""Random people, debts and clinics on which to try the contact gate and its checker.

The facts about each number and address, its zones and its state, are written down here by hand.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from bin.commands.compliance.checker import HELD, NOT_SPOKEN, Case, Home, Made
from rules.contact.facts import (
    Contact,
    ContactRequest,
    Creditor,
    Debt,
    Facts,
    Hold,
    NumberCheck,
    Person,
)
from rules.contact.person_time_zones import zones_of
from rules.contact.places import Places, places_of

EASTERN, CENTRAL, MOUNTAIN, PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)
HOMES = (
    Home("+12125550123", {"state": "NY", "postalCode": "10001"}, (EASTERN,), "NY", True),
    Home("+17185550123", None, (EASTERN,), "NY", True),
    Home("+17165550123", {"state": "New York", "postalCode": "14201"}, (EASTERN,), "NY"),
    Home("+12125550123", {"state": "CA"}, (EASTERN, PACIFIC), "CA"),
    Home("+14155550123", {"state": "ca", "country": "US"}, (PACIFIC,), "CA"),
    Home("+12075550123", {"state": "California"}, (EASTERN, PACIFIC), "CA"),
    Home("+13055550123", None, (EASTERN,), "FL"),
    Home("+13055550123", {"state": "FL"}, (EASTERN, CENTRAL), "FL"),
    Home("+16175550123", {"state": "Massachusetts"}, (EASTERN,), "MA"),
    Home("+12145550123", {"postalCode": "02139-4307"}, (CENTRAL, EASTERN), "MA"),
    Home("+12025550123", None, (EASTERN,), "DC"),
    Home("+12065550123", {"postalCode": "98101"}, (PACIFIC,), "WA"),
    Home("+13125550123", {"state": "WA"}, (CENTRAL, PACIFIC), "WA"),
    Home("+12015550123", None, (EASTERN,), "NJ"),
    Home("+18085550123", {"state": "HI"}, ("Pacific/Honolulu",), "HI"),
    Home("+12015550123", {"state": "HI"}, (EASTERN, "Pacific/Honolulu"), "HI"),
    Home("+16025550123", {"state": "AZ"}, ("America/Phoenix", MOUNTAIN), "AZ"),
    Home("+12145550123", {"state": "TX"}, (CENTRAL, MOUNTAIN), "TX"),
    Home("+442079460958", None, ("Europe/London",), ""),
    Home("+14165550123", None, ("America/Toronto",), ""),
)
UNSPOKEN = (*sorted(NOT_SPOKEN), "no_answer")
# '' is a call still in progress, so its outcome is unknown
SPOKEN = (
    *("broke_off", "hung_up", "in_doubt", "paid", "paid_by_link", "promised", "silent", "spoke"),
    "",
)
# lives begin days before these: clocks change, a month or year ends, a leap day, a rule starts
TURNS = (
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 9, 1, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 12, 31, tzinfo=UTC),
    datetime(2027, 3, 14, tzinfo=UTC),
    datetime(2027, 3, 28, tzinfo=UTC),
    datetime(2027, 10, 31, tzinfo=UTC),
    datetime(2028, 2, 29, tzinfo=UTC),
)
# random lives would rarely meet the rules that bind only agencies, one of them expired: steer some
AGENCIES = tuple(home for home in HOMES if home.in_city or home.state in {"WA", "DC"})
AGENCIES_LAST_DAY = datetime(2026, 8, 31, tzinfo=UTC)


def random_moments(random: Random) -> Iterator[tuple[Case, datetime]]:
    """Yield forty attempts at contacting one person over some weeks."""
    of_an_agency = _chance(random, 15)
    turn = AGENCIES_LAST_DAY - timedelta(days=20) if of_an_agency else random.choice(TURNS)
    now = turn - timedelta(seconds=random.randrange(10 * 86_400))
    person, clinic = dict(_PLAIN_PERSON), dict(_PLAIN_CLINIC)
    person["consented_at"] = now - timedelta(seconds=random.randrange(80 * 86_400))
    if _chance(random, 40):
        person |= _person(random, now)
    if _chance(random, 40):
        clinic |= _clinic(random, now)
    if of_an_agency:
        clinic["for_others"] = True
    debts = [(f"inv_{number}", _debt(random, now)) for number in range(random.choice((1, 1, 2)))]
    home = random.choice(AGENCIES if of_an_agency else HOMES)
    for _ in range(40):
        debt, about = random.choice(debts)
        by = random.choice(("sms", "voice", "voice"))
        now += timedelta(seconds=random.choice((60, 3_600, 7_200, 14_400, 40_000, 90_000)))
        now += timedelta(microseconds=random.randrange(3_600_000_000))
        yield (
            Case(
                home=home,
                by=by,
                debt=debt,
                is_action=_chance(random, 20),
                is_offer=_chance(random, 5),
                is_machine=_chance(random, 80),
                **about,
                **person,
                **clinic,
            ),
            now,
        )


def random_contact(random: Random, case: Case, at: datetime) -> Made:
    """Return the outcome of a contact that was allowed."""
    answered = random.choice(SPOKEN) if _chance(random, 8) else random.choice(UNSPOKEN)
    outcome = answered if case.by == "voice" else "sent"
    return Made(at, case.by, case.debt, outcome, case.by == "voice" and _chance(random, 10))


@cache
def _found_zones(home: Home) -> tuple[str, ...]:
    return zones_of(home.phone, home.address, None)


@cache
def _found_places(home: Home) -> Places:
    return places_of(home.phone, home.address)


def facts_of(case: Case, log: list[Made]) -> Facts:
    """Return a case as the gate's facts. Gate code finds where the person might be."""
    home = case.home
    return Facts(
        channel="sms" if case.by == "sms" else "voice",
        person=Person(
            phone=home.phone,
            zones=_found_zones(home),
            places=_found_places(home),
            opted_out=case.opted_out,
            suppressed="it is a landline" if case.suppressed else "",
            consented_at=case.consented_at,
            consented_in_writing=case.in_writing,
            holds=tuple(Hold(kind, until) for kind, until in case.holds),
            request=ContactRequest(case.wished_channel, case.wished_phone),
            number_check=(
                NumberCheck(case.looked_up_at, case.changed_hands)
                if case.looked_up_at is not None
                else None
            ),
            number_unknown="Twilio told nothing" if case.told_nothing else "",
        ),
        debt=Debt(
            id=case.debt,
            status=case.debt_status,
            due_on=case.due_on,
            billed_on=case.billed_on,
            disputed=case.disputed,
            payment_processing=case.processing,
            promised_until=case.promised_until,
        ),
        creditor=Creditor(
            party="third" if case.for_others else "first",
            sender_trouble="" if case.ready else "There is no sender",
            unregistered="" if case.registration == "approved" else case.registration,
            paused=case.paused,
            ceiling_lifts_at=case.ceiling_until,
            quiet_days=case.quiet_days,
            person_introduces=case.somebody_introduces,
            consent_lasts=_days(case.consent_days),
            checks_numbers_after=_days(case.look_up_days),
        ),
        history=tuple(
            Contact(
                at=one.at,
                channel="sms" if one.by == "sms" else "voice",
                debt_id=one.debt,
                outcome=one.outcome,
                asked_for=one.asked_for,
            )
            for one in log
        ),
        purpose="collection" if case.is_action else "reminder",
        is_offer=case.is_offer,
        artificial_voice=case.is_machine,
    )


def _chance(random: Random, percent: int) -> bool:
    return random.randrange(100) < percent


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


# most people and clinics have no obstacles, so that contacts continue until a cap is reached
_PLAIN_PERSON: dict[str, Any] = {
    "opted_out": False,
    "holds": (),
    "wished_channel": "",
    "wished_phone": "",
    "suppressed": False,
    "in_writing": True,
    "looked_up_at": None,
    "changed_hands": False,
}
_PLAIN_CLINIC: dict[str, Any] = {
    "for_others": False,
    "ready": True,
    "registration": "",
    "paused": False,
    "ceiling_until": None,
    "quiet_days": (),
    "somebody_introduces": False,
    "consent_days": None,
    "look_up_days": None,
}


def _person(random: Random, now: datetime) -> dict[str, Any]:
    looked_up = _chance(random, 30)
    return {
        "opted_out": _chance(random, 3),
        "holds": tuple(
            (random.choice(sorted(HELD)), random.choice((None, _later(random, now))))
            for _ in range(random.choice((0, 0, 0, 0, 0, 0, 1, 2)))
        ),
        "wished_channel": random.choice(("",) * 18 + ("sms", "voice")),
        "wished_phone": random.choice(("",) * 19 + ("+12035550199",)),
        "suppressed": _chance(random, 3),
        "consented_at": (
            None if _chance(random, 5) else now - timedelta(seconds=random.randrange(400 * 86_400))
        ),
        "in_writing": _chance(random, 50),
        "looked_up_at": (
            now - timedelta(seconds=random.randrange(120 * 86_400)) if looked_up else None
        ),
        "changed_hands": looked_up and _chance(random, 10),
        "told_nothing": _chance(random, 20),
    }


def _clinic(random: Random, now: datetime) -> dict[str, Any]:
    return {
        "for_others": _chance(random, 50),
        "ready": _chance(random, 97),
        "registration": random.choice(("", "", "approved", "approved", "approved", "pending")),
        "paused": _chance(random, 3),
        "ceiling_until": _later(random, now) if _chance(random, 10) else None,
        "quiet_days": random.choice(
            ((), (), (), ("sunday",), ("12-25", "01-01", "02-29"), ("saturday", "2026-11-26"))
        ),
        "somebody_introduces": _chance(random, 30),
        "consent_days": random.choice((None, None, 180)),
        "look_up_days": random.choice((None, None, None, 90)),
    }


def _debt(random: Random, now: datetime) -> dict[str, Any]:
    billed = (now - timedelta(days=random.randrange(200))).date()
    return {
        "debt_status": random.choice(("overdue",) * 20 + ("sent",) * 8 + ("paid", "draft")),
        "due_on": billed + timedelta(days=30),
        "billed_on": billed,
        "disputed": _chance(random, 3),
        "processing": _chance(random, 3),
        "promised_until": _later(random, now) if _chance(random, 5) else None,
    }


def _later(random: Random, now: datetime) -> datetime:
    return now + timedelta(seconds=random.randrange(20 * 86_400))
