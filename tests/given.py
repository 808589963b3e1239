"""Builders for tests: accounts, customers, invoices, and Stripe's events about them."""

import hashlib
import hmac
import json
import time
from datetime import date, timedelta
from typing import Any

from actions.books.receive_event import receive_stripe_event
from delivery import relay
from delivery.rq.keys import parse_rq_id
from delivery.worker import Worker
from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.delivery.stage import stage_again
from models.delivery.staged_job import NewJob, StagedJob, insert_jobs
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import execute, is_postgres, transaction
from providers.stripe.signature import sign
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.settings import INSTEAD_OF_INTERACTIVE, INTERACTIVE

WEBHOOK_SECRET = "whsec_test_new"


def an_account(**values: Any) -> Account:
    return Account.create(
        **{"id": new_id("ac"), "name": "Dental Clinic", "created_at": real_now()} | values
    )


def a_key(account: Account | None) -> dict[str, str]:
    """Return the Authorization header of a new key (an operator's if there is no account)."""
    return {"Authorization": f"Bearer {ApiKey.issue(account, 'test', real_now())[1]}"}


def a_customer(account: Account, **values: Any) -> Customer:
    now = real_now()
    plain = {
        "id": new_id("cu"),
        "account": account,
        "name": "Ada Payer",
        "phone": "+12025550123",
        "created_at": now,
        "updated_at": now,
    }
    return Customer.create(**plain | values)


def an_invoice(
    account: Account | None = None, amount: int = 12_500, currency: str = "usd", **values: Any
) -> Invoice:
    account = account or an_account()
    customer, now = values.pop("customer", None) or a_customer(account), real_now()
    invoice: Invoice = Invoice.create(
        **{
            "id": new_id("inv"),
            "account": account,
            "customer": customer,
            "number": new_id("n"),
            "currency": currency,
            "amount_due": amount,
            "outstanding": amount,
            "due_date": date(2099, 1, 31),
            "mark": "sent",
            "status": "sent",
            "created_at": now,
            "updated_at": now,
        }
        | values
    )
    return invoice


def metadata_of(invoice: Invoice) -> dict[str, str]:
    return {
        "account_id": invoice.account_id,
        "invoice_id": invoice.id,
        "attempt_id": "att_test",
        "project": "Test",
    }


