"""The OAuth callback while the database fails at any statement or commit: the page says what is
known, and following it gets the calendar connected.
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
    """Yield each answer to `sends` while the database fails at its first statement or commit, then
    its second, and so on until nothing fails; with it, the request to repeat and a description.
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
    """Return the advice on the page, or an empty string if the request succeeded."""
    if answer.status_code == 200:
        return ""
    assert answer.status_code == 503, about
    assert answer.headers["Content-Type"].startswith("text/html"), about
    (said,) = [each for each in (LOAD_AGAIN, START_AGAIN, LOOK) if each in answer.text]
    return said


def test_a_fault_before_confirmation_is_cured_by_reloading_the_page(clinic, faults):
    """Given a fault at each statement while the clinic is asked to confirm, then nothing is used
    up: loading the page again works.
    """
    seen = set()
    for answer, send, about in answers(
        faults, lambda: partial(clinic.opens, clinic.consents(clinic.asks_for_consent()))
    ):
        seen.add(told(answer, about))
        assert send().status_code == 200, about
    assert seen == {LOAD_AGAIN}


def test_the_page_describes_the_connection_truthfully_after_any_fault(clinic, faults):
    """Given a fault at each statement and each commit after the clinic confirms, then the page's
    account of the connection is true, and following its advice connects the calendar.
    """

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
