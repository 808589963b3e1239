"""A database that fails at any statement or commit of a request that moves money or reaches a
person: the answer says what is known, and a client that follows it has one effect.

The client is the least careful one that the answers allow. "Nothing was saved" makes it begin anew,
with another key; 503 `outcome_unknown` makes it repeat with the same key; 202 makes it read what
`Location` says.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from peewee import OperationalError

from models import base
from models.delivery.staged_job import StagedJob, release_expired
from models.payments.payment_link import PayAddress
from runtime.ids import new_id
from tests import given
from tests.processes import reset_process
from web.http import idempotency


class Faults:
    """Raises once, at the `at`-th statement or commit from now on; a commit fails before it is
    sent, or after it was done.
    """

    def __init__(self, database):
        self.at, self.seen, self.where = 0, 0, ""
        self.execute, self.commit = database.execute_sql, database.commit
        database.execute_sql = self._execute
        database.commit = self._commit
        self.database = database

    def order(self, at):
        self.at, self.seen, self.where = at, 0, ""

    def remove(self):
        del self.database.execute_sql, self.database.commit

    def _is_now(self, where):
        self.seen += 1
        if self.seen != self.at:
            return False
        self.where = where
        return True

    def _execute(self, sql, params=None):
        if self._is_now(sql[:60]):
            raise OperationalError("injected: the statement failed")
        return self.execute(sql, params)

    def _commit(self):
        if self._is_now("COMMIT, not sent"):
            raise OperationalError("injected: the commit was not sent")
        self.commit()
        if self._is_now("COMMIT, not answered"):
            raise OperationalError("injected: the commit was not answered")


@pytest.fixture
def clinic(texting, monkeypatch):
    monkeypatch.setenv("PAYPHONE_SETTLING", "0.001")
    # a repetition need not wait for a first request that has failed
    monkeypatch.setattr(idempotency, "RUNNING", timedelta(0))
    reset_process()
    return texting


@pytest.fixture
def faults(clinic):
    ordered = Faults(base.database.obj)
    yield ordered
    ordered.remove()


def follow(send: Callable[[str], Any], read: Callable[[str], Any], wait: Callable[[], None]) -> Any:
    """Send a request, and do what the answers say until one of them is final."""
    key = new_id("key")
    for _ in range(6):
        answer = send(key)
        if answer.status_code == 202 and answer.json.get("accepted"):
            assert answer.headers["location"] == answer.json["location"]
            assert read(answer.json["location"]).status_code == 200, answer.json
            return answer
        if answer.status_code < 500:
            return answer
        if answer.json["code"] == "unavailable":
            key = new_id("key")
        else:
            assert answer.json["code"] in {"outcome_unknown", "provider_unavailable"}, answer.text
            wait()
    raise AssertionError("no final answer")


def settle(redis):
    """Let the workers end all that was left, the leases of dead attempts included."""
    unfinished = StagedJob.select().where(StagedJob.state.in_(("waiting", "running")))
    for _ in range(4):
        if not unfinished.exists():
            return
        StagedJob.update(lease_until=1).where(StagedJob.state == "running").execute()
        release_expired()
        for queue in ("webhooks", "messages"):
            given.retried(redis, queue, 1)


def half_by_phone(clinic):
    body = {"invoiceId": clinic.invoice.id, "paymentMethodId": "pm_card_visa", "amount": 6_000}
    return "/api/payments/phone", body


def a_refund(clinic):
    payment = clinic.stand_in.paid(clinic.invoice, redis=clinic.redis)
    return f"/api/payments/{payment.id}/refunds", {"amount": 2_500}


def an_intent(clinic):
    return "/api/payments/create-payment-intent", {"invoiceId": clinic.invoice.id}


def a_link(clinic):
    return f"/api/invoices/{clinic.invoice.id}/payment-links", {"channel": "none"}


def a_text(clinic):
    return f"/api/invoices/{clinic.invoice.id}/payment-links", {"channel": "sms"}


def charged_once(clinic):
    assert clinic.stand_in.received(clinic.invoice.id) == 6_000


def refunded_once(clinic):
    assert clinic.stand_in.received(clinic.invoice.id) == clinic.invoice.amount_due - 2_500


def made_for(clinic, objects):
    return [one for one in objects if one.metadata["invoice_id"] == clinic.invoice.id]


def opened_once(clinic):
    made = clinic.stand_in.sdk.payment_intents.list({"limit": 100}).auto_paging_iter()
    assert len(made_for(clinic, made)) == 1


def linked_once(clinic):
    made = clinic.stand_in.sdk.payment_links.list({"limit": 100}).auto_paging_iter()
    assert len(made_for(clinic, made)) == 1


def texted_once(clinic):
    linked_once(clinic)
    url = PayAddress.get(PayAddress.invoice == clinic.invoice).url
    assert sum(url in row["body"] for row in clinic.sent()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ask", "check"),
    [
        (half_by_phone, charged_once),
        (a_refund, refunded_once),
        (an_intent, opened_once),
        (a_link, linked_once),
        (a_text, texted_once),
    ],
    ids=["a charge", "a refund", "an intent", "a link", "a text"],
)
@pytest.mark.timeout(1800)
def test_one_effect_wherever_the_database_fails(clinic, faults, ask, check):
    """Given a fault at each statement and each commit of the request, one after the other, then the
    client that follows the answers has exactly one effect each time.
    """
    at = 1
    while disturbed(clinic.another_clinic().consents(), faults, ask, check, at):
        at += 1
    assert at > 10, "the request was never disturbed"


def disturbed(clinic, faults, ask, check, at):
    """One story, with a fault at the `at`-th statement or commit; False when it ended before."""
    path, body = ask(clinic)

    def send(key):
        headers = clinic.headers | {"Idempotency-Key": key}
        return clinic.client.simulate_post(path, json=body, headers=headers)

    def read(location):
        return clinic.client.simulate_get(location, headers=clinic.headers)

    faults.order(at)
    answer = follow(send, read, lambda: settle(clinic.redis))
    where = faults.where
    faults.order(0)
    settle(clinic.redis)
    try:
        assert answer.status_code in {200, 201, 202}
        check(clinic)
    except (AssertionError, KeyError) as error:
        raise AssertionError(f"at {at}, {where}: {answer.status} {answer.text}") from error
    return bool(where)
