"""A card number sent to every endpoint in every field leaves no trace: not in the database, not in
Redis, not in a log (F55).

Real processes: gunicorn, the worker pool, and a Valkey with its append-only file, all logging at
DEBUG. The card numbers are Stripe's published test cards, each written in several ways.
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from models.transactions import execute, is_postgres
from runtime.settings import ROOT
from sandbox.twilio.webhooks import signature as twilio_signature
from tests import given
from tests.running.ports import free_port
from tests.running.servers import Valkey, wait_for
from tests.tables import TABLES
from tests.watching.sweep import contents_under

CARDS = (
    "4242424242424242",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "3056930009020004",
    "3566002020360505",
    "6200000000000005",
)
TRACE = re.compile(
    rb"|".join(
        rb"[^0-9\x00]{0,3}".join(bytes([digit]) for digit in card.encode()) for card in CARDS
    )
)
TWILIO_TOKEN = "zz_auth_token"
PUBLIC = "https://pay.example"


def written(card: str) -> list[Any]:
    """Return a card number as people write it, as a number, and slightly disguised."""
    groups = [card[at : at + 4] for at in range(0, len(card), 4)]
    wide = "".join(chr(0xFF10 + int(digit)) for digit in card)
    return [
        card,
        " ".join(groups),
        "-".join(groups),
        f"my card is {card}, cvc 123",
        int(card),
        groups,
        wide,
        {"number": card},
    ]


# deploying calls providers that this house does not have
PROVIDER_AWAY = (b'"not_configured"', b'"provider_unavailable"')
# another process holds the database or waits for its disk: nothing was saved, so the request can be
# repeated
DATABASE_BUSY, AGAIN_WITHIN = b'"code": "unavailable"', 120.0


class House:
    """Our processes, which log to files."""

    def __init__(self, directory: Path, valkey: Valkey) -> None:
        self.directory, self.valkey, self.port = directory, valkey, free_port()
        self.started: list[subprocess.Popen[bytes]] = []
        self.answers: list[bytes] = []
        self.failed: list[tuple[str, str, bytes]] = []

    def start(self, name: str, *arguments: str) -> None:
        more = {
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": "json",
            "PORT": str(self.port),
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
            "PUBLIC_URL": PUBLIC,
            "WORKERS": "webhooks=1,messages=1",
            "OPERATOR_PASSWORD": "correct horse battery",
            "RATE_PER_KEY": "none",
            "RATE_PER_ADDRESS": "none",
            "STRIPE_API_BASE": "http://127.0.0.1:9",
        }
        with (self.directory / f"{name}.log").open("ab") as log:
            command = [sys.executable, *arguments]
            self.started.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=os.environ | more,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        until = time.monotonic() + AGAIN_WITHIN
        while True:
            status, text = self._answer(method, path, body, headers)
            if DATABASE_BUSY not in text or time.monotonic() > until:
                break
            time.sleep(0.5)
        # a login form repeats what its sender typed; an answer of the API never does
        if path.startswith("/api/"):
            self.answers.append(text)
        is_away = any(code in text for code in PROVIDER_AWAY)
        if status >= 500 and not is_away:
            self.failed.append((method, path[:200], text[:300]))
        return status

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(
                method,
                path,
                body,
                {name.replace("_", "-"): value for name, value in headers.items()},
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def shout(self, raw: bytes) -> None:
        """Send bytes that may not be HTTP at all."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as plug:
            plug.sendall(raw)
            plug.settimeout(120)
            plug.recv(65536)

    def stop(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(120)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait(120)


@pytest.fixture
def house(database_url: str, own_valkey: Valkey, tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path, own_valkey)
    built.start(
        "web",
        "-m",
        "gunicorn",
        "-c",
        "web/server/gunicorn_conf.py",
        "-w",
        "1",
        "web.app:create_app()",
    )
    built.start("worker", "worker.py")
    wait_for(lambda: built.ask("GET", "/healthz") == 200, "the web answers")
    yield built
    built.stop()


def operations(house: House) -> list[tuple[str, str, list[str]]]:
    """Return the method, path and body field names of every documented endpoint."""
    house.ask("GET", "/api/openapi.json")
    document = json.loads(house.answers[-1])
    schemas = document["components"]["schemas"]
    found = []
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            schema = (
                told.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema", {})
            )
            names = (
                list(schemas[schema["$ref"].rsplit("/", 1)[1]].get("properties", {}))
                if "$ref" in schema
                else []
            )
            found.append((method.upper(), path, names))
    return found


def throw_at_the_api(house: House, key: dict[str, str], ids: dict[str, str]) -> set[int]:
    """Put card numbers into every field, path parameter, query and stored header of the API."""
    statuses: set[int] = set()
    for turn, (method, path, names) in enumerate(operations(house)):
        card = CARDS[turn % len(CARDS)]
        foul = re.sub(r"{\w+}", quote(written(card)[1]), path)
        real = re.sub(r"{(\w+)}", lambda name: ids.get(name[1], "en"), path)
        json_type = key | {"Content_Type": "application/json"}
        for name in [*names, "unheard_of", card]:
            for way in written(card):
                body = {"number": "n1", "name": "Sentinel", name: way}
                statuses.add(
                    house.ask(
                        method,
                        real,
                        json.dumps(body, ensure_ascii=name == "notes").encode(),
                        **json_type,
                    )
                )
        statuses.add(house.ask(method, foul, b"{}", **json_type))
        statuses.add(
            house.ask(method, f"{real}?limit=5&startingAfter={card}&{card}=1", b"{}", **json_type)
        )
        statuses.add(
            house.ask(method, real, b"{}", **json_type, Idempotency_Key=card, X_Request_Id=card)
        )
        statuses.add(house.ask(method, real, b"{}", **json_type, Payphone_Account=written(card)[2]))
        statuses.add(house.ask(method, real, f'{{"broken": "{card}"'.encode(), **json_type))
    return statuses


def throw_at_the_webhooks(house: House, invoice: Any) -> None:
    """Send signed events of Stripe and Twilio, which are stored without the numbers."""
    for index, card in enumerate(CARDS):
        billing = {
            "name": card,
            "email": None,
            "phone": None,
            "address": {"line1": written(card)[1]},
        }
        free = {
            "description": f"card {card}",
            "billing_details": billing,
            "statement_descriptor": written(card)[2],
        }
        intent = given.an_intent(invoice, status="requires_payment_method", **free)
        intent["metadata"] |= {"note": card, "order": written(card)[1], card: "a name"}
        request = given.signed(given.an_event("payment_intent.payment_failed", intent))
        assert (
            house.ask("POST", "/api/webhooks/stripe", request["body"], **request["headers"]) == 200
        )
        forged = dict(request["headers"]) | {"Stripe-Signature": f"t=1,v1={card}"}
        assert house.ask("POST", "/api/webhooks/stripe", request["body"], **forged) == 400
        fields = {
            "MessageSid": f"SM{index:032x}",
            "From": "+12025550123",
            "To": "+12025550199",
            "Body": f"charge {card} please",
            "ProfileName": card,
        }
        path = "/api/webhooks/twilio/messages"
        form = {
            "Content_Type": "application/x-www-form-urlencoded",
            "X_Twilio_Signature": twilio_signature(TWILIO_TOKEN, PUBLIC + path, fields),
        }
        assert house.ask("POST", path, urlencode(fields).encode(), **form) == 200


def throw_at_the_pages(house: House) -> None:
    """Try the login, the pay page, paths that do not exist, and bytes that are not HTTP."""
    for card in CARDS:
        form = urlencode(
            {"name": card, "password": card, "csrf_token": card, "next": f"/{card}"}
        ).encode()
        house.ask(
            "POST",
            "/login",
            form,
            Content_Type="application/x-www-form-urlencoded",
            Cookie=f"payphone_form={card}",
        )
        for path in (
            f"/login?next=/{card}",
            f"/p/{card}",
            f"/nowhere/{card}",
            f"/rq/{card}",
            f"/api/docs?q={card}",
            f"/setup/{card}",
        ):
            house.ask("GET", path, X_Request_Id=card, User_Agent=card, Referer=f"/{card}")
        house.shout(f"GET /{card} HTTP/9.{card}\r\nHost: {card}\r\n\r\n".encode())
        house.shout(f"{card} {card}\r\n\r\n".encode())
        house.shout(
            f"POST /api/customers HTTP/1.1\r\nHost: x\r\nContent-Length: {card}x\r\n\r\n".encode()
        )


def import_a_file(house: House, account_id: str) -> None:
    path = house.directory / "cards.txt"
    lines = [f"{index},Ada {card},2099-01-31,10,USD,{card}" for index, card in enumerate(CARDS)]
    path.write_text(
        "\n".join(
            [
                "number,customer,dueDate,amount,currency,Memo",
                *lines,
                "99,Sentinel,2099-01-31,10,USD,",
            ]
        )
    )
    house.start(
        "import",
        "-m",
        "bin.commands",
        "invoices",
        "import",
        str(path),
        "--account",
        account_id,
        "--skip-bad",
    )
    house.started[-1].wait(240)
    path.unlink()


def rows_as_text() -> bytes:
    """Return every row of every table, as PostgreSQL casts it to text."""
    names = [table._meta.table_name for table in TABLES]
    return "\n".join(
        str(row[0])
        for name in names
        for row in execute(f'SELECT CAST(t AS text) FROM "{name}" t').fetchall()
    ).encode()


def what_is_left(house: House, database_url: str) -> dict[str, bytes]:
    """Return everything that was written, by file: the database with its journal, Redis'
    append-only file, the logs, and our answers.
    """
    left = {
        str(path): text
        for place in (house.directory, house.valkey.directory)
        for path, text in contents_under(place)
    }
    left["answers"] = b"\n".join(house.answers)
    if is_postgres():
        left["rows"] = rows_as_text()
    return left


def test_no_card_number_is_left_anywhere(house: House, database_url: str) -> None:
    account = given.an_account()
    invoice, key = given.an_invoice(account), given.a_key(account)
    ids = {"invoice_id": invoice.id, "customer_id": invoice.customer_id, "account_id": account.id}

    statuses = throw_at_the_api(house, key, ids)
    assert 422 in statuses
    assert house.failed == []
    throw_at_the_webhooks(house, invoice)
    throw_at_the_pages(house)
    import_a_file(house, account.id)
    wait_for(
        lambda: (
            not StagedJob.select()
            .where(StagedJob.state.in_(["waiting", "running"]), StagedJob.queue == "webhooks")
            .exists()
        ),
        "webhooks are done",
    )
    house.stop()
    house.valkey.stop()

    left = what_is_left(house, database_url)
    assert InboxEvent.select().where(
        InboxEvent.payload.contains("card number removed")
    ).count() >= len(CARDS)
    where = b"".join(left.values())
    # prove that the search covers the database, Redis and the logs
    for proof in (b"Sentinel", b"process_stripe_event", b"event received", b"appendonly"):
        assert proof in where or any(proof.decode() in name for name in left)
    traces = {
        name: [
            text[max(0, found.start() - 60) : found.end() + 20] for found in TRACE.finditer(text)
        ][:3]
        for name, text in left.items()
    }
    found = "\n".join(f"{name}: {text!r}" for name, texts in traces.items() for text in texts)
    assert found == "", found
