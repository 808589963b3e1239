"""The database fails at any statement or commit of a request that moves money or contacts a
customer: the answer says what is known, and a client that follows it gets one effect.
"""

from datetime import timedelta
from itertools import count

import pytest

from models import transactions
from runtime.ids import new_id
from runtime.settings import get_settings
from tests import given
from tests.faults.effects.deciding import DECIDED
from tests.faults.effects.spending import FEE, STORIES, begins_anew, follow, settle
from tests.faults.failing_database import FailingDatabase
from tests.running.processes import close_database, reset_process
from tests.stand_ins.postgres_proxy import PostgresProxy
from web.http import idempotency

EVERY = STORIES | DECIDED
# these need no key, being unique by intent or account
UNKEYED = ("a confirmation", "a deployment", "a number")
HELD_BACK = {"payment_in_progress", "deployment_in_progress", "already_exists"}


@pytest.fixture
def clinic(texting, voice, monkeypatch):
    monkeypatch.setenv("PAYPHONE_SETTLING", "0.001")
    monkeypatch.setenv("SETUP_FEE", f"{FEE} usd")
    # a repetition need not wait for a first request that has failed
    monkeypatch.setattr(idempotency, "RUNNING", timedelta(0))
    reset_process()
    get_settings.cache_clear()
    return texting


@pytest.fixture
def faults(clinic):
    ordered = FailingDatabase(transactions.database.obj)
    yield ordered
    ordered.remove()


@pytest.fixture
def proxy(clinic, database_url):
    """PostgreSQL behind a proxy that cuts the connection at a commit."""
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no connection to be cut")
    proxy = PostgresProxy(database_url)
    close_database()
    transactions.use_database(proxy.url)
    yield proxy
    close_database()
    transactions.use_database(database_url)
    proxy.stop()


@pytest.mark.slow
@pytest.mark.parametrize("story", EVERY)
@pytest.mark.timeout(1800)
def test_a_request_has_one_effect_wherever_the_database_fails(clinic, faults, story):
    """Given a fault at each statement and each commit of the request, then a client that follows
    the answers gets exactly one effect.
    """
    assert Disturbed(clinic, faults, story).everywhere() > 10


@pytest.mark.slow
@pytest.mark.parametrize("story", UNKEYED)
@pytest.mark.timeout(1800)
def test_a_request_without_a_key_has_one_effect_wherever_the_database_fails(
    clinic, faults, database_url, story
):
    """Given a client that sends no Idempotency-Key where none is needed, then the same holds; the
    answer may be that the work is in progress.
    """
    if not database_url.startswith("sqlite"):
        pytest.skip("is about the client")
    assert Disturbed(clinic, faults, story, keyed=False).everywhere() > 10


@pytest.mark.slow
@pytest.mark.parametrize("story", EVERY)
@pytest.mark.timeout(1800)
def test_a_request_has_one_effect_wherever_a_commit_is_cut(clinic, proxy, story):
    """Given a connection to PostgreSQL that is cut at each COMMIT of the request, before or after
    the server executes it, then a client that follows the answers gets exactly one effect.
    """
    assert Disturbed(clinic, proxy, story).everywhere() > 2


@pytest.mark.slow
@pytest.mark.parametrize("story", EVERY)
@pytest.mark.timeout(1800)
def test_a_retried_request_has_one_effect_wherever_the_retry_fails(
    clinic, faults, database_url, story
):
    """Given a request whose commit was not answered, and faults at some places of its repetition,
    which does the work, then a client that follows the answers gets exactly one effect.
    """
    if not database_url.startswith("sqlite"):
        pytest.skip("is about the client")
    assert Disturbed(clinic, faults, story).repetitions(apart=7) > 1


