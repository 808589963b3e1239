"""Which customers get a notice before a card is taken (N.Y. Gen. Bus. Law 519-a, in force since 20
October 2024).
"""

from datetime import date

import pytest

from rules.contact.card_notice import card_notice

TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("phone", "address", "told"),
    [
        ("+12125550123", None, True),
        ("+13125550123", {"state": "New York"}, True),
        ("+13125550123", {"postalCode": "14201"}, True),
        ("+12125550123", {"state": "TX"}, True),  # they may have moved in either direction
        ("+18005550123", None, True),  # a toll-free number has no place
        ("+13125550123", {"state": "gibberish"}, True),
        ("+13125550123", {"state": "IL"}, False),
        ("+442079460958", None, False),
        ("", None, False),
    ],
)
def test_a_customer_who_may_live_in_new_york_gets_the_card_notice(phone, address, told):
    assert (card_notice([phone], address, "en", TODAY) is not None) is told


def test_the_card_notice_is_in_the_customers_language_from_the_laws_first_day():
    notice = card_notice(["+12125550123"], None, "es-MX", TODAY)
    assert notice is not None
    assert (notice.language, "deuda médica" in notice.sentences[0]) == ("es", True)
    assert card_notice(["+12125550123"], None, "en", date(2024, 10, 19)) is None
