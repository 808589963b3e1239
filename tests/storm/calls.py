"""Calls in a storm: the actors that request and answer them, and the rules about them."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import psycopg

from bin.commands.compliance.checker import Case, Home, Made, broken
from rules.calling.ended_reasons import MADE_BY_HAND
from tests.storm.client import Asked, Json
from tests.storm.evidence import Evidence
from tests.storm.load import Actor, Office

EASTERN = "America/New_York"
POSTAL = {"202": "20001", "212": "10001", "305": "33101", "404": "30301"}
STATES = {"202": "DC", "212": "NY", "305": "FL", "404": "GA"}
SCRIPTS = (
    *("pays_by_link", "promises", "promises_and_breaks", "says_stop", "hangs_up") * 2,
    *("pays_by_keypad",) * 4,
    *("voicemail", "no_answer", "busy", "disputes", "asks_for_a_human", "wrong_person"),
    *("fails", "odd_end", "silent", "speaks_spanish", "reads_out_a_card"),
)
BLOCKED = "call.start.error-subscription-concurrency-limit-reached"
# makes the newest finished run of a periodic job run once more
AGAIN = (
    "UPDATE staged_job SET state = 'waiting', attempts = 0, due_at = 0, pushed_at = NULL,"
    " lease_until = NULL WHERE state = 'done' AND id ="
    " (SELECT max(id) FROM staged_job WHERE name = '{job}')"
)
OVER = {"ended", "refused", "cancelled"}
EARLIER = timedelta(seconds=1)


class CallingOffice(Office):
    """A clinic's software whose customers also agree to calls; each of them answers by a script."""

    channels = ("sms", "voice")
    due = (-9, 4)
    steps = (
        *Office.steps,
        ("new_customer", 30),
        ("new_invoice", 20),
        ("have_called", 60),
    )

    def more_of(self, body: Json) -> Json:
        """Return the customer's phone and address, and give the phone a script at Vapi. Some
        customers share the phone of another one in their household.
        """
        known = self.world.customers[-20:]
        shares = known and self.dice.random() < 0.12
        phone = self.dice.choice(known)[1]["phone"] if shares else body["phone"]
        postal = POSTAL[phone[2:5]]
        who = {"fullName": body["name"], "postalCode": postal}
        script = self.dice.choice(SCRIPTS)
        self.stand_in.control("vapi/callers", number=phone, script=script, who=who)
        address = {"line1": "1 Main Street", "postalCode": postal, "country": "US"}
        return {"phone": phone, "address": address}

    def have_called(self) -> None:
        bill = self.bill()
        if bill is not None:
            path = f"/api/invoices/{bill.id}/calls"
            self.ask("call", bill.clinic, path, {}, invoice=bill.id)


class Scans(Actor):
    """Runs the day's scans again and again, and has Vapi repeat old reports late."""

    steps = (("scan", 1), ("tell_again", 1))
    pause = 2.0

    def tell_again(self) -> None:
        calls = self.stand_in.shown("vapi/objects")["call"]
        if calls:
            call = self.dice.choice(calls)
            is_over = call["status"] == "ended" and self.dice.random() < 0.5
            kind = "end-of-call-report" if is_over else "status-update"
            self.stand_in.control("vapi/tell", call=call["id"], type=kind)

    def scan(self) -> None:
        """Run the scans early; a fault in the database can prevent it."""
        with suppress(sqlite3.Error, psycopg.Error, OSError):
            for job in ("mark_overdue", "scan_overdue"):
                self.world.town.database.write(AGAIN.format(job=job))


def asked_call(evidence: Evidence, one: Asked) -> str:
    """Return why the call was not carried through as its answer promised, or "" if it was."""
    # a request that was kept without an outcome answers with the call's location
    call_id = one.answer.get("id") or one.answer["location"].rpartition("/")[2]
    call = evidence.by_id("call").get(call_id)
    if call is None:
        return "its call is not there"
    if call["state"] in {*OVER, "unknown"} or _has_dead_job(evidence, call):
        return ""
    return f"its call is still {call['state']}"


def placed_once(evidence: Evidence) -> Iterator[str]:
    """Each attempt is in the ledger and placed at Vapi at most once; no call rings twice."""
    effects = evidence.by_id("effect")
    for name, times in Counter(row.get("name", "") for row in evidence.calls).items():
        if times > 1:
            yield f"attempt {name!r} was placed {times} times at Vapi"
        if name not in effects or effects[name]["kind"] != "call":
            yield f"a call was placed for the effect {name!r}, which is not in the ledger"
    rang: Counter[str] = Counter(
        effects[row["name"]]["key"].split(":")[1]
        for row in evidence.calls
        if row.get("name") in effects and row.get("endedReason") != BLOCKED
    )
    for call_id, times in rang.items():
        if times > 1:
            yield f"call {call_id} rang {times} times"