def test_an_answer_that_nothing_was_saved_names_no_location(clinic, faults):
    """Given a fault at each place of a request that creates a customer, then an answer that says
    that nothing was saved has no `Location`, which would be that of a row that does not exist.
    """
    for at in count(1):
        faults.order(at)
        headers = clinic.headers | {"Idempotency-Key": f"key {at}"}
        answer = clinic.client.simulate_post(
            "/api/customers", json={"name": "Ada"}, headers=headers
        )
        is_saved_or_doubted = answer.json.get("code", "") != "unavailable"
        assert ("location" in answer.headers) == is_saved_or_doubted, faults.where
        if answer.status_code == 201:
            break
    assert at > 5


def test_a_refused_text_is_never_answered_as_accepted(clinic, faults):
    """Given a refused text, and a fault at each place of its repetition, then the answer is the
    refusal or a 503; without a fault, it is the refusal.
    """
    path = f"/api/invoices/{clinic.invoice.id}/payment-links"
    headers = clinic.headers | {"Idempotency-Key": new_id("key")}

    def answer():
        return clinic.client.simulate_post(path, json={"channel": "sms"}, headers=headers)

    assert answer().status_code == 422
    at, found = 1, True
    while found:
        faults.order(at)
        assert answer().status_code in {422, 503}
        found = bool(faults.where)
        at += 1
    assert at > 4
    faults.order(0)
    assert answer().status_code == 422


class Disturbed:
    """One story, repeated with a fault at one place after another until it ends before the fault.

    As long as the answer is that nothing was saved, the client sends the request again, into the
    next fault: if something had been saved, it would be done twice.
    """

    def __init__(self, clinic, faults, story, keyed=True):
        self.clinic, self.faults, self.story, self.keyed = clinic, faults, EVERY[story], keyed
        self.places, self.apart = [], 1

    def everywhere(self):
        """Disturb the first request, of a client that starts again with a new key if nothing was
        saved. Return the number of places.
        """
        going = True
        while going:
            self._begin()
            going = self._told(new_id("key"), begins_anew)
        return len(self.places)

    def repetitions(self, apart):
        """Disturb the repetition of a request that was saved and not begun, at every `apart`-th
        place. Return the number of places.
        """
        going, self.apart = True, apart
        while going:
            self._begin()
            key = new_id("key")
            self.faults.order_once_work_is_left()
            self._send(key)
            given.make_due()
            going = self._told(key, as_it_is_told)
        return len(self.places)

    def _begin(self):
        self.asked = self.story(self.clinic.another_clinic().consents())
        self.nothing_saved = True

    def _told(self, key, next_key):
        """Return whether a fault came before the story's end."""
        answer = follow(self._send_into_a_fault, self._read, self._settle, key, next_key, tries=200)
        self.faults.order(0)
        self._settle()
        told = f"after {self.places}: {answer.status} {answer.text}"
        if self.keyed or answer.json.get("code") not in HELD_BACK:
            assert answer.status_code in {200, 201, 202}, told
        try:
            self.asked.assert_once()
        except (AssertionError, KeyError) as error:
            raise AssertionError(told) from error
        return bool(self.places[-1])

    def _send_into_a_fault(self, key):
        """Send into the next fault; once something may have been saved, send without a fault."""
        if not self.nothing_saved:
            return self._send(key)
        self.faults.order(1 + self.apart * len(self.places))
        answer = self._send(key)
        self.places.append(self.faults.where)
        self.nothing_saved = answer.json.get("code") == "unavailable"
        return answer

    def _send(self, key):
        headers = self.asked.headers | ({"Idempotency-Key": key} if self.keyed else {})
        return self.clinic.client.simulate_post(
            self.asked.path, json=self.asked.body, headers=headers
        )

    def _read(self, location):
        return self.clinic.client.simulate_get(location, headers=self.asked.headers)

    def _settle(self):
        settle(self.clinic.redis, self.asked.is_over)


def as_it_is_told(key, answer):
    """Return the same key if the answer asks for it, else a new one."""
    return key if "the same Idempotency-Key" in answer.json["detail"] else new_id("key")
