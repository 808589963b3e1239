"""The evidence for the judge: the database's rows, the providers' own records and the requests
sent, none of it read through the application.
"""

import base64
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from runtime.private_files import files_under, private_folder
from tests.storm.client import Asked, Json, Records, StandIn
from tests.storm.databases import Database
from tests.storm.load import World
from tests.storm.town import SECRETS, Town
from tests.watching.sweep import traces_in

TABLES = (
    "account",
    "call",
    "call_invoice",
    "call_slot",
    "customer",
    "consent",
    "contact_decision",
    "daily_tally",
    "deployment",
    "deployment_step",
    "dispute",
    "effect",
    "hold",
    "inbox_event",
    "integration",
    "invoice",
    "keypad_session",
    "knowledge_file",
    "message",
    "opt_out",
    "outgoing_event",
    "payment",
    "payment_attempt",
    "payment_confirmation",
    "payment_link",
    "phone_line",
    "port_document",
    "promise",
    "refund",
    "refund_request",
    "resource",
    "staged_job",
    "tool_call",
    "webhook_delivery",
    "webhook_endpoint",
    "work_item",
)
NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
    "postgres": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
}
INBOUND = "inboundPhoneCall"
LOG_HOLDS = 20_000  # requests that the stand-in keeps


@dataclass
class Evidence:
    """Rows by table, and the stand-ins' records: Stripe's objects with their account (empty: the
    platform's), requests to send texts, numbers by sid; and by account, the feed as read and the
    webhooks received.
    """

    rows: dict[str, list[Json]] = field(default_factory=dict)
    now: int = 0
    today: date = date(2026, 1, 1)
    intents: list[Json] = field(default_factory=list)
    charges: list[Json] = field(default_factory=list)
    refunds: list[Json] = field(default_factory=list)
    disputes: list[Json] = field(default_factory=list)
    links: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    deliveries: list[Json] = field(default_factory=list)
    text_requests: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)  # outgoing
    came_in: list[Json] = field(default_factory=list)
    at_vapi: dict[str, list[Json]] = field(default_factory=dict)
    trunks: list[Json] = field(default_factory=list)  # at Twilio
    numbers: dict[str, Json] = field(default_factory=dict)
    business_shift: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    stops: list[Json] = field(default_factory=list)
    starts: list[Json] = field(default_factory=list)
    paused: list[Json] = field(default_factory=list)
    imported: list[Json] = field(default_factory=list)
    rung: list[Json] = field(default_factory=list)
    cards: list[Json] = field(default_factory=list)
    ports: list[Json] = field(default_factory=list)  # requests at Twilio
    let_go: list[Json] = field(default_factory=list)
    consents: list[Json] = field(default_factory=list)
    grants: dict[str, Json] = field(default_factory=dict)  # by OAuth server
    noted: dict[str, set[Any]] = field(default_factory=dict)
    feed: dict[str, list[str]] = field(default_factory=dict)
    hooked: dict[str, list[tuple[dict[str, str], bytes]]] = field(default_factory=dict)
    forged: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def of(self, table: str) -> list[Json]:
        """Return a table's rows."""
        return self.rows.get(table, [])

    def by_id(self, table: str, key: str = "id") -> dict[Any, Json]:
        """Return a table's rows by id."""
        return {row[key]: row for row in self.of(table)}


