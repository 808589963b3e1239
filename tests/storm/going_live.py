"""A clinic that goes live in a storm and is taken down, again and again, and the rules about that:
it has at most one number, no object is left without an owner at a provider, the setup fee is kept
only for what went live, and each file is at Vapi once until it is deleted.
"""

import base64
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.storm.client import Api, Json
from tests.storm.evidence import Evidence
from tests.storm.load import Actor, Clinic, World

PHONE = {"businessName": "Lake Clinic", "clinicNumber": "+12125550123", "areaCode": "212"}
VOICE = {"provider": "vapi", "voiceId": "Elliot"}
SIP = {"businessName": "Lake Clinic", "clinicNumber": "+12125550123"}
PHONES = (("phone/forwarded", PHONE), ("phone/sip", SIP))
AT_VAPI = ("assistant", "squad", "phone-number", "tool", "credential")
LIVED = {"live", "taken_down"}
AT_REST = {*LIVED, "rolled_back", "failed", "payment_action_required"}


class Owner(Actor):
    """Deploys, retries, rolls back and takes down, sometimes in two windows at once; uploads files
    and deletes some.
    """

    pause = 1.5
    steps = (("deploy", 6), ("retry", 2), ("rollback", 2), ("take_down", 3), ("hand_in", 4))
    steps += (("delete_file", 3), ("choose_phone", 2))

    def __init__(self, world: World, index: int, clinic: Clinic) -> None:
        super().__init__(world, index)
        self.clinic = clinic
        self.apis[clinic.id] = Api(world.town.url, clinic.key, world.records)

    def run(self) -> None:
        for path, body in (("voice", VOICE), PHONES[0]):
            self.ask("configure", self.clinic, self._path(path), body, "PUT")
        super().run()

    def choose_phone(self) -> None:
        """Choose between forwarded calls and SIP."""
        path, body = self.dice.choice(PHONES)
        self.ask("configure", self.clinic, self._path(path), body, "PUT")

    def deploy(self) -> None:
        costs = self.apis[self.clinic.id].read(self._path("cost-preview"))
        if costs:
            self._in_windows(
                "deploy",
                self._path("deployments"),
                {
                    "confirmedCost": costs["dueNow"]["amount"],
                    "onFailure": self.dice.choice(("rollback", "rollback", "keep")),
                },
            )

    def retry(self) -> None:
        self._decide("retry")

    def rollback(self) -> None:
        self._decide("rollback")

    def take_down(self) -> None:
        self._decide("take-down")

    def hand_in(self) -> None:
        name = f"hours-{self.world.number()}.txt"
        content = base64.b64encode(f"{name}: open 9 to 5.".encode()).decode()
        body = {"name": name, "contentBase64": content}
        self.ask("file", self.clinic, self._path("knowledge-files"), body)

    def delete_file(self) -> None:
        """Delete a file, one of the last three uploads."""
        known = [one for one in self.records.asked if one.what == "file" and one.accepted][-3:]
        if known:
            file_id = self.dice.choice(known).answer["id"]
            path = self._path(f"knowledge-files/{file_id}")
            self.ask("delete file", self.clinic, path, {}, "DELETE", file=file_id)

    def _decide(self, how: str) -> None:
        known = self.apis[self.clinic.id].read(self._path("deployments"), limit=3).get("data", [])
        if known:  # mostly the newest, which is often the only one of which it can be asked
            deployment_id = self.dice.choice((known[0], known[0], *known))["id"]
            self._in_windows(how, f"/api/deployments/{deployment_id}/{how}", {})

    def _in_windows(self, what: str, path: str, body: Json) -> None:
        keys = [self.key() for _ in range(self.dice.choice((1, 2)))]
        api = self.apis[self.clinic.id]
        with ThreadPoolExecutor(len(keys)) as windows:
            list(windows.map(lambda key: api.ask(what, path, body, key), keys))

    def _path(self, rest: str) -> str:
        return f"/api/accounts/{self.clinic.id}/{rest}"


def promised(evidence: Evidence) -> Iterator[str]:
    """Each accepted Deploy has a row, and each deployment has come to its end."""
    there = evidence.by_id("deployment")
    for one in evidence.asked:
        if one.what == "deploy" and one.accepted and one.answer["id"] not in there:
            yield f"deployment {one.answer['id']} was accepted, and is not there"
    for row in evidence.of("deployment"):
        if row["status"] not in AT_REST and not _given_up(evidence, row):
            yield f"deployment {row['id']} is still {row['status']}"


def numbers(evidence: Evidence) -> Iterator[str]:
    """Each number that is paid for holds a line's slot, and no line has bought two."""
    held = {
        row["twilio_sid"]: row
        for row in evidence.of("phone_line")
        if row["twilio_sid"] and row["holds_slot"]
    }
    for sid, row in evidence.numbers.items():
        if sid not in held:
            yield f"number {row['phone_number']} ({row['friendly_name']}) is paid for by nobody"
    for sid, row in held.items():
        if sid not in evidence.numbers and row["state"] == "owned":
            yield f"line {row['id']} has {row['e164']}, which is not at Twilio"
    tags = Counter(row["friendly_name"] for row in evidence.numbers.values())
    yield from (
        f"{times} numbers were bought for {tag}" for tag, times in tags.items() if times > 1
    )


