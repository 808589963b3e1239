"""The ladder: which rung is due, which comes next, and how often a customer is contacted (F46,
F53).
"""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.contact.ladder import (
    DEFAULT,
    LastContacts,
    Rung,
    UnpaidInvoice,
    ladder_errors,
    links_only,
    next_rung,
    rung_reached,
)

DUE = date(2026, 3, 1)
WEEKLY = 7
NOTHING = LastContacts()


def on(days):
    return DUE + timedelta(days=days)


def owed(name="a", due=0, climbed=0):
    return UnpaidInvoice(name, on(due), climbed)


def steps(invoices, heard=NOTHING, today=0, call_gap=WEEKLY, rungs=DEFAULT):
    """Return the contacts if each is made: (days after the due date, way, ids of the invoices
    named).
    """
    known, day, made = list(invoices), on(today), []
    while climb := next_rung(rungs, known, heard, call_gap, day):
        day = climb.on
        made.append(((day - DUE).days, climb.rung.way, "".join(climb.invoice_ids)))
        known = [
            UnpaidInvoice(
                one.id,
                one.due_on,
                max(one.climbed, rung_reached(rungs, one, day)),
                one.handed_over or climb.rung.way == "person",
            )
            if one.id in climb.invoice_ids
            else one
            for one in known
        ]
        called = day if climb.rung.way == "voice" else heard.last_call_on
        heard = LastContacts(day, called) if climb.rung.way != "person" else heard
    return made


def test_one_invoice_climbs_the_default_ladder():
    assert steps([owed()]) == [
        (3, "sms", "a"),
        (7, "voice", "a"),
        (14, "sms", "a"),
        (21, "voice", "a"),
        (28, "person", "a"),
    ]


def test_three_overdue_invoices_are_one_contact_that_names_three():
    assert steps([owed("a"), owed("b"), owed("c")])[0] == (3, "sms", "abc")


def test_an_invoice_that_is_not_due_yet_is_not_named():
    first = next_rung(DEFAULT, [owed("a"), owed("b", due=5)], NOTHING, WEEKLY, on(3))
    assert first.invoice_ids == ("a",)


@pytest.mark.parametrize(
    ("late", "way"), [(6, "sms"), (7, "voice"), (13, "voice"), (14, "sms"), (200, "voice")]
)
def test_a_late_start_makes_one_contact_by_the_latest_rung_that_is_due(late, way):
    """An invoice imported late gets a contact before it is handed to a person."""
    assert steps([owed()], today=late)[0] == (late, way, "a")
    assert len([day for day, _, _ in steps([owed()], today=late) if day == late]) == 1


def test_after_a_late_start_the_ladder_keeps_its_own_intervals():
    assert steps([owed()], today=12) == [
        (12, "voice", "a"),
        (19, "sms", "a"),
        (26, "voice", "a"),
        (33, "person", "a"),
    ]


@pytest.mark.parametrize("late", [21, 28, 200])
def test_an_invoice_imported_late_is_handed_to_a_person_after_one_contact(late):
    assert steps([owed()], today=late) == [(late, "voice", "a"), (late + 7, "person", "a")]


def test_an_invoice_climbed_further_on_another_ladder_is_handed_over_once():
    assert steps([owed(climbed=60)], today=61) == [(61, "person", "a")]


def test_a_ladder_may_consist_of_a_person_alone():
    assert steps([owed()], rungs=(Rung(5, "person"),)) == [(5, "person", "a")]


def test_more_invoices_do_not_make_contacts_more_frequent():
    made = steps([owed("a"), owed("b", due=1), owed("c", due=2)])
    days = [day for day, way, _ in made if way != "person"]
    assert all(later - earlier >= 4 for earlier, later in pairwise(days)), made
    assert made[0] == (3, "sms", "abc")


def test_calls_keep_the_accounts_minimum_gap():
    rungs = (Rung(1, "voice"), Rung(2, "voice"), Rung(9, "voice"))
    assert [day for day, _, _ in steps([owed()], rungs=rungs)] == [1, 8, 15]
    assert [day for day, _, _ in steps([owed()], rungs=rungs, call_gap=1)] == [1, 2, 9]
    fortnight = steps([owed()], rungs=rungs, call_gap=14)
    assert [day for day, _, _ in fortnight] == [1, 15]


def test_a_text_sent_by_hand_postpones_the_next_rung():
    assert steps([owed()], heard=LastContacts(on(2)))[0] == (6, "sms", "a")


def test_no_rung_follows_without_a_debt_or_after_the_handover():
    assert next_rung(DEFAULT, [], NOTHING, WEEKLY, on(0)) is None
    handed_over = UnpaidInvoice("a", DUE, 28, handed_over=True)
    assert next_rung(DEFAULT, [handed_over], NOTHING, WEEKLY, on(400)) is None


def test_with_payment_links_only_each_call_becomes_a_text():
    assert [rung.way for rung in links_only(DEFAULT)] == ["sms", "sms", "sms", "sms", "person"]


@pytest.mark.parametrize(
    ("rungs", "fault"),
    [
        ((Rung(7, "sms"), Rung(3, "sms")), "must grow"),
        ((Rung(3, "sms"), Rung(3, "voice")), "must grow"),
        ((Rung(3, "voice", "reminder"),), "only a text"),
        ((Rung(3, "person"), Rung(7, "sms")), "comes last"),
    ],
)
def test_an_inconsistent_ladder_is_refused_with_the_reason(rungs, fault):
    assert fault in " ".join(ladder_errors(rungs))


LADDERS = st.lists(st.integers(1, 90), min_size=1, max_size=6, unique=True).flatmap(
    lambda days: st.lists(
        st.sampled_from(["sms", "voice"]), min_size=len(days), max_size=len(days)
    ).map(lambda ways: tuple(map(Rung, sorted(days), ways)))
)


@given(
    rungs=LADDERS,
    dues=st.lists(st.integers(-40, 40), min_size=1, max_size=5),
    today=st.integers(0, 120),
    call_gap=st.sampled_from([1, 3, 7, 14]),
)
def test_contacts_are_never_closer_than_the_ladders_intervals(rungs, dues, today, call_gap):
    invoices = [owed(str(number), due) for number, due in enumerate(dues)]
    made = steps(invoices, today=today, rungs=rungs, call_gap=call_gap)
    days = [day for day, _, _ in made]
    least = min(
        (later.days - earlier.days for earlier, later in pairwise(rungs)),
        default=rungs[0].days,
    )
    assert all(later - earlier >= least for earlier, later in pairwise(days))
    calls = [day for day, way, _ in made if way == "voice"]
    assert all(later - earlier >= call_gap for earlier, later in pairwise(calls))
    assert len(made) <= len(rungs) * len(dues)
