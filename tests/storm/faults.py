"""Faults in three lanes, drawn from the seed: processes die or freeze, Redis and the database fail,
providers misbehave.
"""

import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from redis.exceptions import RedisError

from tests.running.servers import wait_for
from tests.storm.client import Records, StandIn
from tests.storm.town import LEASE, Town

Act = Callable[[random.Random], str]

# What each lane can do, and the relative frequencies.
PROCESSES = (
    ("web killed", 1),
    ("web worker killed", 3),
    ("web worker frozen", 2),
    ("pool supervisor killed", 2),
    ("pool group killed", 1),
    ("worker killed", 8),
    ("relay killed", 3),
    ("worker frozen past its lease", 5),
    ("relay frozen", 2),
    ("scheduler killed", 2),
    ("pool dies at a place", 8),
    ("web dies at a place", 2),
    ("pool told to stop", 1),
)
SURROUNDINGS = {
    "sqlite": (
        ("redis frozen", 3),
        ("redis killed", 3),
        ("redis emptied", 4),
        ("database locked by another writer", 5),
    ),
    "postgres": (
        ("redis frozen", 3),
        ("redis killed", 3),
        ("redis emptied", 4),
        ("database locked by another writer", 3),
        ("database connections cut", 4),
        ("database server killed", 2),
    ),
}
PROVIDERS = (
    ("provider fault", 12),
    ("webhooks held", 2),
    ("webhooks lost", 1),
    ("webhooks in chaos", 3),
)
LANES = {
    "processes": (6.0, PROCESSES),
    "surroundings": (15.0, ()),
    "providers": (3.0, PROVIDERS),
}  # mean seconds between faults

POOL_PLACES = (
    "effect.before_call",
    "effect.after_call",
    "event.in_transaction",
    "worker.after_pop",
    "worker.after_claim",
    "worker.before_rq",
    "lock.held",
    "relay.after_take",
    "relay.after_push",
    "job.before_commit",
    "job.after_commit",
    "worker.in_company",
    "worker.before_records",
    "worker.after_company",
    "webhook.sent",
    "texts.before_commit",
)
WEB_PLACES = (
    "web.before_commit",
    "web.after_commit",
    "request.before_commit",
    "request.after_commit",
    "effect.before_call",
    "effect.after_call",
    "job.before_commit",
    "job.after_commit",
)
PROVIDER_FAULTS = (
    "timeout_before",
    "timeout_after",
    "error_500",
    "error_500_stored",
    "error_500_after",
    "bad_gateway",
    "refuse",
    "refuse_after",
    "rate_limit_429",
    "conflict_409",
    "slow",
)
PATHS = (
    ("stripe", "POST", "/v1/refunds"),
    ("stripe", "POST", "/v1/payment_links*"),
    ("stripe", "POST", "/v1/payment_intents*"),
    ("stripe", "POST", "/v1/payment_intents/*/confirm"),
    ("stripe", "POST", "/v1/checkout/sessions/*"),
    ("stripe", "GET", "/v1/*"),
    ("twilio", "POST", "/2010-04-01/Accounts/*/Messages.json"),
    ("twilio", "GET", "/2010-04-01/*"),
)
CALL_PATHS = (
    ("vapi", "POST", "/call"),
    ("vapi", "POST", "/call"),
    ("vapi", "GET", "/call*"),
    ("vapi", "POST", "/assistant"),
    ("vapi", "POST", "/phone-number"),
    ("vapi", "POST", "/file"),
    ("vapi", "DELETE", "/*"),
    ("twilio", "POST", "/2010-04-01/Accounts/*/IncomingPhoneNumbers.json"),
    ("twilio", "DELETE", "/2010-04-01/*"),
    ("twilio", "POST", "/numbers*/v1/*"),
    ("twilio", "*", "/numbers/v1/Porting/*"),
    ("google", "POST", "/oauth2/*"),
    ("oauth", "*", "/oauth/*"),
)


# Errors that prevent a fault while another one lasts; they are reported, and say nothing about the
# application.
UNMADE = (
    OSError,
    IndexError,
    AssertionError,
    httpx.HTTPError,
    psycopg.Error,
    RedisError,
    sqlite3.Error,
)


@dataclass(frozen=True)
class Planned:
    """One planned fault: its time, lane and name, and a seed for its details."""

    at: float
    lane: str
    what: str
    dice: int


