"""Every list of the API reads its own account's rows by an index, never all tenants' rows: EXPLAIN
shows it on both databases.
"""

import logging
import re

import pytest

from actions.books.compare import unsighted_payments, unsighted_refunds
from actions.contact.gate_facts import load_gate_facts
from actions.contact.opt_out.record_stop_or_start import accounts_concerned
from actions.deployment.numbers.ports import settle_abandoned_ports, stage_port_checks
from jobs.mark_overdue import mark_overdue
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Difference, Reconciliation, Sighting, latest_runs
from models.contact.contact_course import UNSEEN, ContactCourse
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.delivery.staged_job import StagedJob
from models.deployment.port_document import PortDocument
from models.feed.outgoing_event import OutgoingEvent
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.integrations.integration import Integration
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute, DisputeMovement
from models.payments.payment import Payment, at_stripe
from models.payments.refund import Refund
from models.reports.figures import count_differences
from models.transactions import database, execute, is_postgres
from runtime.clock import business_now, real_now
from runtime.settings import get_settings
from tests import given
from tests.integration.database.test_unpaid_invoices_index import many_invoices

LISTS = {
    "/api/invoices": ("invoice", "invoice_account_id_id"),
    "/api/invoices?startingAfter={newest}": ("invoice", "invoice_account_id_id"),
    "/api/invoices?status=paid": ("invoice", "invoice_account_id_"),
    "/api/invoices?status=sent&status=overdue": ("invoice", "invoice_account_id_status_id"),
    "/api/invoices?number=none": ("invoice", "invoice_account_id_number"),
    "/api/invoices?externalId=none": ("invoice", "invoice_account_id_external_id"),
    "/api/invoices?customerId={customer}": ("invoice", "invoice_account_id_"),
    "/api/invoices?updatedSince=2020-01-01T00:00:00Z": ("invoice", "invoice_account_id_"),
    "/api/customers": ("customer", "customer_account_id_id"),
    "/api/customers?externalId=none": ("customer", "customer_account_id_external_id"),
    "/api/payments": ("payment", "payment_account_id_id"),
    "/api/payments?startingAfter={payment}": ("payment", "payment_account_id_id"),
    "/api/payments?invoiceId={invoice}": ("payment", "payment_"),
    "/api/finance/unpaid-invoices?startingAfter={invoice}": (
        "invoice",
        "invoice_account_id_status_due_date_id",
    ),
    "/api/finance/unpaid-invoices": ("invoice", "invoice_account_id_status_due_date_id"),
    "/api/events?since=5": ("outgoing_event", "outgoing_event_account_id_id"),
    "/api/work-items": ("work_item", "work_item_account_id_id"),
    "/api/work-items?state=open": ("work_item", "work_item_account_id_state_id"),
    "/api/work-items?kind=escalation": ("work_item", "work_item_account_id_state_kind_id"),
    "/api/work-items?state=open&kind=escalation": (
        "work_item",
        "work_item_account_id_state_kind_id",
    ),
    "/api/webhook-endpoints/{endpoint}": ("webhook_delivery", "webhook_delivery_endpoint_id_"),
}

# the conditions that find a customer by number, and their indexes
BY_NUMBER = {
    " phone = ": ("customer_account_id_phone", "customer_at_phone"),
    '"phone" = ': ("customer_account_id_phone", "customer_at_phone"),
    "->> 'phone'": ("customer_asked_for_phone",),
}

WHOSE = "deployment_step", "deployment", "integration", "invoice", "promise"
# what the scans look for, by the index that skips finished rows
SCANS = {
    "invoice_status_due_date_id": lambda: (given.an_account(), mark_overdue.perform()),
    "promise_state_decided_from_id": lambda: Promise.due("decided_from", real_now(), 0, "", 5),
    "promise_to_follow_up": lambda: Promise.due("follow_at", real_now(), 0, "", 5),
    "deployment_status_updated_at": stage_port_checks,
    "deployment_step_undo_failed": settle_abandoned_ports,
    "integration_left_behind": lambda: Integration.unrevoked(5),
}


# months of payments, one an hour, each with a refund
PAID = (
    "INSERT INTO payment (id, account_id, invoice_id, method, stripe_account, intent_id, terminal,"
    " status, amount, amount_received, currency, charges, created_at, updated_at)"
    " WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 3000) SELECT"
    " 'pay_' || (10000 + n), ?, ?, 'stripe', '', 'pi_' || n, '', 'succeeded', 1, 1, 'usd', '{}',"
    " {now} - (3000 - n) * 3600000000, 1 FROM g"
)
RETURNED = (
    "INSERT INTO refund (refund_id, stripe_account, intent_id, amount, currency, status, told,"
    " created_at, updated_at) SELECT 're_' || intent_id, '', intent_id, 1, 'usd', 'succeeded', '',"
    " created_at, 1 FROM payment"
)


