"""Starts a web server, calls the assistant's tools, and prints how long each answer took.
`bench.tools` runs it.

Arguments: the number of calls, and the seconds per turn.
"""

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from models.accounts.account import Account
from models.calling.call import Call
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.migrate import migrate
from models.transactions import transaction, use_database
from runtime.clock import real_now
from runtime.settings import get_settings

SECRET = "vapi-webhook-secret-bench"  # noqa: S105 - authenticates requests to this process
SPEECH = (1.0, 3.0)  # seconds between two questions of a call
QUICKLY = (0.05, 0.15)  # seconds, so that a single call asks often enough
WARM = 4  # seconds before timing starts, so that each thread of the server has read and written
ROOT = Path(__file__).parents[1]
START = 60.0  # seconds for the web server to start, or to stop
UNTIMED = 2  # questions of each call that are not timed
WRITES = 5  # one question in so many writes rows
# Calls for one such question each: repeated in the same call, it writes nothing and is answered
# by a read.
SPARE = 2000
# the conversation so far, which Vapi sends with each question
TALK = [
    {"role": "bot" if place % 2 == 0 else "user", "message": "words that were said " * 5}
    for place in range(40)
]


def main() -> None:
    """Print {alone, together} of {reads, writes}: the seconds that each question waited."""
    os.environ |= {"VAPI_WEBHOOK_SECRET": SECRET, "PUBLIC_URL": "http://payphone"}
    get_settings.cache_clear()
    calls, seconds = int(sys.argv[1]), int(sys.argv[2])
    use_database(get_settings().database_url)
    migrate()
    ids = _calls(calls + SPARE)
    spare = iter(ids[calls:])
    with _web() as url:
        _turn(url, ids[:calls], spare, WARM, QUICKLY)
        waits = {
            "alone": _turn(url, ids[:1], spare, seconds, QUICKLY),
            "together": _turn(url, ids[:calls], spare, seconds, SPEECH),
        }
    print(json.dumps(waits))


@contextmanager
def _web() -> Iterator[str]:
    """Start a web server as `Procfile` does, and yield its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("-m", "gunicorn", "-c", "web/server/gunicorn_conf.py", "web.app:create_app()")
    web = subprocess.Popen(  # noqa: S603 - our own server
        [sys.executable, *command], cwd=ROOT, env=os.environ | {"PORT": str(port)}
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + START
        while not _answers(f"{url}/healthz"):
            if web.poll() is not None or time.monotonic() > until:
                raise SystemExit("the web server does not answer")
            time.sleep(0.1)
        yield url
    finally:
        web.terminate()
        web.wait(START)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _calls(many: int) -> list[str]:
    """Create calls in progress, each with a verified customer and an invoice."""
    now = real_now()
    stamps: dict[str, Any] = {"created_at": now, "updated_at": now}
    made = []
    with transaction():
        account = Account.create(id="ac_bench", name="Bench", created_at=now)
        for number in range(many):
            person = Customer.create(
                id=f"cu_{number}", account=account, name="Pat Payer", phone="+12025550123", **stamps
            )
            bill = Invoice.create(
                id=f"inv_{number}",
                account=account,
                customer=person,
                number=f"N{number}",
                currency="usd",
                amount_due=12_000,
                outstanding=12_000,
                due_date=date(2099, 1, 31),
                mark="sent",
                status="sent",
                **stamps,
            )
            call = Call.request(
                [bill],
                person,
                from_number="+12025550199",
                phone_number_id="pn",
                now=now,
                reason="bench",
                asked_by="bench",
            )
            call.record_report("in_progress", now, vapi_id=f"call-{number}")
            call.record_verified(now)
            made.append(f"call-{number}")
    return made


def _turn(
    url: str, ids: list[str], spare: Iterator[str], seconds: int, speech: tuple[float, float]
) -> dict[str, list[float]]:
    """Let every call talk in its own thread."""
    waits: dict[str, list[float]] = {"reads": [], "writes": []}
    until = time.monotonic() + seconds
    headers = {"X-Vapi-Secret": SECRET, "Content-Type": "application/json"}
    # one client, so that the system's certificates are read once, not for each call
    kept = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30, limits=kept)
    talks = [
        threading.Thread(target=_talk, args=(client, each, spare, until, speech, waits))
        for each in ids
    ]
    for talk in talks:
        talk.start()
    for talk in talks:
        talk.join()
    client.close()
    return waits


def _talk(
    client: httpx.Client,
    vapi_id: str,
    spare: Iterator[str],
    until: float,
    speech: tuple[float, float],
    waits: dict[str, list[float]],
) -> None:
    asked = 0
    while time.monotonic() < until:
        time.sleep(random.uniform(*speech))  # noqa: S311 - a pause in a conversation
        writes = asked % WRITES == WRITES - 1
        tool = ("createPaymentLink", {"by": "read_out"}) if writes else ("getUnpaidInvoice", {})
        asks_in = next(spare) if writes else vapi_id
        body = _message(asks_in, f"{asks_in}-{asked}-{time.monotonic_ns()}", *tool)
        begun = time.perf_counter()
        answer = client.post("/api/vapi/tools", content=body)
        waited = time.perf_counter() - begun
        (result,) = answer.json()["results"]
        if "result" not in result:
            raise SystemExit(f"not answered: {result}")
        asked += 1
        if asked > UNTIMED:
            waits["writes" if writes else "reads"].append(waited)


def _message(vapi_id: str, tool_id: str, name: str, arguments: dict[str, str]) -> bytes:
    listed = [{"id": tool_id, "name": name, "arguments": arguments}]
    message = {
        "type": "tool-calls",
        "call": {"id": vapi_id, "type": "outboundPhoneCall"},
        "toolCallList": listed,
        "artifact": {"messages": TALK},
    }
    return json.dumps({"message": message}).encode()


if __name__ == "__main__":
    main()
