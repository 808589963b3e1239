"""What number lookups prove about a consent."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.contact.facts import NumberCheck
from rules.contact.number_lookups import LookUp, check_of

NOW = datetime(2026, 11, 20, 17, tzinfo=UTC)
MONTH = timedelta(days=30)
BEFORE, DAY, AFTER = "2026-01-01", "2026-01-02", "2026-01-03"  # DAY: the date of the consent


def looked_up(*answers):
    """Return lookups from (answer, date of consent, hours ago)."""
    return [LookUp(word, since, NOW - timedelta(hours=hours)) for word, since, hours in answers]


@pytest.mark.parametrize(
    ("answers", "reassigned"),
    [
        ([], None),
        ([("no", DAY, 5)], False),
        ([("no", BEFORE, 5)], False),  # not given up since the day before, so not since the consent
        ([("no", AFTER, 5)], None),  # it may have been given up on the day itself
        ([("yes", DAY, 5)], True),
        ([("yes", AFTER, 5)], True),  # given up after a later date, so after the consent too
        ([("yes", BEFORE, 5)], None),  # perhaps before the consent
        ([("yes", DAY, 9), ("no", DAY, 5)], True),
        ([("a_new_word", DAY, 5)], None),
    ],
)
def test_a_yes_counts_against_older_consents_and_a_no_for_newer_ones(answers, reassigned):
    check, _ = check_of(looked_up(*answers), DAY, NOW, MONTH)
    assert (check.reassigned if check else None) is reassigned


def test_the_newest_lookup_decides():
    check, _ = check_of(looked_up(("no", DAY, 9), ("no", BEFORE, 5)), DAY, NOW, MONTH)
    assert check == NumberCheck(NOW - timedelta(hours=5), reassigned=False)


@pytest.mark.parametrize(
    ("answers", "known"),
    [
        ([("60606", DAY, 23)], False),
        ([("60606", DAY, 24)], True),
        ([("60606", BEFORE, 1)], True),  # a lookup for another consent
        ([("no_data_available", DAY, 29 * 24)], False),
        ([("no_data_available", DAY, 30 * 24)], True),
        ([("no", DAY, 9), ("60606", DAY, 5)], False),
        ([("60606", DAY, 9), ("no", DAY, 5)], True),
    ],
)
def test_an_inconclusive_lookup_is_repeated_after_a_while(answers, known):
    """After an error, after a day; after missing data, when an answer would expire."""
    _, unknown = check_of(looked_up(*answers), DAY, NOW, MONTH)
    assert (unknown == "") is known