def fill(account):
    """Add thousands of other tenants' rows and a few of the account's own; return the ids that the
    URLs name.
    """
    now = real_now()
    # a cursor with thousands of rows before it
    newest = Invoice.select().order_by(Invoice.id.desc()).get()
    Invoice.update(account=account).where(
        Invoice.id << [newest.id, *(row.id for row in Invoice.select().limit(50))]
    ).execute()
    invoices = list(Invoice.select().order_by(Invoice.id))
    first = Invoice.select().where(Invoice.account == account).get()
    people, paid, told, work = [], [], [], []
    for number, invoice in enumerate(invoices):
        people.append(
            {
                "id": f"cu_{number}",
                "account": invoice.account_id,
                "name": "x",
                "created_at": now,
                "updated_at": now,
            }
        )
        paid.append(
            {
                "id": f"pay_{number}",
                "account": invoice.account_id,
                "invoice": invoice.id,
                "method": "cash",
                "reference": str(number),
            }
        )
        work.append(
            {
                "id": f"wki_{number}",
                "account": invoice.account_id,
                "kind": "escalation",
                "subject": str(number),
                "words": "x",
                "context": {},
                "created_at": now,
                "updated_at": now,
            }
        )
        told.append(
            {
                "event_id": f"oev_{number}",
                "account_id": invoice.account_id,
                "type": "invoice.paid",
                "payload": {},
                "created_at": now,
            }
        )
    paid = [
        row
        | {
            "status": "succeeded",
            "amount": 1,
            "currency": "usd",
            "created_at": now,
            "updated_at": now,
        }
        for row in paid
    ]
    endpoints = {
        row.account_id: WebhookEndpoint.register(row.account, "https://example.com/", [], "x", now)
        for row in invoices
    }
    with database.atomic():
        filled = (
            (Customer, people),
            (Payment, paid),
            (OutgoingEvent, told),
            (WorkItem, work),
        )
        for table, rows in filled:
            for at in range(0, len(rows), 50):
                table.insert_many(rows[at : at + 50]).execute()
        sent = [
            {"event": row.id, "endpoint": endpoints[row.account_id].id, "created_at": now}
            for row in OutgoingEvent.select()
        ]
        for at in range(0, len(sent), 50):
            WebhookDelivery.insert_many(sent[at : at + 50]).execute()
    given.statistics()
    payment = Payment.select().where(Payment.account == account).order_by(Payment.id.desc()).get()
    return {
        "customer": first.customer_id,
        "invoice": first.id,
        "newest": newest.id,
        "payment": payment.id,
        "endpoint": endpoints[account.id].id,
    }


def explained(sql, params):
    cursor = database.execute_sql(
        ("EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN ") + sql, params
    )
    return "\n".join(str(row) for row in cursor.fetchall())


@pytest.fixture
def ran(caplog):
    """Return the ordered SELECTs on a table since the last look, each with its parameters."""

    def asked(table):
        caplog.set_level(logging.DEBUG, logger="peewee")
        texts = [record.msg for record in caplog.records if record.name == "peewee"]
        caplog.clear()
        return [
            (sql, params)
            for sql, params in texts
            if sql.startswith("SELECT") and f'FROM "{table}"' in sql and "ORDER BY" in sql
        ]

    return asked


@pytest.mark.slow
def test_no_list_walks_other_tenants_rows(client, ran):
    many_invoices()
    account = given.an_account(name="A small clinic")
    names, headers = fill(account), given.a_key(account)
    ran("")
    for address, (table, index) in LISTS.items():
        answer = client.simulate_get(address.format(**names), headers=headers)
        assert answer.status_code == 200, answer.text
        statements = ran(table)
        assert statements, address
        for sql, params in statements:
            told = explained(sql, params)
            # PostgreSQL might prefer to sort a few rows
            assert (index.split("_id")[0] if is_postgres() else index) in told, f"{address}\n{told}"
            assert "SCAN t1" not in told, f"{address}\n{told}"
            assert f"Seq Scan on {table}" not in told, f"{address}\n{told}"
            assert f"{table}_pkey" not in told, f"{address}\n{told}"


@pytest.mark.slow
def test_overdue_customers_never_scanned_are_found_by_an_index(client):
    """Given thousands of invoices, few of them overdue, then an index finds these."""
    many_invoices()
    Invoice.update(status="paid").where(Invoice.status == "overdue").execute()
    few = Invoice.select(Invoice.id).limit(20)
    Invoice.update(status="overdue").where(Invoice.id << [row.id for row in few]).execute()
    given.statistics()
    told = explained(UNSEEN.replace("?", "500"), ())
    assert "invoice_status" in told, told
    assert "SCAN i" not in told, told
    assert "Seq Scan on invoice" not in told, told


