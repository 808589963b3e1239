"""Decisions of clinic staff in a storm, often two at once, and the rules about them: a customer on
hold is not contacted, a decision made twice is carried out once, and the last correction wins.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations

from rules.calling.ended_reasons import MADE_BY_HAND
from tests.storm.client import Asked, Json
from tests.storm.evidence import Evidence
from tests.storm.load import Actor, Bill, Clinic

HELD = ("attorney", "bankruptcy", "dispute", "hardship")  # reasons that also place a hold
REASONS = (*HELD, "asked_for_person", "anger", "instalments")
# these need a look at Vapi's record, which nobody in a storm takes
UNTRUE = frozenset({"ended", "never_placed"})
DONE = ("madeCallId", "messageId", "refundIds")  # the fields of a work item that name what was done
SWITCHES = {"sms": "texts", "voice": "calls"}
MICROS = 1e6


class Desk(Actor):
    """Clinic staff, two of whom might do the same thing at the same moment."""

    pause = 0.7
    steps = (
        ("resolve", 16),
        ("correct", 8),
        ("refund_by_two", 5),
        ("promise", 4),
        ("escalate", 4),
        ("hold", 3),
        ("lift", 2),
        ("change_phone", 2),
        ("opt_out", 1),
    )

    def about(self, what: str, bill: Bill, path: str, body: Json, **more: str) -> Asked:
        """Send a request about an invoice's customer."""
        person = bill.customer["id"]
        path = f"/api/customers/{person}/{path}"
        return self.ask(what, bill.clinic, path, body, customer=person, **more)

    def tempt(self, bill: Bill) -> None:
        """Colleagues who do not know of the decision request a text and a call."""
        about = {"invoice": bill.id}
        path = f"/api/invoices/{bill.id}"
        self.ask("link", bill.clinic, f"{path}/payment-links", {"channel": "sms"}, **about)
        self.ask("call", bill.clinic, f"{path}/calls", {}, **about)

    def resolve(self) -> None:
        """Resolve an open work item; in one of three cases a colleague resolves it too, in their
        own way.
        """
        clinic = self.dice.choice(self.world.clinics)
        items = self.apis[clinic.id].read("/api/work-items", state="open", limit=100)
        waiting = [
            (item["id"], [each["action"] for each in item["actions"]])
            for item in items.get("data", [])
        ]
        if not waiting:
            return
        item_id, actions = self.dice.choice(waiting)
        ways = [self._way(item_id, actions) for _ in range(self.dice.choice((1, 1, 2)))]
        self._at_once(clinic, "resolve", f"/api/work-items/{item_id}/resolve", ways)

    def _way(self, item_id: str, actions: list[str]) -> Json:
        action = self.dice.choice([each for each in actions if each not in UNTRUE])
        return {"action": action} | ({"text": "We look into it."} if action == "reply" else {})

    def _at_once(self, clinic: Clinic, what: str, path: str, bodies: list[Json]) -> None:
        keys = [self.key() for _ in bodies]
        api = self.apis[clinic.id]
        with ThreadPoolExecutor(len(bodies)) as people:
            list(people.map(lambda body, key: api.ask(what, path, body, key), bodies, keys))

    def refund_by_two(self) -> None:
        """Two colleagues refund the same payment at once, each in full."""
        bill = self.bill()
        paid = self.apis[bill.clinic.id].read("/api/payments", invoiceId=bill.id) if bill else {}
        taken = [
            each["id"]
            for each in paid.get("data", [])
            if (each["status"], each["method"]) == ("succeeded", "stripe")
        ]
        if bill and taken:
            path = f"/api/payments/{self.dice.choice(taken)}/refunds"
            self._at_once(bill.clinic, "refund", path, [{"reason": "duplicate"}] * 2)

    def correct(self) -> None:
        """Change the amount, which is allowed until a payment arrives."""
        bill = self.bill()
        if bill is not None:
            self.ask(
                "correct",
                bill.clinic,
                f"/api/invoices/{bill.id}",
                {"amountDue": self.dice.randint(500, 40_000)},
                "PATCH",
                invoice=bill.id,
            )

    def promise(self) -> None:
        bill = self.bill()
        if bill is not None:
            day = self.world.today + timedelta(days=self.dice.randint(1, 9))
            path = f"/api/invoices/{bill.id}/promises"
            body = {"promisedFor": day.isoformat()}
            self.ask("promise", bill.clinic, path, body, invoice=bill.id)
            self.tempt(bill)

    def escalate(self) -> None:
        bill = self.bill()
        if bill is not None:
            path = f"/api/invoices/{bill.id}/escalations"
            about = {"customer": bill.customer["id"], "invoice": bill.id}
            self.ask("escalate", bill.clinic, path, {"reason": self.dice.choice(REASONS)}, **about)
            self.tempt(bill)

    def hold(self) -> None:
        bill = self.bill()
        if bill is not None:
            self.about("hold", bill, "holds", {"kind": self.dice.choice((*HELD, "insurance"))})
            self.tempt(bill)

    def lift(self) -> None:
        placed = [one for one in self.records.asked if one.what == "hold" and one.accepted]
        if placed:
            hold = self.dice.choice(placed)
            clinic = next(
                clinic
                for clinic, customer in self.world.customers
                if customer["id"] == hold.about["customer"]
            )
            path = f"{hold.path}/{hold.answer['id']}"
            self.ask("lift", clinic, path, {}, "DELETE", hold=hold.answer["id"])

    def opt_out(self) -> None:
        bill = self.bill()
        if bill is not None:
            phone = bill.customer["phone"]
            self.about("opt out", bill, "opt-outs", {"source": "desk", "phone": phone}, phone=phone)
            self.tempt(bill)

    def change_phone(self) -> None:
        """Give the customer another number, for which there is no consent."""
        bill = self.bill()
        if bill is None:
            return
        before = bill.customer["phone"]
        phone = f"{before[:5]}{556_0000 + self.world.number() % 10_000:07d}"
        self.ask(
            "new phone",
            bill.clinic,
            f"/api/customers/{bill.customer['id']}",
            {"phone": phone},
            "PATCH",
            customer=bill.customer["id"],
            before=before,
        )