def told_of(evidence: Evidence) -> Iterator[str]:
    """Each call's state agrees with Vapi; a call in doubt is one that Vapi's list cannot settle."""
    at_vapi = {row.get("name"): row for row in evidence.calls if row.get("endedReason") != BLOCKED}
    keys = {row["id"]: row["key"].split(":")[1] for row in evidence.of("effect")}
    rang = {keys[name]: row for name, row in at_vapi.items() if name in keys}
    for call in evidence.of("call"):
        placed = rang.get(call["id"])
        if call["state"] not in {*OVER, "unknown"} and not _has_dead_job(evidence, call):
            yield f"call {call['id']} is still {call['state']}"
        if placed is not None and call["state"] in {"refused", "cancelled", "unknown"}:
            yield f"call {call['id']} is {call['state']}, and Vapi placed {placed['id']}"
        if placed is not None and call["vapi_id"] not in {placed["id"], None}:
            yield f"call {call['id']} is {call['vapi_id']} at Vapi, not {placed['id']}"
        by_others = call.get("ended_reason") == MADE_BY_HAND or call.get("direction") == "inbound"
        if placed is None and call["state"] == "ended" and not by_others:
            yield f"call {call['id']} has ended, and Vapi placed none"


def typed_in_calls(evidence: Evidence) -> Iterator[str]:
    """Each charge in a call uses one card entry typed in that call, for the amount agreed to there;
    no entry is left without an outcome.
    """
    of_charge: dict[str, list[Json]] = defaultdict(list)
    for row in evidence.of("keypad_session"):
        of_charge[row["confirmation_id"]].append(row)
        if row["state"] == "captured" or (row["state"] == "over") != bool(row["confirmation_id"]):
            yield f"card entry {row['id']} is {row['state']}, charged by {row['confirmation_id']}"
    agreed = {row["subject"]: row for row in evidence.of("tool_call") if row["words"]}
    for charge in evidence.of("payment_confirmation"):
        if not charge.get("call_id"):
            continue
        typed = of_charge[charge["id"]]
        if len(typed) != 1:
            yield f"charge {charge['id']} in a call is of {len(typed)} card entries"
            continue
        entry, wish = typed[0], agreed.get(typed[0]["id"], {})
        said = (entry["call_id"], entry["amount"]), (wish.get("call_id"), wish.get("amount"))
        if {*said} != {(charge["call_id"], charge["amount"])}:
            yield f"charge {charge['id']} of {charge['amount']} is not what was agreed to: {said}"


def one_at_a_time(evidence: Evidence) -> Iterator[str]:
    """Two calls of a clinic never ring one phone at the same time, even if several customers share
    it.
    """
    rang: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for call in evidence.calls:
        if call.get("endedReason") != BLOCKED and call.get("endedAt"):
            rang[call["phoneNumberId"], call["customer"]["number"]].append(call)
    for (_, phone), calls in rang.items():
        for first, second in pairwise(sorted(calls, key=lambda call: call["createdAt"])):
            if second["createdAt"] < first["endedAt"]:
                yield f"{phone} was rung by {first['id']} and {second['id']} at a time"


def slots(evidence: Evidence) -> Iterator[str]:
    """Every slot is free again, except those of calls in doubt and of calls with a dead job."""
    calls = evidence.by_id("call")
    for row in evidence.of("call_slot"):
        call = calls.get(row["call_id"], {})
        if call.get("state") != "unknown" and not _has_dead_job(evidence, call):
            yield f"slot {row['number']} is held by {row['call_id']}, which is {call.get('state')}"


def within_the_rules(evidence: Evidence) -> Iterator[str]:
    """Each call has a decision that allows it and breaks no rule of the checker, which is
    independent of the gate.
    """
    allowed: dict[str, list[Json]] = defaultdict(list)
    for row in evidence.of("contact_decision"):
        if row["allowed"] and row["channel"] == "voice":
            allowed[row["effect_id"]].append(row)
    for placed in evidence.calls:
        decisions = allowed.get(placed.get("name", ""), [])
        if not decisions:
            yield f"call {placed['id']} at Vapi was placed without a decision that it may be"
        for decision in decisions:
            codes = broken(*_asked_of_the_checker(evidence, decision))
            if codes:
                yield f"call {placed['id']} to {decision['phone']} broke {sorted(codes)}"