@pytest.mark.slow
def test_a_phone_numbers_customers_are_found_by_indexes(database_url, monkeypatch, caplog):
    """Given thousands of customers, when one texts, calls or is rechecked, no other is read."""
    monkeypatch.setenv("TWILIO_MESSAGING_SERVICE_SID", "MG" + "5" * 32)
    get_settings.cache_clear()
    account, now = given.an_account(), real_now()
    people = [
        {
            "id": f"cu_{number:05}",
            "account": account.id,
            "name": "Pat",
            "phone": f"+1202555{number:04}",
            "contact_request": {"phone": f"+1202556{number:04}"} if number % 9 == 0 else None,
            "created_at": now,
            "updated_at": now,
        }
        for number in range(5_000)
    ]
    with database.atomic():
        for at in range(0, len(people), 50):
            Customer.insert_many(people[at : at + 50]).execute()
    given.statistics()
    caplog.set_level(logging.DEBUG, logger="peewee")
    phone = "+12025560009"
    assert [each.id for each in Customer.at_phone(phone, [account.id])] == ["cu_00009"]
    assert accounts_concerned(phone, "+18005550100", "MG" + "5" * 32) == [account.id]
    ContactCourse.recheck_phone(account.id, phone)
    texts = [record.msg for record in caplog.records if record.name == "peewee"]
    asked = [
        (sql, params) for sql, params in texts if 'FROM "customer"' in sql or "FROM customer" in sql
    ]
    assert len(asked) == 4
    for sql, params in asked:
        told = explained(sql, params)
        for column, indexes in BY_NUMBER.items():
            assert column not in sql or any(index in told for index in indexes), told
        assert not re.search(r"SCAN (t1|t|customer)\b|Seq Scan on customer\b", told), (
            f"{sql}\n{told}"
        )


@pytest.mark.slow
def test_the_gate_reads_only_unprocessed_events(database_url, caplog):
    """Given thousands of processed events, when a customer is to be contacted, then only waiting
    events are read.
    """
    invoice, now = given.an_invoice(given.an_account(stripe_account="acct_1")), real_now()
    events = [
        {
            "provider": "stripe",
            "account": "acct_1",
            "event_id": f"evt_{number}",
            "type": "payment_intent.succeeded",
            "payload": "{}",
            "received_at": now,
            "outcome": "applied",
        }
        for number in range(5_000)
    ]
    with database.atomic():
        for at in range(0, len(events), 50):
            InboxEvent.insert_many(events[at : at + 50]).execute()
    given.statistics()
    caplog.set_level(logging.DEBUG, logger="peewee")
    customer = invoice.customer
    load_gate_facts(invoice, customer, customer.preferred_phone, "sms", business_now(), now)
    texts = [record.msg for record in caplog.records if record.name == "peewee"]
    ((sql, params),) = [each for each in texts if "FROM inbox_event" in each[0]]
    told = explained(sql, params)
    assert "inbox_event_waiting" in told, told
    assert "inbox_event_provider_account_event_id" not in told, told
    assert "Seq Scan on inbox_event" not in told, told


def test_old_port_documents_are_found_by_an_index(database_url, caplog):
    """Given stored documents of megabytes, then an index finds the old ones."""
    caplog.set_level(logging.DEBUG, logger="peewee")
    PortDocument.forget_unused(real_now(), 20)
    ((sql, params),) = [record.msg for record in caplog.records if record.name == "peewee"]
    with database.atomic():
        if is_postgres():  # it would scan an empty table otherwise
            execute("SET LOCAL enable_seqscan = off")
        assert "port_document_kept" in explained(sql, params)


@pytest.mark.parametrize("table", [Refund, Dispute, DisputeMovement])
def test_refunds_and_disputes_are_found_by_an_index_on_their_intent(database_url, caplog, table):
    """Given any payment event, then no other payment's refunds and disputes are read."""
    invoice = given.an_invoice()
    execute(PAID, (invoice.account_id, invoice.id))
    execute(RETURNED)
    given.statistics()
    payment = Payment(stripe_account="", intent_id="pi_1")
    caplog.set_level(logging.DEBUG, logger="peewee")
    assert len(at_stripe(table, [payment])) == (table is Refund)
    ((sql, params),) = [record.msg for record in caplog.records if record.name == "peewee"]
    with database.atomic():
        if is_postgres():  # it would scan an empty table otherwise
            execute("SET LOCAL enable_seqscan = off")
        assert f"{table._meta.table_name}_stripe_account_intent_id" in explained(sql, params)


