"""A database that fails at any statement or commit of the way back from a provider: the person
reads what is known, and whoever does what the page says has the calendar connected.
"""

from functools import partial

import pytest

from models import transactions
from models.integrations.integration import Integration
from tests.faults.failing_database import FailingDatabase
from web.integrations.callback import LOAD_AGAIN, LOOK, START_AGAIN


@pytest.fixture
def faults(clinic):
    ordered = FailingDatabase(transactions.database.obj)
    yield ordered
    ordered.remove()


def answers(faults, sends):
    """What each of `sends` is answered, while the database fails at its first statement or commit,
    its second, and so on, until nothing fails any more; and how to send it again.
    """
    at, found = 1, True
    while found:
        send = sends()
        faults.order(at)
        answer = send()
        found = bool(faults.where)
        faults.order(0)
        if found:
            yield answer, send, f"at {at}, {faults.where}: {answer.text[-400:]}"
        at += 1


def told(answer, about):
    """What the page tells to do; nothing where all went well."""
    if answer.status_code == 200:
        return ""
    assert answer.status_code == 503, about
    assert answer.headers["Content-Type"].startswith("text/html"), about
    (said,) = [each for each in (LOAD_AGAIN, START_AGAIN, LOOK) if each in answer.text]
    return said


def test_whoever_cannot_be_asked_now_loads_the_page_again(clinic, faults):
    """Given a fault at each statement while the person is asked, then it used nothing up."""
    seen = set()
    for answer, send, about in answers(
        faults, lambda: partial(clinic.opens, clinic.consents(clinic.asks_for_consent()))
    ):
        seen.add(told(answer, about))
        assert send().status_code == 200, about
    assert seen == {LOAD_AGAIN}


def test_the_page_says_what_is_known_of_the_consent(clinic, faults):
    """Given a fault at each statement and each commit after the yes, then what the page says of it
    is true, and doing so connects."""

    def sends():
        Integration.delete().execute()
        back = clinic.consents(clinic.asks_for_consent())
        return partial(clinic.says_yes, clinic.form_of(clinic.opens(back)))

    seen = set()
    for answer, send, about in answers(faults, sends):
        said = told(answer, about)
        is_there = Integration.of(clinic.account.id, "google") is not None
        assert said == LOOK or is_there == (not said), about
        seen.add(said)
        if said == LOAD_AGAIN:
            assert send().status_code == 200, about
        elif not is_there:
            clinic.connects("google")
    assert {LOAD_AGAIN, START_AGAIN, LOOK} <= seen
