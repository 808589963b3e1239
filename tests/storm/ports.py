"""Clinics that port their numbers to us in a storm, their carriers, and the rules about that,
checked against Twilio: a number has one open request at a time, moves once, and is then the line of
the clinic that asked for it until an operator releases it.
"""

import base64
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import combinations

import psycopg

from tests.storm.calls import AGAIN
from tests.storm.client import Json, StandIn
from tests.storm.evidence import Evidence
from tests.storm.going_live import VOICE, Owner
from tests.storm.load import Actor, Clinic, World
from tests.storm.town import CARRIERS_PIN

STEP = 2  # seconds between two statuses of a port
PORTED = ("+12125550171", "+12125550172")  # of which each clinic wants either
ADDRESS = {"line1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
PORT = {
    "currentCarrier": "Verizon",
    "accountNumber": "77-1",
    "pin": CARRIERS_PIN,
    "customerType": "Business",
    "authorizedRepresentative": "Ada Lane",
    "authorizedRepresentativeEmail": "ada@bay.example",
    "serviceAddress": ADDRESS | {"country": "US"},
}
BILL = base64.b64encode(b"%PDF-1.7 a bill of the carrier").decode()
SAYS = (
    *(("Action Required", "Rejected", f"PIN {CARRIERS_PIN} does not match"),) * 3,
    *(("In Progress", "Submitted"),) * 4,
    *(("Completed", "Completed"),) * 2,
    ("In Review", "In Review"),
    ("Waiting for Signature", "Waiting for Signature"),
    ("a word that is new", "another"),
    ("Canceled", "Canceled", "the carrier gave up"),
    ("Expired", "Expired"),
)
REFUSED = ("has no bought", "is under way", "is live")  # other errors leave the outcome open
OVER = frozenset({"Completed", "Canceled", "Expired"})


class Porter(Owner):
    """A clinic that has its number ported, changes its mind, and may have it back."""

    pause = 0.8
    steps = (("deploy", 6), ("retry", 2), ("rollback", 3), ("take_down", 3))
    steps += (("configure", 2), ("let_go", 2), ("say", 4), ("poll", 3))

    def run(self) -> None:
        self.stand_in.control("twilio/ports", step=STEP)
        self.ask("configure", self.clinic, self._path("voice"), VOICE, "PUT")
        self.configure()
        Actor.run(self)

    def configure(self) -> None:
        """Hand in a new bill, and choose one of two numbers, which the other clinic wants too."""
        bill = {"name": "bill.pdf", "contentBase64": BILL}
        made = self.ask("bill", self.clinic, self._path("port-documents"), bill)
        if made.accepted:
            body = PORT | {"phoneNumber": self.dice.choice(PORTED), "documentId": made.answer["id"]}
            self.ask("configure", self.clinic, self._path("phone/ported"), body, "PUT")

    def let_go(self) -> None:
        """Have the operator release the number, which is refused while the clinic uses it."""
        try:
            self.world.town.command("deployments", "let-go", self.clinic.id, "--why", "a storm")
        except RuntimeError as error:
            if any(word in str(error) for word in REFUSED):
                return
        self.records.let_go.append({"account": self.clinic.id, "at": time.time()})

    def say(self) -> None:
        """Have Twilio or the carrier report something, in whatever order."""
        open_ports = _open(self.stand_in)
        if open_ports:
            put = self.dice.choice(SAYS)
            self.stand_in.control("twilio/ports", sid=self.dice.choice(open_ports), put=put)

    def poll(self) -> None:
        """Check ports early, as is done every hour; a fault in the database can prevent it."""
        with suppress(sqlite3.Error, psycopg.Error, OSError):
            self.world.town.database.write(AGAIN.format(job="poll_ports"))


def porters(world: World, clinics: list[Clinic]) -> list[Actor]:
    return [Porter(world, index, clinic) for index, clinic in enumerate(clinics)]


def end_all(stand_in: StandIn) -> None:
    """Have each open port end, every other one well."""
    for place, sid in enumerate(_open(stand_in)):
        word = ("Completed", "Canceled")[place % 2]
        stand_in.control("twilio/ports", sid=sid, put=(word, word))


def _open(stand_in: StandIn) -> list[str]:
    rows = stand_in.shown("twilio/ports")["ports"]
    return [row["port_in_request_sid"] for row in rows if row["port_in_request_status"] not in OVER]


def requested_once(evidence: Evidence) -> Iterator[str]:
    """A number has one open request at a time, and none once it has moved, unless an operator
    released it in between.
    """
    of_number: dict[str, list[Json]] = defaultdict(list)
    for row in sorted(evidence.ports, key=_begun):
        for number in row["phone_numbers"]:
            of_number[number["phone_number"]].append(row)
    for number, rows in of_number.items():
        for first, second in combinations(rows, 2):
            told = f"{first['port_in_request_sid']} and {second['port_in_request_sid']}"
            if first["port_in_request_status"] not in OVER or _begun(second) < _updated(first):
                yield f"{number} had two open port requests at a time: {told}"
            elif _has_moved(first) and not _was_let_go(evidence, first, _begun(second)):
                yield f"{number} had moved, and was requested again: {told}"


def moved(evidence: Evidence) -> Iterator[str]:
    """A number that has moved is at Twilio, and the line of the clinic that asked for it, unless an
    operator has released it; no line claims one that has not moved.
    """
    held = [row for row in evidence.of("phone_line") if row["holds_slot"]]
    lines = {row["e164"]: row for row in held if row.get("e164")}
    there = {row["phone_number"] for row in evidence.numbers.values()}
    last: dict[str, Json] = {}
    for row in filter(_has_moved, sorted(evidence.ports, key=_begun)):
        last |= {each["phone_number"]: row for each in row["phone_numbers"]}
    for number, port in last.items():
        owner, line = _owner(evidence, port), lines.get(number, {})
        is_kept = line.get("account_id") == owner and number in there
        if not is_kept and not _was_let_go(evidence, port, float("inf")):
            yield f"{number} moved for {owner}, is {line}, and at Twilio: {number in there}"
    for number, line in lines.items():
        if (line.get("source"), line["state"]) == ("ported", "owned") and not (
            number in last and _owner(evidence, last[number]) == line["account_id"]
        ):
            yield f"line {line['id']} has {number}, which never moved to {line['account_id']}"


def _begun(port: Json) -> float:
    return datetime.fromisoformat(port["date_created"]).timestamp()


def _updated(port: Json) -> float:
    return datetime.fromisoformat(port["updated"]).timestamp()


def _has_moved(port: Json) -> bool:
    return bool(port["port_in_request_status"] == "Completed")


def _owner(evidence: Evidence, port: Json) -> str | None:
    """Return the id of the account that a port request names."""
    name = port["losing_carrier_information"]["customer_name"]
    return next((row["id"] for row in evidence.of("account") if row.get("name") == name), None)


def _was_let_go(evidence: Evidence, port: Json, until: float) -> bool:
    """Return whether an operator released the number between its move and `until`."""
    owner = _owner(evidence, port)
    return any(
        each["account"] == owner and _updated(port) <= each["at"] <= until + 1
        for each in evidence.let_go
    )


def asked_by_somebody(evidence: Evidence) -> Iterator[str]:
    """Each open port request has an owner here, or an undoing that is left to staff."""
    made = {row["provider_id"] for row in evidence.of("resource") if row["state"] == "made"}
    for row in evidence.ports:
        sid, status = row["port_in_request_sid"], row["port_in_request_status"]
        if status not in OVER and sid not in made:
            yield f"port request {sid} is {status}, and nobody has it"


PORT_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    requested_once,
    moved,
    asked_by_somebody,
)
