"""What a Stripe event costs: one commit at intake, and two in the worker (its claim; its facts
together with `done`).
"""

from models import transactions
from models.books.inbox_event import InboxEvent
from models.payments.payment import Payment
from rules.payment_merge import PaymentReport
from runtime.clock import real_now
from tests import given
from tests.watching.counting import counted


def test_commits_inside_and_outside_a_transaction_are_counted(client):
    with counted() as cost:
        with transactions.transaction():
            given.an_account()
            given.an_account()
        assert cost.commits == 1
        given.an_account()
        assert cost.commits == 2
        assert InboxEvent.select().count() == 0
        assert cost.commits == 2, "reading costs none"


def test_an_event_not_about_money_costs_three_commits(client, valkey):
    with counted() as cost:
        said = given.an_event("plan.created", {"id": "plan_1", "object": "plan"})
        assert client.simulate_post("/api/webhooks/stripe", **given.signed(said)).status_code == 200
        given.worked(valkey.client())
        assert InboxEvent.get().outcome == "ignored"
    assert cost.commits == 3, cost.sent


def test_a_payment_event_reads_refunds_and_disputes_in_one_statement(client, valkey):
    """Given a payment event, when a worker takes it, then one statement reads what was returned."""
    invoice = given.an_invoice()
    paid = given.an_event("payment_intent.succeeded", given.an_intent(invoice))
    client.simulate_post("/api/webhooks/stripe", **given.signed(paid))
    with counted() as cost:
        given.worked(valkey.client())
    assert given.fresh(invoice).status == "paid"
    asked = [text for text in cost.statements if "FROM refund" in text or '"refund"' in text]
    assert len(asked) == 1, asked
    assert all(f"FROM {table} AS r" in asked[0] for table in ("dispute", "dispute_movement"))


def test_a_payment_recorded_for_one_invoice_is_not_recorded_for_another(database_url):
    """Given a payment recorded for one invoice, when another invoice's metadata names its intent,
    then it is not recorded again.
    """
    first, second = given.an_invoice(), given.an_invoice()
    report = PaymentReport("succeeded", 12_500, 12_500, "usd", {})
    assert Payment.record_report(first, "", "pi_1", report, real_now())
    with transactions.transaction():
        among = Payment.of_invoice(second)
        assert not Payment.record_report(second, "", "pi_1", report, real_now(), among=among)
    assert (among, Payment.get().invoice_id) == ([], first.id)