def an_intent(
    invoice: Invoice,
    status: str = "succeeded",
    amount: int | None = None,
    intent_id: str | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Build a PaymentIntent as Stripe sends it (fields of Stripe's API, version 2026-10-28)."""
    amount = invoice.amount_due if amount is None else amount
    return {
        "id": intent_id or new_id("pi"),
        "object": "payment_intent",
        "amount": amount,
        "currency": invoice.currency,
        "status": status,
        "amount_received": amount if status == "succeeded" else 0,
        "latest_charge": new_id("ch"),
        "last_payment_error": None,
        "metadata": metadata_of(invoice),
    } | values


def a_refund(
    intent: dict[str, Any], amount: int, status: str = "succeeded", **values: Any
) -> dict[str, Any]:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "currency": intent["currency"],
        "payment_intent": intent["id"],
        "charge": intent["latest_charge"],
        "status": status,
        "metadata": {},
        "failure_reason": None,
    } | values


def an_event(kind: str, subject: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "type": kind,
        "livemode": False,
        "pending_webhooks": 1,
        "data": {"object": subject},
    } | values


def signed(
    event: dict[str, Any] | str, secret: str = WEBHOOK_SECRET, at: int | None = None
) -> dict[str, Any]:
    """Return the arguments of a request that carries `event`, signed as by Stripe."""
    text = event if isinstance(event, str) else json.dumps(event)
    signature = sign(text, secret, int(time.time()) if at is None else at)
    return {
        "body": text.encode(),
        "headers": {"Stripe-Signature": signature, "Content-Type": "application/json"},
    }


def received(event: dict[str, Any]) -> int:
    """Receive an event and stage its job, as the web does, and return the id of its inbox row."""
    with transaction():
        inbox_id = receive_stripe_event(event, json.dumps(event))
    assert inbox_id is not None
    return inbox_id


def worked(redis: Any, queue: str = "webhooks", rounds: int = 200) -> int:
    """Perform everything due in `queue` and in the interactive queue, in this process; return the
    number of attempts.
    """
    workers: dict[str, Worker] = {}
    made = 0
    for _ in range(rounds):
        popped = _popped(redis, queue)
        if popped is None:
            break
        name, identity = popped
        worker = workers.setdefault(name, Worker(name, redis, "test-worker", lambda _at: None))
        made += worker.take(identity) is not None
    return made


def _popped(redis: Any, queue: str) -> tuple[str, str] | None:
    """Pop an interactive job, also from the queue used when no process serves it; otherwise the
    head of `queue`.

    Returns the queue's name and the job's RQ id.
    """
    detour = f"rq:queue:{INSTEAD_OF_INTERACTIVE}"
    if waiting := redis.lrange(detour, 0, -1):
        rows = StagedJob.select(StagedJob.id).where(StagedJob.queue == INTERACTIVE)
        ids = {row.id for row in rows}
        for entry in waiting:
            if parse_rq_id(entry.decode()) in ids:
                redis.lrem(detour, 1, entry)
                return INSTEAD_OF_INTERACTIVE, entry.decode()
    popped = redis.lmpop(2, f"rq:queue:{INTERACTIVE}", f"rq:queue:{queue}", direction="LEFT")
    if popped is None:
        return None
    name, [identity] = popped
    return name.decode().removeprefix("rq:queue:"), identity.decode()


def jobs_staged() -> list[StagedJob]:
    """Return every staged job, except rows that only keep a job's former name."""
    rows = StagedJob.select(StagedJob.key, StagedJob.state, StagedJob.last_error)
    return [row for row in rows if not (row.last_error or "").startswith("staged as ")]


def states() -> dict[str, int]:
    """Count the staged jobs in each state, except rows that only keep a job's former name."""
    counted: dict[str, int] = {}
    for row in jobs_staged():
        counted[row.state] = counted.get(row.state, 0) + 1
    return counted


def fresh(invoice: Invoice) -> Invoice:
    row: Invoice = Invoice.get_by_id(invoice.id)
    return row


def a_job(
    name: str, number: int, queue: str = "webhooks", attempts: int = 8, delay: float = 0.0
) -> int:
    """Insert a staged job by its name alone, for the relay to push; return its id."""
    new = NewJob(str(number), [number])
    (job_id,) = insert_jobs(name, [new], queue, attempts, delay, pushed=False)
    assert job_id is not None
    return job_id


def days_from_today(days: int) -> date:
    return (real_now() + timedelta(days=days)).date()


def make_due() -> None:
    """Make every waiting job due now."""
    StagedJob.update(due_at=0).where(StagedJob.state == "waiting").execute()


def relayed(redis: Any) -> None:
    """Run one tick of the relay, with every waiting job due to be pushed again."""
    StagedJob.update(pushed_at=None).where(StagedJob.state == "waiting").execute()
    relay.tick(redis)


def leases_end() -> None:
    """Expire every lease, as of a dead worker."""
    StagedJob.update(lease_until=0).where(StagedJob.state == "running").execute()


def retried(redis: Any, queue: str = "webhooks", rounds: int = 4) -> None:
    """Let time pass and retry what has failed, `rounds` times over."""
    for _ in range(rounds):
        make_due()
        relayed(redis)
        worked(redis, queue)


def signed_bytes(raw: bytes, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """Return the headers of a signed body that need not be text (HMAC-SHA256 over `t.body`, as
    Stripe documents).
    """
    at = int(time.time())
    signature = hmac.new(secret.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={signature}"}


def database_now() -> int:
    """Return the database's clock, in microseconds since the epoch."""
    return int(execute("SELECT {now}").fetchone()[0])


def staged_again(name: str, key: str) -> None:
    """Stage a job by name, or run it again if it is over."""
    with transaction():
        stage_again(name, key, key)


def statistics() -> None:
    """Gather PostgreSQL's statistics, as it does by itself sooner or later.

    SQLite has the same ones as in production (`models/sqlite_statistics.py`), and gathers none.
    """
    if is_postgres():
        execute("ANALYZE")
