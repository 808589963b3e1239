"""A town of real processes: web, worker pool and scheduler on one database and one Valkey, with an
oracle.

The oracle runs once everything has recovered. It checks that each 2xx has one row, processed and
with its job done, that invoices hold what the accepted events say, and that nothing is stuck or
duplicated.
"""

import http.client
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rq import Worker as RQWorker

from actions.payments.recompute import recompute
from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.transactions import release_connection
from tests import given
from tests.running.ports import free_port
from tests.running.processes import Process
from tests.running.servers import Valkey, wait_for

FINAL = {"done", "dead", "cancelled"}
LEASE = 2.0  # seconds, for the pools of this town
# a lease longer than any attempt, even on a slow machine, so that a second attempt is a fault
PATIENT = "60"
Event = dict[str, Any]


def children_of(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []


def all_children_of(pid: int, count: int) -> list[int]:
    """Wait until all `count` children are forked, because one can serve before the others, and
    return them.
    """
    return wait_for(
        lambda: children if len(children := children_of(pid)) == count else None,
        f"{pid} has its {count} children",
    )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


class Town:
    """Starts our processes, sends them signed events, and remembers which were accepted."""

    def __init__(self, start: Callable[..., Process], valkey: Valkey, directory: Path) -> None:
        self._start, self.valkey, self.directory = start, valkey, directory
        self.port = 0
        self.accepted: list[Event] = []

    def web(self, workers: int = 1, **env: str) -> Process:
        """Start gunicorn with its own settings file, and wait until it answers."""
        self.port = free_port()
        arguments = (
            "-m",
            "gunicorn",
            "-c",
            "web/server/gunicorn_conf.py",
            "-w",
            str(workers),
            "web.app:create_app()",
        )
        process = self._start(*arguments, PORT=str(self.port), **env)
        wait_for(lambda: self.get("/healthz")[0] == 200, "the web answers")
        return process

    def pool(
        self, workers: str = "webhooks=2", program: tuple[str, ...] = ("worker.py",), **env: str
    ) -> Process:
        """Start the worker pool with its relay."""
        settings = {
            "PAYPHONE_LEASE": str(LEASE),
            "WORKERS": workers,
            "PAYPHONE_TEST_DIR": str(self.directory),
        }
        return self._start(*program, **(settings | env))

    def pool_with_test_jobs(self, workers: str = "messages=1", **env: str) -> Process:
        """Start a pool that also knows the jobs of `jobs_for_tests`."""
        return self.pool(workers, ("-m", "tests.faults.worker_main"), **env)

    def scheduler(self, **env: str) -> Process:
        return self._start("scheduler.py", **env)

    def get(self, path: str) -> tuple[int, Any]:
        return request(self.port, "GET", path)

    def post(self, event: Event, **signing: Any) -> int | None:
        """Send an event as Stripe does; return the status, or None if no answer came."""
        arguments = given.signed(event, **signing)
        try:
            status, _ = request(
                self.port, "POST", "/api/webhooks/stripe", arguments["body"], arguments["headers"]
            )
        except (OSError, http.client.HTTPException):
            return None
        if 200 <= status < 300:
            self.accepted.append(event)
        return status

    def post_until_accepted(self, event: Event) -> None:
        """Send an event, as Stripe does, until it is answered with 2xx."""
        wait_for(lambda: self.post(event) == 200, f"{event['type']} is accepted", every=0.1)

    def stage(self, *events: Event) -> None:
        """Accept events in this process, as the web does."""
        for event in events:
            given.received(event)
            self.accepted.append(event)

    def mark(self, name: str = "killed") -> Path:
        """The file that a kill-point writes when it strikes."""
        return self.directory / name

    def at(self, place: str) -> str:
        """PAYPHONE_KILL_AT for `place`, to strike once."""
        return f"{place}@{self.mark()}"

    def struck(self) -> int:
        """Wait until the kill-point has struck, and return the pid of the killed process."""
        wait_for(lambda: self.mark().exists() and self.mark().read_text(), "the kill-point strikes")
        return int(self.mark().read_text())

    def listed_workers(self) -> list[RQWorker]:
        """The workers that RQ lists."""
        return list(RQWorker.all(connection=self.valkey.client()))

    def file(self, name: str) -> Path:
        """The path of a file that jobs for tests write."""
        return self.directory / name

    def lines(self, name: str) -> list[str]:
        path = self.file(name)
        return path.read_text().splitlines() if path.exists() else []


def request(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 60,
) -> tuple[int, Any]:
    """Send one HTTP request on its own connection; return the status and JSON body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def open_jobs() -> list[StagedJob]:
    """Return the jobs that are waiting or running."""
    rows = list(StagedJob.select().where(StagedJob.state.not_in(FINAL)))
    release_connection()
    return rows


def all_settled() -> None:
    """Wait until no job waits or runs."""
    try:
        wait_for(lambda: not open_jobs(), "every job is settled")
    except AssertionError as error:
        left = [(job.name, job.queue, job.state, job.worker, job.last_error) for job in open_jobs()]
        raise AssertionError(f"{error} {left}") from None


def oracle(town: Town) -> None:
    """Assert that everything accepted has been done exactly once."""
    all_settled()
    for event_id in {event["id"] for event in town.accepted}:
        rows = list(InboxEvent.select().where(InboxEvent.event_id == event_id))
        assert len(rows) == 1, f"{event_id} was accepted and is there {len(rows)} times"
        jobs = list(
            StagedJob.select().where(
                (StagedJob.name == "process_stripe_event") & (StagedJob.key == str(rows[0].id))
            )
        )
        assert [job.state for job in jobs] == ["done"], (
            f"{event_id}: {[(job.state, job.last_error) for job in jobs]}"
        )
        assert rows[0].outcome in {
            "applied",
            "unchanged",
            "ignored",
            "unmatched",
            "refused",
        }, event_id
    for invoice_id, (received, returned) in _ledger(town.accepted).items():
        invoice = Invoice.get_by_id(invoice_id)
        assert (invoice.amount_received, invoice.amount_returned) == (
            received,
            returned,
        ), f"{invoice_id} does not hold what was accepted"
        assert not recompute(invoice), f"{invoice_id} does not stand where its facts put it"
    intents = [payment.intent_id for payment in Payment.select()]
    assert len(intents) == len(set(intents))
    release_connection()


def _ledger(events: list[Event]) -> dict[str, tuple[int, int]]:
    """Return what each invoice has received and returned according to the accepted events."""
    paid, refunds = {}, {}
    for event in events:
        subject = event["data"]["object"]
        if event["type"].startswith("payment_intent.") and subject.get("metadata", {}).get(
            "invoice_id"
        ):
            known = paid.get(subject["id"], ("", 0))[1]
            paid[subject["id"]] = (
                subject["metadata"]["invoice_id"],
                max(known, subject["amount_received"]),
            )
        if event["type"].startswith("refund.") and subject["status"] == "succeeded":
            refunds[subject["id"]] = (subject["payment_intent"], subject["amount"])
    sums: dict[str, tuple[int, int]] = {}
    for intent_id, (invoice_id, amount) in paid.items():
        back = sum(amount for intent, amount in refunds.values() if intent == intent_id)
        received, returned = sums.get(invoice_id, (0, 0))
        sums[invoice_id] = (received + amount, returned + back)
    return sums


def send(pid: int, number: int) -> None:
    """Send a signal to one process that this town has started."""
    os.kill(pid, number)
