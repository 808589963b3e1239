"""Properties of the contact gate: an independent checker agrees with it, more history or more
reasons against never allow more, and lawful hours are lawful in every time zone.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bin.commands.compliance import prove
from bin.commands.compliance.checker import Made, broken
from bin.commands.compliance.random_cases import (
    SPOKEN,
    UNSPOKEN,
    facts_of,
    random_contact,
    random_moments,
)
from bin.commands.program import payphone
from rules.contact.facts import Allowed, Contact, ContactRequest, Hold
from rules.contact.gate import all_refusals, may_contact
from rules.contact.hours import LAWFUL, closing, next_opening
from rules.contact.policy import HOLD_KINDS, OUTCOMES, RULES

GATES = [rule for rule in RULES if rule.kind in {"cap", "cool_down", "minimum_age", "hold"}]
# rules that have no numbers
CONDITIONS = (
    "carrier.third_party",
    "voice.third_party",
    "voice.california",
    "sender.registered",
    "promise",
)
CATCHABLE = [rule.id for rule in GATES] + list(CONDITIONS)
UNCONNECTED = {"busy", "dead_line"}
EVERY_ZONE = sorted(available_timezones() - {"Factory", "localtime"})


@cache
def town():
    """Return the verdict on 20,000 attempts, and each attempt: facts, time, and what the checker
    has against it.
    """
    tried, attempt = [], prove._attempt

    def kept(random, verdict, case, log, now, rules):
        tried.append((facts_of(case, log), now, broken(case, log, now)))
        attempt(random, verdict, case, log, now, rules)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prove, "_attempt", kept)
        return prove.proved(20_000, seed=20_261_129), tried


@pytest.mark.slow
@pytest.mark.xdist_group("town")
def test_an_independent_checker_agrees_with_the_gate_20_000_times():
    verdict, _ = town()
    assert verdict.faults == []
    assert verdict.contacts > 2_000
    assert {rule.code for rule in GATES} <= set(verdict.codes), "each kind of rule has refused"


@pytest.mark.slow
@pytest.mark.xdist_group("town")
@pytest.mark.parametrize("left_out", CATCHABLE)
def test_the_checker_finds_a_gate_that_lacks_a_rule(left_out):
    """Given the attempts on which the whole gate and the checker agree, then a gate that lacks the
    rule answers one of them otherwise, or one in a town of its own.
    """
    [code] = {rule.code for rule in RULES if rule.id == left_out}
    rules = tuple(rule for rule in RULES if rule.id != left_out)
    _, tried = town()
    is_met = any(
        {one.code for one in all_refusals(facts, now, rules)} != against
        for facts, now, against in tried
        if not code or code in against
    )
    assert is_met or any(prove.proved(1_000, seed, rules).faults for seed in range(20)), (
        "none of 20,000 attempts meets it"
    )


def test_the_checker_finds_a_gate_that_opens_an_hour_early():
    rules = tuple(
        replace(rule, numbers={"opens": 7, "closes": 21}) if rule.kind == "hours" else rule
        for rule in RULES
    )
    assert prove.proved(1_000, 1, rules).faults


@pytest.mark.parametrize("outcome", [*sorted(OUTCOMES.keys() - {"sent"}), "", "a new outcome"])
def test_the_checker_and_the_gate_count_each_call_outcome_alike(outcome):
    """Given a call about the debt on seven days, all with the same outcome, then the gate and the
    checker count them alike, towards the caps and as conversations.
    """
    asked, now = next(random_moments(Random(1)))
    case = replace(asked, by="voice", is_machine=False)
    log = [
        Made(now - timedelta(hours=20 * step), "voice", case.debt, outcome, asked_for=False)
        for step in range(7, 0, -1)
    ]
    told = {one.code for one in all_refusals(facts_of(case, log), now)}
    assert told == broken(case, log, now)
    counted_by_none = {"not_placed"} if case.home.state == "MA" else {*UNCONNECTED, "not_placed"}
    assert ("debt_cap" in told) is (outcome not in counted_by_none)


def test_the_simulated_town_covers_every_call_outcome():
    assert {*SPOKEN, *UNSPOKEN} - {""} == OUTCOMES.keys() - {"sent"}


def test_the_prove_command_reports_its_attempts_and_their_result():
    done = CliRunner().invoke(payphone, ["compliance", "prove", "--attempts", "200"])
    assert done.exit_code == 0, done.output
    assert "200 attempts (seed 1)" in done.output
    assert "none breaks a rule" in done.output


@st.composite
def questions(draw):
    """Draw the facts and the time of one attempt, after some earlier contacts."""
    random, log, found = Random(draw(st.integers(0, 2**32))), [], []
    for case, now in random_moments(random):
        facts = facts_of(case, log)
        found.append((facts, now))
        if isinstance(may_contact(facts, now), Allowed):
            log.append(random_contact(random, case, now))
    return draw(st.sampled_from(found))


def contacts(now):
    """Draw one more contact, of any kind, in the ten days before."""
    return st.builds(
        Contact,
        at=st.integers(0, 10 * 86_400).map(lambda seconds: now - timedelta(seconds=seconds)),
        channel=st.sampled_from(("sms", "voice")),
        debt_id=st.sampled_from(("inv_0", "inv_1")),
        outcome=st.sampled_from(sorted(OUTCOMES)),
        asked_for=st.booleans(),
    )


def not_more(more, less):
    """Whether the answer with more against it is at least as strict as the other."""
    if isinstance(more, Allowed):
        return isinstance(less, Allowed) and more.until <= less.until
    if isinstance(less, Allowed) or more.next_at is None:
        return True
    return less.next_at is not None and less.next_at <= more.next_at


def later(one, other):
    """Return the later of two moments, of which the first can be None."""
    return other if one is None else max(one, other)


@given(data=st.data(), question=questions())
def test_more_history_never_allows_more_or_earlier_contacts(data, question):
    facts, now = question
    more = replace(facts, history=(*facts.history, data.draw(contacts(now))))
    assert not_more(may_contact(more, now), may_contact(facts, now))


@given(data=st.data(), question=questions())
def test_an_added_obstacle_never_allows_a_contact(data, question):
    facts, now = question
    person, creditor, tomorrow = facts.person, facts.creditor, now + timedelta(days=1)
    until = data.draw(
        st.none() | st.integers(1, 999).map(lambda hours: now + timedelta(0, hours * 3600))
    )
    worse = data.draw(
        st.sampled_from(
            (
                replace(facts, person=replace(person, opted_out=True)),
                replace(facts, person=replace(person, consented_at=None)),
                replace(facts, person=replace(person, request=ContactRequest("", "+12015550100"))),
                replace(facts, person=replace(person, zones=(*person.zones, "Asia/Tokyo"))),
                replace(
                    facts,
                    person=replace(
                        person,
                        holds=(*person.holds, *(Hold(kind, until) for kind in HOLD_KINDS)),
                    ),
                ),
                replace(facts, creditor=replace(creditor, paused=True)),
                replace(
                    facts,
                    creditor=replace(
                        creditor, ceiling_lifts_at=later(creditor.ceiling_lifts_at, tomorrow)
                    ),
                ),
                replace(facts, debt=replace(facts.debt, books="behind")),
                replace(
                    facts,
                    debt=replace(
                        facts.debt, promised_until=later(facts.debt.promised_until, until or now)
                    ),
                ),
                replace(facts, debt=replace(facts.debt, books="stale")),
            )
        )
    )
    assert not_more(may_contact(worse, now), may_contact(facts, now))


@given(question=questions())
def test_the_answer_is_the_weightiest_refusal_or_allowed_if_there_is_none(question):
    facts, now = question
    answer, reasons = may_contact(facts, now), all_refusals(facts, now)
    assert isinstance(answer, Allowed) is (reasons == ())
    if reasons:
        assert (answer.code, answer.rule) == (reasons[0].code, reasons[0].rule)
        assert all(reason.reason.endswith(".") for reason in reasons)


@settings(max_examples=300)
@given(
    zones=st.lists(st.sampled_from(EVERY_ZONE), min_size=1, max_size=3, unique=True),
    minutes=st.integers(0, 3 * 365 * 24 * 60),
)
def test_in_every_time_zone_the_next_opening_is_first_and_lawful_to_its_end(zones, minutes):
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    start = next_opening(zones, now)
    if start is None:
        return
    until = closing(zones, start)
    for zone in zones:
        for moment in (start, until - timedelta(microseconds=1)):
            assert LAWFUL.opens <= moment.astimezone(ZoneInfo(zone)).hour < LAWFUL.closes
    just_before = start - timedelta(microseconds=1)
    assert start == now or closing(zones, just_before) is None


def test_random_cases_of_the_town_lead_to_many_contacts():
    """Given random cases, then many lead to contacts, so the proofs above are not vacuous."""
    random, log = Random(1), []
    for _ in range(20):
        for case, now in random_moments(random):
            if isinstance(may_contact(facts_of(case, []), now), Allowed):
                log.append(random_contact(random, case, now))
    assert len(log) > 50
    assert all(isinstance(one, Made) for one in log)