class Operator(Desk):
    """The operator of the installation, who pauses a clinic's texts, calls or charges for a while,
    changes how it collects, and imports invoices from files.
    """

    steps = (
        ("pause_for_a_while", 2),
        ("keep_a_quiet_day", 2),
        ("collect_otherwise", 3),
        ("import_by_two", 2),
    )
    pause = 4.0

    def pause_for_a_while(self) -> None:
        clinic = self.dice.choice(self.world.clinics)
        what = self.dice.choice(("texts", "calls", "charges"))
        told = self._switch("pause", what, clinic)
        since = time.time()
        self._tempt_some(clinic)
        time.sleep(self.dice.uniform(0, 4))
        until = time.time()
        if told:
            self.records.paused.append(
                {"account": clinic.id, "what": what, "since": since, "until": until}
            )
        while not self._switch("resume", what, clinic):  # or the pause would last
            time.sleep(1)

    def keep_a_quiet_day(self) -> None:
        """Make today a quiet day, and then undo that."""
        clinic = self.dice.choice(self.world.clinics)
        self._choose("quiet day", clinic, quietDays=[f"{self.world.today:%A}".lower()])
        self._tempt_some(clinic)
        self._choose("no quiet day", clinic, quietDays=[])

    def _tempt_some(self, clinic: Clinic) -> None:
        own = [bill for bill in self.world.bills if bill.clinic is clinic]
        for bill in own[-3:]:
            self.tempt(bill)

    def collect_otherwise(self) -> None:
        calling = self.dice.choice(("automatic", "automatic", "manual"))
        drafts = self.dice.choice(("automatic", "automatic", "draft"))
        clinic = self.dice.choice(self.world.clinics)
        self._choose("settings", clinic, calling=calling, firstContacts=drafts)

    def import_by_two(self) -> None:
        """Import the same file twice at once, and then a file with one amount changed."""
        clinic = self.dice.choice(self.world.clinics)
        who, number = f"Import {self.world.number()}", self.world.number()
        rows = [(f"I{number}-{place}", who, self.dice.randint(500, 9_000)) for place in range(3)]
        with ThreadPoolExecutor(2) as pair:
            done = list(pair.map(lambda _: self._import(clinic, rows), range(2)))
        if any(done):
            corrected = [(*rows[0][:2], rows[0][2] + 100), *rows[1:]]
            rows = corrected if self._import(clinic, corrected) else []
        self.records.imported.append({"account": clinic.id, "who": who, "rows": rows * any(done)})

    def _import(self, clinic: Clinic, rows: list[tuple[str, str, int]]) -> bool:
        path = self.world.town.folder / f"import-{self.world.number()}.csv"
        lines = [f"{name},{who},2099-01-31,{cents / 100:.2f},USD" for name, who, cents in rows]
        path.write_text("\n".join(["number,customer,dueDate,amount,currency", *lines]) + "\n")
        return self._told("invoices", "import", str(path), "--account", clinic.id, "--yes")

    def _choose(self, what: str, clinic: Clinic, **settings: object) -> None:
        path = f"/api/accounts/{clinic.id}/settings"
        self.ask(what, clinic, path, settings, "PATCH", account=clinic.id)

    def _switch(self, how: str, what: str, clinic: Clinic) -> bool:
        return self._told(how, what, "--account", clinic.id, "--why", "a storm")

    def _told(self, *command: str) -> bool:
        """Return whether a command succeeded; if the database is down, its outcome is unknown."""
        try:
            self.world.town.command(*command)
        except RuntimeError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Silence:
    """A span (seconds) in which no contact with the customers that `about` names may be allowed."""

    why: str
    about: Json
    since: float
    until: float = float("inf")
    but_answers: bool = False  # whether answers to the customer are still allowed

    def forbids(self, decision: Json) -> bool:
        at = decision["at"] / MICROS
        named = all(decision[name] == value for name, value in self.about.items())
        return named and self.since < at < self.until


