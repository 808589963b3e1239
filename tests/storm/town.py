"""The processes of a storm, each restarted when it ends, as a process manager does, and where to
find them.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import httpx
from redis.exceptions import RedisError

from runtime.settings import ROOT
from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN
from sandbox.twilio.numbers import MAGIC_SERVICE
from sandbox.vapi.books import MAGIC_KEY
from simulation.reaper import MARK, marked
from tests.faults.town import children_of, is_alive
from tests.running.ports import free_port
from tests.running.servers import Valkey, wait_for
from tests.storm.databases import Database

ZONE = "America/New_York"
SENDER = "+15005550006"
LEASE = 8.0  # seconds of a claim's lease; a frozen worker stays frozen for longer
LINES = ("+12025550161", "+12025550162")  # the numbers that the clinics call from
STRIPE_KEY, WEBHOOK_SECRET, CONNECT_SECRET = "sk_test_payphone", "whsec_test_new", "whsec_connect"
PUBLISHABLE_KEY = "pk_test_payphone"
VAPI_SECRET = "vapi-webhook-secret-of-the-storm"
SEALING_KEY = "what-the-storm-seals-secrets-with"
CARRIERS_PIN = "pin-4086-of-the-storm"
GOOGLE_SECRET, PRACTICE_SECRET = "GOCSPX-of-the-storm", "practice-secret-of-the-storm"
PROVIDERS_SECRETS = (
    STRIPE_KEY,
    WEBHOOK_SECRET,
    CONNECT_SECRET,
    MAGIC_TOKEN,
    MAGIC_KEY,
    VAPI_SECRET,
)
SECRETS = (*PROVIDERS_SECRETS, SEALING_KEY, CARRIERS_PIN, GOOGLE_SECRET, PRACTICE_SECRET)
PRACTICE = """
[[provider]]
name = "dentos"
authorize = "{url}/oauth/authorize"
token = "{url}/oauth/token"
revoke = "{url}/oauth/revoke"
verify = "{url}/oauth/me"
scopes = ["schedule.read"]
client_id = "ours"
client_secret = "{secret}"
"""
COMMANDS = {
    "web": ("-m", "gunicorn", "-c", "web/server/gunicorn_conf.py", "web.app:create_app()"),
    "pool": ("worker.py",),
    "scheduler": ("scheduler.py",),
}
PATIENCE = 300.0  # seconds for a start on a busy machine
AGAIN = 0.3  # seconds until a process that ended is restarted


class Town:
    """Web, worker pool, scheduler, the providers' stand-ins and a Valkey on one database; with
    `calls`, also the settings that a voice agent needs.
    """

    def __init__(self, database: Database, folder: Path, calls: bool = False) -> None:
        self.database, self.folder, self.mark = database, folder, secrets.token_hex(8)
        self.calls = calls
        self.valkey = Valkey(Path(tempfile.mkdtemp(prefix="pp")))
        web, stand_in = free_port(), free_port()
        self.url, self.stand_in = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{stand_in}"
        self.env = os.environ | {
            MARK: self.mark,
            "DATABASE_URL": database.url,
            "REDIS_URL": self.valkey.url,
            "PORT": str(web),
            "PUBLIC_URL": self.url,
            "STRIPE_API_BASE": self.stand_in,
            "TWILIO_API_BASE": self.stand_in,
            "TWILIO_ACCOUNT_SID": MAGIC_ACCOUNT,
            "TWILIO_AUTH_TOKEN": MAGIC_TOKEN,
            "TWILIO_MESSAGING_SERVICE_SID": MAGIC_SERVICE,
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_CONNECT_WEBHOOK_SECRET": CONNECT_SECRET,
            "PAYPHONE_ENV": "test",
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            "WORKERS": "webhooks=2,messages=2,periodic=1,interactive=1"
            + ",calls=1,outgoing=1,deploys=2" * calls,
            "RATE_PER_KEY": "none",
            "RATE_PER_ADDRESS": "none",
            "BACKFILL_RATE": "0",
            "DAILY_CEILINGS": "texts=1000000,charges=1000000,calls=1000000",
            "PAYPHONE_BUSINESS_SHIFT": str(_until_mid_morning()),
            "PAYPHONE_LEASE": str(LEASE),
            "PAYPHONE_PROVIDER_TIMEOUT": "2",
            "PAYPHONE_SETTLING": "3",
        }
        if calls:
            self.env |= {
                "VAPI_API_BASE": self.stand_in,
                "VAPI_API_KEY": MAGIC_KEY,
                "VAPI_WEBHOOK_SECRET": VAPI_SECRET,
                "CALL_SLOTS": "4",
                "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
                "WEBHOOKS_TO_LOOPBACK": "true",
                "PAYPHONE_SECRET_KEY": SEALING_KEY,
                "SETUP_FEE": "9900 usd",
                "GOOGLE_CLIENT_ID": "ours",
                "GOOGLE_CLIENT_SECRET": GOOGLE_SECRET,
                "GOOGLE_API_BASE": self.stand_in,
                "OAUTH_PROVIDERS": str(folder / "providers.toml"),
            }
        self.business_shift = float(self.env["PAYPHONE_BUSINESS_SHIFT"])
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.started: dict[str, int] = dict.fromkeys(COMMANDS, 0)
        self.kill_at: dict[str, str] = {}
        self._logs: dict[str, IO[bytes]] = {}
        self._reaper: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def open(self) -> None:
        """Migrate, start everything, and wait until the web and the stand-in answer."""
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        practice = PRACTICE.format(url=self.stand_in, secret=PRACTICE_SECRET)
        (self.folder / "providers.toml").write_text(practice)
        # However this process ends, the reaper ends the processes it started.
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "simulation.reaper", self.mark], cwd=ROOT
        )
        self.valkey.start()
        endpoints = f"{self.url}/api/webhooks/stripe"
        sandbox = (
            "-m",
            "sandbox",
            "--port",
            self.stand_in.rsplit(":", 1)[1],
            "--endpoint",
            endpoints,
        )
        sandbox += ("--connect-endpoint", f"{endpoints}/connect")
        sandbox += (
            "--twilio-sender",
            ",".join((SENDER, MAGIC_SERVICE, *[f"{self.url}/api/webhooks/twilio/messages"] * 2)),
        )
        for number in LINES if self.calls else ():
            sandbox += ("--twilio-sender", number)
        self._start("stand-in", sandbox)
        self.command("migrate")
        for name in COMMANDS:
            self._start_own(name)
        wait_for(
            lambda: httpx.get(f"{self.stand_in}/sandbox/health", trust_env=False).is_success,
            "the stand-in answers",
            PATIENCE,
        )
        wait_for(
            lambda: httpx.get(f"{self.url}/healthz", trust_env=False).is_success,
            "the web answers",
            PATIENCE,
        )
        self._keeper.start()

    def command(self, *arguments: str) -> str:
        """Run `bin/payphone …` and return its output. Raises RuntimeError if it fails."""
        return self.run("bin.commands", *arguments)

    def run(self, module: str, *arguments: str) -> str:
        """Run one of our modules and return its output. Raises RuntimeError if it fails."""
        line = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(
            line,
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"{module} {' '.join(arguments)} ended with {done.returncode}:"
                f" {done.stdout[-300:]}{done.stderr[-700:]}"
            )
        return done.stdout

    def _start(self, name: str, arguments: tuple[str, ...], **env: str) -> None:
        if name not in self._logs:
            self._logs[name] = (self.folder / "log" / f"{name}.log").open("ab")
        log = self._logs[name]
        line = [sys.executable, *arguments]
        self.processes[name] = subprocess.Popen(
            line, cwd=ROOT, env=self.env | env, stdout=log, stderr=log, start_new_session=True
        )

    def _start_own(self, name: str) -> None:
        place = self.kill_at.pop(name, "")
        self.started[name] += 1
        mark = self.folder / f"struck-{name}-{self.started[name]}"
        self._start(
            name, COMMANDS[name], **({"PAYPHONE_KILL_AT": f"{place}@{mark}"} if place else {})
        )

    def _keep(self) -> None:
        while not self._closing.wait(AGAIN):
            for name in COMMANDS:
                if self.processes[name].poll() is not None and not self._closing.is_set():
                    self._start_own(name)

    def pid(self, name: str) -> int:
        """Return the id of the leading process of `web`, `pool` or `scheduler`."""
        return self.processes[name].pid

    def children(self, name: str) -> list[int]:
        """Return the ids of its live child processes."""
        return [pid for pid in children_of(self.pid(name)) if is_alive(pid)]

    def workers(self) -> dict[int, str]:
        """Return the queue of each child of the pool that RQ lists; it does not list the relay."""
        found: dict[int, str] = {}
        redis = self.valkey.client()
        try:
            for key in redis.smembers("rq:workers"):
                pid, queues = redis.hmget(key, "pid", "queues")
                if pid:
                    found[int(pid)] = f"worker of {queues.decode()}"
        except RedisError:  # down or frozen: nothing can tell the children apart
            pass
        finally:
            redis.close()
        return found

    def signal(self, pid: int, number: int, whole_group: bool = False) -> None:
        """Send a signal to one of our processes, which may have ended already."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if whole_group else os.kill)(pid, number)

    def end_the_day(self) -> None:
        """Freeze the scheduler, so that no periodic job begins any more."""
        self.signal(self.pid("scheduler"), signal.SIGSTOP)

    def calm(self) -> None:
        """Thaw all that is frozen."""
        self.valkey.send(signal.SIGCONT)
        for pid in marked(MARK, self.mark, {os.getpid()}):
            self.signal(pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill every process of this storm, however it was started."""
        self._closing.set()
        if self._keeper.is_alive():
            self._keeper.join()  # it might be starting a process right now
        until = time.monotonic() + 120
        while (left := marked(MARK, self.mark, {os.getpid()})) and time.monotonic() < until:
            for pid in left:
                self.signal(pid, signal.SIGKILL)
            for process in self.processes.values():
                process.poll()
            time.sleep(0.05)
        for process in self.processes.values():
            process.wait(120)
        self.valkey.stop(signal.SIGKILL)
        if self._reaper is not None:
            self._reaper.terminate()
            self._reaper.wait(120)
        for log in self._logs.values():
            log.close()


def _until_mid_morning() -> int:
    """Return the seconds until half past ten at the clinics, because no text is sent at night."""
    now = datetime.now(ZoneInfo(ZONE))
    return int((now.replace(hour=10, minute=30, second=0) - now).total_seconds())
