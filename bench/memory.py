"""`bin/bench memory`: the memory of each process, before and after tens of thousands of payment
events.

It shows proportional set sizes (PSS): a page shared by several processes counts in parts. Linux
only.
"""

import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from statistics import mean

import click

from bench.output import table
from bench.quick import SECRET, signed_events
from bench.redis_server import redis_server
from models.accounts.account import Account
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import transaction, use_database
from runtime.clock import real_now
from runtime.settings import get_settings

ROOT = Path(__file__).parents[1]
PATIENCE = 90.0
REQUESTS = 200
INVOICES = 5_000
MOST = {"web, each child": 45.0, "worker, each child": 15.0}  # MiB
OPEN = "SELECT COUNT(*) FROM staged_job WHERE name = 'process_stripe_event' AND state <> 'done'"
DEAD = "SELECT COUNT(*) FROM staged_job WHERE name = 'process_stripe_event' AND state = 'dead'"


@click.command()
@click.option("--jobs", default=50_000, show_default=True, help="Events to process in between.")
def memory(jobs: int) -> None:
    """Print the memory of web, workers and scheduler, before and after work."""
    with tempfile.TemporaryDirectory(prefix="bench") as name, ExitStack() as stack:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        env = os.environ | {
            "REDIS_URL": stack.enter_context(redis_server(folder)),
            "DATABASE_URL": f"sqlite:///{folder}/payphone.db",
            "PORT": str(port),
            "LOG_LEVEL": "ERROR",
            "STRIPE_SECRET_KEY": "sk_test_bench",
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }
        _run(env, "-m", "bin.commands", "migrate")
        _run(env, "-m", "bench.memory")
        web = ("gunicorn", "-c", "web/server/gunicorn_conf.py", "web.app:create_app()")
        started = {
            "web": stack.enter_context(_process(env, "-m", *web)),
            "worker": stack.enter_context(_process(env, "worker.py")),
            "scheduler": stack.enter_context(_process(env, "scheduler.py")),
        }
        _until_healthy(port)
        for _ in range(REQUESTS):
            _get(port, "/readyz")
        _work(env, port, REQUESTS, 0)  # warms up what is loaded on first use
        before = _sizes(started)
        _work(env, port, jobs, 1)
        after = _sizes(started)
    headings = ["", "processes", "MiB each", "most", f"after {jobs:,} jobs", "most", "wanted", ""]
    table(headings, [_row(what, before[what], after[what]) for what in before])


def _sizes(started: dict[str, int]) -> dict[str, list[float]]:
    """Return the memory of the processes of each kind, in MiB."""
    found = {}
    for kind, pid in started.items():
        children = _children(pid)
        found[f"{kind}, the parent" if children else kind] = [_pss(pid)]
        if kind == "worker":  # the pool starts its relay first
            found["relay"] = [_pss(children.pop(0))]
        if children:
            found[f"{kind}, each child"] = [_pss(child) for child in children]
    return found


def _row(what: str, before: list[float], after: list[float]) -> list[str]:
    wanted = MOST.get(what)
    verdict = "" if wanted is None else "reached" if max(after) <= wanted else "MISSED"
    shown = [f"{size:.1f}" for sizes in (before, after) for size in (mean(sizes), max(sizes))]
    return [what, str(len(after)), *shown, "" if wanted is None else f"{wanted:.0f}", verdict]


def _work(env: dict[str, str], port: int, many: int, turn: int) -> None:
    """Send as many events, and wait until all are processed."""
    address = f"127.0.0.1:{port}"
    events = signed_events(turn, many, address, [f"inv_{number}" for number in range(INVOICES)])
    given = b"\n".join(base64.b64encode(each) for each in events)
    script = str(ROOT / "bench" / "peers" / "client.py")
    told = json.loads(_run(env, script, address, "8", given=given))
    if told["statuses"] != {"200": many}:
        raise click.ClickException(f"The events were answered {told['statuses']}.")
    with sqlite3.connect(env["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        while database.execute(OPEN).fetchone()[0]:
            if database.execute(DEAD).fetchone()[0]:
                raise click.ClickException("An event could not be processed: its job is dead.")
            time.sleep(1)


def _run(env: dict[str, str], *command: str, given: bytes = b"") -> bytes:
    return subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, *command], cwd=ROOT, env=env, check=True, input=given, stdout=-1
    ).stdout


def _pss(pid: int) -> float:
    """Return a process's proportional set size in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise click.ClickException("This system does not show a process's share of memory.")


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def _process(env: dict[str, str], *command: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env)  # noqa: S603
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _get(port: int, path: str) -> None:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).close()
    except urllib.error.HTTPError as refused:
        refused.close()  # an error is an answer too


def _until_healthy(port: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return _get(port, "/readyz")
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)


def fill() -> None:
    """Create an account with sent invoices for the events to pay."""
    use_database(get_settings().database_url)
    now = real_now()
    stamps = {"created_at": now, "updated_at": now}
    with transaction():
        account = Account.create(id="ac_bench", name="Bench", created_at=now)
        customer = Customer.create(id="cu_bench", account=account, name="Pat", **stamps)
        for number in range(INVOICES):
            Invoice.create(
                id=f"inv_{number}",
                account=account,
                customer=customer,
                number=f"B-{number}",
                currency="usd",
                amount_due=12_500,
                outstanding=12_500,
                due_date=date(2099, 1, 31),
                mark="sent",
                status="sent",
                **stamps,
            )


if __name__ == "__main__":
    fill()
