"""Fills an installation of any size for `bench.growth`: a large account whose invoices each have a
payment, an inbox event, a job and a feed event; one in five also has a text, a call, a decision of
the gate, a promise, a work item, an effect, a webhook delivery and so on.

Everything is finished and paid, except a tenth of the invoices, which are sent and not due, and as
many jobs, which wait until tomorrow.
"""

import re
from datetime import date, timedelta
from typing import Any

from peewee import BigAutoField, BooleanField, DateField, JSONField, TextField

from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.accounts.operator_session import OperatorSession
from models.base import Instant, Row, to_micros
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Reconciliation, Sighting
from models.calling.call import Call, CallInvoice
from models.contact.consent import Consent
from models.contact.contact_decision import ContactDecision
from models.contact.hold import Hold
from models.contact.message import Message
from models.contact.opt_out import OptOut
from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.promise import Promise
from models.contact.work_item import WorkItem
from models.delivery.idempotency_key import IdempotencyKey
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.knowledge_file import KnowledgeFile
from models.effects.effect import Effect
from models.feed.outgoing_event import OutgoingEvent
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from models.payments.refund import Refund
from models.reports.running_total import fold_changes
from models.transactions import database, execute, is_postgres, transaction, use_database
from runtime.clock import real_now
from runtime.settings import get_settings

CUSTOMER_HAS = 20  # invoices
ONE_OF = 5  # one invoice in so many has a text, a call, …
RARE = 40  # drafts and open work items, at any size
FUTURE = date(2099, 1, 1)
# the period that a comparison with Stripe covers, with the same number of payments at any size
COMPARED = timedelta(days=1)


