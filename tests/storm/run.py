"""One storm, from an empty database to a verdict."""

import json
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runtime.settings import ROOT
from tests.storm.calendars import Calendars
from tests.storm.callers import Callers
from tests.storm.calls import AGAIN, CallingOffice, Scans
from tests.storm.card_forms import Desks
from tests.storm.client import Records, StandIn
from tests.storm.databases import KINDS, Database
from tests.storm.desk import Desk, Operator
from tests.storm.evidence import Evidence, folder_of, gather
from tests.storm.faults import Faults
from tests.storm.going_live import Owner
from tests.storm.judge import judge
from tests.storm.load import Clinic, World, actors
from tests.storm.ports import end_all, porters
from tests.storm.report import line, summary
from tests.storm.retention import Years
from tests.storm.software import Software
from tests.storm.town import LINES, Town

TELL_EVERY = 5.0
HASTE = 10.0  # seconds between two times that waiting jobs are made due
LONG_AGO = 600_000_000  # microseconds after which a call without a report is polled
# makes every waiting job due, but of the webhooks, which keep their order, only the one that is
# tried next, whose receiver is well again; and expires the slots of calls in doubt
HASTENED = """
UPDATE staged_job SET due_at = 0, pushed_at = NULL WHERE state = 'waiting'
AND attempts < max_attempts AND due_at > 0 AND (name <> 'deliver_webhook' OR id =
(SELECT id FROM staged_job WHERE name = 'deliver_webhook' AND state = 'waiting'
ORDER BY due_at LIMIT 1));
UPDATE webhook_endpoint SET quiet_until = NULL WHERE state = 'active';
UPDATE call_slot SET leased_until = 1 WHERE call_id IN
(SELECT id FROM call WHERE state = 'unknown')
"""
OPEN = "state IN ('waiting', 'running')"


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, flush=True)


