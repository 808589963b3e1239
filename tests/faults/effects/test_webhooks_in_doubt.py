"""The database fails at any statement or commit of a webhook: its sender gets a 503, so that it
sends again until it gets 2xx; the webhook then counts once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from models import transactions
from models.books.inbox_event import InboxEvent
from models.contact.opt_out import OptOut
from models.payments.payment import Payment
from runtime.ids import new_id
from sandbox.twilio.account import MAGIC_ACCOUNT
from tests import given
from tests.faults.failing_database import FailingDatabase
from tests.stand_ins.stand_in import CONNECT_SECRET
from tests.stories.texting import INBOUND, SHARED_NUMBER

PLATFORM = "/api/webhooks/stripe"


@dataclass
class Door:
    """A webhook that is sent again and again, and what must be true once it was processed."""

    send: Callable
    assert_once: Callable


@pytest.fixture
def clinic(texting):
    return texting.consents()


@pytest.fixture
def faults(clinic):
    ordered = FailingDatabase(transactions.database.obj)
    yield ordered
    ordered.remove()


def a_payment(clinic, path=PLATFORM, secret=given.WEBHOOK_SECRET, **of):
    invoice = given.an_invoice(given.an_account(stripe_account=of.get("account")))
    intent = given.an_intent(invoice)
    event = given.an_event("payment_intent.succeeded", intent, **of)

    def assert_once():
        given.worked(clinic.redis)
        given.retried(clinic.redis, rounds=1)
        assert Payment.select().where(Payment.intent_id == intent["id"]).count() == 1
        now = given.fresh(invoice)
        assert (now.status, now.amount_received) == ("paid", invoice.amount_due)

    return Door(
        lambda: clinic.client.simulate_post(path, **given.signed(event, secret)), assert_once
    )


def a_payment_of_a_connected_account(clinic):
    return a_payment(clinic, f"{PLATFORM}/connect", CONNECT_SECRET, account=new_id("acct"))


def a_stop(clinic):
    sid = f"SM{InboxEvent.select().count():032x}"
    fields = {
        "MessageSid": sid,
        "AccountSid": MAGIC_ACCOUNT,
        "From": clinic.phone,
        "To": SHARED_NUMBER,
        "Body": "STOP",
    }

    def assert_once():
        kept = [
            (row.account_id, row.sender) for row in OptOut.select().where(OptOut.reference == sid)
        ]
        assert kept
        assert len(set(kept)) == len(kept)

    return Door(lambda: clinic.tell(INBOUND, fields), assert_once)


def a_report(clinic):
    """A status report of a text to a customer other than the one who says stop."""
    other = clinic.another_clinic().consents()
    message = other.send()

    def assert_once():
        assert other.message(message.id).status == "delivered"

    return Door(lambda: other.report(message, "delivered"), assert_once)


@pytest.mark.parametrize(
    "come",
    [a_payment, a_payment_of_a_connected_account, a_stop, a_report],
    ids=lambda it: it.__name__,
)
def test_a_webhook_counts_once_wherever_the_database_fails(clinic, faults, come):
    """Given a fault at each statement and each commit in turn, then an answer other than 2xx is a
    503, and the webhook has one row and one consequence.
    """
    at, found = 1, True
    while found:
        door, before = come(clinic), InboxEvent.select().count()
        faults.order(at)
        answer = door.send()
        found = bool(faults.where)
        faults.order(0)
        if answer.status_code >= 300:
            about = f"at {at}, {faults.where}: {answer.text}"
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), about
            assert door.send().status_code < 300
        assert InboxEvent.select().count() == before + 1
        door.assert_once()
        at += 1
    assert at > 5, "it was never disturbed"
