"""Card numbers that were read out in a call."""

import pytest

from rules.cards.card_numbers import REDACTED
from rules.cards.spoken_numbers import redact_spoken

FOURS = "four two four two"


@pytest.mark.parametrize(
    "said",
    [
        "4242 4242 4242 4242",
        "4242. 4242. 4242. 4242",
        "4242, 4242, 4242, uh, 4242",
        "4242/4242/4242/4242",
        "four two four two four two four two four two four two four two four two",
        f"{FOURS}, {FOURS}. {FOURS} … {FOURS}",
        "Forty-two forty two, forty-two forty-two, forty-two forty-two, forty-two forty-two",
        "cuatro dos cuatro dos, cuatro dos cuatro dos, cuatro dos cuatro dos, 4242",
        "cuarenta y dos cuarenta y dos 4242 4242 4242",
        "five triple five, five five five five, five five five five, double four double four",
        "three seven eight two, eight two two four six three, one oh oh oh five",
    ],
)
def test_a_card_number_read_out_is_redacted(said):
    assert redact_spoken(f"AI: Yes?\nUser: It is {said}, and the code 123.\nAI: No!") == (
        f"AI: Yes?\nUser: It is {REDACTED}, and the code 123.\nAI: No!"
    )


@pytest.mark.parametrize(
    "said",
    [
        "",
        "I pay 1,234.50 dollars on the 4th, or 120 twice, at 10 or 11.",
        "Call me at +1 202-555-0123, or at two oh two, five five five, oh one two three.",
        "One bill is unpaid. One. Two of us? Double check, please.",
        f"{FOURS} {FOURS}\nUser: {FOURS} {FOURS}",  # by two speakers
        "4242 4242 4242 4243",
        "invoice B-4242 and 4242 4242, of 12 May 2026 at 4:42",
    ],
)
def test_other_words_and_numbers_are_unchanged(said):
    assert redact_spoken(said) == said