def gather(town: Town, world: World, records: Records, stand_in: StandIn) -> Evidence:
    """Collect all evidence once the storm is quiet."""
    database = town.database
    at_vapi = stand_in.shown("vapi/objects")
    evidence = Evidence(
        today=world.today,
        asked=records.asked,
        stops=records.stops,
        starts=records.starts,
        paused=records.paused,
        imported=records.imported,
        forged=records.forged,
        rung=records.rung,
        cards=records.cards,
        let_go=records.let_go,
        consents=records.consents,
        noted=records.noted,
        calls=[row for row in at_vapi["call"] if row["type"] != INBOUND],
        came_in=[row for row in at_vapi["call"] if row["type"] == INBOUND],
        at_vapi=at_vapi,
        numbers={row["sid"]: row for row in stand_in.shown("twilio/bought")["numbers"]},
        ports=stand_in.shown("twilio/ports")["ports"],
        grants=stand_in.shown("integrations/grants"),
        trunks=stand_in.shown("twilio/trunks")["trunks"],
        business_shift=town.business_shift,
        problems=list(records.problems),
    )
    evidence.rows = {table: database.rows(f"SELECT * FROM {table}") for table in TABLES}
    evidence.now = int(database.rows(f"SELECT {NOW[database.kind]} AS now")[0]["now"])
    for account in {clinic.stripe_account for clinic in world.clinics}:
        for name, kind in (
            ("charges", "charges"),
            ("refunds", "refunds"),
            ("disputes", "disputes"),
            ("links", "payment_links"),
            ("events", "events"),
        ):
            getattr(evidence, name).extend(
                row | {"account": account} for row in stand_in.every(kind, account)
            )
        evidence.intents.extend(
            row | {"account": account} for row in stand_in.every("payment_intents", account)
        )
    evidence.deliveries = stand_in.shown("deliveries")["deliveries"]
    evidence.text_requests = [
        _text_request(row)
        for row in _requests(stand_in, evidence)
        if row["path"].endswith("/Messages.json")
    ]
    keys = [clinic.key for clinic in world.clinics]
    tokens = [each for server in evidence.grants.values() for each in server["tokens"]]
    evidence.leaks = leaks(town, database, [*keys, *tokens, *_rights(records.asked)])
    return evidence


def _rights(asked: list[Asked]) -> list[str]:
    """Return the secrets in answers that are stored nowhere in clear: card form tokens, SIP
    passwords.
    """
    forms = [one.answer["url"] for one in asked if one.what == "card form" and one.accepted]
    trunks = [one.answer.get("sipCredentials") for one in asked if one.what == "configure"]
    passwords = [each["password"] for each in trunks if each]
    return [*(url.rpartition("/")[2] for url in forms), *passwords]


def _requests(stand_in: StandIn, evidence: Evidence) -> list[Json]:
    rows: list[Json] = stand_in.shown("requests", provider="twilio", method="POST")["requests"]
    if len(stand_in.shown("requests")["requests"]) >= LOG_HOLDS:
        evidence.problems.append(
            f"the stand-in remembers {LOG_HOLDS} requests and there were more: judge a shorter"
            " storm"
        )
    return rows


def _text_request(row: Json) -> Json:
    """Return a request to send a text: its time, recipient, effect, status and whether it was
    performed. A request that was cut off before it was read names no effect.
    """
    params = row["params"] or {}
    named = parse_qs(urlsplit(params.get("StatusCallback", "")).query).get("effect", [""])
    return {
        "at": row["at"],
        "to": params.get("To", ""),
        "effect": named[0],
        "status": row["status"],
        "performed": row["performed"],
    }


def leaks(town: Town, database: Database, keys: list[str]) -> list[str]:
    """Return the card numbers and secrets found in the files of this storm."""
    found = []
    needles = [text.encode() for text in (*SECRETS, *keys)]
    needles += [base64.b64encode(needle) for needle in needles]
    files = [
        *database.files(),
        *(town.folder / "log").iterdir(),
        *(path for path in files_under(town.valkey.directory) if path.is_file()),
    ]
    for path in files:
        try:
            text = path.read_bytes()
        except FileNotFoundError:  # a running server replaces its own files
            continue
        found += [f"{path.name}: {trace}" for trace in traces_in(text)]
        found += [f"{path.name}: {needle[:9].decode()}…" for needle in needles if needle in text]
    return found


def folder_of(base: Path, kind: str, seed: int) -> Path:
    """Create a fresh folder for one storm."""
    number = 1
    while (found := base / f"{kind}-{seed}-{number}").exists():
        number += 1
    return private_folder(found)
