"""Callers who ring a clinic in a storm, and the rules about them: every call that Vapi answered is
recorded with its transcript, and a caller who says stop is not contacted again.
"""

import json
from collections.abc import Callable, Iterator

from tests.storm.calls import POSTAL
from tests.storm.client import Json
from tests.storm.evidence import Evidence
from tests.storm.load import Actor
from tests.storm.retention import grown_old
from tests.storm.town import LINES, VAPI_SECRET

STOP = "Stop calling me."
SCRIPTS = (
    *("pays_by_keypad",) * 6,
    *("pays_by_link", "says_stop_unheard", "asks_for_times") * 3,
    *("says_stop", "promises", "disputes", "hangs_up", "wrong_person", "reads_out_a_card"),
)


class Callers(Actor):
    """Customers who ring a clinic; Vapi reports some of the calls in part first, in full later."""

    pause = 2.0
    steps = (("ring", 1),)

    def ring(self, script: str = "") -> None:
        """Let a customer ring, who follows this script or another."""
        if not self.world.customers:
            return
        clinic, customer = self.dice.choice(self.world.customers[-30:])
        phone, town = customer["phone"], self.world.town
        script, line = script or self.dice.choice(SCRIPTS), LINES[self.world.clinics.index(clinic)]
        who = {"fullName": customer["name"], "postalCode": POSTAL[phone[2:5]]}
        self.stand_in.control("vapi/callers", number=phone, script=script, who=who)
        url, headers = f"{town.url}/api/webhooks/vapi", {"X-Vapi-Secret": VAPI_SECRET}
        about = {"number": line, "caller": phone, "is_bare": self.dice.random() < 0.4}
        server = {"url": url, "headers": headers}
        rung = self.stand_in.control("vapi/incoming", server=server, **about)
        self.records.rung.append({"id": rung["id"], "account": clinic.id, **about})


def came_in(evidence: Evidence) -> Iterator[str]:
    """Each incoming call is recorded for the clinic that was called, has ended and has a
    transcript; no other incoming call is recorded.
    """
    ours = {row["vapi_id"]: row for row in evidence.of("call") if row.get("direction") == "inbound"}
    there = {row["id"]: row for row in evidence.came_in}
    old = [row["id"] for row in grown_old(evidence, "call")]
    for vapi_id in ours.keys() - there.keys():
        yield f"call {ours[vapi_id]['id']} came in as {vapi_id}, which Vapi does not have"
    for rung in evidence.rung:
        known = ours.get(rung["id"])
        if known is None:
            yield f"call {rung['id']} came in to {rung['account']}, and is lost"
        elif known["account_id"] != rung["account"]:
            yield f"call {known['id']} to {rung['account']} is {known['account_id']}'s"
        else:
            yield from _differs(known, there[rung["id"]], known["id"] in old)


def _differs(row: Json, told: Json, is_old: bool) -> Iterator[str]:
    if (row["state"], told["status"]) != ("ended", "ended"):
        yield f"call {row['id']} that came in is {row['state']}; at Vapi {told['status']}"
    is_waited_for = row["reported_at"] is None and not told["analysis"]["structuredData"]
    if told["artifact"]["transcript"] and not (row["transcript"] or is_waited_for or is_old):
        yield f"call {row['id']} that came in holds nothing of what was said in it"


def stopped(evidence: Evidence) -> Iterator[str]:
    """A caller who says stop has opted out at the clinic they called, and is not texted again until
    they text START.
    """
    known = {row["vapi_id"]: row for row in evidence.of("call") if row.get("vapi_id")}
    said = {row["id"] for row in evidence.came_in if STOP in json.dumps(row.get("artifact"))}
    for rung in evidence.rung:
        call = known.get(rung["id"])
        if rung["id"] not in said or call is None:
            continue
        of_account = [
            row
            for row in evidence.of("opt_out")
            if (row["account_id"], row["phone"]) == (rung["account"], rung["caller"])
        ]
        own = [row for row in of_account if row["reference"] == call["id"]]
        if not own and "stop" not in {row["wish"] for row in of_account}:
            yield f"the STOP of {rung['caller']} in call {call['id']} is lost"
        for row in own:
            yield from _texted_since(evidence, row)


def _texted_since(evidence: Evidence, stop: Json) -> Iterator[str]:
    starts = [one["said_at"] for one in evidence.starts if one["phone"] == stop["phone"]]
    for row in evidence.of("contact_decision"):
        is_after = stop["id"].partition("_")[2] < row["id"].partition("_")[2]
        to_them = (stop["account_id"], stop["phone"]) == (row["account_id"], row["phone"])
        if row["allowed"] and to_them and is_after and not starts:
            yield f"a {row['channel']} to {row['phone']} was allowed after their STOP in a call"


CALLER_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (came_in, stopped)