@pytest.mark.parametrize("compared", [Payment, Refund])
def test_a_reconciliation_reads_only_the_payments_of_its_days(database_url, caplog, compared):
    """Given months of payments, when those of three days are compared with Stripe's, then all that
    Stripe has not shown are found, page by page, and nothing older is read.
    """
    invoice = given.an_invoice()
    execute(PAID, (invoice.account_id, invoice.id))
    execute(RETURNED)
    now = real_now()
    run = Reconciliation.create(
        since=int(now.timestamp()) - 72 * 3600 + 60, until=0, asked_by="test", created_at=now
    )
    payments = compared is Payment
    for number in (2995, 2996):
        shown = f"pi_{number}" if payments else f"re_pi_{number}"
        Sighting.create(run=run, subject=shown)
    given.statistics()
    caplog.set_level(logging.DEBUG, logger="peewee")
    unsighted = unsighted_payments if payments else unsighted_refunds
    first = unsighted(run, "", 50)
    last = first[-1].id if payments else first[-1].refund_id
    found = [row.intent_id for row in [*first, *unsighted(run, last, 50)]]
    assert found == [f"pi_{number}" for number in range(2929, 3001) if number not in {2995, 2996}]
    table = compared._meta.table_name
    asked = [record.msg for record in caplog.records if record.name == "peewee"]
    for sql, params in [each for each in asked if each[0].startswith("SELECT")]:
        told = explained(sql, params)
        assert f"{table}_stripe_account_created_at" in told, told
        assert f"SCAN {table}" not in told, told


def test_the_latest_reconciliations_are_found_without_reading_earlier_ones(database_url, caplog):
    """Given many comparisons of three Stripe accounts, the last of which failed, then the latest
    finished one of each is found without reading the others.
    """
    execute(
        "INSERT INTO reconciliation (stripe_account, since, until, phase, cursor, page, compared,"
        " state, asked_by, created_at) WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1"
        " FROM g WHERE n < 45000) SELECT CASE WHEN n < 15000 THEN '' WHEN n < 30000 THEN 'acct_1'"
        " ELSE 'acct_2' END, 0, 0, '', '', 0, 0, CASE n WHEN 45000 THEN 'failed' ELSE 'done' END,"
        " 'test', 1 FROM g"
    )
    given.statistics()
    Difference.create(run=14999, kind="payment_missing", subject="pi_1", found_at=real_now())
    Difference.create(run=1, kind="payment_missing", subject="pi_2", found_at=real_now())
    caplog.set_level(logging.DEBUG, logger="peewee")
    assert [run.id for run in latest_runs()] == [14999, 29999, 44999]
    assert [run.id for run in latest_runs("acct_1")] == [29999]
    assert count_differences() == {"payment_missing": 1}
    asked = [record.msg for record in caplog.records if record.name == "peewee"]
    assert len(asked) == 3
    for sql, params in asked:
        told = explained(sql, params)
        assert "Seq Scan on reconciliation" not in told, told
        assert not re.search(r"SCAN (reconciliation|r|t1)\b|reconciliation_state_id", told), told


def test_the_latest_job_of_a_name_is_found_without_reading_earlier_ones(database_url, caplog):
    """Given thousands of jobs of one name among others, then the last one is found, whatever its
    state, without reading the others.
    """
    execute(
        "INSERT INTO staged_job (name, key, args, queue, state, attempts, max_attempts, claim,"
        " due_at, created_at, fair_to) WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1"
        " FROM g WHERE n < 20000) SELECT CASE WHEN n < 9000 THEN 'read_missed_calls' ELSE 'other'"
        " END, 'k' || n, '[]', 'periodic', CASE n WHEN 8999 THEN 'dead' ELSE 'done' END, 1, 3, 1,"
        " 1, 1, '' FROM g"
    )
    given.statistics()
    caplog.set_level(logging.DEBUG, logger="peewee")
    found = StagedJob.latest("read_missed_calls")
    assert found is not None
    assert (found.key, found.state) == ("k8999", "dead")
    assert StagedJob.latest("never") is None
    (sql, params), _ = [record.msg for record in caplog.records if record.name == "peewee"]
    told = explained(sql, params)
    assert "staged_job_state_name_id" in told, told
    assert not re.search(r"Seq Scan|Sort|SCAN staged_job\b|staged_job_name_key", told), told


@pytest.mark.parametrize("index", SCANS)
def test_each_frequent_scan_finds_its_rows_by_an_index(database_url, ran, index):
    """Given a scan that runs at least hourly, then an index finds its rows."""
    table = next(name for name in WHOSE if name in index)
    ran(table)
    SCANS[index]()
    ((sql, params),) = ran(table)
    with database.atomic():
        if is_postgres():  # it would scan an empty table otherwise
            execute("SET LOCAL enable_seqscan = off")
        assert index in explained(sql, params)
