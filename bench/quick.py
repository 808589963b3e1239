"""`bin/bench quick`: compares jobs with RQ's SimpleWorker and huey, and intake with the plain way
and bare Falcon, in one run of three minutes; writes `bench/RESULTS.md`.

All sides have two worker processes, the same Redis, SQLite as durable as ours, and log from WARNING
up. Rounds are interleaved, so that a machine that becomes slower affects all. Only the ratios carry
over to other machines.
"""

import base64
import hashlib
import hmac
import json
import os
import platform
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import click
from redis import Redis
from rich.progress import Progress

from bench.output import console, table
from bench.peers import tally
from bench.redis_server import redis_server

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "bench" / "peers"
LOCK = PEERS / "requirements.lock"
RESULTS = ROOT / "bench" / "RESULTS.md"
SECRET = "whsec_bench"  # noqa: S105 - signs events that this process sends to itself
PATIENCE = 90.0  # seconds for one turn
ROWS = 500
CONNECTIONS = 16
SETTLING = 2.0  # seconds from the first answer until all processes of a server accept connections
WARM_UP = 500  # events before those that count: until then, processes still load and connect
OURS = "Payphone"


@dataclass(frozen=True, slots=True)
class Goal:
    """The lowest acceptable ratio of our rate to a peer's; None for no goal."""

    work: str
    peer: str
    least: float | None


GOALS = (
    Goal("realistic job", "RQ SimpleWorker", 1.0),
    Goal("realistic job", "huey", 0.35),
    Goal("no-op job", "RQ SimpleWorker", 3.0),
    Goal("no-op job", "huey", None),
    Goal("intake", "the plain way", 2.0),
    Goal("intake", "bare Falcon", None),
)
# jobs or events per turn: a few seconds' work
COUNTS = {
    ("no-op job", OURS): 1500,
    ("no-op job", "RQ SimpleWorker"): 1500,
    ("no-op job", "huey"): 5000,
    ("realistic job", OURS): 800,
    ("realistic job", "RQ SimpleWorker"): 800,
    ("realistic job", "huey"): 2000,
    ("intake", OURS): 5000,
    ("intake", "the plain way"): 5000,
    ("intake", "bare Falcon"): 15000,
}
FUNCTIONS = {"no-op job": "nothing", "realistic job": "realistic"}


@dataclass(slots=True)
class Place:
    """Where a benchmark runs: its folder, Redis and environment."""

    folder: Path
    redis_url: str
    python: str
    turn: int = 0
    env: dict[str, str] = field(default_factory=dict)

    def fresh(self, name: str) -> Path:
        """Create an empty folder."""
        self.turn += 1
        made = self.folder / f"{name}-{self.turn}"
        made.mkdir()
        return made


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Turns of each.")
@click.option("--write/--no-write", default=True, help="Whether to write bench/RESULTS.md.")
def quick(rounds: int, write: bool) -> None:
    """Compare jobs and intake with other libraries."""
    python = _peers_python()
    found: dict[tuple[str, str], list[float]] = {what: [] for what in COUNTS}
    with (
        tempfile.TemporaryDirectory(prefix="bench") as name,
        redis_server(Path(name)) as redis_url,
        Progress(console=console, transient=True) as progress,
    ):
        place = Place(Path(name), redis_url, python)
        _prepare(place)
        task = progress.add_task("measuring", total=rounds * len(COUNTS))
        for _ in range(rounds):
            for what, count in COUNTS.items():
                _empty_queues(place)
                found[what].append(_rate(place, *what, count))
                progress.advance(task)
    rows = [_row(goal, found) for goal in GOALS]
    headings = ["", "Payphone/s", "peer", "peer/s", "ratio", "spread", "wanted", ""]
    table(headings, rows)
    if write:
        RESULTS.write_text(_document(headings, rows, rounds))
        console.print("written to bench/RESULTS.md")