def fill(size: int) -> dict[str, str]:
    """Fill the database, and return the ids and keys that requests need."""
    use_database(get_settings().database_url)
    now = real_now()
    account = Account.create(id="ac_large", name="Large", created_at=now)
    names = {
        "key": ApiKey.issue(account, "bench", now)[1],
        "operator": ApiKey.issue(None, "bench", now)[1],
        "session": OperatorSession.open(None, get_settings().operator_password, now)[1],
        "endpoint": WebhookEndpoint.register(
            account, "https://example.com/", ["invoice.created"], "", now
        ).id,
        "middle": f"{size // 2:08}",
        "fifth": f"{size // 2 // ONE_OF:08}",
        "person": f"{size // 2 // CUSTOMER_HAS:08}",
        "half": str(size // 2),
        "size": str(size),
        "long_ago": "2020-01-01T00:00:00Z",
        "recent": f"{now - timedelta(milliseconds=50):%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    with transaction():
        _fill_account()
        _fill_invoices(size)
        _fill_people(size // CUSTOMER_HAS)
        _fill_contact(size // ONE_OF, size)
        _fill_money(size // ONE_OF)
        _fill_deliveries(size // ONE_OF, names["endpoint"])
        names["run"] = str(_fill_books(size // ONE_OF, size))
    while _fold():
        pass
    vacuum()
    return names


def vacuum() -> None:
    """Vacuum and analyse, as PostgreSQL's autovacuum does some time after so many inserts.

    SQLite has statistics that we maintain, and keeps no dead rows.
    """
    if is_postgres():
        database.execute_sql("VACUUM (ANALYZE)")


def _fold() -> int:
    with transaction():
        return fold_changes(50_000)


def _fill_invoices(size: int) -> None:
    """Insert the customers, the invoices, and what each invoice has."""
    mark = f"CASE WHEN n <= {RARE} THEN 'draft' ELSE 'sent' END"
    status = f"CASE WHEN n <= {RARE} THEN 'draft' WHEN n % 10 = 0 THEN 'sent' ELSE 'paid' END"
    micros = to_micros(real_now())
    fill_rows(
        Customer,
        size // CUSTOMER_HAS,
        id="'cu_' || {n:08}",
        name="'Pat'",
        phone=PHONE,
        external_id="'x' || {n:08}",
    )
    fill_rows(
        Invoice,
        size,
        id="'inv_' || {n:08}",
        customer_id=_person("n", size),
        number="'n' || {n:08}",
        external_id="'x' || {n:08}",
        currency="'usd'",
        amount_due="100",
        due_date="{day}",
        mark=mark,
        status=status,
        outstanding=f"CASE WHEN {status} = 'paid' THEN 0 ELSE 100 END",
        updated_at=f"{micros - size * 1_000} + n * 1000",
    )
    fill_rows(
        Payment,
        size,
        id="'pay_' || {n:08}",
        invoice_id="'inv_' || {n:08}",
        method="'stripe'",
        intent_id="'pi_' || {n:08}",
        terminal="'succeeded'",
        status="'succeeded'",
        amount="100",
        amount_received="100",
        currency="'usd'",
        told_by_intent="{true}",
        created_at=_aged(size),
    )
    fill_rows(
        InboxEvent,
        size,
        provider="'stripe'",
        event_id="'evt_' || {n:08}",
        type="'payment_intent.succeeded'",
        payload="'{}'",
        outcome="'applied'",
        intent_id="'pi_' || {n:08}",
        named_invoice_id="'inv_' || {n:08}",
    )
    fill_rows(
        StagedJob,
        size,
        name="'process_stripe_event'",
        key="'' || n",
        args="'[]'",
        queue="'webhooks'",
        state="CASE WHEN n % 10 = 0 THEN 'waiting' ELSE 'done' END",
        max_attempts="8",
        due_at=f"{micros} + 86400000000",
        created_at=str(micros),
        finished_at=f"CASE WHEN n % 10 = 0 THEN NULL ELSE {micros} END",
    )
    fill_rows(
        OutgoingEvent,
        size,
        event_id="'oev_' || {n:08}",
        account_id="'ac_large'",
        type="'invoice.paid'",
        subject="'invoice:inv_' || {n:08}",
    )


def _fill_account() -> None:
    """Insert what a clinic only has a few of, at any size."""
    few = {"created_at": "n * 1000000"}
    fill_rows(KnowledgeFile, RARE, id="'kf_' || {n:08}", **few)
    fill_rows(
        Deployment, RARE, id="'dep_' || {n:08}", status="'rolled_back'", method="'forwarded'", **few
    )
    about = {"account_id": "'ac_large'", "subject": "'account:ac_large'"}
    fill_rows(AuditEntry, RARE, action="'settings.changed'", **about)


def _fill_people(many: int) -> None:
    """Insert the consents, holds and opt-outs of each customer."""
    whose = {"customer_id": "'cu_' || {n:08}", "recorded_by": "'bench'"}
    fill_rows(Consent, many, id="'con_' || {n:08}", channels="'[\"sms\"]'", phone=PHONE, **whose)
    fill_rows(Hold, many, id="'hold_' || {n:08}", kind="'other'", lifted_at="1", **whose)
    fill_rows(
        OptOut,
        many // ONE_OF,
        id="'opt_' || {n:08}",
        account_id="'ac_large'",
        phone=PHONE,
        wish="'start'",
        channels="'[\"sms\"]'",
    )


def _fill_contact(many: int, size: int) -> None:
    """Insert the contacts about every fifth invoice, and their results."""
    about = {
        "customer_id": _person(f"n * {ONE_OF}", size),
        "invoice_id": f"'inv_' || {{n * {ONE_OF}:08}}",
    }
    whom = {"customer_id": about["customer_id"], "created_at": _aged(many)}
    fill_rows(
        Message,
        many,
        id="'msg_' || {n:08}",
        kind="'payment_link'",
        to_number=PHONE,
        status="'delivered'",
        sent_at=_aged(many),
        **about,
        created_at=_aged(many),
    )
    fill_rows(
        Call,
        many,
        id="'call_' || {n:08}",
        direction="'outbound'",
        to_number=PHONE,
        state="'ended'",
        outcome="'voicemail'",
        attempted_at=_aged(many),
        ended_at=_aged(many),
        reported_at=_aged(many),
        **whom,
    )
    fill_rows(CallInvoice, many, call_id="'call_' || {n:08}", invoice_id=about["invoice_id"])
    fill_rows(
        ContactDecision,
        many,
        id="'dec_' || {n:08}",
        channel="'sms'",
        code="'quiet_hours'",
        at=_aged(many),
        **about,
    )
    fill_rows(
        PlannedContact, many, id="'pc_' || {n:08}", channel="'sms'", state="'performed'", **whom
    )
    fill_rows(
        PlannedContactInvoice,
        many,
        planned_contact_id="'pc_' || {n:08}",
        invoice_id=about["invoice_id"],
    )
    fill_rows(Promise, many, id="'prom_' || {n:08}", currency="'usd'", state="'kept'", **about)
    fill_rows(
        WorkItem,
        many,
        id="'wki_' || {n:08}",
        kind="CASE WHEN n % 2 = 0 THEN 'escalation' ELSE 'reply' END",
        subject="'' || n",
        state=f"CASE WHEN n <= {RARE} THEN 'open' ELSE 'resolved' END",
        **about,
    )


def _fill_money(many: int) -> None:
    """Insert ways to pay every fifth invoice, and refunds."""
    about = {"invoice_id": f"'inv_' || {{n * {ONE_OF}:08}}", "state": "'retired'"}
    fill_rows(PaymentLink, many, id="'pl_' || {n:08}", currency="'usd'", **about)
    fill_rows(PaymentAttempt, many, id="'pa_' || {n:08}", currency="'usd'", **about)
    fill_rows(
        PaymentConfirmation,
        many,
        id="'pc_' || {n:08}",
        attempt_id="'pa_' || {n:08}",
        state="'settled'",
    )
    fill_rows(
        Refund,
        many,
        refund_id="'re_' || {n:08}",
        intent_id=f"'pi_' || {{n * {ONE_OF}:08}}",
        status="'succeeded'",
        created_at=_aged(many),
    )
    fill_rows(
        Effect,
        many,
        id="'eff_' || {n:08}",
        key="'eff_' || {n:08}",
        kind="'text'",
        provider="'twilio'",
        account_id="'ac_large'",
        **about | {"state": "'succeeded'"},
        created_at=_aged(many),
    )


def _fill_deliveries(many: int, endpoint: str) -> None:
    """Insert the clinic software's webhook deliveries and idempotency keys."""
    first = execute("SELECT MIN(id) FROM outgoing_event").fetchone()[0]
    fill_rows(
        WebhookDelivery,
        many,
        event_id=f"{first} + n - 1",
        endpoint_id=f"'{endpoint}'",
        state="'delivered'",
        tries="'[]'",
    )
    fill_rows(IdempotencyKey, many, id="'idk_' || {n:08}", key="'idk_' || {n:08}", status="201")
    fill_rows(
        AuditEntry,
        many,
        account_id="'ac_large'",
        action="'invoice.changed'",
        subject=f"'invoice:inv_' || {{n * {ONE_OF}:08}}",
    )


def _fill_books(many: int, size: int) -> int:
    """Insert hourly backfills and comparisons of many Stripe accounts; return the id of a
    comparison in progress that has seen all payments of its period except every tenth.
    """
    since = int((real_now() - COMPARED).timestamp())
    done = {
        "stripe_account": "CASE WHEN n % 20 = 0 THEN '' ELSE 'acct_' || n % 20 END",
        "state": "'done'",
        "created_at": _aged(many),
        "finished_at": "1",
    }
    fill_rows(Backfill, many, since=str(since), asked_by="'system'", **done)
    fill_rows(Reconciliation, many, since=str(since), until=str(since), **done)
    run = Reconciliation.create(
        since=since, until=since, phase="our_payments", asked_by="bench", created_at=real_now()
    )
    recent = int(COMPARED / AGE)
    fill_rows(
        Sighting,
        recent,
        run_id=str(run.id),
        subject=f"'pi_' || CASE WHEN n % 10 = 0 THEN '-' || n ELSE {{{size - recent} + n:08}} END",
        invoice_id=f"'inv_' || {{{size - recent} + n:08}}",
    )
    return int(run.id)


AGE = timedelta(minutes=10)  # between two rows
OLDEST = timedelta(days=80)
PHONE = "'+1' || {n:08} || '00'"


def _aged(many: int) -> str:
    """Return SQL for the time of the n-th of `many` rows. The last is new, and none is so old that
    it would be deleted.
    """
    now, step = to_micros(real_now()), int(AGE / timedelta(microseconds=1))
    oldest = now - int(OLDEST / timedelta(microseconds=1))
    aged = f"{now - many * step} + n * CAST({step} AS BIGINT)"
    return f"CASE WHEN n < {many - int(OLDEST / AGE)} THEN {oldest} ELSE {aged} END"


def _person(number: str, size: int) -> str:
    """Return SQL for the customer of the invoice with this number."""
    return f"'cu_' || {{{number} % {size // CUSTOMER_HAS} + 1:08}}"


def fill_rows(table: type[Row], many: int, **columns: str) -> None:
    """Insert `many` rows generated inside the database, with SQL expressions for `columns`: `n` is
    the row number, `{n:08}` is padded.

    Other columns that are not nullable are empty, zero, false, now, or the large account.
    """
    about: Any = table._meta  # noqa: SLF001 - its public name
    usual = {
        field.column_name: _usual(field)
        for field in about.sorted_fields
        if not field.null and not isinstance(field, BigAutoField)
    }
    given = {name: _in_sql(expression) for name, expression in (usual | columns).items()}
    numbers = (
        f"generate_series(1, {many}) AS g (n)"
        if is_postgres()
        else f"(WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {many})"
        " SELECT n FROM g) AS g"
    )
    database.execute_sql(
        f"INSERT INTO {about.table_name} ({', '.join(given)})"
        f" SELECT {', '.join(given.values())} FROM {numbers}"
    )


def _usual(field: Any) -> str:
    """Return SQL for a column's default value."""
    if field.column_name == "account_id":
        return "'ac_large'"
    kinds = (
        (Instant, str(to_micros(real_now()))),
        (JSONField, "'{}'"),
        (BooleanField, "{false}"),
        (DateField, "{day}"),
        (TextField, "''"),
    )
    return next((value for kind, value in kinds if isinstance(field, kind)), "0")


def _in_sql(expression: str) -> str:
    """Translate an expression to the dialect of the database in use."""
    postgres, start = is_postgres(), FUTURE.isoformat()
    day = (
        f"date '{start}' + (n % 300)"
        if postgres
        else f"date('{start}', '+' || (n % 300) || ' days')"
    )
    text = expression.replace("{false}", "false" if postgres else "0")
    text = text.replace("{true}", "true" if postgres else "1").replace("{day}", day)
    padded = r"lpad((\1)::text, 8, '0')" if postgres else r"printf('%08d', \1)"
    text = re.sub(r"\{([^{}]+):08\}", padded, text)
    return text.replace("%", "%%") if postgres else text