def _was_there(row: Json, decision: Json) -> bool:
    """Return whether a row was written before a decision, as their ids show: a STOP whose webhook
    was lost is recorded only when Twilio's list is read.
    """
    return bool(row["id"].partition("_")[2] < decision["id"].partition("_")[2])


def _asked_of_the_checker(evidence: Evidence, decision: Json) -> tuple[Case, list[Made], datetime]:
    """Return the contact that was decided on, the contacts before it and its business time."""
    at, phone = _business(evidence, decision["at"]), decision["phone"]
    invoice = evidence.by_id("invoice")[decision["invoice_id"]]
    consents = [
        row
        for row in evidence.of("consent")
        if row["customer_id"] == decision["customer_id"]
        and "voice" in _list(row["channels"])
        and (row["revoked_at"] is None or row["revoked_at"] > decision["at"])
    ]
    state = STATES[phone[2:5]]
    case = Case(
        home=Home(phone, None, (EASTERN,), state, state == "NY"),
        by="voice",
        debt=invoice["id"],
        debt_status="sent",
        due_on=date.fromisoformat(str(invoice["due_date"])[:10]),
        billed_on=evidence.today,
        disputed=False,
        processing=False,
        promised_until=_promised(evidence, decision),
        opted_out=any(
            row["phone"] == phone
            and row["wish"] == "stop"
            and row["account_id"] in {None, decision["account_id"]}
            and "voice" in _list(row["channels"])
            and row["at"] < decision["at"]
            and _was_there(row, decision)
            for row in evidence.of("opt_out")
        ),
        holds=(),
        wished_channel="",
        wished_phone="",
        suppressed=False,
        consented_at=(_moment(min(row["given_at"] for row in consents)) if consents else None),
        in_writing=True,
        looked_up_at=None,
        changed_hands=False,
        for_others=False,
        ready=True,
        registration="",
        paused=False,
        ceiling_until=None,
        quiet_days=(),
        somebody_introduces=False,
        consent_days=None,
        look_up_days=None,
        is_action=False,
        is_offer=False,
        is_machine=True,
    )
    return case, _made_before(evidence, decision, at), at


def _made_before(evidence: Evidence, decision: Json, at: datetime) -> list[Made]:
    """Return the earlier contacts of the account with the customer, by business time."""
    debt = decision["invoice_id"]
    about_it = {row["call_id"] for row in evidence.of("call_invoice") if row["invoice_id"] == debt}
    found = [
        Made(
            _contacted_at(evidence, row),
            "voice",
            debt if row["id"] in about_it else "",
            row["outcome"],
            bool(row["asked_for"]),
        )
        for row in evidence.of("call")
        if row["attempted_at"] is not None and row["customer_id"] == decision["customer_id"]
    ]
    for row in evidence.of("message"):
        if row["customer_id"] == decision["customer_id"] and row["sent_at"] is not None:
            sent = _moment(row["sent_at"])  # business time, unlike a decision's
            found.append(Made(sent, "sms", row["invoice_id"], "", asked_for=False))
    return [one for one in found if one.at < at - EARLIER]


def _contacted_at(evidence: Evidence, call: Json) -> datetime:
    """Return when contact was made: for an incoming call, when the caller was verified."""
    if call.get("direction") == "inbound" and call["verified_at"] is not None:
        return _business(evidence, call["verified_at"])
    return _moment(call["attempted_at"])


def _promised(evidence: Evidence, decision: Json) -> datetime | None:
    """Return until when an open promise about the invoice rules out contact, or None."""
    until = [
        _moment(row["decided_from"])
        for row in evidence.of("promise")
        if row["invoice_id"] == decision["invoice_id"]
        and row["state"] == "open"
        and row["created_at"] < decision["at"]
    ]
    return max(until, default=None)


def _has_dead_job(evidence: Evidence, call: Json) -> bool:
    """Return whether a job about this call, or about an attempt at it, is dead."""
    subjects = {call.get("id"), call.get("effect_id")}
    return any(
        job["state"] == "dead" and subjects & {job["key"].split(":")[0], *_list(job.get("args"))}
        for job in evidence.of("staged_job")
    )


def _business(evidence: Evidence, micros: int) -> datetime:
    return _moment(micros) + timedelta(seconds=evidence.business_shift)


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)


def _list(value: object) -> list[str]:
    """Return a JSON column as a list; SQLite returns it as text."""
    found = json.loads(value) if isinstance(value, str) else value
    return list(found) if isinstance(found, list) else []


CALL_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    placed_once,
    told_of,
    typed_in_calls,
    one_at_a_time,
    slots,
    within_the_rules,
)