def left_behind(evidence: Evidence) -> Iterator[str]:
    """Each object at Vapi and each trunk at Twilio has an owner here, unless staff is to undo what
    its account had, and each one owned exists there.
    """
    lines = {row["vapi_id"] for row in evidence.of("phone_line") if row["holds_slot"]}
    made = {
        row["provider_id"]: row["name"]
        for row in evidence.of("resource")
        if row["state"] == "made" and (row["provider"] == "vapi" or row["name"] == "trunk")
    }
    there = {row["id"]: (kind, row) for kind in AT_VAPI for row in evidence.at_vapi.get(kind, [])}
    there |= {row["sid"]: ("trunk", row) for row in evidence.trunks}
    excused = _left_to_a_person(evidence)
    for each, (kind, row) in there.items():
        tag = _tag_of(row)
        if each not in {*made, *lines} and not any(tag.endswith(f"-{one}") for one in excused):
            yield f"{kind} {each} ({tag}) is at its provider, and nobody has it"
    yield from (
        f"{name} {each} is not at its provider" for each, name in made.items() if each not in there
    )


def files(evidence: Evidence) -> Iterator[str]:
    """Each uploaded file is at Vapi once until it is deleted, which waits for the next Deploy while
    the receptionist searches it.
    """
    rows = {row["name"]: row for row in evidence.of("knowledge_file")}
    there = Counter(file["originalName"] for file in evidence.at_vapi.get("file", []))
    dead = {job["key"] for job in evidence.of("staged_job") if job["state"] == "dead"}
    deleted = {one.about["file"] for one in evidence.asked if one.what == "delete file"}
    searched = _searched(evidence)
    for one in evidence.asked:
        if one.what == "file" and one.accepted and one.body["name"] not in rows:
            yield f"file {one.body['name']} was accepted, and is not there"
    for name, times in there.items():
        if times > 1 or name not in rows:
            yield f"file {name} is at Vapi {times} times"
    for name, row in rows.items():
        is_kept = row["id"] not in deleted
        waits = not is_kept and row["state"] == "deleting" and row["vapi_id"] in searched
        if waits or row["id"] in dead or row["state"] == "failed":  # failed: an open failure
            continue
        if (row["state"], there[name]) != (("done", 1) if is_kept else ("deleted", 0)):
            what = "handed in" if is_kept else "deleted"
            yield f"file {name} was {what}, is {row['state']}, and at Vapi {there[name]} times"


def _searched(evidence: Evidence) -> set[str]:
    """Return the ids at Vapi of the files that receptionists search."""
    made = {row["provider_id"] for row in evidence.of("resource") if row["state"] == "made"}
    return {
        each
        for tool in evidence.at_vapi.get("tool", [])
        for base in tool.get("knowledgeBases", [])
        for each in base["fileIds"]
        if tool["id"] in made
    }


def fees(evidence: Evidence) -> Iterator[str]:
    """Each deployment is charged once, and the fee is refunded if it did not go live, unless staff
    is to refund it.
    """
    of_step = {row["id"]: row["deployment_id"] for row in evidence.of("deployment_step")}
    back: Counter[str] = Counter()
    for refund in evidence.refunds:
        back[refund["payment_intent"]] += refund["amount"]
    taken: dict[str, list[int]] = defaultdict(list)
    for intent in evidence.intents:
        deployment_id = of_step.get(intent["metadata"].get("attempt_id"))
        if deployment_id is not None and intent["amount_received"]:
            taken[deployment_id].append(intent["amount_received"] - back[intent["id"]])
    not_refunded = {
        row["deployment_id"]
        for row in evidence.of("deployment_step")
        if (row["name"], row["state"]) == ("charge", "undo_failed")
    }
    for row in evidence.of("deployment"):
        kept = taken[row["id"]]
        if len(kept) > 1:
            yield f"deployment {row['id']} was charged {len(kept)} times"
        due = row["fee"] if row["status"] in LIVED else 0
        is_over = row["status"] in {*LIVED, "rolled_back"} or not row["holds_slot"]
        if is_over and sum(kept) != due and row["id"] not in not_refunded:
            yield (
                f"deployment {row['id']} is {row['status']}, costs {due}, and {sum(kept)} was kept"
            )


def _given_up(evidence: Evidence, deployment: Json) -> bool:
    """Return whether a job of one of the deployment's steps, or of its account's lines, is dead."""
    concerned = {
        row["id"]
        for row in evidence.of("deployment_step")
        if row["deployment_id"] == deployment["id"]
    } | {
        row["id"]
        for row in evidence.of("phone_line")
        if row["account_id"] == deployment["account_id"]
    }
    return any(
        job["state"] == "dead" and job["key"] in concerned for job in evidence.of("staged_job")
    )


def _left_to_a_person(evidence: Evidence) -> list[str]:
    """Return the ids with which the accounts' objects are tagged, of each account of which a step
    waits for staff to undo it at a provider.
    """
    whose = {row["id"]: row["account_id"] for row in evidence.of("deployment")}
    tags = {row["id"]: whose.get(row["deployment_id"]) for row in evidence.of("deployment_step")}
    waiting = {
        tags[row["id"]] for row in evidence.of("deployment_step") if row["state"] == "undo_failed"
    }
    tags |= {row["id"]: row["account_id"] for row in evidence.of("phone_line")}
    return [each for each, account_id in tags.items() if account_id in waiting]


def _tag_of(row: Json) -> str:
    """Return the name of an object at its provider; a search tool's is that of its documents."""
    (files, *_) = row.get("knowledgeBases") or [{}]
    return str(files.get("name") or row.get("name") or row.get("friendly_name") or "")


DEPLOYING_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    promised,
    numbers,
    left_behind,
    files,
    fees,
)
