"""What an event costs: one commit when it comes in, two in the worker (its claim; what it learned,
together with `done`).
"""

import psycopg
import pytest

from models import base
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from tests import given

WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "CREATE", "DROP", "ALTER"}


def commits(statements):
    """How many times `statements`, in this order, made something durable: each COMMIT, and each
    write outside a transaction.
    """
    inside, counted = False, 0
    for word in (statement.split(None, 1)[0].upper() for statement in statements):
        if word in {"BEGIN", "COMMIT", "END", "ROLLBACK"}:
            counted += word in {"COMMIT", "END"}
            inside = word == "BEGIN"
        elif word in WRITES and not inside:
            counted += 1
    return counted


@pytest.fixture
def statements(client, monkeypatch):
    """Every statement that this process sends to its database from now on, BEGIN and COMMIT
    included.
    """
    sent = []
    if base.is_postgres():
        execute = psycopg.Cursor.execute

        def told(self, query, *args, **kwargs):
            sent.append(query if isinstance(query, str) else query.decode())
            return execute(self, query, *args, **kwargs)

        monkeypatch.setattr(psycopg.Cursor, "execute", told)
    else:
        base.database.connection().set_trace_callback(
            lambda text: None if text.startswith("--") else sent.append(text)
        )
    yield sent
    if not base.is_postgres():
        base.database.connection().set_trace_callback(None)


def test_the_count_sees_both_kinds_of_commit(statements):
    with base.transaction():
        given.an_account()
        given.an_account()
    assert commits(statements) == 1
    given.an_account()
    assert commits(statements) == 2
    assert InboxEvent.select().count() == 0
    assert commits(statements) == 2, "reading costs none"


def test_an_event_costs_one_commit_at_intake_and_two_in_the_worker(client, valkey, statements):
    invoice = given.an_invoice()
    paid = given.an_event("payment_intent.succeeded", given.an_intent(invoice))
    statements.clear()
    assert client.simulate_post("/api/webhooks/stripe", **given.signed(paid)).status_code == 200
    intake = list(statements)
    statements.clear()
    assert given.worked(valkey.client()) == 1
    worker = list(statements)
    assert (StagedJob.get().state, given.fresh(invoice).status) == ("done", "paid")
    assert commits(intake) == 1, intake
    assert commits(worker) == 2, worker


def test_an_event_that_says_nothing_of_money_costs_no_more(client, valkey, statements):
    statements.clear()
    assert (
        client.simulate_post(
            "/api/webhooks/stripe",
            **given.signed(given.an_event("plan.created", {"id": "plan_1", "object": "plan"})),
        ).status_code
        == 200
    )
    given.worked(valkey.client())
    assert InboxEvent.get().outcome == "ignored"
    assert commits(statements) == 3, statements


def test_the_books_of_an_invoice_are_read_and_folded_once_for_an_event(client, valkey, statements):
    """Given an event of a payment, then what went back is read once, for the one fold."""
    invoice = given.an_invoice()
    paid = given.an_event("payment_intent.succeeded", given.an_intent(invoice))
    client.simulate_post("/api/webhooks/stripe", **given.signed(paid))
    statements.clear()
    given.worked(valkey.client())
    assert given.fresh(invoice).status == "paid"
    read = {
        table: sum(f'FROM "{table}"' in statement for statement in statements)
        for table in ("refund", "dispute", "dispute_movement")
    }
    assert read == {"refund": 1, "dispute": 1, "dispute_movement": 1}
