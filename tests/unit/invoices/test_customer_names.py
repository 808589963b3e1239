"""Different spellings of a customer's name match; another customer's name does not."""

import pytest

from rules.imports.customer_names import is_spelling_of, may_be_one


@pytest.mark.parametrize(
    ("ours", "theirs", "one"),
    [
        ("Payer, Ada", "Ada B. Payer", True),
        ("ADA PAYER", "ada payer", True),
        ("", "Ada", True),
        ("José Müller", "Jose\u0301 Mu\u0308ller", True),
        ("José Müller", "Jose Muller", True),
        ("Patrick O'Brien", "O’Brien, Patrick", True),
        ("Patrick O'Brien", "OBrien, Patrick", True),
        ("山田太郎", "山田 太郎", True),
        ("Ada Payer", "Bob Payer", False),
        ("Pat 1", "Pat 12", False),
    ],
)
def test_different_spellings_of_a_name_match(ours, theirs, one):
    assert may_be_one(ours, theirs) is one
    assert may_be_one(theirs, ours) is one


@pytest.mark.parametrize(
    ("ours", "theirs", "one"),
    [
        ("Payer, Ada", "Ada B. Payer", True),
        ("ADA PAYER", "ada payer", True),
        ("Ada", "ADA", True),
        ("Ada McDonald", "Ada Mc Donald", True),
        ("Ada", "Ada Payer", False),
        ("Payer", "Ada Payer", False),
        ("Ada Payer", "Bob Payer", False),
        ("Ada Payer", "", False),
        ("Al B. Payer", "Al Payer, Jr.", False),
        ("Al Payer", "Payer Al III", False),
        ("Al Payer Jr", "PAYER, AL B., JR.", True),
    ],
)
def test_spellings_of_one_name_have_two_words_in_common(ours, theirs, one):
    """Father and son of one household have them too, and its phone."""
    assert is_spelling_of(ours, theirs) is one
    assert is_spelling_of(theirs, ours) is one
