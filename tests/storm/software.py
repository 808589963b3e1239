"""The clinics' own software in a storm: it reads the feed and receives webhooks. The rules about
that: every event arrives as it was written, and the feed shows each once.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from standardwebhooks import Webhook

from tests.stand_ins.hook_receiver import HookReceiver
from tests.storm.client import Asked, Json
from tests.storm.evidence import Evidence
from tests.storm.load import Actor, Clinic, World

PAGE = 50
ENDPOINTS = "/api/webhook-endpoints"
# the event types that occur once per row, and the fields that name the row
ONCE = {
    "promise.": ("promiseId",),
    "call.ended": ("callId",),
    "refund.": ("refundId", "refundRequestId"),
    "payment.succeeded": ("paymentId",),
    "payment.voided": ("paymentId",),
}


class Software(Actor):
    """Follows both clinics' events; its endpoints fail at times, and other endpoints come and
    go.
    """

    steps = (("read_on", 6), ("have_trouble", 2), ("come_and_go", 2))

    def __init__(self, world: World, index: int) -> None:
        super().__init__(world, index)
        self.hooks = {clinic.id: HookReceiver() for clinic in world.clinics}
        self.read: dict[str, list[str]] = {clinic.id: [] for clinic in world.clinics}
        self._next = dict.fromkeys(self.read, "0")

    def run(self) -> None:
        for clinic in self.world.clinics:
            body = {"url": self.hooks[clinic.id].url}
            self.ask("endpoint", clinic, ENDPOINTS, body, account=clinic.id)
        super().run()
        for hook in self.hooks.values():  # healed: deliveries retried minutes later succeed
            hook.statuses.clear()

    def read_on(self) -> None:
        self._read_on(self.dice.choice(self.world.clinics))

    def _read_on(self, clinic: Clinic) -> bool:
        """Read a page and return whether it held an event."""
        since = self._next[clinic.id]
        page = self.apis[clinic.id].read("/api/events", since=since, limit=PAGE)
        self._next[clinic.id] = page.get("next", since)
        self.read[clinic.id] += [event["id"] for event in page.get("data", [])]
        return bool(page.get("data"))

    def have_trouble(self) -> None:
        self.hooks[self.dice.choice(self.world.clinics).id].statuses[:] = [503]

    def come_and_go(self) -> None:
        """Disable another endpoint, then delete it while somebody else enables it again."""
        clinic = self.dice.choice(self.world.clinics)
        made = self.ask("other endpoint", clinic, ENDPOINTS, {"url": self.hooks[clinic.id].url})
        if not made.accepted:
            return
        path, api = f"{ENDPOINTS}/{made.answer['id']}", self.apis[clinic.id]
        api.ask("turn off", path, {"enabled": False}, self.key(), "PATCH")
        on, off = self.key(), self.key()
        with ThreadPoolExecutor(2) as both:
            both.submit(api.ask, "turn on", path, {"enabled": True}, on, "PATCH")
            both.submit(api.ask, "delete", path, {}, off, "DELETE", endpoint=made.answer["id"])

    def finish(self, evidence: Evidence) -> None:
        """Read the feed to its end and hand over all that arrived."""
        for clinic in self.world.clinics:
            while self._read_on(clinic):
                pass
            evidence.feed[clinic.id] = self.read[clinic.id]
            evidence.hooked[clinic.id] = list(self.hooks[clinic.id].got)
            self.hooks[clinic.id].stop()


def feed(evidence: Evidence) -> Iterator[str]:
    """A client that reads the feed by cursor has seen each event once, in order."""
    for account_id, read in evidence.feed.items():
        written = _written(evidence, account_id)
        if list(written) != read:
            missing = [each for each in written if each not in set(read)]
            again = [each for each, times in Counter(read).items() if times > 1]
            yield (
                f"the feed of {account_id} was read as {len(read)} events of {len(written)}:"
                f" missed {missing[:3]}, read again {again[:3]}"
            )


def hooks(evidence: Evidence) -> Iterator[str]:
    """Each event written after an endpoint was made arrives there, signed and as written."""
    for one in evidence.asked:
        if one.what != "endpoint" or not one.accepted:
            continue
        account_id = one.about["account"]
        written = _written(evidence, account_id)
        came = _came(one, evidence.hooked.get(account_id, []))
        for event_id, told in came.items():
            if told != {name: written.get(event_id, {}).get(name) for name in ("type", "data")}:
                yield f"webhook {event_id} said {told}, which is not what is in the feed"
        for event_id, row in written.items():
            if row["at"] > one.ended and event_id not in came:
                yield f"event {event_id} ({row['type']}) of {account_id} came by no webhook"


def _written(evidence: Evidence, account_id: str) -> dict[str, Json]:
    """Return an account's events by id, in order."""
    rows = [row for row in evidence.of("outgoing_event") if row["account_id"] == account_id]
    return {
        row["event_id"]: {
            "type": row["type"],
            "data": json.loads(row["payload"])
            if isinstance(row["payload"], str)
            else row["payload"],
            "at": row["created_at"] / 1e6,
        }
        for row in sorted(rows, key=lambda row: row["id"])
    }


def _came(endpoint: Asked, got: list[tuple[dict[str, str], bytes]]) -> dict[str, Json]:
    """Return the events signed with the endpoint's secret, of whatever age; other endpoints have
    the same address.
    """
    scheme, found = Webhook(endpoint.answer["secret"]), {}
    for headers, body in got:
        told = {name.lower(): value for name, value in headers.items()}
        at = datetime.fromtimestamp(int(told["webhook-timestamp"]), UTC)
        signed = scheme.sign(told["webhook-id"], at, body.decode())
        if signed in told["webhook-signature"].split():
            event = json.loads(body)
            found[event["id"]] = {name: event[name] for name in ("type", "data")}
    return found


def deleted(evidence: Evidence) -> Iterator[str]:
    """A deleted endpoint stays deleted, and no delivery waits for it."""
    for one in evidence.asked:
        row = evidence.by_id("webhook_endpoint").get(one.about.get("endpoint"))
        if one.what == "delete" and one.accepted and row is not None:
            if (row["state"], row["secret"]) != ("deleted", ""):
                yield f"endpoint {row['id']} was deleted, and is {row['state']}"
            yield from (
                f"delivery {each['id']} waits for endpoint {row['id']}, which was deleted"
                for each in evidence.of("webhook_delivery")
                if (each["endpoint_id"], each["state"]) == (row["id"], "waiting")
            )


def told_once(evidence: Evidence) -> Iterator[str]:
    """An event that can occur once per row is sent once."""
    seen: Counter[tuple[str, str]] = Counter()
    for account_id in evidence.feed:
        for event in _written(evidence, account_id).values():
            for beginning, names in ONCE.items():
                if event["type"].startswith(beginning):
                    row_id = next(event["data"][name] for name in names if event["data"].get(name))
                    seen[event["type"], row_id] += 1
    for (type_, row_id), times in seen.items():
        if times > 1:
            yield f"{type_} of {row_id} was told {times} times"


SOFTWARE_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    feed,
    hooks,
    deleted,
    told_once,
)
