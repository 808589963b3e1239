"""What `bench.growth` measures: an installation of any size, and what is asked of it."""

import os
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from falcon.testing import TestClient
from redis import Redis

import jobs  # noqa: F401 - makes every job known
from delivery import relay
from delivery.registry import find_job
from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.reports.figures import count_inbox, count_invoices, count_states
from models.reports.running_total import fold_changes
from models.transactions import execute, is_postgres, transaction
from runtime.clock import real_now
from web.app import create_app

CUSTOMER_HAS = 20  # invoices
RARE = 40  # drafts, however many there are
FUTURE = date(2099, 1, 1)
CLIENT = TestClient(create_app())


def fill(size: int) -> dict[str, str]:
    """One large account with `size` invoices beside a small one; the names that requests need."""
    now = real_now()
    account = Account.create(id="ac_large", name="Large", created_at=now)
    key = ApiKey.issue(account, "bench", now)[1]
    operator = ApiKey.issue(None, "bench", now)[1]
    micros = int(now.timestamp()) * 1_000_000
    people = size // CUSTOMER_HAS
    if is_postgres():
        execute("SET statement_timeout = 0")  # a million rows take longer than a request may
    with transaction():
        fill_rows(
            "customer",
            people,
            {
                "id": "'cu_' || {n:08}",
                "account_id": "'ac_large'",
                "name": "'Pat'",
                "language": "'en'",
                "stripe_vouched": "{false}",
                "created_at": str(micros),
                "updated_at": str(micros),
            },
        )
        status = f"CASE WHEN n <= {RARE} THEN 'draft' WHEN n % 10 = 0 THEN 'sent' ELSE 'paid' END"
        fill_rows(
            "invoice",
            size,
            {
                "id": "'inv_' || {n:08}",
                "account_id": "'ac_large'",
                "customer_id": f"'cu_' || {{n % {people} + 1:08}}",
                "number": "'n' || {n:08}",
                "currency": "'usd'",
                "amount_due": "100",
                "due_date": "{day}",
                "mark": f"CASE WHEN n <= {RARE} THEN 'draft' ELSE 'sent' END",
                "status": status,
                **dict.fromkeys(("amount_received", "amount_returned", "amount_paid"), "0"),
                "outstanding": f"CASE WHEN {status} = 'paid' THEN 0 ELSE 100 END",
                **dict.fromkeys(("overpaid", "balance_revision", "version"), "0"),
                **dict.fromkeys(("disputed", "mismatched"), "{false}"),
                "notes": "''",
                "created_at": str(micros),
                "updated_at": f"{micros - size * 1_000} + n * 1000",
            },
        )
        fill_rows(
            "payment",
            size,
            {
                "id": "'pay_' || {n:08}",
                "account_id": "'ac_large'",
                "invoice_id": "'inv_' || {n:08}",
                "method": "'stripe'",
                "stripe_account": "''",
                "intent_id": "'pi_' || {n:08}",
                "terminal": "'succeeded'",
                "status": "'succeeded'",
                **dict.fromkeys(("amount", "amount_received"), "100"),
                "currency": "'usd'",
                "charges": "'{{}}'",
                "told_by_intent": "{true}",
                "created_at": str(micros),
                "updated_at": str(micros),
            },
        )
        fill_rows(
            "inbox_event",
            size,
            {
                "provider": "'stripe'",
                "account": "''",
                "event_id": "'evt_' || {n:08}",
                "type": "'payment_intent.succeeded'",
                "payload": "'{{}}'",
                "received_at": str(micros),
                "outcome": "'applied'",
                "intent_id": "'pi_' || {n:08}",
                "named_invoice_id": "'inv_' || {n:08}",
            },
        )
        fill_rows(
            "staged_job",
            size,
            {
                "name": "'process_stripe_event'",
                "key": "'' || n",
                "args": "'[]'",
                "queue": "'webhooks'",
                "state": "CASE WHEN n % 10 = 0 THEN 'waiting' ELSE 'done' END",
                "attempts": "0",
                "max_attempts": "8",
                "claim": "0",
                "due_at": f"{micros} + 86400000000",
                "created_at": str(micros),
                "finished_at": f"CASE WHEN n % 10 = 0 THEN NULL ELSE {micros} END",
            },
        )
        fill_rows(
            "outgoing_event",
            size,
            {
                "event_id": "'oev_' || {n:08}",
                "account_id": "'ac_large'",
                "type": "'invoice.paid'",
                "subject": "'invoice:inv_' || {n:08}",
                "payload": "'{{}}'",
                "created_at": str(micros),
            },
        )
    while _fold():
        pass
    if is_postgres():  # which does so by itself; SQLite has statistics of ours
        execute("ANALYZE")
    middle = f"inv_{size // 2:08}"
    return {
        "key": key,
        "operator": operator,
        "middle": middle,
        "newest": f"inv_{size:08}",
        "size": str(size),
    }


