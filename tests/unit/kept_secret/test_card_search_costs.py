"""A search for card numbers costs at most in proportion to the text's length, whatever the text."""

import pytest

from rules.cards.card_documents import card_fields
from rules.cards.card_numbers import PHONES_LOOKED_UP, has_bare_card_number, has_card_number, redact
from tests.watching.counted_work import work_of

SIZE = 4_000  # characters

# each, repeated, makes a text that could slow down some step of a search
ODD = {
    "a digit and a hyphen": "4-",
    "a prefix that every length has": "6-9-",
    "groups of two": "44 ",
    "no end of digits": "4",
    "a prefix that is nearly one": "2 2 0 ",
    "a digit a line": "4\n",
    "space and no line break": " ",
    "space that ends a line now and then": "       \n",
    "nothing to see": "\u200b",
    "digits with nothing to see between": "4\u200b",
    "spaces with nothing to see between": " \u200b",
    "digits of another script": "\u0664\u2013",
    "letters of another script": "é",
    "runs as long as a card": "4444444444441x",
    "lists of phones": "+1 415 555 0123\n",
    "hyphens": "-",
}
# texts with card numbers, each of them a match
FULL = {
    "every digit begins one": "6-6-6-6-",
    "one after the other": "4242 4242 4242 4242, ",
    "in one long run": "4242 ",
    "in an id": "x4-2-4-2-",
    "phones that look like them": "+4915123456787 ",
}


@pytest.mark.parametrize("search", [has_card_number, has_bare_card_number, redact])
@pytest.mark.parametrize("unit", ODD.values(), ids=ODD)
def test_an_odd_text_without_a_card_number_costs_the_same_at_twice_the_length(search, unit):
    search("é" * 20)  # fills the caches
    once, twice = ((unit * SIZE)[:size] for size in (SIZE, 2 * SIZE))
    assert work_of(lambda: search(twice)) <= work_of(lambda: search(once)) + 100


@pytest.mark.parametrize("search", [has_card_number, has_bare_card_number, redact])
@pytest.mark.parametrize("unit", FULL.values(), ids=FULL)
def test_twice_the_finds_are_twice_the_work_at_most(search, unit):
    once, twice = ((unit * 4 * SIZE)[:size] for size in (4 * SIZE, 8 * SIZE))
    search(once)  # fills the caches and loads modules
    assert work_of(lambda: search(twice)) <= 2.2 * work_of(lambda: search(once)) + 1_000


def test_only_some_phone_numbers_of_a_text_are_looked_up():
    """Given more phone numbers than any field holds, all with a Visa's prefix and check digit, then
    only some are looked up, because that is slow, and the rest count as card numbers.
    """
    phone = "+4915123456787 "
    assert not has_card_number(phone * PHONES_LOOKED_UP)
    assert has_card_number(phone * (PHONES_LOOKED_UP + 1))
    assert card_fields({"a": [phone] * PHONES_LOOKED_UP}) == []
    assert len(card_fields({"a": [phone] * 1_000}, at_most=10)) == 10


@pytest.mark.parametrize(
    "text",
    [
        "pi_000000000000000000000000",
        "evt_1000000000000000",
        "2026-11-29T05:25:13.704062Z",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "1764393913704",
    ],
)
def test_an_id_or_time_with_many_digits_costs_no_more_than_a_word(text):
    """Given ids and times, of which most log lines and events are full, then their digits are not
    even checked.
    """
    word = "x" * len(text)
    redact(text)
    assert work_of(lambda: redact(text)) == work_of(lambda: redact(word))


class Left:
    """An object in a reference cycle, which only the garbage collector frees."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        [each for each in range(1_000)]  # noqa: C416 - work


def test_garbage_collection_is_not_counted_as_the_searchs_work():
    """Given garbage left by an earlier test, when the measured code creates enough objects to
    trigger a collection, then the collection is not counted.
    """

    def makes_many() -> list[list[int]]:
        return [[] for _ in range(10_000)]

    alone = work_of(makes_many)
    Left()
    assert work_of(makes_many) == alone


DOCUMENTS = {
    "a long name above many values": lambda size: {"n" * size: ["4111 1111 1111 1112"] * size},
    "long names above one another": lambda size: {"n" * size: {"m" * size: [1] * size}},
    "large numbers": lambda size: [1e300] * size,
    "long numbers": lambda size: [10**300] * size,
    "a number in pieces, again and again": lambda size: [[4242, 4242, 4242, 4241]] * size,
    "many names": lambda size: {f"name{index}": "" for index in range(size)},
    "many finds": lambda size: ["4242 4242 4242 4242"] * size,
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_twice_the_document_is_twice_the_work_at_most(document):
    once, twice = document(100), document(200)
    assert work_of(lambda: card_fields(twice)) <= 2.2 * work_of(lambda: card_fields(once)) + 1_000


def test_a_name_with_many_values_is_reported_for_the_first_finds_only():
    """Reported for each value, a name of half a megabyte would be copied as often."""
    document = {"n" * 1_000: ["4242 4242 4242 4242"] * 1_000}
    first = card_fields(document, at_most=1)
    assert first == ["n" * 1_000 + ".0"]
    assert work_of(lambda: card_fields(document, at_most=1)) < 5_000
