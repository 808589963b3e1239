"""Asks the agent's tools in one process, and prints how long each answer took; `bench.tools` runs
it. Arguments: how many calls, and for how many seconds.
"""

import json
import os
import random
import sys
import threading
import time
from datetime import date
from typing import Any

from falcon.testing import TestClient

from models.accounts.account import Account
from models.base import transaction, use_database
from models.calling.call import Call
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.migrate import migrate
from runtime.clock import real_now
from runtime.settings import get_settings
from web.app import create_app

SECRET = "vapi-webhook-secret-bench"  # noqa: S105 - proves what this process sends to itself
SPEECH = (1.0, 3.0)  # seconds between two questions of a call
UNTIMED = 2  # questions of each call before the clock
WRITES = 5  # one question in so many changes rows
# what Vapi sends of the talk with each question
TALK = [
    {"role": "bot" if place % 2 == 0 else "user", "message": "words that were said " * 5}
    for place in range(40)
]


def main() -> None:
    """Print {alone, together} of {reads, writes}: seconds that each question waited."""
    os.environ |= {"VAPI_WEBHOOK_SECRET": SECRET, "PUBLIC_URL": "http://payphone"}
    get_settings.cache_clear()
    calls, seconds = int(sys.argv[1]), int(sys.argv[2])
    use_database(get_settings().database_url)
    migrate()
    client, ids = TestClient(create_app()), _calls(calls)
    waits = {
        "alone": _turn(client, ids[:1], seconds, (0.05, 0.15)),
        "together": _turn(client, ids, seconds, SPEECH),
    }
    print(json.dumps(waits))


def _calls(many: int) -> list[str]:
    """Calls that are going on, each with a verified person and a bill."""
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
            call = Call.ask(
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
    client: TestClient, ids: list[str], seconds: int, speech: tuple[float, float]
) -> dict[str, list[float]]:
    """Every call talks in a thread of its own."""
    waits: dict[str, list[float]] = {"reads": [], "writes": []}
    until = time.monotonic() + seconds
    talks = [
        threading.Thread(target=_talk, args=(client, each, until, speech, waits)) for each in ids
    ]
    for talk in talks:
        talk.start()
    for talk in talks:
        talk.join()
    return waits


def _talk(
    client: TestClient,
    vapi_id: str,
    until: float,
    speech: tuple[float, float],
    waits: dict[str, list[float]],
) -> None:
    asked = 0
    while time.monotonic() < until:
        time.sleep(random.uniform(*speech))  # noqa: S311 - a pause in a talk
        writes = asked % WRITES == WRITES - 1
        tool = ("createPaymentLink", {"by": "read_out"}) if writes else ("getUnpaidInvoice", {})
        body = _message(vapi_id, f"{vapi_id}-{asked}-{time.monotonic_ns()}", *tool)
        begun = time.perf_counter()
        answer = client.simulate_post(
            "/api/vapi/tools", body=body, headers={"X-Vapi-Secret": SECRET}
        )
        waited = time.perf_counter() - begun
        (result,) = answer.json["results"]
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
