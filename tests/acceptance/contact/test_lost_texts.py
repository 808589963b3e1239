"""A text that came in while we could take none is not lost."""

from collections.abc import Iterator

import pytest

from models.contact.opt_out import OptOut
from models.transactions import database
from sandbox.twilio.account import Sender
from sandbox.twilio.control import add_sender
from sandbox.twilio.numbers import MAGIC_SERVICE
from tests.faults.failing_database import FailingDatabase
from tests.stories.texting import HOME, INBOUND, SHARED_NUMBER, Texting


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    return texting.consents()


@pytest.fixture
def failing(clinic: Texting) -> Iterator[FailingDatabase]:
    """The application's database, which fails once when a test orders it to."""
    made = FailingDatabase(database.obj)
    yield made
    made.remove()


def stops_of(clinic: Texting) -> int:
    """How often the clinic has been told that the person wants no texts and calls any more."""
    return len([row for row in OptOut.select() if row.account_id == clinic.account.id])


def test_a_text_that_we_could_not_take_comes_to_the_other_address(clinic, failing):
    """Given a database that is away for a moment, when a person texts STOP, then Twilio, which asks
    nobody twice whom it has got an answer from, asks the fallback address, and they are heard once.
    """
    add_sender(clinic.twilio, Sender(SHARED_NUMBER, MAGIC_SERVICE, HOME + INBOUND, HOME + INBOUND))
    failing.order(1)
    assert clinic.hear("STOP") == [503, 200]
    assert clinic.ask().json["reasonCode"] == "opted_out"
    assert stops_of(clinic) == 1
