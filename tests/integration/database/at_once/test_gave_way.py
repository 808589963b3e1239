"""A transaction that PostgreSQL ends as a deadlock victim has saved nothing: the request is
repeated once, and the client sees no difference.
"""

import pytest

from models.books.inbox_event import InboxEvent
from models.invoices.customer import Customer
from models.transactions import execute, is_postgres
from tests import given
from tests.acceptance.contact.test_people_answer_texts import a_text
from tests.stories.texting import INBOUND


@pytest.fixture
def gives_way(client):
    """Make the first inserts into a table fail as deadlocks, at the statement or at the commit."""
    if not is_postgres():
        pytest.skip("SQLite has one writer, who waits for nobody")

    def ended(table, times=1, deferred=""):
        execute("CREATE SEQUENCE tries")
        execute(
            "CREATE FUNCTION give_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF"
            f" nextval('tries') <= {times} THEN RAISE EXCEPTION 'it waits in a ring' USING ERRCODE"
            " = '40P01'; END IF; RETURN NULL; END $$"
        )
        execute(
            f"CREATE CONSTRAINT TRIGGER gives_way AFTER INSERT ON {table} {deferred}"
            " FOR EACH ROW EXECUTE FUNCTION give_way()"
        )

    return ended


def a_customer(client, headers):
    return client.simulate_post("/api/customers", json={"name": "Ada"}, headers=headers)


@pytest.mark.parametrize("deferred", ["", "DEFERRABLE INITIALLY DEFERRED"])
def test_a_deadlocked_request_is_retried_and_takes_effect_once(client, gives_way, deferred):
    """Given a request that was a deadlock's victim, then it is repeated and takes effect once."""
    headers = given.a_key(given.an_account()) | {"Idempotency-Key": "k1"}
    gives_way("customer", 1, deferred)
    answer = a_customer(client, headers)
    assert answer.status_code == 201, answer.text
    assert a_customer(client, headers).json == answer.json
    assert [row.id for row in Customer.select()] == [answer.json["id"]]


def test_a_request_deadlocked_twice_answers_503_and_saves_nothing(client, gives_way):
    headers = given.a_key(given.an_account()) | {"Idempotency-Key": "k1"}
    gives_way("customer", 2)
    answer = a_customer(client, headers)
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert "Nothing was saved" in answer.json["detail"]
    assert a_customer(client, headers).status_code == 201


def test_an_inbound_stop_survives_a_deadlock(texting, gives_way):
    """Given a STOP whose insert is a deadlock victim, then it is recorded, since Twilio sends it
    only once.
    """
    gives_way("inbox_event")
    assert texting.tell(INBOUND, a_text(texting, "STOP")).status_code == 200
    assert [row.outcome for row in InboxEvent.select()] == ["applied"]