def _empty_queues(place: Place) -> None:
    """Discard waiting jobs: the peers' are in Redis, ours in the database, such as those left by an
    intake.
    """
    Redis.from_url(place.redis_url).flushall()
    with sqlite3.connect(place.env["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        database.execute("DELETE FROM staged_job WHERE state <> 'done'")


def _row(goal: Goal, found: dict[tuple[str, str], list[float]]) -> list[str]:
    ours, theirs = found[goal.work, OURS], found[goal.work, goal.peer]
    ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
    ratio = median(ratios)
    verdict = "" if goal.least is None else "reached" if ratio >= goal.least else "MISSED"
    return [
        goal.work,
        f"{median(ours):.0f}",
        goal.peer,
        f"{median(theirs):.0f}",
        f"{ratio:.2f}",
        f"{min(ratios):.2f}-{max(ratios):.2f}",
        "" if goal.least is None else f"{goal.least:.2f}",
        f"{verdict} {'faster' if ratio >= 1 else 'slower'}".strip(),
    ]


def _document(headings: list[str], rows: list[list[str]], rounds: int) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, ["---"] * 8, *rows)]
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    how = (
        f"`bin/bench quick` of {datetime.now(UTC):%Y-%m-%d} at {revision or 'no revision'}: medians"
        f" of {rounds} interleaved rounds; {os.cpu_count()} cores, {platform.system()}, Python"
        f" {platform.python_version()}. Each side has two worker processes. Ratios carry over to"
        " other machines, rates do not; more is faster."
    )
    why = (
        "A job of Payphone's is a database row, claimed in one commit and settled in another"
        " together with its own writes. The peers' jobs live in Redis alone, and huey removes a job"
        " before it runs. Payphone's intake answers once event and job are in one commit. All jobs"
        " here belong to one account and are claimed several at once; when several accounts' jobs"
        " wait, they take turns one by one."
    )
    return "\n".join(["# Compared with other libraries", "", how, "", *lines, "", why, ""])


def _rate(place: Place, work: str, who: str, count: int) -> float:
    if work == "intake":
        return _intake(place, who, count)
    return _jobs(place, work, who, count)