def plan(seed: int, seconds: float, kind: str) -> list[Planned]:
    """Return all faults of a storm by time; they depend only on the seed, duration and database
    kind.
    """
    found = []
    for lane, (mean, choices) in LANES.items():
        dice = random.Random(f"{seed}:{kind}:{lane}")
        names, weights = zip(*(choices or SURROUNDINGS[kind]), strict=True)
        at = dice.uniform(1.0, mean)
        while at < seconds - 2:
            found.append(
                Planned(round(at, 1), lane, dice.choices(names, weights)[0], dice.randrange(2**32))
            )
            at += 0.5 + dice.expovariate(1 / mean)
    return sorted(found, key=lambda fault: fault.at)


class Faults:
    """Carries out the plan; each lane waits until its previous fault has passed."""

    def __init__(
        self, town: Town, records: Records, seed: int, seconds: float, say: Callable[[str], None]
    ) -> None:
        self.town, self.records, self.begun, self._say = town, records, 0.0, say
        self.plan = plan(seed, seconds, town.database.kind)
        self.counted: Counter[str] = Counter()
        self.log: list[str] = []
        self.failed: list[str] = []
        self.stand_in = StandIn(town.stand_in)
        self._lanes = [
            threading.Thread(target=self._run, args=(lane,), daemon=True) for lane in LANES
        ]

    def begin(self) -> None:
        """Start the lanes."""
        self.begun = time.monotonic()
        for lane in self._lanes:
            lane.start()

    def end(self) -> None:
        """Wait for the last faults to pass, then undo those that last."""
        for lane in self._lanes:
            lane.join()
        self.town.calm()
        self.stand_in.forgive()
        self.stand_in.control(
            "settings", drop_rate=0.0, duplicate_rate=0.0, delay_max=0.0, shuffle_window=0.0
        )
        self.stand_in.control("deliveries/release")

    def _run(self, lane: str) -> None:
        for fault in (fault for fault in self.plan if fault.lane == lane):
            pause = self.begun + fault.at - time.monotonic()
            if pause < -6:
                continue  # this lane's previous fault lasted past the time of this one
            time.sleep(max(0.0, pause))
            begun = time.monotonic() - self.begun
            try:
                detail = self._happen(fault)
            except UNMADE as error:
                self.failed.append(f"{fault.what}: {type(error).__name__}: {error}")
                continue
            except Exception as error:
                self.records.problems.append(
                    f"the fault {fault.what} could not be made: {type(error).__name__}: {error}"
                )
                continue
            self.counted[fault.what] += 1
            self.log.append(f"{begun:7.1f} s  {fault.what}{f': {detail}' if detail else ''}")
            self._say(self.log[-1])

    def _happen(self, fault: Planned) -> str:
        dice = random.Random(fault.dice)
        if fault.what in self.town.database.faults:
            seconds = dice.uniform(2.0, 8.0)
            self.town.database.faults[fault.what](seconds)
            return f"{seconds:.1f} s"
        return str(getattr(self, f"_{fault.what.replace(' ', '_')}")(dice))

    def _web_killed(self, _dice: random.Random) -> str:
        return self._killed(self.town.pid("web"))

    def _web_worker_killed(self, dice: random.Random) -> str:
        return self._killed(dice.choice(self.town.children("web")))

    def _web_worker_frozen(self, dice: random.Random) -> str:
        return self._frozen(dice.choice(self.town.children("web")), dice.uniform(2, 8))

    def _pool_supervisor_killed(self, _dice: random.Random) -> str:
        return self._killed(self.town.pid("pool"))

    def _pool_group_killed(self, _dice: random.Random) -> str:
        self.town.signal(self.town.pid("pool"), signal.SIGKILL, whole_group=True)
        return str(self.town.pid("pool"))

    def _pool_told_to_stop(self, _dice: random.Random) -> str:
        self.town.signal(self.town.pid("pool"), signal.SIGTERM)
        return str(self.town.pid("pool"))

    def _worker_killed(self, dice: random.Random) -> str:
        pid, queue = self._child(dice, relay=False)
        return f"{self._killed(pid)}, {queue}"

    def _relay_killed(self, dice: random.Random) -> str:
        return self._killed(self._child(dice, relay=True)[0])

    def _worker_frozen_past_its_lease(self, dice: random.Random) -> str:
        pid, queue = self._child(dice, relay=False)
        return f"{self._frozen(pid, LEASE + dice.uniform(1, 5))}, {queue}"

    def _relay_frozen(self, dice: random.Random) -> str:
        return self._frozen(self._child(dice, relay=True)[0], dice.uniform(3, 12))

    def _child(self, dice: random.Random, relay: bool) -> tuple[int, str]:
        """Choose a worker of the pool, or its relay, which RQ does not list; any child if Redis is
        down.
        """
        known, children = self.town.workers(), self.town.children("pool")
        wanted = [pid for pid in children if (pid in known) != relay] or children
        pid = dice.choice(wanted)
        return pid, known.get(pid, "not listed by RQ")

    def _scheduler_killed(self, _dice: random.Random) -> str:
        return self._killed(self.town.pid("scheduler"))

    def _pool_dies_at_a_place(self, dice: random.Random) -> str:
        return self._restarted("pool", dice.choice(POOL_PLACES), dice)

    def _web_dies_at_a_place(self, dice: random.Random) -> str:
        return self._restarted("web", dice.choice(WEB_PLACES), dice)

    def _restarted(self, name: str, place: str, dice: random.Random) -> str:
        """Restart it so that one of its processes dies at a kill-point, or freezes there for a
        while.
        """
        freezes = name == "pool" and dice.random() < 0.3
        self.town.kill_at[name] = f"stop:{place}" if freezes else place
        number = self.town.started[name] + 1
        self.town.signal(self.town.pid(name), signal.SIGKILL)
        if freezes:
            mark = self.town.folder / f"struck-{name}-{number}"
            threading.Thread(target=self._thaw, args=(mark,), daemon=True).start()
        return f"{place}{' (frozen there)' if freezes else ''}"

    def _thaw(self, mark: Any) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if mark.exists() and mark.read_text():
                time.sleep(LEASE + 2)
                self.town.signal(int(mark.read_text()), signal.SIGCONT)
                return
            time.sleep(0.2)

    def _killed(self, pid: int) -> str:
        self.town.signal(pid, signal.SIGKILL)
        return str(pid)

    def _frozen(self, pid: int, seconds: float) -> str:
        self.town.signal(pid, signal.SIGSTOP)
        time.sleep(seconds)
        self.town.signal(pid, signal.SIGCONT)
        return f"{pid} for {seconds:.1f} s"

    def _redis_frozen(self, dice: random.Random) -> str:
        seconds = dice.uniform(3, 12)
        self.town.valkey.send(signal.SIGSTOP)
        time.sleep(seconds)
        self.town.valkey.send(signal.SIGCONT)
        return f"{seconds:.1f} s"

    def _redis_killed(self, dice: random.Random) -> str:
        seconds = dice.uniform(0, 5)
        self.town.valkey.stop(signal.SIGKILL)
        time.sleep(seconds)
        self.town.valkey.start()
        return f"away for {seconds:.1f} s"

    def _redis_emptied(self, _dice: random.Random) -> str:
        wait_for(lambda: self.town.valkey.client().flushall(), "Redis is emptied", 10)
        return ""

    def _provider_fault(self, dice: random.Random) -> str:
        paths = (*PATHS, *CALL_PATHS) if self.town.calls else PATHS
        provider, method, path = dice.choice(paths)
        kind, times = dice.choice(PROVIDER_FAULTS), dice.randint(1, 4)
        seconds = dice.choice((0.5, 1.5, 4.0))
        self.stand_in.control(
            "faults",
            provider=provider,
            method=method,
            path=path,
            kind=kind,
            times=times,
            seconds=seconds,
        )
        return f"{kind} × {times} at {method} {path}"

    def _webhooks_held(self, dice: random.Random) -> str:
        seconds = dice.uniform(3, 12)
        self.stand_in.control("settings", hold=True)
        time.sleep(seconds)
        self.stand_in.control("deliveries/release")
        return f"{seconds:.1f} s"

    def _webhooks_lost(self, dice: random.Random) -> str:
        seconds = dice.uniform(1, 4)
        self.stand_in.control("settings", drop_rate=0.5)
        time.sleep(seconds)
        self.stand_in.control("settings", drop_rate=0.0)
        return f"half of them, {seconds:.1f} s long"

    def _webhooks_in_chaos(self, dice: random.Random) -> str:
        chaos = {
            "duplicate_rate": round(dice.uniform(0.1, 0.6), 2),
            "shuffle_window": round(dice.uniform(0, 3), 1),
            "delay_max": round(dice.uniform(0, 2), 1),
        }
        self.stand_in.control("settings", **chaos)
        return ", ".join(f"{name} {value}" for name, value in chaos.items())