def left_alone(evidence: Evidence) -> Iterator[str]:
    """Once a request to leave a customer alone is answered, no decision allows contact with them
    until the request is lifted; nor does one while their clinic is paused.
    """
    silences = _silences(evidence)
    reminders = _reminders(evidence)
    for row in evidence.of("contact_decision"):
        for silence in silences if row["allowed"] else ():
            is_meant = not silence.but_answers or row["effect_id"] in reminders
            if silence.forbids(row) and is_meant:
                late = row["at"] / MICROS - silence.since
                yield (
                    f"a {row['channel']} to {row['customer_id']} at {row['phone']} was allowed"
                    f" {late:.1f} s after the answer to: {silence.why}"
                )
    for effect in evidence.of("effect"):
        if effect["kind"] == "intent_confirm":
            at = effect["created_at"] / MICROS
            for pause in evidence.paused:
                is_meant = (pause["account"], pause["what"]) == (effect["account_id"], "charges")
                if is_meant and pause["since"] < at < pause["until"]:
                    yield f"charge {effect['key']} was begun while charges were paused"


def _silences(evidence: Evidence) -> list[Silence]:
    found = [
        Silence(
            f"{pause['what']} paused",
            {"account_id": pause["account"], "channel": channel},
            pause["since"],
            pause["until"],
        )
        for pause in evidence.paused
        for channel, what in SWITCHES.items()
        if what == pause["what"]
    ]
    for one in evidence.asked:
        if one.accepted and one.what in SILENT:
            found += SILENT[one.what](evidence, one)
    return found


def _held(evidence: Evidence, one: Asked) -> list[Silence]:
    """Until the hold is lifted; an escalation can also have found a hold that is lifted later."""
    if one.what == "escalate" and one.body["reason"] not in HELD:
        return []
    person = one.about["customer"]
    named = person if one.what == "escalate" else one.answer["id"]
    until = _first_begun(evidence, "lift", named)
    return [Silence(one.what, {"customer_id": person}, one.ended, until, but_answers=True)]


def _opted_out(evidence: Evidence, one: Asked) -> list[Silence]:
    """Until the customer texts START."""
    about = {"customer_id": one.about["customer"], "phone": one.about["phone"]}
    starts = [each["said_at"] for each in evidence.starts if each["phone"] == about["phone"]]
    until = min((at for at in starts if at > one.begun), default=float("inf"))
    return [Silence(one.what, about, one.ended, until)]


def _moved(_: Evidence, one: Asked) -> list[Silence]:
    about = {"customer_id": one.about["customer"], "phone": one.about["before"]}
    return [Silence(one.what, about, one.ended)]


def _promised(evidence: Evidence, one: Asked) -> list[Silence]:
    """While the promise is open; when one that is closed was decided is not known."""
    is_open = evidence.by_id("promise").get(one.answer["id"], {}).get("state") == "open"
    about = {"invoice_id": one.about["invoice"]}
    return [Silence(one.what, about, one.ended, but_answers=True)] * is_open


def _quiet(evidence: Evidence, one: Asked) -> list[Silence]:
    until = _first_begun(evidence, "no quiet day", one.path, one.ended)
    about = {"account_id": one.about["account"]}
    return [Silence(one.what, about, one.ended, until, but_answers=True)]


SILENT: dict[str, Callable[[Evidence, Asked], list[Silence]]] = {
    "hold": _held,
    "escalate": _held,
    "opt out": _opted_out,
    "new phone": _moved,
    "promise": _promised,
    "quiet day": _quiet,
}


def _first_begun(evidence: Evidence, what: str, named: str, after: float = 0.0) -> float:
    """Return when a request naming `named` in its path first began after `after`, or infinity."""
    begun = (
        one.begun
        for one in evidence.asked
        if one.what == what and named in one.path and one.begun > after
    )
    return min(begun, default=float("inf"))