class Storm:
    """Runs the load and the faults, heals, and judges."""

    def __init__(
        self,
        kind: str,
        seed: int,
        seconds: float,
        base: Path,
        quiet_within: float = 600.0,
        least: int = 0,
        tell: Callable[[str], None] = say,
        calls: bool = False,
    ) -> None:
        self.kind, self.seed, self.seconds, self.quiet_within, self.least, self.tell = (
            kind,
            seed,
            seconds,
            quiet_within,
            least,
            tell,
        )
        self.calls = calls
        self.folder = folder_of(base, kind, seed)
        self.records = Records()
        self.findings: list[str] = []
        self.table = ""
        self._begun = time.monotonic()

    def run(self) -> bool:
        """Return whether the judge found nothing. If it did, the storm's files are kept."""
        database = KINDS[self.kind](self.folder)
        town = Town(database, self.folder, self.calls)
        try:
            self._run(town, database)
        except BaseException as error:
            self.findings.append(f"the storm itself failed: {type(error).__name__}: {error}")
            raise
        finally:
            town.close()
            self.records.save(self.folder / "requests.jsonl")
            database.stop(self.folder if self.findings else None)
            shutil.rmtree(town.valkey.directory, ignore_errors=True)
        return not self.findings

    def _run(self, town: Town, database: Database) -> None:
        self._say(
            f"seed {self.seed}, {self.seconds:.0f} s on {self.kind}; its files are in {self.folder}"
        )
        town.open()
        stand_in = StandIn(town.stand_in)
        world = World(town, self._clinics(town, stand_in), self.records, self.seed)
        faults = Faults(town, self.records, self.seed, self.seconds, self._say)
        people = actors(world, CallingOffice) if self.calls else actors(world)
        software = [Software(world, 0)] if self.calls else []
        if self.calls:
            people += [Scans(world, 0), Desk(world, 0), Desk(world, 1), Operator(world, 0)]
            people += [Owner(world, 0, self.going_live), Callers(world, 0), Desks(world, 0)]
            people += [*porters(world, self.porting), Calendars(world, 0), Years(world, 0)]
        threads = [
            threading.Thread(target=actor.run, daemon=True) for actor in (*people, *software)
        ]
        for thread in threads:
            thread.start()
        faults.begin()
        self._tell_until(
            lambda: self._was_enough(faults), self.seconds + 300, lambda: line(world, faults)
        )
        faults.end()
        world.over.set()
        self._say("it heals: everything is let go, everybody waits for their last answers")
        self._tell_until(
            lambda: not any(thread.is_alive() for thread in threads),
            400,
            lambda: f"{sum(thread.is_alive() for thread in threads)} still ask",
        )
        (self.folder / "faults.log").write_text(
            "\n".join([*faults.log, *(f"not made: {text}" for text in faults.failed)]) + "\n"
        )
        self._settle(town, database, stand_in)
        evidence = gather(town, world, self.records, stand_in)
        for each in software:
            each.finish(evidence)
        self._keep_evidence(evidence)
        self.findings = judge(evidence)
        self.table = summary(evidence, world, faults)

    def _was_enough(self, faults: Faults) -> bool:
        """Return whether the time is over and enough requests were accepted for a meaningful
        verdict; on a busy machine that takes longer.
        """
        return (
            time.monotonic() - faults.begun > self.seconds
            and sum(one.accepted for one in self.records.asked) >= self.least
        )

    def _clinics(self, town: Town, stand_in: StandIn) -> list[Clinic]:
        """Create a clinic on the platform's Stripe account, one with its own, and for calls one to
        deploy.
        """
        connected = stand_in.create("accounts", "", type="standard")["id"]
        clinics = [
            self._clinic(town, "Harbor Dental"),
            self._clinic(town, "Hill Clinic", connected),
        ]
        if self.calls:
            ids = [clinic.id for clinic in clinics]
            stand_in.control("vapi/habits", concurrency=3, rings_for=1, talks_for=1)
            pairs = list(zip(ids, LINES, strict=True))
            self.going_live = self._clinic(town, "Lake Clinic")
            self.porting = [self._clinic(town, name) for name in ("Bay Clinic", "Cape Clinic")]
            for clinic in (self.going_live, *self.porting):
                saved = stand_in.create("customers", "", name="a clinic")["id"]
                path = "payment_methods/pm_card_visa/attach"
                card = stand_in.create(path, "", customer=saved)["id"]
                pairs.append((clinic.id, f"{saved},{card}"))
            town.run("tests.storm.lines", *(each for pair in pairs for each in pair))
        return clinics

    @staticmethod
    def _clinic(town: Town, name: str, stripe_account: str = "") -> Clinic:
        chosen = ("--stripe-account", stripe_account) if stripe_account else ()
        told = town.command("account", "create", name, *chosen).splitlines()
        words = dict(row.split(maxsplit=1) for row in told if row.startswith(("account", "key")))
        return Clinic(words["account"], words["key"], stripe_account)

    def _settle(self, town: Town, database: Database, stand_in: StandIn) -> None:
        """Wait until no job is due; as an operator would, backfill missed events and retry dead
        jobs.
        """
        undecided = [
            row["id"]
            for account in stand_in.shown("ledger")["accounts"].values()
            for row in account
            if row["status"] == "processing"
        ]
        for intent_id in (
            undecided
        ):  # an intent that its bank has not decided on can be neither paid nor cancelled
            stand_in.act(
                intent_id, random.Random(f"{self.seed}:{intent_id}").choice(("succeed", "fail"))
            )
        end_all(stand_in)
        if self.calls:  # or calls would wait for minutes for the slots of those not reported on
            self._look_at_calls(database, stand_in)
        self._quiet(database, stand_in)
        town.end_the_day()  # or the judge might find a job that has just begun
        self._say("what no webhook brought is read in the lists; what is due is done")
        town.run("tests.storm.reading")
        self._say("missed events are fetched, dead jobs are run once more")
        told = [
            *town.command("events", "backfill", "--since", "1d").splitlines(),
            *town.command("jobs", "retry", "--all-dead").splitlines(),
        ]
        for text in told[-2:]:
            self._say(f"  {text}")
        if self.calls:
            self._quiet(database, stand_in)
            self._look_at_calls(database, stand_in)
            self._quiet(database, stand_in)
            end_all(stand_in)
            town.run("tests.storm.reading")
        self._quiet(database, stand_in)

    def _look_at_calls(self, database: Database, stand_in: StandIn) -> None:
        """Act as if minutes had passed without a report of the calls: have Vapi send the full
        reports it owes, and poll the calls.
        """
        for rung in self.records.rung:
            if rung["is_bare"]:
                stand_in.control("vapi/tell", call=rung["id"], type="end-of-call-report")
        self._say("calls of which nothing was heard are looked at")
        database.write(
            f"UPDATE call SET updated_at = updated_at - {LONG_AGO} WHERE reported_at IS NULL"
        )
        database.write(AGAIN.format(job="poll_calls"))

    def _quiet(self, database: Database, stand_in: StandIn) -> None:
        hasted = [0.0]

        def probe() -> bool:
            with suppress(Exception):
                if time.monotonic() - hasted[0] > HASTE:
                    hasted[0] = time.monotonic()
                    for sql in HASTENED.split(";"):
                        database.write(sql)
                return not self._open(database) and bool(
                    stand_in.shown("deliveries", state="none")["idle"]
                )
            return False

        self._tell_until(
            probe, self.quiet_within, lambda: f"{self._open(database)} jobs are not over"
        )

    @staticmethod
    def _open(database: Database) -> int:
        return int(
            database.rows(f"SELECT count(*) AS open FROM staged_job WHERE {OPEN}")[0]["open"]
        )

    def _tell_until(
        self, probe: Callable[[], bool], within: float, told: Callable[[], str]
    ) -> bool:
        begun = spoken = time.monotonic()
        while not probe():
            if time.monotonic() - begun > within:
                self._say(f"waited {within:.0f} s in vain")
                return False
            if time.monotonic() - spoken > TELL_EVERY:
                spoken = time.monotonic()
                self._say(told())
            time.sleep(0.3)
        return True

    def _keep_evidence(self, evidence: Evidence) -> None:
        """Save the judge's evidence for diagnosis."""
        seen = {
            name: value
            for name, value in vars(evidence).items()
            if name not in {"asked", "rows", "hooked"}
        }
        (self.folder / "evidence.json").write_text(
            json.dumps(seen | {"rows": evidence.rows}, default=str)
        )

    def _say(self, text: str) -> None:
        self.tell(f"[{self.kind} {time.monotonic() - self._begun:5.0f} s] {text}")


def verdict(storm: Storm, seconds: float) -> str:
    """Return the last part of the output."""
    if not storm.findings:
        return f"{storm.table}\n{storm.kind}: nothing lost, nothing twice, the books agree."
    shown = "\n".join(f"  - {finding}" for finding in storm.findings[:60])
    more = f"\n  … and {len(storm.findings) - 60} more" if len(storm.findings) > 60 else ""
    again = f"bin/test storm --seed {storm.seed} --seconds {seconds:.0f} --db {storm.kind}"
    return (
        f"{storm.table}\n{storm.kind}: {len(storm.findings)} findings\n{shown}{more}\nKept in"
        f" {storm.folder}\nAgain: {again}"
    )


def main(kinds: list[str], seed: int, seconds: float) -> int:
    """Run a storm on each database; return 0 if all passed, else 1."""
    failed = False
    for kind in kinds:
        storm = Storm(kind, seed, seconds, ROOT / "var" / "storm", calls=True)
        try:
            storm.run()
        finally:
            say(verdict(storm, seconds))
        failed = failed or bool(storm.findings)
        if not storm.findings:
            shutil.rmtree(storm.folder, ignore_errors=True)
    sys.stdout.flush()
    return int(failed)
