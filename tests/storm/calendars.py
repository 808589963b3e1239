"""Clinics that connect a calendar and their practice's software in a storm, and the rules about
that, checked against the providers: a refresh token is used once, only what a clinic disconnected
is revoked, and no access is left behind.
"""

import html
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import httpx
import psycopg

from tests.storm.callers import Callers
from tests.storm.calls import AGAIN
from tests.storm.client import Asked, Json
from tests.storm.evidence import Evidence
from tests.storm.load import Clinic
from tests.storm.town import PRACTICE_SECRET

SERVERS = {"google": "google", "dentos": "oauth"}  # of each provider, at the stand-in
LASTS = 20  # seconds of an access token, so few that each use of it renews it first
# a claim lasts a minute; whoever renews may be frozen for some of it before the request leaves
CLAIM = 30.0
DUE = "UPDATE integration SET renew_at = 1 WHERE state = 'connected'"
CONNECTED = "is connected"


class Calendars(Callers):
    """Staff who connect and disconnect, sometimes in two windows at once; everything is renewed
    again and again, also while callers ask for free times; some clinics end their consent at the
    provider.
    """

    pause = 1.0
    steps = (("connect", 6), ("disconnect", 3), ("both", 2), ("renew", 6), ("withdraw", 1))
    steps += (("ask_times", 4),)

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.http = httpx.Client(timeout=15, trust_env=False)

    def run(self) -> None:
        own = {"server": "oauth", "clientId": "ours", "clientSecret": PRACTICE_SECRET}
        self.stand_in.control("integrations/clients", **own)
        for server in SERVERS.values():
            self.stand_in.control("integrations/habits", server=server, lasts=LASTS, rotates=True)
        super().run()

    def key(self) -> str:
        """A fresh idempotency key, also in two windows at once."""
        return f"{self.name}-{self.world.number()}"

    def connect(self) -> None:
        self._connect(*self._some())

    def disconnect(self) -> None:
        self._disconnect(*self._some())

    def both(self) -> None:
        """Connect in one window, and connect or disconnect in another."""
        some, other = self._some(), self.dice.choice((self._connect, self._disconnect))
        with ThreadPoolExecutor(2) as windows:
            for each in [windows.submit(self._connect, *some), windows.submit(other, *some)]:
                each.result()

    def renew(self) -> None:
        """Have everything renewed early; a fault in the database can prevent it."""
        with suppress(sqlite3.Error, psycopg.Error, OSError):
            self.world.town.database.write(DUE)
            self.world.town.database.write(AGAIN.format(job="refresh_integrations"))

    def ask_times(self) -> None:
        """Two callers ask for free times at once."""
        with ThreadPoolExecutor(2) as both:
            for each in [both.submit(self.ring, "asks_for_times") for _ in range(2)]:
                each.result()

    def withdraw(self) -> None:
        """Somebody ends their consent at the provider."""
        if self.records.consents:
            consent = self.dice.choice(self.records.consents)
            server = SERVERS[consent["provider"]]
            self.stand_in.control("integrations/end", server=server, code=consent["code"])

    def _some(self) -> tuple[Clinic, str]:
        return self.dice.choice(self.world.clinics), self.dice.choice([*SERVERS])

    def _connect(self, clinic: Clinic, provider: str) -> None:
        """Consent, come back and say yes; whoever gets no page does not try again."""
        path = f"/api/accounts/{clinic.id}/integrations/{provider}"
        begun = self.ask("authorize", clinic, f"{path}/authorize", {})
        if not begun.accepted:
            return
        consent = {"account": clinic.id, "provider": provider, "begun": time.time(), "said": ""}
        with suppress(httpx.HTTPError):
            back = self.http.get(begun.answer["url"]).headers.get("Location", "")
            if not back:  # the provider is down
                return
            consent["code"] = dict(parse_qsl(urlsplit(back).query))["code"]
            self.records.consents.append(consent)
            form = re.findall(r'name="(\w+)" value="([^"]*)"', self.http.get(back).text)
            fields = {name: html.unescape(value) for name, value in form}
            if fields:
                page = self.http.post(back.partition("?")[0], data=fields)
                consent["said"] = CONNECTED * (page.is_success and CONNECTED in page.text)
                consent["ended"] = time.time()

    def _disconnect(self, clinic: Clinic, provider: str) -> None:
        path = f"/api/accounts/{clinic.id}/integrations/{provider}"
        about = {"account": clinic.id, "provider": provider}
        self.ask("disconnect", clinic, path, {}, "DELETE", **about)


def renewed_by_one(evidence: Evidence) -> Iterator[str]:
    """No refresh token is used twice by processes that renew at the same time."""
    for ended in _ended(evidence):
        if ended["how"] == "used again" and ended["since"] < CLAIM:
            yield (
                f"the refresh token of {_whose(evidence, ended)} was used again after"
                f" {ended['since']:.1f} s, which ended the consent"
            )


def revoked(evidence: Evidence) -> Iterator[str]:
    """What was revoked, its clinic disconnected after it had consented."""
    for ended in _ended(evidence):
        consent = _consent(evidence, ended)
        if ended["how"] == "revoked" and not any(
            consent["begun"] < one.ended and one.begun < ended["at"]
            for one in _disconnects(evidence, consent)
        ):
            yield f"the consent of {_whose(evidence, ended)} was revoked, and nobody asked for it"


def erased(evidence: Evidence) -> Iterator[str]:
    """A credential is kept only while it is used."""
    for row in evidence.of("integration"):
        if not row["current"] and row["sealed"]:
            yield f"integration {row['id']} was disconnected, and its credential is still kept"


def connected(evidence: Evidence) -> Iterator[str]:
    """What is shown as connected works, and a clinic that is not connected has left no access at
    the provider, unless it is told to end it there itself. A consent that another may have replaced
    is not revoked, because at Google that would end the other too.
    """
    live = [
        _consent(evidence, grant) for server in evidence.grants.values() for grant in server["live"]
    ]
    rows = evidence.of("integration")
    current = {_where(row): row for row in rows if row["current"]}
    by_hand = {_where(row) for row in rows if not row["current"] and row["error"]}
    for where, row in current.items():
        if row["state"] == "connected" and where not in map(_where, live):
            yield f"integration {row['id']} of {where} is connected, and its consent has ended"
    for consent in live:
        is_left = consent["said"] and not _may_be_replaced(evidence, consent)
        if is_left and _where(consent) not in {*current, *by_hand}:
            yield f"{_where(consent)} is not connected, and its last consent was not revoked"


def _where(row: Json) -> tuple[str, str]:
    """Return the account and provider that a consent or connection is of."""
    return row.get("account") or row["account_id"], row["provider"]


def _ended(evidence: Evidence) -> list[Json]:
    return [each for server in evidence.grants.values() for each in server["ended"]]


def _consent(evidence: Evidence, grant: Json) -> Json:
    return next(each for each in evidence.consents if each["code"] == grant["code"])


def _may_be_replaced(evidence: Evidence, consent: Json) -> bool:
    return any(
        other is not consent
        and _where(other) == _where(consent)
        and other["said"]
        and other["ended"] > consent["begun"]
        for other in evidence.consents
    )


def _whose(evidence: Evidence, grant: Json) -> str:
    consent = _consent(evidence, grant)
    return f"{consent['account']} at {consent['provider']}"


def _disconnects(evidence: Evidence, consent: Json) -> list[Asked]:
    named = {"account": consent["account"], "provider": consent["provider"]}
    return [one for one in evidence.asked if one.what == "disconnect" and one.about == named]


CALENDAR_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    renewed_by_one,
    revoked,
    erased,
    connected,
)