def _reminders(evidence: Evidence) -> set[str]:
    """Return the ids of effects that ask for money, i.e. neither answers nor thanks."""
    texts = {row["id"]: row.get("kind") for row in evidence.of("message")}
    return {
        row["id"]
        for row in evidence.of("effect")
        if row["kind"] == "call" or texts.get(row["key"].split(":")[1]) == "payment_link"
    }


def decided_once(evidence: Evidence) -> Iterator[str]:
    """What staff chose for a work item was done once, however many chose it: each call or text made
    by hand is named in an answer, and each one named exists.
    """
    named: dict[str, set[str]] = defaultdict(set)
    for one in evidence.asked:
        if one.what == "resolve" and one.accepted:
            context = one.answer["context"]
            named["call"] |= {context.get("madeCallId")} - {None}
            named["text"] |= {context.get("messageId")} - {None}
    there = {
        "call": {
            row["id"] for row in evidence.of("call") if row.get("ended_reason") == MADE_BY_HAND
        },
        "text": {row["id"] for row in evidence.of("message") if row.get("kind") == "answer"},
    }
    for what, ids in there.items():
        yield from (f"{what} {each} was made by no answer to anybody" for each in ids - named[what])
        yield from (f"{what} {each} was answered, and is not there" for each in named[what] - ids)


def chosen_at_once(evidence: Evidence) -> Iterator[str]:
    """If two resolve one item at the same moment, both answers name the same result."""
    chosen = [one for one in evidence.asked if one.what == "resolve" and one.accepted]
    for first, second in combinations(chosen, 2):
        is_at_once = first.begun < second.ended and second.begun < first.ended
        if first.path == second.path and is_at_once:
            contexts = [each.answer["context"] for each in (first, second)]
            told = [{name: context.get(name) for name in DONE} for context in contexts]
            if told[0] != told[1]:
                yield f"{first.path} was done twice at once: {told}"


def resolved(evidence: Evidence, one: Asked) -> str:
    """Return why the item was not resolved as its answer promised, or "" if it was."""
    item = evidence.by_id("work_item").get(one.answer["id"])
    if item is None:
        return "its item is not there"
    if item["resolution"] == one.body["action"]:
        return ""
    if item["state"] == "open" or item.get("resolved_by") == "system":
        return ""  # the item has been reopened, or has ended by itself since
    others = {
        other.body["action"]
        for other in evidence.asked
        if other.what == "resolve" and other.path == one.path and other is not one
    }
    return "" if item["resolution"] in others else f"it is {item['resolution']}"


def refunded_within(evidence: Evidence) -> Iterator[str]:
    """No refund was accepted for more than could still be refunded."""
    for row in evidence.of("refund_request"):
        if "greater than unrefunded amount" in (row.get("error") or ""):
            yield f"refund {row['id']} of {row['amount']} was promised, and there was less"


def last_word(evidence: Evidence, what: str, about: str, named: str) -> dict[str, list[Json]]:
    """Return, by their `about`, the values that may be final: those of requests after whose end no
    accepted request began. A repeated request can have been carried out although it was refused.
    """
    by: dict[str, list[Asked]] = defaultdict(list)
    for one in evidence.asked:
        if one.what == what and named in one.body:
            by[one.about[about]].append(one)
    return {
        each: [
            one.body[named]
            for one in asked
            if (one.accepted or one.sent > 1)
            and not any(other.accepted and other.begun > one.ended for other in asked)
        ]
        for each, asked in by.items()
    }


def last_words(evidence: Evidence) -> Iterator[str]:
    """The last of several corrections wins."""
    for table, column, what, about, named in (
        ("invoice", "amount_due", "correct", "invoice", "amountDue"),
        ("customer", "phone", "new phone", "customer", "phone"),
    ):
        accepted = {one.about[about] for one in evidence.asked if one.what == what and one.accepted}
        for row_id, values in last_word(evidence, what, about, named).items():
            found = evidence.by_id(table).get(row_id, {}).get(column)
            if row_id in accepted and found not in values:
                yield f"{column} of {row_id} is {found}; the last that was asked for: {values}"


def imported(evidence: Evidence) -> Iterator[str]:
    """What was imported exists once, as in the last file, even if it was imported twice at once."""
    for file in evidence.imported:
        of_account = [
            row for row in evidence.of("customer") if row["account_id"] == file["account"]
        ]
        people = [row["id"] for row in of_account if row["name"] == file["who"]]
        if len(people) > 1:
            yield f"{file['who']} was imported {len(people)} times: {people}"
        for number, _, amount in file["rows"]:
            there = [row["amount_due"] for row in evidence.of("invoice") if row["number"] == number]
            if there != [amount]:
                yield f"invoice {number} of {amount} was imported, and there is {there}"


DESK_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    left_alone,
    decided_once,
    chosen_at_once,
    refunded_within,
    last_words,
    imported,
)