def _fold() -> int:
    with transaction():
        return fold_changes(50_000)


def fill_rows(table: str, many: int, columns: dict[str, str]) -> None:
    """Insert `many` rows made inside the database; `n` counts them, `{n:08}` is padded."""
    values = [_in_sql(expression) for expression in columns.values()]
    numbers = (
        f"generate_series(1, {many}) AS g (n)"
        if is_postgres()
        else f"(WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {many})"
        " SELECT n FROM g) AS g"
    )
    execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {numbers}")


def _in_sql(expression: str) -> str:
    postgres = is_postgres()
    text = expression.replace("{{}}", "{}").replace("{false}", "false" if postgres else "0")
    text = text.replace("{true}", "true" if postgres else "1")
    start, day = FUTURE.isoformat(), "date(?, '+' || (n % 300) || ' days')"
    text = text.replace(
        "{day}", f"date '{start}' + (n % 300)" if postgres else day.replace("?", f"'{start}'")
    )
    while "{n" in text:
        before, _, rest = text.partition("{")
        inside, _, after = rest.partition(":08}")
        padded = f"lpad(({inside})::text, 8, '0')" if postgres else f"printf('%08d', {inside})"
        text = f"{before}{padded}{after}"
    return text.replace("%", "%%") if postgres else text


def acts(names: dict[str, str]) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""

    def get(path: str, who: str = "key") -> Any:
        headers = {"Authorization": f"Bearer {names[who]}"}
        answer = CLIENT.simulate_get(path, headers=headers, protocol="https")
        if answer.status_code != 200:  # noqa: PLR2004
            raise SystemExit(f"{path} was answered {answer.status}: {answer.text[:300]}")
        return answer

    recent = (real_now() - timedelta(milliseconds=50)).isoformat()
    lists = {
        "invoices": "/api/invoices",
        "invoices, a page in the middle": f"/api/invoices?startingAfter={names['middle']}",
        "invoices, status=draft (rare)": "/api/invoices?status=draft",
        "invoices, status=paid": "/api/invoices?status=paid",
        "invoices, two statuses": "/api/invoices?status=draft&status=overdue",
        "invoices, one customer": "/api/invoices?customerId=cu_00000003",
        "invoices, all changed since": "/api/invoices?updatedSince=2020-01-01T00:00:00Z",
        "invoices, few changed since": f"/api/invoices?updatedSince={recent}",
        "one invoice": f"/api/invoices/{names['middle']}",
        "its timeline": f"/api/invoices/{names['middle']}/timeline",
        "unpaid invoices": "/api/finance/unpaid-invoices",
        "unpaid, after one": "/api/finance/unpaid-invoices?startingAfter=inv_00000100",
        "summary": "/api/finance/summary",
        "payments": "/api/payments",
        "payments of an invoice": f"/api/payments?invoiceId={names['middle']}",
        "customers": "/api/customers",
        "feed": f"/api/events?since={int(names['size']) // 2}",
    }
    redis = Redis.from_url(os.environ["REDIS_URL"])
    return {what: partial(get, path.replace("+", "%2B")) for what, path in lists.items()} | {
        "front page's figures": lambda: (count_states(), count_inbox(), count_invoices()),
        "/metrics": partial(get, "/metrics", "operator"),
        "relay tick, nothing due": lambda: relay.tick(redis),
        "mark_overdue, nothing due": _job("mark_overdue"),
        "delete_expired_rows, none": _job("delete_expired_rows"),
        "fold_totals, nothing new": _job("fold_totals"),
    }


def _job(name: str) -> Callable[[], Any]:
    job_type = find_job(name)
    if job_type is None:
        raise SystemExit(f"There is no job {name}.")
    return job_type.perform
