"""A card number in any argument of a command is refused before anything is done (F55), and so is
text that no database can store.
"""

import pytest

from tests.stories.operators import run
from tests.tables import TABLES

pytestmark = pytest.mark.one_database

# Stripe's published test cards, as people write them
COMMANDS = [
    ("pause", "charges", "--account", "ac_1", "--why", "card 4242 4242 4242 4242"),
    ("pause", "texts", "--why=card 4242-4242-4242-4242"),
    ("resume", "texts", "--why", "card 4242424242424242, try again"),
    ("account", "create", "Card 4111 1111 1111 1111 clinic"),
    ("account", "create", "Clinic", "--stripe-account", "4111111111111111"),
    ("operator", "add", "378282246310005"),
    ("operator", "disable", "3782 822463 10005"),
    ("operator", "key", "key ４２４２ ４２４２ ４２４２ ４２４２"),
    ("effects", "settle", "eff_1", "--refused", "--why", "none for 4242424242424242"),
    ("effects", "settle", "eff_1", "--confirmed", "4242424242424242"),
    ("payments", "void", "pay_1", "--reason", "was card 5555 5555 5555 4444"),
    ("jobs", "retry", "--all-dead", "--name", "6011111111111117"),
    ("--demo", "pause", "texts", "--why", "card 4242 4242 4242 4242"),
    ("4242424242424242",),
]


def rows() -> dict[str, int]:
    """Return each table's number of rows."""
    return {table._meta.table_name: table.select().count() for table in TABLES}


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_a_card_number_in_an_argument_is_refused_and_not_echoed(database_url, arguments):
    before = rows()
    said = run(*arguments)
    assert (said.exit_code, rows()) == (2, before)
    where = next(
        number
        for number, argument in enumerate(arguments, start=1)
        if any(char.isdigit() for char in argument) and len(argument) > 12
    )
    assert f"Argument {where} contains a card number" in said.output
    assert not any(
        part in said.output for part in ("4242", "4111", "8282", "5555", "1111", "４２４２")
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "texts", "--why", "call +1 202 555 0123 about order 1234567890123456"),
        ("events", "backfills", "--limit", "20"),
        ("operator", "key", "metrics of 2026-11-22 09:30:00"),
    ],
)
def test_other_long_numbers_are_accepted(database_url, arguments):
    assert run(*arguments).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [("account", "create", "Caf\udce9"), ("pause", "calls", "--why", "\udcff"), ("\udcff",)],
)
def test_an_argument_that_is_not_utf8_is_refused_with_a_message(database_url, arguments):
    """Given a byte that is not UTF-8, as a shell passes it on, then nothing is done."""
    before = rows()
    said = run(*arguments)
    assert (said.exit_code, rows()) == (2, before)
    assert f"Argument {len(arguments)} is not UTF-8" in said.output