def _peers_python() -> str:
    """Return the interpreter of the peers' own environment, which is created on first use."""
    folder = ROOT / ".venv-bench-peers"
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        console.print("Setting up the peers' environment (once) …")
        venv.create(folder, clear=True, with_pip=True)
        pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        done = subprocess.run(  # noqa: S603
            [*pip, "--require-hashes", "--no-deps", "-r", str(LOCK)],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise click.ClickException(f"pip could not install {LOCK}:\n{done.stderr[-2000:]}")
        stamp.write_text(wanted)
    return str(python)


def _prepare(place: Place) -> None:
    """Create both databases, and the environment that all processes get."""
    own, theirs = place.folder / "own.db", place.folder / "peers.db"
    place.env = os.environ | {
        "REDIS_URL": place.redis_url,
        "DATABASE_URL": f"sqlite:///{own}",
        "STRIPE_SECRET_KEY": "sk_test_bench",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "WARNING",
        "WORKERS": "webhooks=2",
        "BENCH_DATABASE": str(theirs),
        "PYTHONPATH": str(ROOT),
    }
    _run(place, sys.executable, "-m", "bin.commands", "migrate")
    for path in (own, theirs):
        with sqlite3.connect(path) as database:
            # here, because two peers that start together would block each other
            database.execute("PRAGMA journal_mode = wal")
            database.execute("CREATE TABLE bench_row (id INTEGER PRIMARY KEY, value INTEGER)")
            database.executemany(
                "INSERT INTO bench_row VALUES (?, 0)", [(number + 1,) for number in range(ROWS)]
            )
            if path == theirs:
                database.execute("CREATE TABLE event (id TEXT PRIMARY KEY, payload TEXT)")


def _jobs(place: Place, work: str, who: str, count: int) -> float:
    """Return jobs per second, from the first done to the last; all are enqueued beforehand."""
    tallies, ready = place.fresh("tally"), place.fresh("ready")
    go = ready.parent / f"go-{place.turn}"
    place.env |= {
        "BENCH_TALLY": str(tallies),
        "BENCH_READY": str(ready),
        "BENCH_GO": str(go),
    }
    if who == OURS:
        script, processes = [sys.executable, "-m", "bench.own"], 1  # one pool with two workers
    else:
        file = {"RQ SimpleWorker": "rq_peer.py", "huey": "huey_peer.py"}[who]
        script, processes = [place.python, str(PEERS / file)], 2
    _run(place, *script, "fill", FUNCTIONS[work], str(count), str(place.turn))
    with _processes(place, processes, *script, "work"):
        if who != OURS:  # our workers are forked ready
            _wait_until(lambda: len(list(ready.iterdir())) == processes, f"{who} is ready")
            go.touch()
        _wait_until(lambda: tally.told(tallies)[0] >= count, f"{who} has done {count} jobs")
        done, seconds = tally.told(tallies)
    return done / seconds


def _intake(place: Place, who: str, count: int) -> float:
    """Return events per second, once warm; all must be answered 200."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    if who == OURS:
        place.env["PORT"] = str(port)
        python = sys.executable
        how = ["-c", "web/server/gunicorn_conf.py", "web.app:create_app()"]
    else:
        app = {"the plain way": "plain", "bare Falcon": "bare"}[who]
        python, where = place.python, ["--bind", address, "--pythonpath", str(PEERS)]
        how = ["--workers=2", "--threads=8", "--keep-alive=5", *where, f"web_peer:{app}"]
    events = [
        base64.b64encode(each) for each in signed_events(place.turn, count + WARM_UP, address)
    ]
    place.turn += 1
    with _processes(place, 1, python, "-m", "gunicorn", *how):
        _wait_until(lambda: _answers(port), f"{who} answers")
        time.sleep(SETTLING)
        client = (place.python, str(PEERS / "client.py"), address, str(CONNECTIONS))
        for given in (events[:WARM_UP], events[WARM_UP:]):
            told = json.loads(_run(place, *client, given=b"\n".join(given)))
            if told["statuses"] != {"200": len(given)}:
                raise click.ClickException(f"{who} answered {told['statuses']}.")
    return float(told["rate"])


def signed_events(
    turn: int, count: int, address: str, invoices: Sequence[str] = ("inv_bench",)
) -> Iterator[bytes]:
    """Yield requests with a signed `payment_intent.succeeded` each, of about the size of Stripe's,
    for the invoices in turn.
    """
    for number in range(count):
        intent = {
            "id": f"pi_3Bench{turn:04}x{number:08}",
            "object": "payment_intent",
            "amount": 12_500,
            "amount_received": 12_500,
            "currency": "usd",
            "status": "succeeded",
            "metadata": {
                "account_id": "ac_bench",
                "invoice_id": invoices[number % len(invoices)],
                "attempt_id": "att_bench",
            },
            "latest_charge": f"ch_3Bench{turn:04}x{number:08}",
            "last_payment_error": None,
            "description": "x" * 2000,
        }
        event = {
            "id": f"evt_3Bench{turn:04}x{number:08}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "type": "payment_intent.succeeded",
            "livemode": False,
            "pending_webhooks": 1,
            "data": {"object": intent},
        }
        body = json.dumps(event).encode()
        now = int(time.time())
        signed = hmac.new(SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        head = (
            f"POST /api/webhooks/stripe HTTP/1.1\r\nHost: {address}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: t={now},v1={signed}\r\n\r\n"
        )
        yield head.encode() + body


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return bool(connection.recv(64))
    except OSError:
        return False


def _run(place: Place, *command: str, given: bytes = b"") -> bytes:
    ran = subprocess.run(  # noqa: S603 - our own scripts
        command, cwd=ROOT, env=place.env, input=given, capture_output=True, check=False
    )
    if ran.returncode:
        raise click.ClickException(f"{command[-1]} failed:\n{ran.stderr.decode()[-2000:]}")
    return ran.stdout


@contextmanager
def _processes(place: Place, many: int, *command: str) -> Iterator[None]:
    """Run `many` processes until the end; their output is shown only if a turn fails."""
    log = (place.folder / "log").open("w+b")
    made = [
        subprocess.Popen(command, cwd=ROOT, env=place.env, stdout=log, stderr=log)  # noqa: S603
        for _ in range(many)
    ]
    try:
        yield
    except click.ClickException as error:
        log.seek(0)
        raise click.ClickException(f"{error.message}\n{log.read().decode()[-2000:]}") from error
    finally:
        for process in made:
            process.send_signal(signal.SIGTERM)
        for process in made:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


def _wait_until(is_so: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > give_up:
            raise click.ClickException(f"Timed out after {PATIENCE:.0f} s waiting until {what}.")
        time.sleep(0.02)
