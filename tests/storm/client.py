"""A client that follows each answer's own advice: it repeats an unanswered request with the same
bytes under the same key.
"""

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.storm.town import STRIPE_KEY

Json = dict[str, Any]
AGAIN = frozenset({429, 502, 503})
LONGEST_WAIT = 3.0
GIVE_UP = 300.0  # seconds without an answer, long after every fault has been healed
KEPT = "202: kept, and no word of what came of it"
ERRORS_BORNE = 6  # tries after which a 5xx of ours is taken as the answer
SUCCESS = range(200, 300)


@dataclass
class Asked:
    """One request under one key, however often it was sent; its last answer (`status` 0: none)."""

    what: str
    method: str
    path: str
    body: Json
    key: str
    begun: float
    about: Json = field(default_factory=dict)
    sent: int = 0
    troubles: list[str] = field(default_factory=list)
    status: int = 0
    answer: Json = field(default_factory=dict)
    ended: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether it was answered with 2xx."""
        return self.status in SUCCESS


class Records:
    """Everything that all threads have requested."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.stops: list[Json] = []
        self.starts: list[Json] = []
        self.paused: list[Json] = []
        self.imported: list[Json] = []
        self.rung: list[Json] = []
        self.cards: list[Json] = []
        self.let_go: list[Json] = []
        self.consents: list[Json] = []
        self.noted: dict[str, set[Any]] = {}
        self.forged: list[str] = []
        self.problems: list[str] = []
        self._lock = threading.Lock()

    def note(self, one: Asked) -> Asked:
        with self._lock:
            self.asked.append(one)
        return one

    def save(self, path: Path) -> None:
        """Write one request per line for later diagnosis, without the client secrets of intents."""
        with path.open("w") as file:
            for one in self.asked:
                row = asdict(one)
                row["answer"] = {
                    name: value for name, value in one.answer.items() if name != "clientSecret"
                }
                file.write(json.dumps(row) + "\n")


class Api:
    """The application's HTTP API, called with a clinic's key."""

    def __init__(self, url: str, key: str, records: Records) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=15, trust_env=False
        )
        self._records = records

    def ask(
        self, what: str, path: str, body: Json, key: str, method: str = "POST", **about: Any
    ) -> Asked:
        """Send a request until it has a final answer."""
        one = self._records.note(Asked(what, method, path, body, key, time.time(), about))
        until = time.monotonic() + GIVE_UP
        while time.monotonic() < until:
            wait = self._send(one)
            if wait is None:
                break
            time.sleep(min(wait, LONGEST_WAIT))
        one.ended = time.time()
        return one

    def _send(self, one: Asked) -> float | None:
        """Send the request once; return how long to wait before the next try, or None once
        answered.
        """
        one.sent += 1
        headers = {"Idempotency-Key": one.key} if one.method == "POST" else {}
        try:
            answer = self._http.request(one.method, one.path, json=one.body, headers=headers)
            document = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            one.troubles.append(type(error).__name__)
            return 0.3
        if answer.status_code in AGAIN or document.get("code") == "idempotency_in_progress":
            one.troubles.append(str(answer.status_code))
            return float(answer.headers.get("Retry-After", 0.5))
        if answer.status_code >= 500:  # no client is advised to repeat this; the judge reports it
            one.troubles.append(f"{answer.status_code}: {answer.text[:300]}")
            if one.sent < ERRORS_BORNE:
                return 0.5
        if one.method == "POST" and document.get("accepted") is True and KEPT not in one.troubles:
            one.troubles.append(KEPT)  # a repetition is answered with the outcome
            return 0.5
        one.status, one.answer = answer.status_code, document
        return None

    def read(self, path: str, **params: Any) -> Json:
        """GET, with up to 20 tries; return {} if none was answered with 200."""
        for _ in range(20):
            try:
                answer = self._http.get(path, params=params)
                if answer.status_code == 200:
                    return dict(answer.json())
            except (httpx.HTTPError, ValueError):
                pass
            time.sleep(0.3)
        return {}


class Person:
    """A customer with a card in front of the stand-in's hosted page."""

    def __init__(self) -> None:
        self._http = httpx.Client(
            headers={"Accept": "application/json"},
            timeout=15,
            trust_env=False,
            follow_redirects=True,
        )

    def pay(self, url: str, cards: list[str]) -> int:
        """Open the URL and try the cards in turn. Return the last page's status, or 0 if it did not
        open.
        """
        page = self._open(url)
        status = 0
        for card in cards if page.get("url") else []:
            try:
                answer = self._http.post(page["url"], data={"card_number": card})
            except httpx.HTTPError:
                continue
            status = answer.status_code
            if status in {200, 410}:
                break
        return status

    def _open(self, url: str) -> Json:
        for _ in range(12):
            try:
                answer = self._http.get(url)
            except httpx.HTTPError:
                time.sleep(0.4)
                continue
            if answer.status_code in {502, 503}:
                time.sleep(0.5)
                continue
            found = answer.json() if "json" in answer.headers.get("content-type", "") else {}
            return dict(found) if answer.status_code == 200 else {}
        return {}


class StandIn:
    """The providers' stand-ins: their control API, and their own record of what they did."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=120, trust_env=False)

    def shown(self, path: str, /, **params: Any) -> Json:
        """Return what a stand-in shows of its state."""
        answer = self.http.get(f"/sandbox/{path}", params=params)
        answer.raise_for_status()
        return dict(answer.json())

    def control(self, path: str, /, **body: Any) -> Json:
        """Change a stand-in's state. Raises an HTTPStatusError if it refuses."""
        answer = self.http.post(f"/sandbox/{path}", json=body)
        answer.raise_for_status()
        return dict(answer.json())

    def act(self, object_id: str, action: str, /, **body: Any) -> bool:
        """Apply an action to one of Stripe's objects; return whether it was possible."""
        return self.http.post(f"/sandbox/stripe/{object_id}/{action}", json=body).is_success

    def forgive(self) -> None:
        """Withdraw every fault."""
        self.http.delete("/sandbox/faults").raise_for_status()

    def create(self, kind: str, account: str, **form: str) -> Json:
        """Create an object at Stripe, bypassing the application; return {} if a fault struck."""
        headers = {
            "Authorization": f"Bearer {STRIPE_KEY}",
            "Stripe-Version": "2026-10-28.endive",
        } | ({"Stripe-Account": account} if account else {})
        try:
            answer = self.http.post(f"/v1/{kind}", data=form, headers=headers)
        except httpx.HTTPError:
            return {}
        return dict(answer.json()) if answer.is_success else {}

    def every(self, kind: str, account: str) -> list[Json]:
        """Return all objects of a kind, newest first."""
        headers = {
            "Authorization": f"Bearer {STRIPE_KEY}",
            "Stripe-Version": "2026-10-28.endive",
        } | ({"Stripe-Account": account} if account else {})
        rows: list[Json] = []
        more = True
        while more:
            params = {"limit": "100"} | ({"starting_after": rows[-1]["id"]} if rows else {})
            answer = self.http.get(f"/v1/{kind}", params=params, headers=headers)
            answer.raise_for_status()
            rows += answer.json()["data"]
            more = bool(answer.json()["has_more"])
        return rows
