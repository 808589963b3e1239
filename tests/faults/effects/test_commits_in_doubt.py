"""A database that fails at any statement or commit of a request that moves money or reaches a
person: the answer says what is known, and a client that follows it has one effect.
"""

from datetime import timedelta

import pytest

from models import base
from runtime.ids import new_id
from runtime.settings import get_settings
from tests import given
from tests.faults.effects.deciding import DECIDED
from tests.faults.effects.spending import FEE, STORIES, follow, settle
from tests.faults.failing_database import FailingDatabase
from tests.faults.postgres_proxy import PostgresProxy
from tests.processes import close_database, reset_process
from web.http import idempotency

EVERY = STORIES | DECIDED
# what is asked for once, whatever the key: by intent, by account
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
    ordered = FailingDatabase(base.database.obj)
    yield ordered
    ordered.remove()


@pytest.fixture
def proxy(clinic, database_url):
    """PostgreSQL behind a proxy that cuts commits."""
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no connection to be cut")
    proxy = PostgresProxy(database_url)
    close_database()
    base.use_database(proxy.url)
    yield proxy
    close_database()
    base.use_database(database_url)
    proxy.stop()


@pytest.mark.slow
@pytest.mark.parametrize("story", EVERY)
@pytest.mark.timeout(1800)
def test_one_effect_wherever_the_database_fails(clinic, faults, database_url, story):
    """Given a fault at a statement or a commit of the request, then the client that follows the
    answers has exactly one effect: at each of them on SQLite, at every third on PostgreSQL, where
    each commit is cut besides.
    """
    if story in DECIDED and not database_url.startswith("sqlite"):
        pytest.skip("performs what the other stories do: there, each commit is cut")
    apart = 1 if database_url.startswith("sqlite") else 3
    assert disturbances(clinic, faults, story, apart=apart) > 10


@pytest.mark.slow
@pytest.mark.parametrize("story", UNKEYED)
@pytest.mark.timeout(1800)
def test_one_effect_without_a_key_where_none_is_needed(clinic, faults, database_url, story):
    """Given a client that sends no Idempotency-Key where none is needed, likewise; it may be told
    that what it asks for is under way.
    """
    if not database_url.startswith("sqlite"):
        pytest.skip("is about the client")
    assert disturbances(clinic, faults, story, keyed=False, apart=2) > 10


@pytest.mark.slow
@pytest.mark.parametrize("story", EVERY)
@pytest.mark.timeout(1800)
def test_one_effect_wherever_a_commit_is_cut(clinic, proxy, story):
    """Given a connection to PostgreSQL that is cut at each COMMIT of the request, before the server
    has it and after it has done it, likewise.
    """
    assert disturbances(clinic, proxy, story) > 2


@pytest.mark.slow
@pytest.mark.parametrize("story", DECIDED)
@pytest.mark.timeout(1800)
def test_one_effect_wherever_a_repetition_fails(clinic, faults, database_url, story):
    """Given a request that was answered, and a fault at a statement or a commit of its repetition,
    which does the work that nobody has begun, likewise.
    """
    if not database_url.startswith("sqlite"):
        pytest.skip("is about the client")
    at = 1
    while disturbed(clinic.another_clinic().consents(), faults, EVERY[story], at, repeated=True):
        at += 2
    assert at > 10


def disturbances(clinic, faults, story, keyed=True, apart=1):
    """Tell the story with a fault at one place after the other, until it ends before; at which
    place it would have been.
    """
    at = 1 + list(EVERY).index(story) % apart
    while disturbed(clinic.another_clinic().consents(), faults, EVERY[story], at, keyed):
        at += apart
    return at


def disturbed(clinic, faults, ask, at, keyed=True, repeated=False):
    """One story, with a fault at the `at`-th place, of its repetition if it is `repeated`; False
    when it ended before.
    """
    asked = ask(clinic)

    def send(key):
        headers = asked.headers | ({"Idempotency-Key": key} if keyed else {})
        return clinic.client.simulate_post(asked.path, json=asked.body, headers=headers)

    def read(location):
        return clinic.client.simulate_get(location, headers=asked.headers)

    key = new_id("key")
    if repeated:
        assert send(key).status_code in {200, 202}
        given.make_due()
    faults.order(at)
    answer = follow(send, read, lambda: settle(clinic.redis, asked.is_over), key)
    where = faults.where
    faults.order(0)
    settle(clinic.redis, asked.is_over)
    try:
        if keyed or answer.json.get("code") not in HELD_BACK:
            assert answer.status_code in {200, 201, 202}
        asked.assert_once()
    except (AssertionError, KeyError) as error:
        raise AssertionError(f"at {at}, {where}: {answer.status} {answer.text}") from error
    return bool(where)
