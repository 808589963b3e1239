"""Receives and processes events in one process, and prints what each costs. `bench.event_cost` runs
it inside the tree of any revision since the first release.

Argument: the number of events. The database is a new SQLite file; `REDIS_URL` must be a Redis of
its own.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

SECRET = "whsec_bench"  # noqa: S105 - signs events that this process sends to itself
UNTIMED = 100  # events before timing starts, to warm caches


def loaded(*names: str) -> Any:
    """Import the first of these modules that exists in this tree; modules moved between
    releases.
    """
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if not name.startswith(str(missing.name)):
                raise
    raise SystemExit(f"This revision has none of {', '.join(names)}.")


def main() -> None:
    """Print a JSON object: CPU seconds, statements and Redis commands per event, at intake and in
    the worker.
    """
    events = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{folder}/payphone.db",
            "STRIPE_SECRET_KEY": "sk_test_bench",
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": os.environ.get("BENCH_LOG_LEVEL", "WARNING"),
        }
        subprocess.run(
            [sys.executable, "-m", "bin.commands", "migrate"], check=True, capture_output=True
        )
        print(json.dumps(_Driver().run(events)))


class _Driver:
    """One web process and one worker, in this process."""

    def __init__(self) -> None:
        sys.path.insert(0, str(Path.cwd()))
        self.database = loaded("models.transactions", "models.base")
        loaded("jobs")
        app = loaded("web.app").create_app()
        self.client = loaded("falcon.testing").TestClient(app)
        self.sign = loaded("providers.stripe.signature", "providers.stripe_signature").sign
        self.redis = loaded("redis").Redis.from_url(os.environ["REDIS_URL"])
        worker = loaded("delivery.worker").Worker
        self.worker = worker("webhooks", self.redis, "bench", lambda _at: None)
        self.sent: list[str] = []

    def invoices(self, many: int) -> list[dict[str, str]]:
        """Create `many` sent invoices of one account, and return the metadata that names them."""
        account = loaded("models.accounts.account", "models.account").Account
        customer = loaded("models.invoices.customer", "models.customer").Customer
        invoice = loaded("models.invoices.invoice", "models.invoice").Invoice
        now = loaded("runtime.clock").real_now()
        stamps = {"created_at": now, "updated_at": now}
        account.insert(id="ac_bench", name="Bench", created_at=now).execute()
        customer.insert(id="cu_bench", account="ac_bench", name="Pat", **stamps).execute()
        made = []
        with self.database.transaction():
            for number in range(many):
                invoice.insert(
                    id=f"inv_{number:08}",
                    account="ac_bench",
                    customer="cu_bench",
                    number=f"B-{number}",
                    currency="usd",
                    amount_due=12_500,
                    outstanding=12_500,
                    due_date=date(2099, 1, 31),
                    mark="sent",
                    status="sent",
                    **stamps,
                ).execute()
                made.append({"account_id": "ac_bench", "invoice_id": f"inv_{number:08}"})
        return made

    def body(self, number: int, metadata: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Return a `payment_intent.succeeded` of about the size of Stripe's, and its signed
        headers.
        """
        intent = {
            "id": f"pi_{number:024}",
            "object": "payment_intent",
            "amount": 12_500,
            "amount_received": 12_500,
            "currency": "usd",
            "status": "succeeded",
            "latest_charge": f"ch_{number:024}",
            "last_payment_error": None,
            "metadata": metadata | {"attempt_id": "att_bench"},
            "description": "x" * 2000,
        }
        event = {
            "id": f"evt_{number:024}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "type": "payment_intent.succeeded",
            "livemode": False,
            "pending_webhooks": 1,
            "data": {"object": intent},
        }
        text = json.dumps(event)
        return text, {
            "Stripe-Signature": self.sign(text, SECRET, int(time.time())),
            "Content-Type": "application/json",
        }

    def intake(self, number: int, metadata: dict[str, str]) -> None:
        """Post one event; exits unless it is answered 200."""
        text, headers = self.body(number, metadata)
        answer = self.client.simulate_post("/api/webhooks/stripe", body=text, headers=headers)
        if answer.status_code != 200:  # noqa: PLR2004
            raise SystemExit(f"An event was answered {answer.status}: {answer.text}")

    def work(self) -> None:
        """Perform the next job of the queue; exits unless it is done."""
        outcome = self.worker.take(self.redis.lpop("rq:queue:webhooks").decode())
        if outcome is None or outcome.state != "done":
            raise SystemExit(f"A job ended as {outcome}.")

    def run(self, events: int) -> dict[str, float]:
        """Return CPU seconds and counts per event."""
        metadata = self.invoices(UNTIMED + events + 1)
        for number in range(UNTIMED):
            self.intake(number, metadata[number])
        for _ in range(UNTIMED):
            self.work()
        before = time.process_time()
        for number in range(UNTIMED, UNTIMED + events):
            self.intake(number, metadata[number])
        between = time.process_time()
        for _ in range(events):
            self.work()
        after = time.process_time()
        connection = self.database.database.connection()
        connection.set_trace_callback(self.sent.append)
        asked = [self._commands()]
        self.intake(UNTIMED + events, metadata[-1])
        intake = len(self._statements())
        asked.append(self._commands())
        self.work()
        work = len(self._statements())
        asked.append(self._commands())
        return {
            "intake_cpu": (between - before) / events,
            "work_cpu": (after - between) / events,
            "intake_statements": intake,
            "work_statements": work,
            "intake_redis": asked[1] - asked[0] - 1,
            "work_redis": asked[2] - asked[1] - 1,
        }

    def _statements(self) -> list[str]:
        # a trigger is traced as a comment, and then the statement that fired it is traced again
        told = [text for text in self.sent if not text.startswith("--")]
        sent = [text for text, before in zip(told, [None, *told], strict=False) if text != before]
        if os.environ.get("BENCH_SHOW"):
            print(*sent, sep="\n", file=sys.stderr)
        self.sent.clear()
        return [text for text in sent if text.split()[0] not in {"BEGIN", "COMMIT"}]

    def _commands(self) -> int:
        return int(self.redis.info("stats")["total_commands_processed"])


if __name__ == "__main__":
    main()
